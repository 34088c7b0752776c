import type { PaymentState } from '../../payment/apply-event.ts'
import type { PaymentDetails } from '../../payment/fold-payment.ts'
import { sleep } from '../../sleep.ts'
import type { LedgerPayment } from './plan.ts'
import type { SimulationReport } from './simulate.ts'

/** Pause between checks, ms. Each check reads the whole topic of current states. */
const LOOK_EVERY_MS = 1_000

/** A payment whose published state is not the one expected from the simulator's callbacks. */
export interface Mismatch {
  readonly paymentKey: string
  /** The name of its lifecycle in the simulator. */
  readonly lifecycle: string
  /** Status, kind, attention and amount in one text. */
  readonly expected: string
  /** Null if nothing was published about it. */
  readonly found: string | null
}

/** The part of a payment that is compared. */
export interface FoundPayment extends Pick<PaymentState, 'status' | 'kind' | 'attention' | 'relatesTo'> {
  readonly details: Pick<PaymentDetails, 'amount'>
}

/**
 * Compares payments with their expected status, kind, attention and amount, and the original of a refund, return or
 * chargeback. Judges only payments whose every fact was accepted; the outcome of others is unknown. Pure.
 */
export function findMismatches(
  { payments }: Pick<SimulationReport, 'payments'>,
  found: ReadonlyMap<string, FoundPayment>,
): readonly Mismatch[] {
  return payments
    .filter(({ delivered }) => delivered)
    .map((payment) => {
      const { paymentKey, lifecycle } = payment
      const state = found.get(paymentKey)
      return {
        paymentKey,
        lifecycle,
        expected: expectedText(payment),
        found: state === undefined ? null : foundText(state),
      }
    })
    .filter(({ expected, found }) => expected !== found)
}

function expectedText(payment: LedgerPayment): string {
  return outcomeText(
    payment.expectedStatus,
    payment.expectedKind,
    payment.expectedAttention,
    payment.expectedAmount,
    payment.relatesTo,
  )
}

function foundText({ status, kind, attention, details, relatesTo }: FoundPayment): string {
  return outcomeText(status, kind, attention, details.amount?.value ?? null, relatesTo)
}

/** `SETTLED`, `COMPLETED REFUND of clinic:5eed… 20.00`, `BLOCKED (time-uncertain)`. */
function outcomeText(
  status: string,
  kind: string,
  attention: readonly string[],
  amount: string | null,
  relatesTo: string | null,
): string {
  return [
    status,
    ...(kind === 'PAYMENT' ? [] : [kind]),
    ...(relatesTo === null ? [] : [`of ${relatesTo}`]),
    ...(amount === null ? [] : [amount]),
    ...(attention.length === 0 ? [] : [`(${attention.toSorted().join(', ')})`]),
  ].join(' ')
}

/**
 * Checks until every payment is as expected, the time is over, or the signal fires; returns what differs then. A mistake in
 * the fold looks like unfinished work, so it is reported only when the time is over.
 */
export async function awaitStatuses(
  report: Pick<SimulationReport, 'payments'>,
  readPayments: () => Promise<ReadonlyMap<string, FoundPayment>>,
  { timeoutMs, signal, everyMs = LOOK_EVERY_MS }: { timeoutMs: number; signal?: AbortSignal; everyMs?: number },
): Promise<readonly Mismatch[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const mismatches = findMismatches(report, await readPayments())
    if (mismatches.length === 0 || performance.now() >= deadline || signal?.aborted === true) {
      return mismatches
    }
    await sleep(everyMs, signal).catch(() => {})
  }
}

const MISMATCHES_SHOWN_MAX = 20

export function mismatchLines(mismatches: readonly Mismatch[]): readonly string[] {
  return [
    `${mismatches.length} mismatches against the expected statuses`,
    ...mismatches
      .slice(0, MISMATCHES_SHOWN_MAX)
      .map(mismatchText)
      .map((text) => `  ${text}`),
  ]
}

export function mismatchText({ paymentKey, lifecycle, expected, found }: Mismatch): string {
  return `${paymentKey} is ${found ?? '(nothing)'}, expected ${expected} (${lifecycle})`
}
