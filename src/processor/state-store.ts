/**
 * The view of `payments.status.current` of each partition: the latest state of every payment, as the bytes of its
 * record, with a marker that says which records it contains.
 *
 * Every write is atomic and names the marker it expects, so the view is at all times exactly `current` up to the
 * marker's offset, whoever writes and whenever a process dies. test/processor/state-store.conformance.ts runs against
 * every implementation.
 *
 * All calls reject with a retriable error while the store is away. A rejected write may have happened; repeating it is
 * safe: a write whose marker is already there answers `applied`.
 */
export interface StateStore {
  /** The marker and the states of some payments, read at one moment. */
  read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead>
  /** How many bytes the states of some payments have, 0 for a payment that the view does not have: asked before they are read. */
  sizes(partition: number, paymentKeys: readonly string[]): Promise<readonly number[]>
  /** Replaces the marker `expected` by `next` and writes the states with it; refused if the marker is another one. */
  write(partition: number, expected: string | null, next: string, writes: readonly StateWrite[]): Promise<WriteResult>
  /** Empties the view and sets its marker; refused if the marker is not `expected`. */
  reset(partition: number, expected: string | null, next: string): Promise<WriteResult>
  /** Payment keys whose due time has come, the earliest first. */
  due(partition: number, now: number, limit: number): Promise<readonly string[]>
  /**
   * Whether every payment still has its due time and its customer reference its entry. Redis can lose one key of several:
   * then nothing would ever be due, and the marker would not tell.
   */
  isWhole(partition: number): Promise<boolean>
  /** Payment keys whose state has this customer reference. For tools: decides nothing. */
  findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]>
  /** All payments of a partition with their bytes. For tools and tests. */
  scan(partition: number): AsyncIterable<readonly [paymentKey: string, state: Buffer]>
  /** All due times of a partition, ms since the epoch. For tools and tests. */
  scanDue(partition: number): AsyncIterable<readonly [paymentKey: string, dueAt: number]>
  /** The due times of some payments; null for a payment that has none. For tools. */
  dueTimes(partition: number, paymentKeys: readonly string[]): Promise<readonly (number | null)[]>
  /** All customer references of a partition. For tools and tests. */
  scanReferences(partition: number): AsyncIterable<readonly [endToEndId: string, paymentKey: string]>
}

export type WriteResult = 'applied' | 'refused'

export interface ViewRead {
  readonly marker: string | null
  /** In the order of the keys; null for a payment that the view does not have. */
  readonly states: readonly (Buffer | null)[]
}

export interface StateWrite {
  readonly paymentKey: string
  /** Null forgets the payment and all that is kept about it; then the rest does not matter. */
  readonly state: Buffer | null
  /** When the payment needs attention without an event, ms since the epoch. */
  readonly dueAt: number
  /** A customer reference to find the payment by, if it has one; takes the place of the former one. */
  readonly endToEndId: string | null
}
