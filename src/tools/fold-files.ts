import { isDeepStrictEqual } from 'node:util'
import { applyEvent, orderFreePart, type PaymentState, type Verdict, type VerdictRule } from '../payment/apply-event.ts'
import type { AttentionCode, ChildPayment, PaymentDetails } from '../payment/fold-payment.ts'
import type { PaymentEvent, PaymentKind } from '../payment/payment-event.ts'
import type { PaymentStatus } from '../payment/payment-status.ts'
import { type PublishedFinality, publishedFinalityOf } from '../payment/status-change.ts'
import { EVENT_DEAD_LETTER_REASONS } from '../processor/fold-batch.ts'
import type { DeadLetter } from '../providers/provider.ts'
import { ordersOf } from './orders.ts'
import type { TranslatedFile } from './translate-files.ts'

/** The JSON document that `paystatus fold` prints. Other tools read it: the names are stable. */
export interface FoldedFiles {
  /** One per payment, in the order of first mention. */
  readonly states: readonly FoldedState[]
  readonly deadLetters: readonly FoldDeadLetter[]
  /** Parts of callbacks that are understood but do not report a payment status. */
  readonly setAside: number
  /** Repeats of recorded events. */
  readonly duplicates: number
  readonly permute?: PermuteReport
}

export interface FoldedState {
  readonly paymentKey: string
  readonly status: PaymentStatus
  readonly finality: PublishedFinality
  readonly statusVersion: number
  /** Id of the event that determines status and details. */
  readonly decidedBy: string | null
  readonly attention: readonly AttentionCode[]
  readonly kind: PaymentKind
  readonly relatesTo: string | null
  readonly children: readonly ChildPayment[]
  readonly details: PaymentDetails
  /** In order of arrival. */
  readonly events: readonly FoldedEvent[]
}

export interface FoldedEvent {
  readonly id: string
  /** The child payment that the event is about; null for an event of the payment itself. */
  readonly childKey: string | null
  readonly verdict: Verdict
  readonly rule: VerdictRule
  /** The status that the event reports; `statusAfter` is the payment's status after it. */
  readonly status: PaymentStatus
  readonly statusAfter: PaymentStatus
  readonly statusVersion: number
  readonly occurredAt: number | null
  readonly zoneAssumed: boolean
  readonly timeUnreadable: boolean
  readonly unreadable: readonly string[]
  readonly partialApproval: boolean
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  /** The file and the element in it that the event was read from. */
  readonly file: string
  readonly element: number
}

/** Made by the translation, or by the processor because the payment's history is full. */
export interface FoldDeadLetter extends Omit<DeadLetter, 'reason'> {
  readonly file: string
  readonly reason: DeadLetter['reason'] | 'history-full'
}

export interface PermuteReport {
  /** Number of orders folded, summed over all payments. */
  readonly orders: number
  /** True if every order of every payment's callbacks was folded. */
  readonly exhaustive: boolean
  readonly seed: number
  /** The first difference of each payment whose state depends on the order. */
  readonly differences: readonly OrderDifference[]
}

export interface OrderDifference {
  readonly paymentKey: string
  /** Names of the differing parts of the state. */
  readonly fields: readonly string[]
  /** Two orders of the payment's callbacks with their outcomes. */
  readonly orders: readonly [OrderOutcome, OrderOutcome]
}

interface OrderOutcome {
  readonly files: readonly string[]
  readonly status: PaymentStatus
  readonly attention: readonly AttentionCode[]
}

/**
 * Computes the status of every payment in the callbacks with the fold of the status processor, as if the callbacks had
 * arrived in this order. Pure.
 *
 * With `permuteSeed`, folds the callbacks in other orders too and reports payments whose state depends on the order. A
 * payment's state is a function of its own events, so only the callbacks of each payment are permuted. That usually allows
 * all orders, which would be far too many for all callbacks together.
 */
export function foldFiles(
  files: readonly TranslatedFile[],
  { permuteSeed, apply = applyEvent }: { readonly permuteSeed?: number; readonly apply?: typeof applyEvent } = {},
): FoldedFiles {
  const payments = byPayment(files)
  const states: FoldedState[] = []
  const deadLetters: FoldDeadLetter[] = files.flatMap(({ file, deadLetters }) =>
    deadLetters.map((deadLetter) => ({ file, ...deadLetter })),
  )
  let duplicates = 0
  for (const callbacks of payments.values()) {
    const folded = foldCallbacks(callbacks, apply)
    duplicates += folded.duplicates
    deadLetters.push(...folded.deadLetters)
    states.push(toFoldedState(folded.state, callbacks))
  }
  return {
    states,
    deadLetters,
    setAside: files.reduce((sum, { setAside }) => sum + setAside, 0),
    duplicates,
    ...(permuteSeed !== undefined && { permute: permute(payments, permuteSeed, apply) }),
  }
}

/** The events of one callback about one payment; never empty. */
interface PaymentCallback {
  readonly file: string
  readonly events: readonly [PaymentEvent, ...PaymentEvent[]]
}

