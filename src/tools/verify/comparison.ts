import { encodeIfFits } from '../../avro/encode-if-fits.ts'
import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { Config } from '../../config.ts'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import { receivedAtOf } from '../../raw/received-at.ts'
import type { GroupOffsets } from '../../stream/group-offsets.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import { type TopicNames, topicNames } from '../../topics.ts'
import { Concerns } from './concerns.ts'
import { type Judgement, judgePayment } from './judge-payment.ts'
import { PartitionEvidence } from './partition-evidence.ts'
import type { Circumstances, PaymentEvidence } from './payment-evidence.ts'
import type { ComparisonProgress } from './progress-line.ts'
import { progressOfStages, type StagesProgress } from './progress-of-stages.ts'
import { type EventsById, RawEvents } from './raw-events.ts'

export interface ComparisonOptions {
  /** Compares only the payment with this key. */
  readonly payment?: string
  /** Compares only payments with a callback received since then, ms since the epoch. */
  readonly since?: number
  readonly signal?: AbortSignal
  /** Called once, before anything is compared. */
  readonly onInFlight?: (inFlight: StagesProgress['inFlight']) => void
  readonly onProgress?: (progress: ComparisonProgress) => void
  /** Raw records per pass; more records need several passes. */
  readonly rawRecordsAtOnceMax?: number
  /** Called repeatedly; may throw if memory runs out. */
  readonly guardHeap?: () => void
}

/** Access to the servers; read only. */
export interface ComparisonPorts {
  readonly reader: PartitionReader
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly codecs: PaymentCodecs
  readonly bodies: OpensBodies
  /** The clock, ms since the epoch. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** Receives what the comparison finds. Each call is awaited before the comparison continues. */
export interface ComparisonVisitor {
  /** Whether to judge the payment; all by default. */
  wants?(evidence: PaymentEvidence): boolean
  payment(evidence: PaymentEvidence, judgement: Judgement, circumstances: Circumstances): Promise<void> | void
  /** After the payments of a partition, in every pass. */
  partition?(compared: ComparedPartition): Promise<void>
}

export interface ComparedPartition {
  readonly partition: number
  readonly evidence: PartitionEvidence
  /** The payments that raw has in this pass. */
  readonly inRaw: Iterable<string>
  readonly isInPass: (paymentKey: string) => boolean
}

/** Counts of a run. */
export interface Compared {
  /** Raw records that were read. */
  readonly callbacks: number
  /** Distinct events of the judged payments, and the number of these payments. */
  readonly events: number
  readonly payments: number
  /** Payments older than raw or `changes`; `current` supplied the older part. */
  readonly partial: number
  /** Start of raw, ms since the epoch; null if nothing was deleted yet. */
  readonly rawReachesBackTo: number | null
  /** Callbacks that were not judged because neither they nor the configuration name their source. */
  readonly unknownSource: number
  /** Callbacks with a forgotten body; the recorded events were taken as correct. */
  readonly forgotten: number
  /** Callbacks whose body cannot be decrypted with its data key: dead letters. */
  readonly undecryptable: number
  /** Records that the stages had not processed at the start; they are left out. */
  readonly inFlight: StagesProgress['inFlight']
  readonly seconds: number
}

/** Raw records per pass, by default. */
const RAW_RECORDS_AT_ONCE_MAX = 100_000

/** Maximum clock skew between our processes, and maximum time from a receipt to its append to raw, ms. */
const SKEW_MS = 60_000

/** How long a transaction may stay open beyond its time-out, ms. */
const UNDECIDED_MARGIN_MS = 15_000

/**
 * Reads raw with the mapping of this release, and judges every payment by what the status processor recorded. `verify` and
 * `reprocess` differ only in what they do with the judgements.
 *
 * Memory (invariant I10): a large raw topic is compared in several passes, each for the payments whose key hashes to it. A
 * pass reads everything and keeps only what belongs to its payments, so memory depends on the size of a pass, not on the
 * amount of data (except for a few bytes per callback). A callback can be about payments of any partition and any pass. The
 * first pass notes which passes a record concerns; the other passes do not decrypt or translate it again.
 */
export class Comparison {
  readonly #ports: ComparisonPorts
  readonly #config: Config
  readonly #options: ComparisonOptions
  readonly #topics: TopicNames
  readonly #partitions: readonly number[]
  readonly #raw: RawEvents
  readonly #startedAt: number
  readonly #clock = performance.now()
  readonly #concerns = new Concerns()
  #callbacks = 0
  #payments = 0
  #events = 0
  #partial = 0
  #rawReachesBackTo: number | null = null
  #passes = 1

