import { KeysInPlace } from '../stream/keys-in-place.ts'
import { assertSameOrigin, originIn } from '../stream/origin.ts'
import { definedStopOf } from '../stream/partition-task.ts'
import { compactedAmong, type TopicNames } from '../topics.ts'
import { createGroupOffsets } from './group-offsets.ts'
import type { KafkaClient } from './kafka-client.ts'
import { createPartitionReader } from './partition-reader.ts'
import type { TopicFinding } from './topic-admin.ts'
import { createTopicLogs } from './topic-logs.ts'

export interface InstallationFacts {
  readonly names: TopicNames
  readonly environment: string
  readonly normalizerGroup: string
  readonly processorGroup: string
}

/**
 * Compares the topics with what their data says about them: the metadata that the groups stored with their commits, and
 * the keys of published records. No configuration can change these. Missing permission to read them is a separate
 * finding.
 */
export async function findDataProblems(
  kafka: KafkaClient,
  { names, environment, normalizerGroup, processorGroup }: InstallationFacts,
): Promise<readonly TopicFinding[]> {
  const logs = createTopicLogs(kafka)
  const offsets = createGroupOffsets(kafka)
  const reader = createPartitionReader(kafka, compactedAmong(names))
  const keys = new KeysInPlace(names.current, reader)
  const stages = [
    { group: normalizerGroup, topic: names.raw, topics: [names.raw, names.events] },
    {
      group: processorGroup,
      topic: names.events,
      topics: [names.events, names.current, names.changes, names.eventDeadLetters],
    },
  ]
  const findings: TopicFinding[] = []
  for (const { group, topic, topics } of stages) {
    try {
      const [facts, committed] = await Promise.all([logs.facts(topics), offsets.committedAll(group, topic)])
      assertSameOrigin({ group, topic, committed, facts, environment, namespaces: new Map() })
      const current = facts.get(names.current)
      if (current !== undefined && [...committed.values()].every(({ metadata }) => originIn(metadata) === null)) {
        await keys.assertAll(current)
      }
    } catch (error) {
      const stop = definedStopOf(error)
      if (stop === undefined) {
        throw error
      }
      const severity = stop.code === 'KAFKA_REFUSED' ? 'setting' : 'fatal'
      findings.push({
        topic,
        severity,
        problem: `failed the check against group ${group} (${stop.code}): ${stop.message}`,
      })
    }
  }
  return findings
}