function byPayment(files: readonly TranslatedFile[]): ReadonlyMap<string, readonly PaymentCallback[]> {
  const payments = new Map<string, PaymentCallback[]>()
  for (const { file, events } of files) {
    for (const [paymentKey, [first, ...others]] of Map.groupBy(events, (event) => event.paymentKey)) {
      if (first !== undefined) {
        const callbacks = payments.get(paymentKey) ?? []
        callbacks.push({ file, events: [first, ...others] })
        payments.set(paymentKey, callbacks)
      }
    }
  }
  return payments
}

interface Folded {
  readonly state: PaymentState
  readonly duplicates: number
  readonly deadLetters: readonly FoldDeadLetter[]
}

/** `callbacks` are those of one payment, at least one. */
function foldCallbacks(callbacks: readonly PaymentCallback[], apply: typeof applyEvent): Folded {
  let state: PaymentState | undefined
  let duplicates = 0
  let step = 0
  const deadLetters: FoldDeadLetter[] = []
  for (const { file, events } of callbacks) {
    for (const event of events) {
      const applied = apply(state, event, step)
      step += 1
      switch (applied.outcome) {
        case 'duplicate':
          duplicates += 1
          state = applied.state ?? state
          break
        case 'history-full':
          deadLetters.push({ file, reason: 'history-full', message: HISTORY_FULL, element: event.element })
          break
        case 'recorded':
          state = applied.change.state
          break
        default:
          applied satisfies never
      }
    }
  }
  if (state === undefined) {
    throw new TypeError('a payment without callbacks has no state')
  }
  return { state, duplicates, deadLetters }
}

const HISTORY_FULL = EVENT_DEAD_LETTER_REASONS['history-full']

function toFoldedState(state: PaymentState, callbacks: readonly PaymentCallback[]): FoldedState {
  const fileOf = new Map(callbacks.map(({ file, events }) => [events[0].callbackId, file]))
  return {
    paymentKey: state.paymentKey,
    status: state.status,
    finality: publishedFinalityOf(state.status),
    statusVersion: state.statusVersion,
    decidedBy: state.decidedBy,
    attention: state.attention,
    kind: state.kind,
    relatesTo: state.relatesTo,
    children: state.children,
    details: state.details,
    events: state.events.map(({ event, verdict, rule, statusAfter, statusVersion }) => ({
      id: event.eventId,
      childKey: event.childKey,
      verdict,
      rule,
      status: event.status,
      statusAfter,
      statusVersion,
      occurredAt: event.occurredAt,
      zoneAssumed: event.zoneAssumed,
      timeUnreadable: event.timeUnreadable,
      unreadable: event.unreadable,
      partialApproval: event.partialApproval,
      sourceStatus: event.sourceStatus,
      sourceSubStatus: event.sourceSubStatus,
      file: fileOf.get(event.callbackId) ?? '',
      element: event.element,
    })),
  }
}

function permute(
  payments: ReadonlyMap<string, readonly PaymentCallback[]>,
  seed: number,
  apply: typeof applyEvent,
): PermuteReport {
  const differences: OrderDifference[] = []
  let count = 0
  let allExhaustive = true
  for (const [paymentKey, callbacks] of payments) {
    const { orders, exhaustive } = ordersOf(callbacks.length, seed, paymentKey)
    allExhaustive &&= exhaustive
    count += orders.length
    const difference = firstDifference(paymentKey, callbacks, orders, apply)
    if (difference !== null) {
      differences.push(difference)
    }
  }
  return { orders: count, exhaustive: allExhaustive, seed, differences }
}

function firstDifference(
  paymentKey: string,
  callbacks: readonly PaymentCallback[],
  orders: readonly (readonly number[])[],
  apply: typeof applyEvent,
): OrderDifference | null {
  const given = foldCallbacks(callbacks, apply).state
  for (const order of orders) {
    const arrivals = order.flatMap((position) => callbacks[position] ?? [])
    const { state } = foldCallbacks(arrivals, apply)
    const fields = differingFields(orderFreePart(given), orderFreePart(state))
    if (fields.length > 0) {
      return { paymentKey, fields, orders: [toOutcome(callbacks, given), toOutcome(arrivals, state)] }
    }
  }
  return null
}

type OrderFreePart = ReturnType<typeof orderFreePart>

function differingFields(given: OrderFreePart, other: OrderFreePart): readonly string[] {
  const fields = Object.keys(given) as (keyof OrderFreePart)[]
  return fields.filter((field) => !isDeepStrictEqual(given[field], other[field]))
}

function toOutcome(callbacks: readonly PaymentCallback[], state: PaymentState): OrderOutcome {
  return { files: callbacks.map(({ file }) => file), status: state.status, attention: state.attention }
}

/** Formats a difference. */
export function orderDifferenceText({ paymentKey, fields, orders }: OrderDifference): string {
  const outcomes = orders.map(
    ({ files, status, attention }) =>
      `  ${status}${attention.length === 0 ? '' : ` (${attention.join(', ')})`} from ${files.join(', ')}`,
  )
  return [`${paymentKey}: the order of the callbacks affects its ${fields.join(', ')}`, ...outcomes].join('\n')
}
