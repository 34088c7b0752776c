import type { AvroCodec } from '../../avro/codec.ts'
import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { Config } from '../../config.ts'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { dueAt, fingerprintOf } from '../../processor/due.ts'
import type { StateStore } from '../../processor/state-store.ts'
import { fromMarkerText } from '../../processor/view-marker.ts'
import { receivedAtOf } from '../../raw/received-at.ts'
import { CHANGE_HEADERS } from '../../stream/change-headers.ts'
import type { GroupOffsets } from '../../stream/group-offsets.ts'
import { headerText } from '../../stream/header-text.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import { type TopicNames, topicNames } from '../../topics.ts'
import { compareIndexes } from './compare-indexes.ts'
import { compareView } from './compare-view.ts'
import { decodeAnything, decodeOrNull } from './decode-or-null.ts'
import { inOrderOfSteps } from './in-order-of-steps.ts'
import { type Circumstances, type CurrentRecord, type Difference, judgePayment } from './judge-payment.ts'
import { progressOfStages, type StagesProgress } from './progress-of-stages.ts'
import { type EventsById, RawEvents } from './raw-events.ts'
import { readDecided } from './read-decided.ts'
import { Findings, type VerifyProgress, type VerifyReport } from './verify-report.ts'

export interface VerificationOptions {
  /** Compares only the payment with this key. */
  readonly payment?: string
  /** Compares only payments with a callback received since then, ms since the epoch. */
  readonly since?: number
  readonly signal?: AbortSignal
  /** Called once, before anything is compared. */
  readonly onInFlight?: (inFlight: VerifyReport['inFlight']) => void
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Raw records per pass; more records need several passes. */
  readonly rawRecordsAtOnceMax?: number
  /** Called repeatedly; may throw if memory runs out. */
  readonly guardHeap?: () => void
}

/** Access to the servers; read only. */
export interface VerificationPorts {
  readonly reader: PartitionReader
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly codecs: PaymentCodecs
  readonly bodies: OpensBodies
  /** Null leaves the view out. */
  readonly store: Omit<StateStore, 'write' | 'reset'> | null
  /** The clock, ms since the epoch. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}

/** Raw records per pass, by default. */
const RAW_RECORDS_AT_ONCE_MAX = 100_000

/** Maximum clock skew between our processes, and maximum time from a receipt to its append to raw, ms. */
const SKEW_MS = 60_000

/** How long a transaction may stay open beyond its time-out, ms. */
const UNDECIDED_MARGIN_MS = 15_000

/**
 * One run of `paystatus verify`.
 *
 * Memory (invariant I10): a large raw topic is compared in several passes, each for the payments whose key hashes to it. A
 * pass reads everything and keeps only what belongs to its payments, so memory depends on the size of a pass, not on the
 * amount of data. A callback can be about payments of any partition and any pass. The first pass notes which passes a record
 * concerns; the other passes do not decrypt or translate it again.
 */
export class Verification {
  readonly #ports: VerificationPorts
  readonly #config: Config
  readonly #options: VerificationOptions
  readonly #topics: TopicNames
  readonly #partitions: readonly number[]
  readonly #raw: RawEvents
  readonly #findings = new Findings()
  readonly #startedAt: number
  #callbacks = 0
  #payments = 0
  #events = 0
  #partial = 0
  #rawReachesBackTo: number | null = null
  #passes = 1
  readonly #concerns = new Concerns()

  constructor(ports: VerificationPorts, config: Config, options: VerificationOptions = {}) {
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

  async run(): Promise<VerifyReport> {
    const clock = performance.now()
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
          await this.#comparePartition(partition, progress, pass)
        }
      }
      this.#tell('comparing', pass, this.#partitions.length, this.#payments)
    }
    const findings = this.#findings
    return {
      callbacks: this.#callbacks,
      events: this.#events,
      payments: this.#payments,
      lost: findings.count('lost'),
      duplicated: findings.count('duplicated'),
      wrongStatus: findings.count('wrongStatus'),
      wrongVersion: findings.count('wrongVersion'),
      viewDiffers: this.#ports.store === null ? null : findings.count('viewDiffers'),
      unexplained: findings.count('unexplained'),
      partial: this.#partial,
      rawReachesBackTo: this.#rawReachesBackTo,
      unknownSource,
      forgotten: this.#raw.forgotten,
      undecryptable: this.#raw.undecryptable,
      inFlight: progress.inFlight,
      seconds: Math.round(performance.now() - clock) / 1_000,
      ok: findings.total === 0,
      differences: findings.listed,
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
    return payment === undefined || this.#partitionOf(payment) === partition
  }

  #partitionOf(paymentKey: string): number {
    return partitionOf(Buffer.from(paymentKey), this.#config.kafka.partitions)
  }

