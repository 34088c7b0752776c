import { hash } from 'node:crypto'
import { replacesReading } from '../../payment/apply-event.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { Percentiles } from './percentiles.ts'

/** What one source did in a period. */
export interface SourceScore {
  readonly source: string
  readonly provider: string
  readonly callbacks: number
  /** Callbacks whose body is byte for byte that of an earlier one of the period; null if bodies are encrypted. */
  readonly retries: number | null
  /** Callbacks or elements that could not be read. */
  readonly deadLetters: number
  readonly events: number
  /** Events that were known already, whatever envelope they came in. */
  readonly duplicates: number
  /** Recorded without changing the status, because a stronger or later event decides. */
  readonly late: number
  /** Recorded after an event of the same payment with a later time, within the period. */
  readonly outOfOrder: number
  readonly conflicts: number
  readonly unknownStatuses: number
  readonly unreadableDetails: number
  readonly unreadableTimes: number
  /** From the provider's own time to receipt, ms, of events whose time is known to the second; null without any. */
  readonly latenessMs: { readonly p50: number | null; readonly p99: number | null }
}

/** Adds up what the topics hold of a period. No I/O. */
export class ScoreSheet {
  readonly #scores = new Map<string, Tally>()
  /** First 12 bytes of the SHA-256 of each body: memory is what bounds the period. */
  readonly #bodies = new Set<string>()
  readonly #latest = new Map<string, number>()

  /** @param body Null if it is encrypted, or was forgotten. */
  callback(source: string, provider: string, body: Buffer | null): void {
    const tally = this.#of(source, provider)
    tally.callbacks += 1
    if (body === null) {
      tally.encrypted = true
      return
    }
    const digest = hash('sha256', Buffer.concat([Buffer.from(`${source}\n`), body]), 'base64').slice(0, 16)
    if (this.#bodies.has(digest)) {
      tally.retries += 1
    }
    this.#bodies.add(digest)
  }

  deadLetter(source: string, provider: string): void {
    this.#of(source, provider).deadLetters += 1
  }

  /** An event that the processor has processed. Reports about children repeat an event, so they do not count. */
  event(event: PaymentEvent): void {
    if (event.childKey === null) {
      this.#of(event.source, event.provider).events += 1
    }
  }

  /** In the order of their partition. */
  change({ paymentKey, event, verdict }: Pick<StatusChangeRecord, 'paymentKey' | 'event' | 'verdict'>): void {
    if (event === null || event.childKey !== null) {
      return
    }
    const tally = this.#of(event.source, event.provider)
    tally.recorded += 1
    if (replacesReading(verdict)) {
      return
    }
    tally.late += verdict === 'LATE' ? 1 : 0
    tally.conflicts += verdict === 'CONFLICT' ? 1 : 0
    tally.unknownStatuses += event.unknownBecause === 'STATUS' ? 1 : 0
    tally.unreadableDetails += event.unreadable.length > 0 ? 1 : 0
    tally.unreadableTimes += event.timeUnreadable ? 1 : 0
    const { occurredAt, occurredAtPrecision, zoneAssumed, receivedAt } = event
    if (occurredAt === null) {
      return
    }
    const latest = this.#latest.get(paymentKey)
    tally.outOfOrder += latest !== undefined && occurredAt < latest ? 1 : 0
    this.#latest.set(paymentKey, Math.max(latest ?? occurredAt, occurredAt))
    if (occurredAtPrecision !== 'DAY' && !zoneAssumed) {
      tally.lateness.add(receivedAt - occurredAt)
    }
  }

  /** Sorted by source. */
  scores(): readonly SourceScore[] {
    return [...this.#scores.values()]
      .map(({ recorded, encrypted, retries, lateness, ...rest }) => ({
        ...rest,
        retries: encrypted ? null : retries,
        // Events of the period can be recorded shortly after it, and the reverse.
        duplicates: Math.max(0, rest.events - recorded),
        latenessMs: { p50: lateness.at(0.5), p99: lateness.at(0.99) },
      }))
      .toSorted((a, b) => (a.source < b.source ? -1 : 1))
  }

  #of(source: string, provider: string): Tally {
    const key = `${source} ${provider}`
    const found = this.#scores.get(key) ?? newTally(source, provider)
    this.#scores.set(key, found)
    return found
  }
}

type Tally = ReturnType<typeof newTally>

function newTally(source: string, provider: string) {
  return {
    source,
    provider,
    callbacks: 0,
    retries: 0,
    encrypted: false,
    deadLetters: 0,
    events: 0,
    recorded: 0,
    late: 0,
    outOfOrder: 0,
    conflicts: 0,
    unknownStatuses: 0,
    unreadableDetails: 0,
    unreadableTimes: 0,
    lateness: new Percentiles(),
  }
}
