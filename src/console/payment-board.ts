import type { PaymentState } from '../payment/apply-event.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../payment/payment-status.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import { IdIndex } from './id-index.ts'
import { idsOfEvent, idsOfKey } from './payment-ids.ts'

/** What lists show of a payment. Times are ms since the epoch. */
export interface PaymentRow {
  readonly paymentKey: string
  readonly provider: string
  readonly status: PaymentStatus
  readonly incarnation: number
  readonly statusVersion: number
  readonly statusChangedAt: number
  readonly touchedAt: number
  readonly overdueSince: number | null
  readonly needsAttention: boolean
}

/** The latest callback of a source that led to a step of a payment. */
export interface SourceActivity {
  readonly source: string
  readonly provider: string
  readonly lastReceivedAt: number
}

/**
 * Every payment in brief, and an index of their ids, in memory. It is fed with `current` and `changes`, may be behind both, and
 * decides nothing: whoever shows a payment reads its state.
 *
 * Of a payment that was removed, hashes of its ids stay until the process starts again. They lead to nothing.
 */
export class PaymentBoard {
  readonly #numbers = new Map<string, number>()
  /** By number; null for a payment that was removed. */
  readonly #rows: (PaymentRow | null)[] = []
  readonly #ids = new IdIndex()
  readonly #overdue = new Set<number>()
  readonly #byStatus = new Map<PaymentStatus, number>()
  readonly #sources = new Map<string, SourceActivity>()
  /** Texts that many rows share. */
  readonly #shared = new Map<string, string>()
  #attention = 0

  get payments(): number {
    return this.#numbers.size
  }

  get idEntries(): number {
    return this.#ids.size
  }

  get withAttention(): number {
    return this.#attention
  }

  /** By number of payments. */
  get statuses(): readonly (readonly [PaymentStatus, number])[] {
    const order = Object.keys(PAYMENT_STATUSES)
    return [...this.#byStatus]
      .filter(([, count]) => count > 0)
      .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
  }

  get sources(): readonly SourceActivity[] {
    return [...this.#sources.values()].toSorted((a, b) => b.lastReceivedAt - a.lastReceivedAt)
  }

  get overdueCount(): number {
    return this.#overdue.size
  }

  /** Payments whose next status is late, longest wait first. */
  overdue(offset: number, limit: number): readonly PaymentRow[] {
    return [...this.#overdue]
      .flatMap((number) => this.#rows[number] ?? [])
      .toSorted((a, b) => a.statusChangedAt - b.statusChangedAt)
      .slice(offset, offset + limit)
  }

  row(paymentKey: string): PaymentRow | null {
    const number = this.#numbers.get(paymentKey)
    return number === undefined ? null : (this.#rows[number] ?? null)
  }

  /** Keys of payments that may have this id, the latest first. Read them to be sure. */
  candidates(id: string): readonly string[] {
    return this.#ids.find(id).flatMap((number) => this.#rows[number]?.paymentKey ?? [])
  }

  addState(state: PaymentState): void {
    const { paymentKey, status, incarnation, statusVersion, statusChangedAt, touchedAt, overdueSince } = state
    const number = this.#put({
      paymentKey,
      provider: state.events[0]?.event.provider ?? '',
      status,
      incarnation,
      statusVersion,
      statusChangedAt,
      touchedAt,
      overdueSince,
      needsAttention: state.attention.length > 0,
    })
    for (const { event } of state.events) {
      this.#addEvent(event, number)
    }
  }

  addChange(change: StatusChangeRecord): void {
    const { paymentKey, statusAfter, incarnation, statusVersion, recordedAt, overdueSince, event } = change
    const before = this.row(paymentKey)
    const number = this.#put({
      paymentKey,
      provider: event?.provider ?? before?.provider ?? '',
      status: statusAfter,
      incarnation,
      statusVersion,
      statusChangedAt: change.statusChanged || before === null ? recordedAt : before.statusChangedAt,
      touchedAt: recordedAt,
      overdueSince,
      needsAttention: change.attention.length > 0,
    })
    if (event !== null) {
      this.#addEvent(event, number)
    }
  }

  /** Removes a payment that was forgotten. */
  remove(paymentKey: string): void {
    const number = this.#numbers.get(paymentKey)
    const row = this.row(paymentKey)
    if (number !== undefined && row !== null) {
      this.#count(row, number, -1)
      this.#rows[number] = null
      this.#numbers.delete(paymentKey)
    }
  }

  #addEvent(event: PaymentEvent, number: number): void {
    for (const [, id] of idsOfEvent(event)) {
      this.#ids.add(id, number)
    }
    const { source, provider, receivedAt } = event
    const last = this.#sources.get(source)
    if (last === undefined || last.lastReceivedAt < receivedAt) {
      this.#sources.set(source, { source, provider, lastReceivedAt: receivedAt })
    }
  }

  /** Keeps the row with the greater (incarnation, statusVersion): `changes` begins before the end of `current`. */
  #put(row: PaymentRow): number {
    const known = this.#numbers.get(row.paymentKey)
    if (known === undefined) {
      const number = this.#rows.length
      this.#numbers.set(row.paymentKey, number)
      this.#rows.push({ ...row, provider: this.#sharedText(row.provider) })
      for (const [, id] of idsOfKey(row.paymentKey)) {
        this.#ids.add(id, number)
      }
      this.#count(row, number, 1)
      return number
    }
    const before = this.#rows[known] as PaymentRow
    const isNewer =
      row.incarnation > before.incarnation ||
      (row.incarnation === before.incarnation && row.statusVersion > before.statusVersion)
    if (isNewer) {
      this.#count(before, known, -1)
      this.#rows[known] = { ...row, paymentKey: before.paymentKey, provider: this.#sharedText(row.provider) }
      this.#count(row, known, 1)
    }
    return known
  }

  #sharedText(text: string): string {
    const shared = this.#shared.get(text)
    if (shared === undefined) {
      this.#shared.set(text, text)
    }
    return shared ?? text
  }

  #count({ status, needsAttention, overdueSince }: PaymentRow, number: number, by: 1 | -1): void {
    this.#byStatus.set(status, (this.#byStatus.get(status) ?? 0) + by)
    this.#attention += needsAttention ? by : 0
    if (overdueSince !== null && by === 1) {
      this.#overdue.add(number)
    } else {
      this.#overdue.delete(number)
    }
  }
}
