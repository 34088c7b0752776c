import { assertSameTopics, originIn, partitionsChanged } from '../stream/origin.ts'
import type { TopicFacts } from '../stream/topic-logs.ts'
import type { StatusTaskOptions } from './status-task-options.ts'

/**
 * Checks, before anything is written, that the outputs are the topics every partition of the group committed to, with the
 * same numbers of partitions. Returns the facts of the processor's topics.
 *
 * Rejects with DefinedStop if not. A recreated input topic is not checked here: it must not prevent the settling of outputs.
 */
export async function assertOutputs(options: StatusTaskOptions): Promise<ReadonlyMap<string, TopicFacts>> {
  const { group, topics, offsets, logs, keys } = options
  const named = [topics.events, topics.current, topics.changes, topics.eventDeadLetters]
  const [facts, committed] = await Promise.all([logs.facts(named), offsets.committedAll(group, topics.events)])
  for (const { metadata } of committed.values()) {
    const before = originIn(metadata)?.topics ?? new Map<string, TopicFacts>()
    const input = before.get(topics.events)
    const isNew = input !== undefined && input.id !== facts.get(topics.events)?.id
    const compared = isNew ? new Map([...before].filter(([name]) => name !== topics.events)) : before
    assertSameTopics({ group, topic: topics.events, facts }, compared)
  }
  const partitions = facts.get(topics.events)?.partitions ?? 0
  for (const [name, { partitions: other }] of facts) {
    if (name !== topics.eventDeadLetters && other !== partitions) {
      throw partitionsChanged(group, name, partitions, other)
    }
  }
  if ([...committed.values()].every(({ metadata }) => originIn(metadata) === null)) {
    // No commit says how many partitions there were: check the published keys instead.
    await keys.assertAll(facts.get(topics.current) as TopicFacts)
  }
  return facts
}
