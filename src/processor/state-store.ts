/**
 * The view of `payments.status.current`, per partition: the latest state of every payment, as the bytes of its record, with
 * a marker that says which records it contains.
 *
 * Every write is atomic and names the marker it expects, so the view is always exactly `current` up to the marker's offset,
 * whoever writes and whenever a process dies. test/processor/state-store.conformance.ts runs against every implementation.
 *
 * All calls reject with a retriable error while the store is unavailable. A rejected write may have taken effect.
 * Repeating it is safe: a write whose marker is already in place returns `applied`.
 */
export interface StateStore {
  /** The marker and the states of some payments, read atomically. */
  read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead>
  /**
   * Sizes of the states of some payments, to plan memory before reading them; and what `read` would return, if the states have
   * at most `readBytesMax` bytes together and these are at most READ_WITH_SIZES_MAX payments.
   */
  sizes(partition: number, paymentKeys: readonly string[], readBytesMax: number): Promise<ViewSizes>
  /**
   * Replaces the marker `expected` by `next` and writes the states, each payment at most once; refused if the marker is not
   * `expected`.
   */
  write(partition: number, expected: string | null, next: string, writes: readonly StateWrite[]): Promise<WriteResult>
  /** Empties the view and sets its marker; refused if the marker is not `expected`. */
  reset(partition: number, expected: string | null, next: string): Promise<WriteResult>
  /** Keys of payments whose due time has come, earliest first. */
  due(partition: number, now: number, limit: number): Promise<readonly string[]>
  /**
   * Whether every payment still has its due time, and every customer reference its index entry. Redis can lose one key of
   * the partition: then no payment would ever become due, and the marker would not show it.
   */
  isWhole(partition: number): Promise<boolean>
  /** Keys of payments with this customer reference. For tools; decides nothing. */
  findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]>
  /** All payments of a partition with their encoded states. For tools and tests. */
  scan(partition: number): AsyncIterable<readonly [paymentKey: string, state: Buffer]>
  /** All due times of a partition, ms since the epoch. For tools and tests. */
  scanDue(partition: number): AsyncIterable<readonly [paymentKey: string, dueAt: number]>
  /** Due times of some payments; null for a payment without one. For tools. */
  dueTimes(partition: number, paymentKeys: readonly string[]): Promise<readonly (number | null)[]>
  /** All customer references of a partition. For tools and tests. */
  scanReferences(partition: number): AsyncIterable<readonly [endToEndId: string, paymentKey: string]>
}

/** Lua cannot pass many more arguments to one command. */
export const READ_WITH_SIZES_MAX = 1_000

export type WriteResult = 'applied' | 'refused'

export interface ViewRead {
  readonly marker: string | null
  /** In the order of the keys; null for a payment not in the view. */
  readonly states: readonly (Buffer | null)[]
}

export interface ViewSizes {
  /** Bytes, in the order of the keys; 0 for a payment not in the view. */
  readonly sizes: readonly number[]
  /** Null if these are too many bytes or payments. */
  readonly read: ViewRead | null
}

export interface StateWrite {
  readonly paymentKey: string
  /** Null removes the payment and everything stored about it; the other fields are ignored then. */
  readonly state: Buffer | null
  /** When a timer must handle the payment if no event comes, ms since the epoch. */
  readonly dueAt: number
  /** Customer reference to find the payment by, if it has one; replaces the previous one. */
  readonly endToEndId: string | null
  /** The view has this reference already, as the state that this one replaces says; a store may leave it as it is. */
  readonly referenceStays?: boolean
}
