import type { CommittedOffset } from './group-offsets.ts'
import { DefinedStop } from './partition-task.ts'
import type { LogPlace, TopicFacts } from './topic-logs.ts'

/**
 * The circumstances under which an offset was committed, stored beside it, where no setting of ours can change them. An offset
 * is a position in one log, read by one installation; when it is read back, both must be unchanged.
 */
export interface Origin {
  readonly environment: string
  /** The topics that the stage reads and writes, by name. */
  readonly topics: ReadonlyMap<string, TopicFacts>
  /** Where the input was read up to, and the epoch of the leader that wrote it; null if that epoch is unknown. */
  readonly read: LogPlace | null
  /** The id of the producer that committed; null for a stage without transactions. */
  readonly transactionalId: string | null
  /** Namespaces of the sources, if the stage knows any. */
  readonly namespaces: ReadonlyMap<string, string>
}

/** The member `origin` of a metadata text. */
export function toOriginJson(origin: Origin): object {
  const { environment, topics, read, transactionalId, namespaces } = origin
  return {
    environment,
    topics: Object.fromEntries([...topics].map(([name, { id, partitions }]) => [name, [id, partitions]])),
    ...(read !== null && { read: [String(read.offset), read.leaderEpoch] }),
    ...(transactionalId !== null && { transactionalId }),
    ...(namespaces.size > 0 && { namespaces: Object.fromEntries(withinBytes(namespaces, NAMESPACES_BYTES_MAX)) }),
  }
}

/** Brokers accept 4 KiB of metadata. If not all sources fit, only the first by id are recorded. */
const NAMESPACES_BYTES_MAX = 1_500

function withinBytes(namespaces: ReadonlyMap<string, string>, bytesMax: number): [string, string][] {
  let bytes = 0
  return [...namespaces].toSorted().filter(([source, namespace]) => {
    bytes += Buffer.byteLength(source) + Buffer.byteLength(namespace) + 6
    return bytes <= bytesMax
  })
}

/** The origin in the metadata of a committed offset; null if there is none, because an older release or a person committed it. */
export function originIn(metadata: string | null): Origin | null {
  try {
    const { origin } = JSON.parse(metadata ?? '') as { readonly origin?: unknown }
    return fromOriginJson(origin)
  } catch {
    return null
  }
}

