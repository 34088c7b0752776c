import type { AvroCodec } from '../avro/codec.ts'
import { encodeIfFits } from '../avro/encode-if-fits.ts'
import type { ReachCrashPoint } from '../crash-point.ts'
import { isEncrypted, type OpenedRecord, type OpensBodies } from '../encryption/body-opener.ts'
import { withChildReports } from '../payment/child-report.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import type { DriftNote } from '../providers/drift.ts'
import { DEAD_LETTER_REASONS, type DeadLetter, type Translation } from '../providers/provider.ts'
import { summaryOf } from '../providers/summary-of.ts'
import { onlyDeadLetter } from '../providers/translate-elements.ts'
import type { UnknownSource } from '../raw/from-raw-record.ts'
import type { SourcesById } from '../raw/sources-by-id.ts'
import { translateRaw } from '../raw/translate-raw.ts'
import type { AppendLog } from '../stream/append-log.ts'
import { toDeadLetter } from '../stream/dead-letter.ts'
import type { GroupOffsets } from '../stream/group-offsets.ts'
import { assertLogHolds, type InputLog, openInputLog } from '../stream/input-log.ts'
import { assertSameOrigin, partitionsChanged, toOriginJson } from '../stream/origin.ts'
import { partitionOf } from '../stream/partition-of.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { PartitionStart, PartitionTask } from '../stream/partition-task.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import type { SeenTopics } from '../stream/seen-topics.ts'
import { endOf, type LogPlace, type TopicFacts, type TopicLogs } from '../stream/topic-logs.ts'
import { traceHeaderOf } from '../stream/traceparent.ts'
import { GatheredCommits } from './gathered-commits.ts'

export interface NormalizerTaskOptions {
  readonly partition: number
  readonly group: string
  readonly rawTopic: string
  /** For records from releases that did not write their source into the headers. */
  readonly sources: SourcesById
  readonly events: AppendLog
  readonly deadLetters: AppendLog
  readonly codec: Pick<AvroCodec<PaymentEvent>, 'encode'>
  /** Decrypts bodies that the gateway encrypted. */
  readonly bodies: OpensBodies
  readonly reader: PartitionReader
  readonly offsets: GroupOffsets
  readonly logs: TopicLogs
  /** Shared by all partitions of the process. */
  readonly seenTopics: SeenTopics
  readonly environment: string
  /** Namespaces of the configured sources. */
  readonly namespaces: ReadonlyMap<string, string>
  readonly commit: (partition: number, next: bigint, metadata: string) => Promise<void>
  readonly now: () => number
  readonly onTranslated: (counts: NormalizerCounts) => void
  /** Called, at least once, for every callback with content that its adapter does not know. */
  readonly onDrift: (provider: string, notes: readonly DriftNote[]) => void
  /** Called, at least once, for every callback that becomes a dead letter because its source is unknown. */
  readonly onUnknownSource: (record: InRecord, reason: UnknownSource) => void
  readonly crashPoint?: ReachCrashPoint | undefined
}

export interface NormalizerCounts {
  callbacks: number
  events: number
  setAside: number
  /** Callbacks whose body was forgotten; set aside as a whole. */
  forgotten: number
  deadLetters: Map<string, number>
  /** Callbacks read minus callbacks with an outcome. Anything but 0 is a defect (I2). */
  unaccounted: number
}

/**
 * The normalizer of one partition of the raw topic: translate, append, then commit. At least once: a crash in between
 * repeats events with the same ids, and the status processor drops the repeats.
 *
 * Every element of a callback becomes exactly one event, dead letter or count of "set aside" (invariant I2). The event
 * of a refund, return or chargeback is written together with its report to the original payment, or neither is. A
 * callback whose body was forgotten is set aside as a whole. Dead letters keep the value of the raw record, so an
 * encrypted one stays encrypted.
 */
export class NormalizerTask implements PartitionTask {
  readonly #options: NormalizerTaskOptions
  #commits: GatheredCommits
  /** The topics as they were when the partition was opened. */
  #facts: ReadonlyMap<string, TopicFacts> = new Map()
  #committed = 0n
  /** Up to which offset every callback has its outcomes. */
  #accounted = 0n
  /** The position up to which raw was read and translated. */
  #read: LogPlace | null = null

  constructor(options: NormalizerTaskOptions) {
    this.#options = options
    this.#commits = this.#noCommitsYet()
  }

  get committed(): bigint {
    return this.#committed
  }