  async #comparePartition(partition: number, progress: StagesProgress, pass: number): Promise<void> {
    const raw = this.#touched(this.#raw.take(partition))
    const isWanted = this.#wantedIn(raw, pass)
    // Taken before `current` is read, so that `current` has every step before this offset.
    const changesSettledTo = (await this.#ports.reader.range(this.#topics.changes, partition)).end
    const current = new CurrentOfPartition(isWanted)
    await this.#readCurrent(partition, current)
    const { changes, fromStart } = await this.#readChanges(partition, isWanted)
    const deadLetters = await this.#readDeadLetters(partition, isWanted)
    const pending = progress.pending[partition] ?? null
    const circumstances: Circumstances = {
      rawReachesBackTo: this.#rawReachesBackTo ?? Number.NEGATIVE_INFINITY,
      changesFromStart: fromStart,
      changesSettledTo,
      startedAt: this.#startedAt - SKEW_MS,
      forgetAfterMs: this.#config.payments.retentionMs,
      unreadableCallbacks: this.#raw.unreadable,
      sourceIds: this.#raw.sourceIds,
      canBeWritten: (event) => canBeWritten(this.#ports.codecs.event, event),
    }
    for (const paymentKey of new Set([...raw.keys(), ...changes.keys(), ...current.states.keys()])) {
      this.#options.signal?.throwIfAborted()
      this.#options.guardHeap?.()
      const found = [...(raw.get(paymentKey)?.values() ?? [])]
      const { differences, events, partial } = judgePayment(
        {
          paymentKey,
          raw: found.map(({ event, position, dueAt }) => {
            const isPending = pending === null || pending.has(event.eventId)
            return { event, position, dueAt: isPending ? null : dueAt }
          }),
          changes: await this.#decodeChanges(changes.get(paymentKey) ?? [], partition),
          current: await this.#decodeCurrent(current.states.get(paymentKey), partition),
          deadLetters,
        },
        circumstances,
      )
      this.#findings.add(differences)
      this.#payments += 1
      this.#events += events
      this.#partial += partial ? 1 : 0
    }
    await this.#compareView(partition, current, raw, pass)
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

  async #readCurrent(partition: number, current: CurrentOfPartition): Promise<void> {
    current.next = (
      await this.#read(this.#topics.current, partition, current.next, (record) => current.add(record))
    ).end
  }

  async #readChanges(partition: number, isWanted: (paymentKey: string) => boolean) {
    const changes = new Map<string, WrittenChange[]>()
    const { start } = await this.#read(this.#topics.changes, partition, 0n, (record) => {
      const { key, offset } = record
      const paymentKey = String(key)
      if (!isWanted(paymentKey)) {
        return
      }
      // A copy, because the record is a slice of the fetched buffer and would keep it in memory.
      const value = record.value === null ? null : Buffer.from(record.value)
      const isRepaired = headerText(record, CHANGE_HEADERS.repaired) !== ''
      const written = changes.get(paymentKey)
      if (written === undefined) {
        changes.set(paymentKey, [{ offset, value, isRepaired }])
      } else {
        written.push({ offset, value, isRepaired })
      }
    })
    return { changes, fromStart: start === 0n }
  }

  /** Ids of the status processor's dead letters, each with the reason. */
  async #readDeadLetters(
    partition: number,
    isWanted: (paymentKey: string) => boolean,
  ): Promise<ReadonlyMap<string, string>> {
    const reasons = new Map<string, string>()
    await this.#read(this.#topics.eventDeadLetters, partition, 0n, async (record) => {
      if (!isWanted(String(record.key))) {
        return
      }
      const place = { topic: this.#topics.eventDeadLetters, partition, offset: record.offset }
      const event = await decodeAnything(this.#ports.codecs.event, record.value, place)
      if (event !== null) {
        reasons.set(event.eventId, headerText(record, 'dlq_reason'))
      }
    })
    return reasons
  }

  /** Reads an output of the status processor to its present end. */
  #read(topic: string, partition: number, from: bigint, onRecord: (record: InRecord) => unknown) {
    const waitMs = this.#config.kafka.transactionTimeoutMs + UNDECIDED_MARGIN_MS
    return readDecided(
      this.#ports,
      { topic, partition, from, waitMs },
      async (records) => {
        this.#options.guardHeap?.()
        for (const record of records) {
          await onRecord(record)
        }
      },
      this.#options.signal,
    )
  }

  async #decodeChanges(written: readonly WrittenChange[], partition: number) {
    const { change: codec } = this.#ports.codecs
    const decode = async ({ offset, value, isRepaired }: WrittenChange) => {
      const place = { topic: this.#topics.changes, partition, offset }
      return { offset, change: await decodeOrNull(codec, value, place), isRepaired }
    }
    return inOrderOfSteps(await Promise.all(written.map(decode)))
  }

  async #decodeCurrent(value: Buffer | null | undefined, partition: number): Promise<CurrentRecord> {
    if (value === undefined || value === null) {
      return { kind: value === null ? 'tombstone' : 'none' }
    }
    const place = { topic: this.#topics.current, partition, offset: null }
    const state = await decodeOrNull(this.#ports.codecs.state, value, place)
    return state === null ? { kind: 'unreadable' } : { kind: 'state', state }
  }

  async #compareView(
    partition: number,
    current: CurrentOfPartition,
    raw: ReadonlyMap<string, EventsById>,
    pass: number,
  ): Promise<void> {
    const { sleep } = this.#ports
    const { payment, since } = this.#options
    if (this.#ports.store === null) {
      return
    }
    const store = partOfStore(this.#ports.store, (paymentKey) => this.#passOf(paymentKey) === pass)
    const only = payment !== undefined ? [payment] : since !== undefined ? [...raw.keys()] : null
    const comparison = {
      store,
      partition,
      current: current.states,
      only,
      catchUp: () => this.#readCurrent(partition, current),
      sleep,
    }
    const differences: readonly Difference[] = await compareView({
      ...comparison,
      describe: async (bytes) => {
        const place = { topic: this.#topics.current, partition, offset: null, inView: true }
        const state = await decodeAnything(this.#ports.codecs.state, bytes, place)
        return state === null ? 'something that cannot be read' : `v${state.statusVersion} ${state.status}`
      },
    })
    this.#findings.add(differences)
    // A stage with other settings has other due times, which are not wrong.
    const { payments } = this.#config
    const { dueBy } = fromMarkerText((await store.read(partition, [])).marker) ?? { dueBy: null }
    const indexDifferences = await compareIndexes({
      ...comparison,
      indexedBy: async (bytes) => {
        const place = { topic: this.#topics.current, partition, offset: null }
        const state = await decodeOrNull(this.#ports.codecs.state, bytes, place)
        const { endToEndId } = state?.details ?? { endToEndId: null }
        return (
          state && {
            dueAt: dueBy === null || dueBy === fingerprintOf(payments) ? dueAt(state, payments) : null,
            endToEndId,
          }
        )
      },
    })
    // One difference per payment: if its state differs, its index entries usually do, too.
    const known = new Set(differences.map(({ paymentKey }) => paymentKey))
    this.#findings.add(indexDifferences.filter(({ paymentKey }) => !known.has(paymentKey)))
  }

  #tell(step: VerifyProgress['step'], pass: number, done: number, count: number): void {
    const of = this.#partitions.length
    this.#options.onProgress?.({ step, done: pass * of + done, of: this.#passes * of, count })
  }
}

/** The passes that each raw record concerns, if noted. With more passes than bits, several passes share a bit. */
class Concerns {
  readonly #byPartition = new Map<number, { readonly first: bigint; readonly bits: number[] }>()

  note(partition: number, offset: bigint, passes: readonly number[]): void {
    const noted = this.#byPartition.get(partition) ?? { first: offset, bits: [] }
    this.#byPartition.set(partition, noted)
    // Never zero, to distinguish noted records from others.
    noted.bits[Number(offset - noted.first)] = passes.reduce((bits, pass) => bits | bitOf(pass), NOTED)
  }

  may(partition: number, offset: bigint, pass: number): boolean {
    const noted = this.#byPartition.get(partition)
    const bits = noted?.bits[Number(offset - noted.first)]
    return bits === undefined || (bits & bitOf(pass)) !== 0
  }
}

const NOTED = 1
const PASS_BITS = 29

function bitOf(pass: number): number {
  return 2 << (pass % PASS_BITS)
}

/** The view restricted to some payments. */
function partOfStore(store: NonNullable<VerificationPorts['store']>, isIn: (paymentKey: string) => boolean) {
  return {
    read: (partition: number, keys: readonly string[]) => store.read(partition, keys),
    dueTimes: (partition: number, keys: readonly string[]) => store.dueTimes(partition, keys),
    findByEndToEndId: (partition: number, id: string) => store.findByEndToEndId(partition, id),
    scan: (partition: number) => filtered(store.scan(partition), ([paymentKey]) => isIn(paymentKey)),
    scanDue: (partition: number) => filtered(store.scanDue(partition), ([paymentKey]) => isIn(paymentKey)),
    scanReferences: (partition: number) =>
      filtered(store.scanReferences(partition), ([, paymentKey]) => isIn(paymentKey)),
  }
}

async function* filtered<T>(all: AsyncIterable<T>, isIn: (one: T) => boolean): AsyncGenerator<T> {
  for await (const one of all) {
    if (isIn(one)) {
      yield one
    }
  }
}

/** A record of `changes`, decoded when its payment is judged. */
interface WrittenChange {
  readonly offset: bigint
  readonly value: Buffer | null
  /** Republished by `paystatus repair`. */
  readonly isRepaired: boolean
}

/** The last record of every wanted payment in a partition of `current`; null is a tombstone. */
class CurrentOfPartition {
  readonly states = new Map<string, Buffer | null>()
  /** Next offset to read. */
  next = 0n
  readonly #isWanted: (paymentKey: string) => boolean

  constructor(isWanted: (paymentKey: string) => boolean) {
    this.#isWanted = isWanted
  }

  add({ key, value }: InRecord): void {
    const paymentKey = String(key)
    if (this.#isWanted(paymentKey)) {
      // A copy, because the record is a slice of the fetched buffer and would keep it in memory.
      this.states.set(paymentKey, value === null ? null : Buffer.from(value))
    }
  }
}

function canBeWritten(codec: Pick<AvroCodec<PaymentEvent>, 'encode'>, event: PaymentEvent): boolean {
  try {
    codec.encode(event)
    return true
  } catch {
    return false
  }
}
