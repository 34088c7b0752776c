import { open } from 'node:fs/promises'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { DeadLetterReason } from '../../providers/provider.ts'
import {
  type LedgerPayment,
  PLAN_DEFAULTS,
  type Plan,
  type PlannedCallback,
  type PlannedSource,
  type PlanOptions,
  planCallbacks,
  planProblems,
  SimulationOptionsError,
} from './plan.ts'
import { type PostOptions, type PostResult, type PostTarget, postCallbacks, postProblems } from './post-callbacks.ts'

/** A source of the gateway that the simulator sends for. */
export type SimulatedSource = PlannedSource & PostTarget

export interface SimulationOptions extends Omit<PlanOptions, 'sources'>, Omit<PostOptions, 'targets'> {
  readonly sources: readonly SimulatedSource[]
  /** Where to write the report as JSON; opened before anything is sent. */
  readonly outFile?: string
}

/** What was sent and the expected results. Holds no credentials, URLs or bodies. */
export interface SimulationReport {
  readonly seed: number
  readonly startTime: string
  readonly startedAt: string
  readonly seconds: number
  readonly aborted: boolean
  readonly sources: readonly PlannedSource[]
  readonly counts: SimulationCounts
  readonly expected: SimulationExpectation
  /** Answer times of accepted callbacks, ms; null if none was accepted. */
  readonly answerMs: { readonly p50: number; readonly p99: number; readonly max: number } | null
  /** The first few callbacks that were never accepted. */
  readonly failures: readonly Pick<PostResult, 'position' | 'sourceId' | 'outcome' | 'attempts' | 'lastAnswer'>[]
  readonly payments: readonly SimulatedPayment[]
}

interface SimulationCounts {
  readonly callbacks: number
  readonly accepted: number
  readonly givenUp: number
  readonly aborted: number
  readonly attempts: number
  /** Attempts answered with a code other than success. */
  readonly refused: number
  /** Attempts without an answer: the gateway may have accepted the callback. */
  readonly unknown: number
  readonly unreachable: number
  readonly identicalRepeats: number
  readonly reissues: number
  readonly malformed: number
  readonly multiPayment: number
}

/** A count that failed attempts make uncertain: `max` includes those that may have been accepted after all. */
interface CountRange {
  readonly min: number
  readonly max: number
}

interface SimulationExpectation {
  /** Payment keys with at least one accepted fact. */
  readonly payments: number
  /** Distinct facts in accepted callbacks: each has exactly one record in `payments.status.changes`. */
  readonly events: number
  readonly duplicates: CountRange
  readonly deadLetters: CountRange
  /** Minimum per reason, without attempts that may have been accepted. */
  readonly deadLettersByReason: Readonly<Partial<Record<DeadLetterReason, number>>>
  /** Expected number of completely delivered payments per status. */
  readonly paymentsByStatus: Readonly<Partial<Record<PaymentStatus, number>>>
  /**
   * Payments with a fact that was never accepted. Their final status is unknown, and unanswered attempts about them may raise
   * `events` and `payments` above the expected numbers. 0 unless callbacks were given up or the run was aborted.
   */
  readonly undeliveredPayments: number
}

interface SimulatedPayment extends LedgerPayment {
  /** Whether every fact of the payment is in an accepted callback; only then its status must be the expected one. */
  readonly delivered: boolean
}

/**
 * Acts as the providers: plans the callbacks of a seed, posts them, and reports the expected results.
 *
 * Expectations count what the gateway accepted. They are exact if every attempt was answered (see {@link CountRange}).
 * Running a seed again on the same stack gives only duplicates, and the same statuses.
 *
 * Throws {@link SimulationOptionsError} for invalid options, and the file system's error if `outFile` cannot be written,
 * both before anything is sent. An aborted run returns and writes what it has.
 */
export async function runSimulation(options: SimulationOptions): Promise<SimulationReport> {
  const posting = { ...options, targets: options.sources }
  const problems = [...planProblems(options), ...postProblems(posting)]
  if (problems.length > 0) {
    throw new SimulationOptionsError(problems)
  }
  const plan = planCallbacks(options)
  const out = options.outFile === undefined ? undefined : await open(options.outFile, 'w')
  try {
    const startedAt = new Date()
    const clock = performance.now()
    const results = await postCallbacks(plan.callbacks, posting)
    const report: SimulationReport = {
      seed: options.seed,
      startTime: new Date(options.startTimeMs ?? PLAN_DEFAULTS.startTimeMs).toISOString(),
      startedAt: startedAt.toISOString(),
      seconds: Math.round(performance.now() - clock) / 1000,
      aborted: options.signal?.aborted ?? false,
      sources: options.sources.map(({ id, provider, namespace }) => ({ id, provider, namespace })),
      ...summarize(plan, results),
    }
    await out?.writeFile(`${JSON.stringify(report, null, 2)}\n`)
    return report
  } finally {
    await out?.close()
  }
}