  async open(): Promise<PartitionStart> {
    const { group, rawTopic, partition, offsets, logs, environment, namespaces, events, seenTopics } = this.#options
    const [facts, all] = await Promise.all([
      logs.facts([rawTopic, events.topic]),
      offsets.committedAll(group, rawTopic),
    ])
    seenTopics.assertSame({ group, topic: rawTopic, facts })
    assertSameOrigin({ group, topic: rawTopic, committed: all, facts, environment, namespaces })
    const found = facts.get(events.topic)?.partitions ?? 0
    if (found !== events.partitions) {
      throw partitionsChanged(group, events.topic, events.partitions, found)
    }
    this.#facts = facts
    const committed = await offsets.committed(group, rawTopic, partition)
    const { next, read, range } = await openInputLog(this.#input, committed)
    this.#read = read
    this.#committed = next
    this.#accounted = next
    return { offset: next, highWatermark: range.end, read }
  }

  async verify(next: bigint, read: LogPlace | null): Promise<void> {
    await assertLogHolds(this.#input, next, read, this.#committed)
  }

  get #input(): InputLog {
    const { group, rawTopic, partition, reader, logs } = this.#options
    return { group, topic: rawTopic, partition, reader, logs, facts: this.#facts }
  }

  async process(records: readonly InRecord[], next: bigint, signal?: AbortSignal): Promise<void> {
    const { bodies, events, deadLetters, partition, onTranslated } = this.#options
    const counts: NormalizerCounts = {
      callbacks: records.length,
      events: 0,
      setAside: 0,
      forgotten: 0,
      deadLetters: new Map(),
      unaccounted: Number(next - this.#accounted),
    }
    const opened = records.some(isEncrypted) ? await bodies.open(records, signal) : records
    const eventsOut = new Map<number, OutRecord[]>()
    const deadLettersOut: OutRecord[] = []
    for (const [index, record] of records.entries()) {
      const readable = opened[index] as OpenedRecord
      if (readable === 'forgotten') {
        counts.forgotten += 1
        counts.unaccounted -= 1
        continue
      }
      const translation = readable === 'undecryptable' ? onlyDeadLetter(UNDECRYPTABLE) : this.#translate(readable)
      const deadLettersOfRecord = [...translation.deadLetters]
      const trace = traceHeaderOf(record)
      for (const event of translation.events) {
        const out = this.#encode(withChildReports([event]))
        if (out === undefined) {
          deadLettersOfRecord.push(internalError(event.element))
          continue
        }
        for (const { key, value } of out) {
          addTo(eventsOut, partitionOf(key, events.partitions), { key, value, ...trace })
        }
        counts.events += out.length
      }
      for (const deadLetter of together(deadLettersOfRecord)) {
        deadLettersOut.push(this.#toDeadLetter(record, deadLetter))
      }
      for (const deadLetter of deadLettersOfRecord) {
        counts.deadLetters.set(deadLetter.reason, (counts.deadLetters.get(deadLetter.reason) ?? 0) + 1)
      }
      counts.setAside += translation.setAside
      counts.unaccounted -= translation.events.length + deadLettersOfRecord.length + translation.setAside > 0 ? 1 : 0
    }
    const appends = [...eventsOut].map(([output, out]) => events.append(output, out))
    if (deadLettersOut.length > 0) {
      // Dead letters go to the partition with the same number, in the order of the raw records.
      appends.push(deadLetters.append(partition % deadLetters.partitions, deadLettersOut))
    }
    this.#options.crashPoint?.('normalizer:before-append')
    await Promise.all(appends)
    this.#options.crashPoint?.('normalizer:after-append')
    this.#accounted = next
    onTranslated(counts)
    this.#read = endOf(records.at(-1)) ?? this.#read
    await this.#commits.soon(next)
  }

  async idle(): Promise<void> {
    // Nothing to do, except to retry a failed commit.
    await this.#commits.again()
  }

  async drained(): Promise<void> {
    await this.#commits.now()
  }

  async close(): Promise<void> {
    // No commit here: the partition may already belong to another process. The append logs are shared by all
    // partitions; their creator closes them.
    this.#commits.abandon()
    this.#commits = this.#noCommitsYet()
  }

  #noCommitsYet(): GatheredCommits {
    const { commit, partition } = this.#options
    return new GatheredCommits(async (next) => {
      await commit(partition, next, this.#metadata(next))
      this.#committed = next
      this.#options.crashPoint?.('normalizer:after-commit')
    })
  }

  #metadata(next: bigint): string {
    const { environment, namespaces } = this.#options
    // A commit may cover less than what has been read by now.
    const read = this.#read !== null && this.#read.offset <= next ? this.#read : null
    return JSON.stringify({
      origin: toOriginJson({ environment, topics: this.#facts, read, transactionalId: null, namespaces }),
    })
  }

  #translate(record: InRecord): Translation {
    const { translation, by } = translateRaw(record, this.#options.sources)
    if (typeof by === 'string') {
      this.#options.onUnknownSource(record, by)
    } else if (translation.drift.length > 0) {
      this.#options.onDrift(by.id, translation.drift)
    }
    return translation
  }

  /**
   * Undefined for all events together if our own schema rejects one: a defect, but one that must not stop the
   * partition.
   */
  #encode(events: readonly PaymentEvent[]): readonly { readonly key: Buffer; readonly value: Buffer }[] | undefined {
    const encoded = events.flatMap((event) => {
      const value = encodeIfFits(this.#options.codec, event)
      return value === null ? [] : [{ key: Buffer.from(event.paymentKey), value }]
    })
    return encoded.length === events.length ? encoded : undefined
  }

  #toDeadLetter(record: InRecord, deadLetter: DeadLetter): OutRecord {
    const { rawTopic, partition, now } = this.#options
    return toDeadLetter(record, {
      ...deadLetter,
      stage: 'normalizer',
      topic: rawTopic,
      partition,
      offset: record.offset,
      at: now(),
    })
  }
}

/**
 * Every dead letter carries the whole body: many bad elements of one callback share one, or they would add up to
 * gigabytes.
 */
const DEAD_LETTERS_PER_CALLBACK_MAX = 16

function together(deadLetters: readonly DeadLetter[]): readonly DeadLetter[] {
  const summary = deadLetters.length > DEAD_LETTERS_PER_CALLBACK_MAX ? summaryOf(deadLetters) : null
  return summary === null ? deadLetters : [{ ...summary, element: null }]
}

const UNDECRYPTABLE: DeadLetter = {
  reason: 'undecryptable',
  message: DEAD_LETTER_REASONS.undecryptable,
  element: null,
}

function internalError(element: number): DeadLetter {
  return { reason: 'internal-error', message: DEAD_LETTER_REASONS['internal-error'], element }
}

function addTo(groups: Map<number, OutRecord[]>, partition: number, record: OutRecord): void {
  const group = groups.get(partition)
  if (group === undefined) {
    groups.set(partition, [record])
  } else {
    group.push(record)
  }
}