  constructor(ports: ComparisonPorts, config: Config, options: ComparisonOptions = {}) {
    const { partitions, topicPrefix } = config.kafka
    this.#ports = ports
    this.#config = config
    this.#options = options
    this.#topics = topicNames(topicPrefix)
    this.#partitions = Array.from({ length: partitions }, (_, partition) => partition)
    this.#raw = new RawEvents({
      sources: config.sources,
      partitions,
      wanted: (paymentKey) => options.payment === undefined || options.payment === paymentKey,
    })
    this.#startedAt = ports.now()
  }

  /** Can be called once. */
  async run(visitor: ComparisonVisitor): Promise<Compared> {
    const progress = await this.#progressOfStages()
    this.#options.onInFlight?.(progress.inFlight)
    this.#passes = await this.#passesNeeded()
    let unknownSource = 0
    for (let pass = 0; pass < this.#passes; pass += 1) {
      for (const partition of this.#partitions) {
        this.#tell('reading raw', pass, partition, this.#callbacks)
        const count = await this.#readRaw(partition, progress, pass)
        this.#callbacks += pass === 0 ? count : 0
      }
      this.#tell('reading raw', pass, this.#partitions.length, this.#callbacks)
      if (pass === 0) {
        // Later passes count the same callbacks again.
        unknownSource = this.#raw.unknownSource
      }
      for (const partition of this.#partitions) {
        this.#tell('comparing', pass, partition, this.#payments)
        if (this.#holdsWanted(partition)) {
          await this.#comparePartition(partition, progress, pass, visitor)
        }
      }
      this.#tell('comparing', pass, this.#partitions.length, this.#payments)
    }
    return {
      callbacks: this.#callbacks,
      events: this.#events,
      payments: this.#payments,
      partial: this.#partial,
      rawReachesBackTo: this.#rawReachesBackTo,
      unknownSource,
      forgotten: this.#raw.forgotten,
      undecryptable: this.#raw.undecryptable,
      inFlight: progress.inFlight,
      seconds: Math.round(performance.now() - this.#clock) / 1_000,
    }
  }

  #progressOfStages(): Promise<StagesProgress> {
    const { normalizer, processor, kafka } = this.#config
    return progressOfStages({
      topics: this.#topics,
      groups: { normalizer: normalizer.group, processor: processor.group },
      partitions: kafka.partitions,
      offsets: this.#ports.offsets,
      reader: this.#ports.reader,
      codec: this.#ports.codecs.event,
      signal: this.#options.signal,
    })
  }

  async #passesNeeded(): Promise<number> {
    if (this.#options.payment !== undefined) {
      return 1
    }
    let records = 0
    for (const partition of this.#partitions) {
      const { start, end } = await this.#ports.reader.range(this.#topics.raw, partition)
      records += Number(end - start)
    }
    return Math.max(1, Math.ceil(records / (this.#options.rawRecordsAtOnceMax ?? RAW_RECORDS_AT_ONCE_MAX)))
  }

  /** The pass that compares a payment. */
  #passOf(paymentKey: string): number {
    const { partitions } = this.#config.kafka
    return this.#passes === 1
      ? 0
      : Math.floor(partitionOf(Buffer.from(paymentKey), partitions * this.#passes) / partitions)
  }

  /** Resolves with the number of records. */
  async #readRaw(partition: number, progress: StagesProgress, pass: number): Promise<number> {
    const normalized = progress.normalized[partition] ?? null
    let first: InRecord | undefined
    let count = 0
    const range = await this.#ports.reader.read(
      this.#topics.raw,
      partition,
      0n,
      async (portion) => {
        first ??= portion[0]
        count += portion.length
        this.#options.guardHeap?.()
        const records =
          pass === 0 ? portion : portion.filter(({ offset }) => this.#concerns.may(partition, offset, pass))
        const opened = await this.#ports.bodies.open(records, this.#options.signal)
        for (const [index, record] of records.entries()) {
          const readable = opened[index] ?? record
          if (typeof readable === 'string') {
            this.#raw.addUnreadable(record, readable)
          } else {
            this.#addRaw(readable, partition, normalized !== null && record.offset < normalized, pass)
          }
        }
      },
      this.#options.signal,
    )
    if (range.start > 0n) {
      // Callbacks are appended only roughly in order of receipt, so some received just after the first may be deleted.
      const reachesBackTo = first === undefined ? this.#startedAt : receivedAtOf(first) + SKEW_MS
      this.#rawReachesBackTo = Math.max(this.#rawReachesBackTo ?? reachesBackTo, reachesBackTo)
    }
    return count
  }

  #addRaw(record: InRecord, partition: number, isDue: boolean, pass: number): void {
    const concerned: number[] = []
    this.#raw.add(record, partition, isDue, (paymentKey) => {
      const of = this.#passOf(paymentKey)
      concerned.push(of)
      return of === pass
    })
    if (pass === 0 && this.#passes > 1) {
      this.#concerns.note(partition, record.offset, concerned)
    }
  }

  #holdsWanted(partition: number): boolean {
    const { payment } = this.#options
    return payment === undefined || partitionOf(Buffer.from(payment), this.#partitions.length) === partition
  }

  async #comparePartition(
    partition: number,
    progress: StagesProgress,
    pass: number,
    visitor: ComparisonVisitor,
  ): Promise<void> {
    const raw = this.#touched(this.#raw.take(partition))
    const evidence = await PartitionEvidence.read(this.#ports, {
      topics: this.#topics,
      partition,
      isWanted: this.#wantedIn(raw, pass),
      waitMs: this.#config.kafka.transactionTimeoutMs + UNDECIDED_MARGIN_MS,
      signal: this.#options.signal,
      guardHeap: this.#options.guardHeap,
    })
    const pending = progress.pending[partition] ?? null
    const circumstances = this.#circumstances(evidence, pending)
    for (const paymentKey of new Set([...raw.keys(), ...evidence.paymentKeys()])) {
      this.#options.signal?.throwIfAborted()
      this.#options.guardHeap?.()
      const found = [...(raw.get(paymentKey)?.values() ?? [])].map(({ event, position, dueAt }) => ({
        event,
        position,
        dueAt: circumstances.isPending(event.eventId) ? null : dueAt,
      }))
      const ofPayment = { ...(await evidence.of(paymentKey)), raw: found }
      if (visitor.wants?.(ofPayment) === false) {
        continue
      }
      const judgement = judgePayment(ofPayment, circumstances)
      this.#payments += 1
      this.#events += judgement.events
      this.#partial += judgement.partial ? 1 : 0
      await visitor.payment(ofPayment, judgement, circumstances)
    }
    const isInPass = (paymentKey: string) => this.#passOf(paymentKey) === pass
    await visitor.partition?.({ partition, evidence, inRaw: raw.keys(), isInPass })
  }

  #circumstances(evidence: PartitionEvidence, pending: ReadonlySet<string> | null): Circumstances {
    return {
      rawReachesBackTo: this.#rawReachesBackTo ?? Number.NEGATIVE_INFINITY,
      changesFromStart: evidence.changesFromStart,
      changesSettledTo: evidence.changesSettledTo,
      startedAt: this.#startedAt - SKEW_MS,
      forgetAfterMs: this.#config.payments.retentionMs,
      unreadableCallbacks: this.#raw.unreadable,
      sourceIds: this.#raw.sourceIds,
      canBeWritten: (event) => encodeIfFits(this.#ports.codecs.event, event) !== null,
      isPending: (eventId) => pending === null || pending.has(eventId),
      isCallbackRead: (callbackId) => this.#raw.hasRead(callbackId),
    }
  }

  /** The payments with a callback received after `since`; all without it. */
  #touched(raw: ReadonlyMap<string, EventsById>): ReadonlyMap<string, EventsById> {
    const { since } = this.#options
    if (since === undefined) {
      return raw
    }
    const isTouched = (events: EventsById) => [...events.values()].some(({ receivedAt }) => receivedAt >= since)
    return new Map([...raw].filter(([, events]) => isTouched(events)))
  }

  #wantedIn(raw: ReadonlyMap<string, EventsById>, pass: number): (paymentKey: string) => boolean {
    const { payment, since } = this.#options
    return (paymentKey) =>
      this.#passOf(paymentKey) === pass &&
      (payment === undefined || payment === paymentKey) &&
      (since === undefined || raw.has(paymentKey))
  }

  #tell(step: ComparisonProgress['step'], pass: number, done: number, count: number): void {
    const of = this.#partitions.length
    const doneShare = (2 * pass * of + (step === 'comparing' ? of : 0) + done) / (2 * this.#passes * of)
    const elapsedMs = performance.now() - this.#clock
    const progress = { step, done: pass * of + done, of: this.#passes * of, count, doneShare, elapsedMs }
    this.#options.onProgress?.(progress)
  }
}
