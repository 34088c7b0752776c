import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { EventDeadLetterReason } from '../../processor/fold-batch.ts'
import { OPEN_LETTER_REASONS } from '../../stages/open-letter-reasons.ts'
import { LetterStates } from '../../stream/letter-states.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import { firstRecord } from '../../stream/read-until.ts'
import type { InRecord } from '../../stream/record.ts'
import { decisionIn, type ResolvedLetter } from '../../stream/resolved-letter.ts'
import type { TopicLogs } from '../../stream/topic-logs.ts'
import type { TopicNames } from '../../topics.ts'
import { decodeAnything } from '../verify/decode-or-null.ts'
import { isSelected, type LetterFilter } from './letter-filter.ts'
import { LETTER_TOPICS, type LetterPlace, type LetterTopic } from './letter-place.ts'
import { type StoredLetter, toStoredLetter } from './stored-letter.ts'

/** Access to the servers; read only. */
export interface LetterPorts {
  readonly reader: PartitionReader
  readonly logs: Pick<TopicLogs, 'facts'>
  readonly codecs: Pick<PaymentCodecs, 'event'>
  readonly topics: TopicNames
  readonly partitions: number
}

/** A dead letter that needs a decision. */
export interface OpenLetter {
  readonly letter: StoredLetter
  /** The reason that the last redrive found, otherwise the one in its headers. */
  readonly reason: string
  /** How often it was redriven, including the dead letters from which it originated. */
  readonly redrives: number
  /** Kafka's id of its topic. */
  readonly topicId: string
}

/**
 * Reads the open dead letters of both topics in batches. Each partition is read to the end that it has when its reading starts.
 * Dead letters written later are not read, so a redrive never reads its own results.
 *
 * Memory: one batch, and two bytes for each offset of one partition.
 */
export async function readOpenLetters(
  ports: LetterPorts,
  filter: LetterFilter,
  onLetters: (letters: readonly OpenLetter[]) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<void> {
  for (const topic of LETTER_TOPICS.filter((one) => filter.topic === undefined || filter.topic === one)) {
    for (let partition = 0; partition < ports.partitions; partition += 1) {
      signal?.throwIfAborted()
      const opened = await openPartition(ports, topic, partition, signal)
      await ports.reader.read(
        ports.topics[topic],
        partition,
        0n,
        async (records) => {
          const open = await toOpenLetters(ports, opened, topic, partition, records)
          const selected = open.filter(({ letter, reason }) => isSelected(filter, letter, reason))
          if (selected.length > 0) {
            await onLetters(selected)
          }
        },
        signal,
      )
    }
  }
}

/** Reads the open dead letters at the given places. `onAbsent` receives every other place, with the reason. */
export async function readLettersAt(
  ports: LetterPorts,
  places: readonly LetterPlace[],
  onLetters: (letters: readonly OpenLetter[]) => Promise<void> | void,
  onAbsent: (place: LetterPlace, why: 'no dead letter' | 'already resolved') => void,
  signal?: AbortSignal,
): Promise<void> {
  for (const group of Map.groupBy(places, ({ topic, partition }) => `${topic} ${partition}`).values()) {
    const { topic, partition } = group[0] as LetterPlace
    const opened = await openPartition(ports, topic, partition, signal)
    for (const place of group) {
      const record = await recordAt(ports, place, signal)
      if (record === null) {
        onAbsent(place, 'no dead letter')
        continue
      }
      const open = await toOpenLetters(ports, opened, topic, partition, [record])
      await (open.length === 0 ? onAbsent(place, 'already resolved') : onLetters(open))
    }
  }
}

/** A dead letter, open or not, with the last decision about it. */
export async function readLetter(
  ports: LetterPorts,
  place: LetterPlace,
  signal?: AbortSignal,
): Promise<{ readonly letter: StoredLetter; readonly decided: ResolvedLetter | null } | null> {
  const record = await recordAt(ports, place, signal)
  if (record === null) {
    return null
  }
  let decided: ResolvedLetter | null = null
  const topicId = await topicIdOf(ports, place.topic)
  await readDecisions(
    ports,
    topicId,
    place.partition,
    (offset, letter) => {
      decided = offset === place.offset ? letter : decided
    },
    signal,
  )
  return { letter: await storedLetter(ports, record, place), decided }
}

const UNDECODABLE: EventDeadLetterReason = 'undecodable'

interface OpenedPartition {
  readonly topicId: string
  readonly states: LetterStates
}

async function openPartition(
  ports: LetterPorts,
  topic: LetterTopic,
  partition: number,
  signal: AbortSignal | undefined,
): Promise<OpenedPartition> {
  const topicId = await topicIdOf(ports, topic)
  const { start } = await ports.reader.range(ports.topics[topic], partition)
  const states = new LetterStates(start, OPEN_LETTER_REASONS)
  await readDecisions(ports, topicId, partition, (offset, letter) => states.decided(offset, letter), signal)
  return { topicId, states }
}

async function topicIdOf({ logs, topics }: LetterPorts, topic: LetterTopic): Promise<string> {
  return (await logs.facts([topics[topic]])).get(topics[topic])?.id ?? ''
}

async function readDecisions(
  { reader, topics }: LetterPorts,
  topicId: string,
  partition: number,
  onDecision: (offset: bigint, letter: ResolvedLetter | null) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  await reader.read(
    topics.resolvedDeadLetters,
    partition,
    0n,
    (records) => {
      for (const record of records) {
        const decision = decisionIn(record, topicId, partition)
        if (decision !== null) {
          onDecision(decision.offset, decision.letter)
        }
      }
    },
    signal,
  )
}

async function recordAt(
  { reader, topics, partitions }: LetterPorts,
  { topic, partition, offset }: LetterPlace,
  signal: AbortSignal | undefined,
): Promise<InRecord | null> {
  if (partition >= partitions) {
    return null
  }
  const found = await firstRecord(reader, topics[topic], partition, offset, signal)
  return found?.offset === offset ? found : null
}

async function toOpenLetters(
  ports: LetterPorts,
  { topicId, states }: OpenedPartition,
  topic: LetterTopic,
  partition: number,
  records: readonly InRecord[],
): Promise<readonly OpenLetter[]> {
  const open: OpenLetter[] = []
  for (const record of records) {
    if (!states.isResolved(record.offset)) {
      const letter = await storedLetter(ports, record, { topic, partition, offset: record.offset })
      const reason = states.reasonOf(record.offset) ?? letter.reason
      open.push({ letter, reason, redrives: Math.max(letter.redrives, states.redrivesOf(record.offset)), topicId })
    }
  }
  return open
}

async function storedLetter(ports: LetterPorts, record: InRecord, place: LetterPlace): Promise<StoredLetter> {
  const { topics, codecs } = ports
  const letter = toStoredLetter(record, place, null)
  if (place.topic === 'rawDeadLetters' || letter.reason === UNDECODABLE) {
    // Not decoded here: every foreign schema id would cost a request to the registry.
    return letter
  }
  const at = { topic: topics[place.topic], partition: place.partition, offset: record.offset }
  return toStoredLetter(record, place, await decodeAnything(codecs.event, record.value, at))
}
