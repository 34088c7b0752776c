import type { PaymentStatus, PaymentStatusChange } from './generated/records.ts'
import type { Version } from './version.ts'

/**
 * What the handler is told about a payment. `version` says which change is newer; a handler that keeps it with what it stores,
 * and ignores what is not newer, can be told a change twice without harm.
 */
export type Change = PaymentState | PaymentStep | PaymentForgotten

interface AboutPayment {
  readonly paymentKey: string
  readonly version: Version
}

/** What was true of a payment when the group began to follow: once for every payment, before any step of its partition. */
export interface PaymentState extends AboutPayment {
  readonly kind: 'state'
  readonly payment: PaymentStatus
}

/** A step of a payment, in the order of its versions. */
export interface PaymentStep extends AboutPayment {
  readonly kind: 'step'
  /** The record of `changes`. Decide by `statusAfter`, never by `event.status`. */
  readonly step: PaymentStatusChange
  /**
   * Everything that is known about the payment, from `current`: the same version or a later one. Undefined if the payment was
   * forgotten meanwhile.
   */
  readonly payment: PaymentStatus | undefined
  /**
   * How many versions directly before this one were never read, because `changes` no longer has them. 0 normally. `payment`
   * has what they said.
   */
  readonly missed: number
  /** Whether the step was published before this partition was opened: after a restart, what was not yet handed over. */
  readonly isReplay: boolean
}

/** The payment had no activity for the retention. Delete what is not newer than `version`, or keep it. */
export interface PaymentForgotten extends AboutPayment {
  readonly kind: 'forgotten'
}

/**
 * Told every change at least once: all changes of a payment one after the other, in order. If it throws, it is told the same
 * change again after a pause, and nothing else of that partition meanwhile.
 */
export type ChangeHandler = (change: Change) => Promise<void> | void

/** A handler that works in a transaction of a {@link ChangeStore}. */
export type StoringHandler<Tx> = (change: Change, tx: Tx) => Promise<void> | void
