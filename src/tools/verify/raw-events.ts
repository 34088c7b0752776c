import type { PaymentEvent } from '../../payment/payment-event.ts'
import { readingThatCounts } from '../../payment/reading.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { type SourcesById, sourcesById } from '../../raw/sources-by-id.ts'
import { headerText } from '../../stream/header-text.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { InRecord } from '../../stream/record.ts'
import { eventsOfRaw } from './events-of-raw.ts'

/** An event of raw, and what was seen of the callbacks that say it. */
export interface FoundEvent {
  /** Of several readings, the one that counts among those that the normalizer has behind it. */
  event: PaymentEvent
  /** Where the first of them stands. */
  readonly position: string
  /** When the last one was received that the normalizer has behind it, ms since the epoch; null if none is. */
  dueAt: number | null
  /** When the last one was received at all. */
  receivedAt: number
}

/** The distinct events of a payment by their id. */
export type EventsById = Map<string, FoundEvent>

export interface RawEventsOptions {
  readonly sources: Parameters<typeof sourcesById>[0]
  readonly partitions: number
  /** Which payments are looked at. */
  readonly wanted: (paymentKey: string) => boolean
}

/** Somebody else may write into raw (I10). */
const SOURCES_MAX = 10_000

/**
 * The distinct events that raw callbacks give, by the partition and the key of their payment. Repeats take no room.
 *
 * A callback stands in the partition of the first payment that it names, so nearly all events of a payment come from the
 * raw partition of its number; what a callback says of further payments can come from any.
 */
export class RawEvents {
  readonly #options: RawEventsOptions
  readonly #sources: SourcesById
  #byPartition: Map<string, EventsById>[]
  #unknownSource = 0
  #forgotten = 0
  #undecryptable = 0
  readonly #unreadable = new Set<string>()
  readonly #sourceIds: Set<string>

  constructor(options: RawEventsOptions) {
    this.#options = options
    this.#sources = sourcesById(options.sources)
    this.#sourceIds = new Set(this.#sources.keys())
    this.#byPartition = Array.from({ length: options.partitions }, () => new Map())
  }

  /** Callbacks whose source nobody knows: nothing can be said of them. */
  get unknownSource(): number {
    return this.#unknownSource
  }

  /** The sources whose callbacks could be read: those of the configuration, and those that raw tells of. */
  get sourceIds(): ReadonlySet<string> {
    return this.#sourceIds
  }

  /** Callbacks whose body was forgotten: what they said is known from what was recorded only. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Callbacks whose body does not open with its data key; the normalizer made dead letters of them. */
  get undecryptable(): number {
    return this.#undecryptable
  }

  /** The receipt ids of both. */
  get unreadable(): ReadonlySet<string> {
    return this.#unreadable
  }

  /** Notes a record whose body cannot be read; again has no effect. */
  addUnreadable(record: InRecord, why: 'forgotten' | 'undecryptable'): void {
    const id = headerText(record, RAW_HEADERS.id)
    if (this.#unreadable.has(id)) {
      return
    }
    this.#unreadable.add(id)
    if (why === 'forgotten') {
      this.#forgotten += 1
    } else {
      this.#undecryptable += 1
    }
  }

  /** Adds what one raw record says. `keep` chooses among its payments, and is asked about each. */
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
    for (const event of events) {
      if (keep(event.paymentKey) && this.#options.wanted(event.paymentKey)) {
        const partition = partitionOf(Buffer.from(event.paymentKey), this.#options.partitions)
        this.#addEvent(partition, event, `raw[${rawPartition}]@${record.offset}`, isDue)
      }
    }
  }

  /** The events of a partition's payments, by payment key; they are dropped here. */
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

/** When a raw record was received, ms since the epoch. */
export function receivedAtOf(record: InRecord): number {
  const receivedAt = Date.parse(headerText(record, RAW_HEADERS.time))
  return Number.isNaN(receivedAt) ? record.timestamp : receivedAt
}
