import type { PaymentStatus } from '../../payment/payment-status.ts'
import { textTable } from '../text-table.ts'
import type { Compared } from '../verify/comparison.ts'
import type { PlannedPayment } from './plan-payment.ts'
import { LEFT_REASONS, type LeftEvent, type LeftReason, REMEDY_RULES, type RemedyRule } from './remedies-of.ts'

/** The result of a run; the last line of `--json`. */
export interface ReprocessReport extends Compared {
  /** Number of payments that change, and number of their events by rule. */
  readonly changed: number
  readonly rules: Readonly<Record<RemedyRule, number>>
  /** Number of payments per change of status. */
  readonly transitions: readonly Transition[]
  /** Events that were left as they are. */
  readonly left: readonly { readonly reason: LeftReason; readonly events: number }[]
  /** Null in a dry run. */
  readonly applied: Applied | null
}

export interface Applied {
  /** Events that were published. */
  readonly published: number
  /** True if the status processor has committed them; null if the command did not wait for that. */
  readonly processed: true | null
}

export interface Transition {
  readonly provider: string
  readonly from: PaymentStatus | null
  readonly to: PaymentStatus
  readonly payments: number
}

/** Adds up the results of a run. Its size depends on the number of statuses, not on the number of payments (I10). */
export class ReprocessTally {
  readonly #rules = new Map<RemedyRule, number>()
  readonly #left = new Map<LeftReason, number>()
  readonly #transitions = new Map<string, Transition>()
  #changed = 0

  add(payment: PlannedPayment): void {
    this.#changed += 1
    for (const { rule } of payment.steps) {
      this.#rules.set(rule, (this.#rules.get(rule) ?? 0) + 1)
    }
    const { provider, before, after } = payment
    const from = before?.status ?? null
    const name = `${provider} ${from} ${after.status}`
    const payments = (this.#transitions.get(name)?.payments ?? 0) + 1
    this.#transitions.set(name, { provider, from, to: after.status, payments })
  }

  addLeft(events: readonly LeftEvent[]): void {
    for (const { reason } of events) {
      this.#left.set(reason, (this.#left.get(reason) ?? 0) + 1)
    }
  }

  get changed(): number {
    return this.#changed
  }

  get rules(): Readonly<Record<RemedyRule, number>> {
    return Object.fromEntries(REMEDY_RULES.map((rule) => [rule, this.#rules.get(rule) ?? 0])) as Record<
      RemedyRule,
      number
    >
  }

  report(compared: Compared, applied: Applied | null): ReprocessReport {
    return {
      ...compared,
      changed: this.#changed,
      rules: this.rules,
      transitions: [...this.#transitions.values()].toSorted(
        (a, b) => a.provider.localeCompare(b.provider) || b.payments - a.payments,
      ),
      left: [...this.#left].map(([reason, events]) => ({ reason, events })),
      applied,
    }
  }
}

/** Whether something is left to do, with `--apply` or by running it again. */
export function isLeft({ applied, changed, left }: ReprocessReport): boolean {
  return (applied === null && changed > 0) || left.some(({ reason }) => reason === 'in-flight')
}

/** The JSON of a payment: without the events themselves. */
export function paymentDocument({ steps, ...payment }: PlannedPayment) {
  return { ...payment, steps: steps.map(({ event: _, known: __, ...step }) => step) }
}

/** A payment as lines for people. */
export function paymentLines({ paymentKey, before, after, steps }: PlannedPayment): readonly string[] {
  const attentionOf = (codes: readonly string[]) => (codes.length === 0 ? '' : ` ! ${codes.join(', ')}`)
  const from = before === null ? '(new)' : `${before.status}${attentionOf(before.attention)}`
  return [
    `${paymentKey}  ${from} -> ${after.status}${attentionOf(after.attention)}  v${before?.statusVersion ?? 0} -> v${after.statusVersion}`,
    ...steps.map(({ rule, callbackId, status, statusBefore, mappingVersion, mappingVersionBefore }) => {
      const reading = rule === 'restated' ? `${statusBefore} -> ${status}` : status
      const versions = mappingVersionBefore === null ? mappingVersion : `${mappingVersionBefore} -> ${mappingVersion}`
      return `  ${rule.padEnd(9)}  ${reading}  mapping ${versions}  callback ${callbackId}`
    }),
  ]
}

/** The result of a run as lines for people. */
export function reprocessLines(report: ReprocessReport): readonly string[] {
  const { transitions, changed, applied } = report
  const rows = transitions.map(({ provider, from, to, payments: count }) => [
    provider,
    from ?? '(new)',
    to,
    String(count),
  ])
  return [
    ...(rows.length === 0 ? [] : textTable(['provider', 'from', 'to', 'payments'], rows)),
    ...reprocessSummary(report),
    ...(applied === null && changed > 0 ? ['nothing was published: run it with --apply --reason "…"'] : []),
  ]
}

/** How much changes, what is left as it is, and what was published. */
export function reprocessSummary(report: ReprocessReport): readonly string[] {
  const { callbacks, payments, changed, rules, left, applied, seconds } = report
  const { forgotten, undecryptable, unknownSource } = report
  const verb = applied === null ? 'would change' : 'changed'
  const processed = applied?.processed === null ? 'not waited for' : 'processed'
  return [
    `${changed} of ${payments} payments ${verb}: ${REMEDY_RULES.map((rule) => `${rules[rule]} events ${rule}`).join(', ')}; ${callbacks} callbacks, ${seconds} s`,
    ...left.map(({ reason, events }) => `${events} events left as they are: ${LEFT_REASONS[reason]}`),
    ...(forgotten + undecryptable > 0
      ? [`${forgotten} callbacks are forgotten and ${undecryptable} cannot be decrypted: they were not read again`]
      : []),
    ...(unknownSource > 0 ? [`${unknownSource} callbacks have an unknown source: they were not read`] : []),
    ...(applied === null ? [] : [`${applied.published} events published to payments.events, ${processed}`]),
  ]
}
