import type { PaymentEvent } from '../../payment/payment-event.ts'
import { readingThatCounts } from '../../payment/reading.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { type SourcesById, sourcesById } from '../../raw/sources-by-id.ts'
import { headerText } from '../../stream/header-text.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { InRecord } from '../../stream/record.ts'
import { CallbackIds } from './callback-ids.ts'
import { eventsOfRaw } from './events-of-raw.ts'

/** An event in raw, with facts about the callbacks that report it. */
export interface FoundEvent {
  /** The reading that counts among those that the normalizer has processed. */
  event: PaymentEvent
  /** The position of the first callback. */
  readonly position: string
  /** Receipt of the last callback that the normalizer has processed, ms since the epoch; null if it has processed none. */
  dueAt: number | null
  /** Receipt of the last callback, processed or not. */
  receivedAt: number
}

/** The distinct events of a payment, by id. */
export type EventsById = Map<string, FoundEvent>

export interface RawEventsOptions {
  readonly sources: Parameters<typeof sourcesById>[0]
  readonly partitions: number
  /** Selects the payments to keep. */
  readonly wanted: (paymentKey: string) => boolean
}

/** Why the body of a callback cannot be read. */
export type Unreadable = 'forgotten' | 'undecryptable'

/** Bounds the memory, because other programs may write into raw (I10). */
const SOURCES_MAX = 10_000

/**
 * The distinct events of raw callbacks, by partition and key of their payment. Repeats take no memory.
 *
 * A callback is in the partition of the first payment that it names, so nearly all events of a payment come from the raw
 * partition of the same number. Events about its further payments can come from any partition.
 */
export class RawEvents {
  readonly #options: RawEventsOptions
  readonly #sources: SourcesById
  #byPartition: Map<string, EventsById>[]
  #unknownSource = 0
  #forgotten = 0
  #undecryptable = 0
  readonly #unreadable = new Map<string, Unreadable>()
  readonly #sourceIds: Set<string>
  readonly #read = new CallbackIds()

  constructor(options: RawEventsOptions) {
    this.#options = options
    this.#sources = sourcesById(options.sources)
    this.#sourceIds = new Set(this.#sources.keys())
    this.#byPartition = Array.from({ length: options.partitions }, () => new Map())
  }

  /** Callbacks that were not judged, because their source is unknown. */
  get unknownSource(): number {
    return this.#unknownSource
  }

  /** The sources whose callbacks could be read: those in the configuration and those that raw records name. */
  get sourceIds(): ReadonlySet<string> {
    return this.#sourceIds
  }

  /** Callbacks with a forgotten body; their events are known only from other topics. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Callbacks whose body cannot be decrypted with its data key; the normalizer made dead letters of them. */
  get undecryptable(): number {
    return this.#undecryptable
  }

  /** The receipt ids of the forgotten and the undecryptable callbacks. */
  get unreadable(): ReadonlyMap<string, Unreadable> {
    return this.#unreadable
  }

  /** Whether raw has this callback and it could be read, whatever it says. */
  hasRead(callbackId: string): boolean {
    return this.#read.has(callbackId)
  }

  /** Counts a record whose body cannot be read. Idempotent. */
  addUnreadable(record: InRecord, why: Unreadable): void {
    const id = headerText(record, RAW_HEADERS.id)
    if (this.#unreadable.has(id)) {
      return
    }
    this.#unreadable.set(id, why)
    if (why === 'forgotten') {
      this.#forgotten += 1
    } else {
      this.#undecryptable += 1
    }
  }

  /** Adds the events of one raw record. `keep` selects among its payments and is called for each event. */
  add(
    record: InRecord,
    rawPartition: number,
    isDue: boolean,
    keep: (paymentKey: string) => boolean = () => true,
  ): void {
    const events = eventsOfRaw(record, this.#sources)
    if (events === null) {
      this.#unknownSource += 1
      return
    }
    if (this.#sourceIds.size < SOURCES_MAX) {
      this.#sourceIds.add(headerText(record, RAW_HEADERS.source))
    }
    this.#read.add(headerText(record, RAW_HEADERS.id))
    for (const event of events) {
      if (keep(event.paymentKey) && this.#options.wanted(event.paymentKey)) {
        const partition = partitionOf(Buffer.from(event.paymentKey), this.#options.partitions)
        this.#addEvent(partition, event, `raw[${rawPartition}]@${record.offset}`, isDue)
      }
    }
  }

  /** Removes and returns the events of a partition's payments, by payment key. */
  take(partition: number): ReadonlyMap<string, EventsById> {
    const taken = this.#byPartition[partition] ?? new Map()
    this.#byPartition = this.#byPartition.with(partition, new Map())
    return taken
  }

  #addEvent(partition: number, event: PaymentEvent, position: string, isDue: boolean): void {
    const payments = this.#byPartition[partition] as Map<string, EventsById>
    let events = payments.get(event.paymentKey)
    if (events === undefined) {
      events = new Map()
      payments.set(event.paymentKey, events)
    }
    const { receivedAt } = event
    const found = events.get(event.eventId)
    if (found === undefined) {
      events.set(event.eventId, { event, position, dueAt: isDue ? receivedAt : null, receivedAt })
      return
    }
    found.receivedAt = Math.max(found.receivedAt, receivedAt)
    if (isDue) {
      found.event = found.dueAt === null ? event : readingThatCounts(found.event, event)
      found.dueAt = Math.max(found.dueAt ?? receivedAt, receivedAt)
    }
  }
}