const FAILURES_SHOWN_MAX = 20

/** Combines the plan's ledger with the results of posting. Pure. */
export function summarize(
  plan: Plan,
  results: readonly PostResult[],
): Pick<SimulationReport, 'counts' | 'expected' | 'answerMs' | 'failures' | 'payments'> {
  const told = new Set<string>()
  const deadLettersByReason: Partial<Record<DeadLetterReason, number>> = {}
  let elements = 0
  let deadLetters = 0
  let extraElements = 0
  let extraDeadLetters = 0
  const paymentOf = (stepId: string) => stepId.slice(0, stepId.lastIndexOf('#'))
  // Facts of a refund, return or chargeback are also reported to the original.
  const isOfChild = (stepId: string) => (plan.ledger.payments.get(paymentOf(stepId))?.relatesTo ?? null) !== null
  const eventsOf = (stepIds: readonly string[]) => stepIds.length + stepIds.filter(isOfChild).length
  const add = (callback: PlannedCallback) => {
    elements += eventsOf(callback.stepIds)
    deadLetters += callback.deadLetters.length
    for (const id of callback.stepIds) {
      told.add(id)
    }
    for (const reason of callback.deadLetters) {
      deadLettersByReason[reason] = (deadLettersByReason[reason] ?? 0) + 1
    }
  }
  for (const [index, callback] of plan.callbacks.entries()) {
    const result = results[index]
    if (result === undefined) {
      continue
    }
    const accepted = result.outcome === 'accepted'
    if (accepted) {
      add(callback)
    }
    // Attempts that reached the gateway without a success answer may still be in the raw topic.
    const perhapsTaken = result.attempts - result.unreachable - (accepted ? 1 : 0)
    extraElements += perhapsTaken * eventsOf(callback.stepIds)
    extraDeadLetters += perhapsTaken * callback.deadLetters.length
  }

  const payments = [...plan.ledger.payments.values()].map(
    (payment): SimulatedPayment => ({
      ...payment,
      delivered: payment.steps.every((_, position) => told.has(`${payment.paymentKey}#${position}`)),
    }),
  )
  const paymentsByStatus: Partial<Record<PaymentStatus, number>> = {}
  for (const payment of payments.filter((candidate) => candidate.delivered)) {
    paymentsByStatus[payment.expectedStatus] = (paymentsByStatus[payment.expectedStatus] ?? 0) + 1
  }
  const events = eventsOf([...told])
  const duplicates = elements - events
  const sum = (of: (result: PostResult) => number) => results.reduce((total, result) => total + of(result), 0)
  const ending = (outcome: PostResult['outcome']) => results.filter((result) => result.outcome === outcome)
  const accepted = ending('accepted')
  return {
    counts: {
      callbacks: plan.ledger.callbacks,
      accepted: accepted.length,
      givenUp: ending('given-up').length,
      aborted: ending('aborted').length,
      attempts: sum((result) => result.attempts),
      refused: sum((result) => result.refusals),
      unknown: sum((result) => result.unknowns),
      unreachable: sum((result) => result.unreachable),
      identicalRepeats: plan.ledger.identicalRepeats,
      reissues: plan.ledger.reissues,
      malformed: plan.ledger.malformedCallbacks,
      multiPayment: plan.ledger.multiPaymentCallbacks,
    },
    expected: {
      payments: new Set([...told].map(paymentOf)).size,
      events,
      duplicates: { min: duplicates, max: duplicates + extraElements },
      deadLetters: { min: deadLetters, max: deadLetters + extraDeadLetters },
      deadLettersByReason,
      paymentsByStatus,
      undeliveredPayments: payments.filter((payment) => !payment.delivered).length,
    },
    answerMs: percentilesOf(accepted.map((result) => result.answerMs)),
    failures: ending('given-up')
      .slice(0, FAILURES_SHOWN_MAX)
      .map(({ position, sourceId, outcome, attempts, lastAnswer }) => ({
        position,
        sourceId,
        outcome,
        attempts,
        lastAnswer,
      })),
    payments,
  }
}

function percentilesOf(values: readonly number[]): SimulationReport['answerMs'] {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? 0) * 100) / 100
  return sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99), max: at(1) }
}