function fromOriginJson(json: unknown): Origin | null {
  if (typeof json !== 'object' || json === null) {
    return null
  }
  const { environment, topics, read, transactionalId, namespaces } = json as Record<string, unknown>
  if (typeof environment !== 'string' || typeof topics !== 'object' || topics === null) {
    return null
  }
  const facts = new Map<string, TopicFacts>()
  for (const [name, value] of Object.entries(topics)) {
    const [id, partitions] = Array.isArray(value) ? value : []
    if (typeof id === 'string' && typeof partitions === 'number') {
      facts.set(name, { id, partitions })
    }
  }
  return {
    environment,
    topics: facts,
    read: placeOf(read),
    transactionalId: typeof transactionalId === 'string' ? transactionalId : null,
    namespaces: new Map(
      Object.entries(namespaces ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
  }
}

function placeOf(read: unknown): LogPlace | null {
  const [offset, leaderEpoch] = Array.isArray(read) ? read : []
  return typeof offset === 'string' && /^\d+$/.test(offset) && typeof leaderEpoch === 'number'
    ? { offset: BigInt(offset), leaderEpoch }
    : null
}

export interface OriginCheck {
  readonly group: string
  /** The topic that the group reads. */
  readonly topic: string
  /** What the group has committed in each of its partitions. */
  readonly committed: ReadonlyMap<number, CommittedOffset>
  /** The topics as they are now. */
  readonly facts: ReadonlyMap<string, TopicFacts>
  readonly environment: string
  readonly namespaces: ReadonlyMap<string, string>
}

/**
 * Throws DefinedStop if a topic, its number of partitions or a setting has changed since the group committed. Checks all
 * partitions of the group, because a partition that was added has no commit of its own.
 */
export function assertSameOrigin(check: OriginCheck): void {
  for (const [partition, { metadata }] of check.committed) {
    const origin = originIn(metadata)
    if (origin !== null) {
      assertSameTopics(check, origin.topics)
      assertSameSettings(check, origin, partition)
    }
  }
}

/** Throws DefinedStop if a topic was recreated or its number of partitions changed. */
export function assertSameTopics(
  check: Pick<OriginCheck, 'group' | 'topic' | 'facts'>,
  topics: ReadonlyMap<string, TopicFacts>,
): void {
  // First the change that a reset cannot fix: a recreated topic may also have another number of partitions.
  for (const [name, before] of topics) {
    const now = check.facts.get(name)
    if (now !== undefined && now.partitions !== before.partitions) {
      throw partitionsChanged(check.group, name, before.partitions, now.partitions)
    }
  }
  for (const [name, before] of topics) {
    const now = check.facts.get(name)
    if (now !== undefined && now.id !== before.id) {
      throw topicRecreated(check, name, before.id, now.id)
    }
  }
}

export function partitionsChanged(group: string, topic: string, before: number, now: number): DefinedStop {
  return new DefinedStop(
    'PARTITIONS_CHANGED',
    `${topic} has ${now} partitions, but it had ${before} when group ${group} committed. Existing keys would move to other partitions while their payments' history stayed in the old ones, so a late callback would undo a newer status. Nothing was processed or skipped. ` +
      'A topic cannot shrink, so this installation must stay stopped: create a new one with another kafka.topicPrefix and the new kafka.partitions, carry the payments over with `paystatus topics carry-over`, and send the callbacks there. Do not change kafka.partitions here, and do not reset the group.',
  )
}

function topicRecreated(
  { group, topic }: Pick<OriginCheck, 'group' | 'topic'>,
  name: string,
  before: string,
  now: string,
): DefinedStop {
  const isInput = name === topic
  return new DefinedStop(
    'TOPIC_RECREATED',
    `${name} was deleted and recreated: group ${group} worked with topic id ${before}, but the name now belongs to topic id ${now}. Nothing was skipped, and nothing in the new topic was processed. ` +
      (isInput
        ? `Records of the old topic beyond the committed offsets are lost. Kafka deletes a group's offsets with the topic, so start again: the new topic is processed from its beginning, and repeats are recognised. If this error recurs, an offset was left behind: stop all processes of the group, run kafka-consumer-groups.sh --group ${group} --topic ${topic} --reset-offsets --to-earliest --execute, and start again.`
        : `Records published to the old topic are lost. See \`paystatus repair\`. To continue with the topic as it is: stop all processes of the group, run kafka-consumer-groups.sh --group ${group} --topic ${topic} --reset-offsets --to-current --execute, which keeps the offsets but discards what was recorded about the outputs, and start again.`),
  )
}

function assertSameSettings(check: OriginCheck, origin: Origin, partition: number): void {
  const differences: string[] = []
  if (origin.environment !== check.environment) {
    differences.push(`environment is ${check.environment}, it was ${origin.environment}`)
  }
  for (const [source, before] of origin.namespaces) {
    const now = check.namespaces.get(source)
    if (now !== undefined && now !== before) {
      differences.push(`the namespace of source ${source} is ${now}, it was ${before}`)
    }
  }
  if (differences.length > 0) {
    const { group, topic } = check
    throw new DefinedStop(
      'SETTINGS_CHANGED',
      `the configuration differs from the one under which group ${group} committed ${topic}[${partition}]: ${differences.join('; ')}. These settings identify payments and decide which owners are fenced. Nothing was processed or skipped. ` +
        'Restore the previous value. A source that needs another namespace must become a new source with a new id. ' +
        `If the change is intended: stop all processes of the group, run kafka-consumer-groups.sh --group ${group} --topic ${topic} --reset-offsets --to-current --execute, which keeps the offsets but discards the recorded settings, and start again.`,
    )
  }
}
