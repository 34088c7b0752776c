import { applyEvent, type PaymentState, type RecordedEvent } from '../../payment/apply-event.ts'
import { foldPayment, HISTORY_EVENTS_MAX, keepWithinBound } from '../../payment/fold-payment.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import { publishedFinalityOf, type StatusChangeRecord } from '../../payment/status-change.ts'

/** What the two outputs hold of one payment. */
export interface RepairEvidence {
  readonly paymentKey: string
  /** Its records in `payments.status.changes`, in their order. */
  readonly changes: readonly StatusChangeRecord[]
  /** Its last record in `payments.status.current`; null for a tombstone, and for none. */
  readonly current: PaymentState | null
}

/** What holds for all payments of a partition. Times are ms since the epoch. */
export interface RepairCircumstances {
  /** What was recorded before is not in `changes` any more, by retention; null if `changes` has its first record. */
  readonly changesReachBackTo: number | null
  readonly forgetAfterMs: number
  readonly now: number
}

export interface PaymentRepair {
  /** What `changes` lost, by version. */
  readonly changes: readonly StatusChangeRecord[]
  /** The state that `current` lost; null if it has the last one. */
  readonly current: PaymentState | null
  /** What of it may differ from what was published first, one sentence each. */
  readonly inexact: readonly string[]
  /** What neither output has any more, one sentence each. */
  readonly unrepairable: readonly string[]
}

/**
 * What one output lost and the other still has. Pure.
 *
 * `current` has the history of a payment: every event with verdict, rule, version and status, so that its records of
 * `changes` can be made again. `changes` has every step, so that the states that `current` lost can be made again by
 * taking the steps. What is made from a history is exact up to the release: the details of a step (attention, kind, references)
 * are what this release's fold makes of the events up to it, and what cannot be known is said in `inexact`.
 */
export function repairPayment(evidence: RepairEvidence, circumstances: RepairCircumstances): PaymentRepair {
  const inexact: string[] = []
  const unrepairable: string[] = []
  const steps = stepsOfLastLife(evidence)
  const rebuilt = rebuildState(evidence, steps, circumstances, unrepairable)
  const state = rebuilt ?? evidence.current
  const changes =
    state === null || steps.incarnation > state.incarnation
      ? []
      : missingChanges(state, steps.byVersion, circumstances, inexact, unrepairable)
  return { changes, current: rebuilt, inexact, unrepairable }
}

interface Steps {
  readonly incarnation: number
  readonly byVersion: ReadonlyMap<number, StatusChangeRecord>
}

/** The steps of the newest life that either output knows. */
function stepsOfLastLife({ changes, current }: RepairEvidence): Steps {
  const incarnation = Math.max(
    current?.incarnation ?? Number.NEGATIVE_INFINITY,
    ...new Set(changes.map((change) => change.incarnation)),
  )
  const byVersion = new Map<number, StatusChangeRecord>()
  for (const change of changes) {
    if (change.incarnation === incarnation && !byVersion.has(change.statusVersion)) {
      byVersion.set(change.statusVersion, change)
    }
  }
  return { incarnation, byVersion }
}

/** The state that `changes` leads to, if `current` is behind it; null if it is not, or if a step on the way is gone. */
function rebuildState(
  { paymentKey, current }: RepairEvidence,
  { incarnation, byVersion }: Steps,
  { forgetAfterMs, now }: RepairCircumstances,
  unrepairable: string[],
): PaymentState | null {
  let last = 0
  for (const version of byVersion.keys()) {
    last = Math.max(last, version)
  }
  let state = current?.incarnation === incarnation ? current : null
  if (last <= (state?.statusVersion ?? 0)) {
    return null
  }
  const lastStep = byVersion.get(last) as StatusChangeRecord
  if (current === null && lastStep.recordedAt + forgetAfterMs <= now) {
    return null // Forgotten, as it should be.
  }
  const base = state
  for (let version = (state?.statusVersion ?? 0) + 1; version <= last; version += 1) {
    const step = byVersion.get(version)
    const next: PaymentState | null = step === undefined ? null : afterStep(state, step)
    if (next === null) {
      const from = state === null ? 'nothing' : `v${state.statusVersion}`
      unrepairable.push(
        `${paymentKey}: current has ${from} and changes goes to v${last}, but v${version} is not in changes or does not follow`,
      )
      break
    }
    state = next
  }
  return state === base ? null : state
}

/** Takes one step as it was recorded; null if it is not one from this state. */
function afterStep(state: PaymentState | null, step: StatusChangeRecord): PaymentState | null {
  if (step.event === null) {
    return state === null
      ? null
      : { ...state, statusVersion: step.statusVersion, overdueSince: step.overdueSince ?? step.recordedAt }
  }
  const applied = applyEvent(state ?? undefined, step.event, step.recordedAt)
  if (applied.outcome !== 'recorded') {
    return null
  }
  const { state: after, recorded } = applied.change
  // The verdict tells the story of the arrival and was published: it stays, whatever this release would say.
  const published: RecordedEvent = {
    ...recorded,
    verdict: step.verdict as RecordedEvent['verdict'],
    rule: step.rule as RecordedEvent['rule'],
    statusAfter: step.statusAfter,
  }
  return {
    ...after,
    incarnation: step.incarnation,
    events: after.events.map((item) => (item === recorded ? published : item)),
  }
}

/** The records that `changes` does not have of the life that a state tells of, without what retention deleted. */
function missingChanges(
  state: PaymentState,
  present: ReadonlyMap<number, StatusChangeRecord>,
  { changesReachBackTo }: RepairCircumstances,
  inexact: string[],
  unrepairable: string[],
): readonly StatusChangeRecord[] {
  if (present.size === state.statusVersion) {
    return []
  }
  const { paymentKey, incarnation } = state
  const recordedAs = new Map(state.events.map((recorded) => [recorded.statusVersion, recorded]))
  // A history that was never full has every event: a version without one was the report that the payment is overdue.
  const isComplete = state.events.length < HISTORY_EVENTS_MAX
  // Up to here a version without an event can also be that of a reading that was replaced.
  const lastRestated = Math.max(0, ...state.events.filter(isRestated).map(({ statusVersion }) => statusVersion))
  const missing: StatusChangeRecord[] = []
  let known: readonly PaymentEvent[] = []
  let before: PaymentStatus | null = null
  let overdueSince: number | null = null
  let recordedBefore = Number.NEGATIVE_INFINITY
  for (let version = 1; version <= state.statusVersion; version += 1) {
    const recorded = recordedAs.get(version)
    const step = present.get(version)
    const event = recorded?.event ?? step?.event ?? null
    const replaced = known.find(({ eventId }) => eventId === event?.eventId)
    if (event !== null) {
      const others = known.filter((other) => other !== replaced)
      known = keepWithinBound([...others, event], (one) => one, HISTORY_EVENTS_MAX)
    }
    if (step !== undefined) {
      before = step.statusAfter
      overdueSince = step.overdueSince
      recordedBefore = step.recordedAt
      continue
    }
    if (recorded === undefined && (!isComplete || before === null || version < lastRestated)) {
      const recordedLater = recordedAtAfter(version, state, present)
      if (changesReachBackTo === null || recordedLater >= changesReachBackTo) {
        unrepairable.push(
          `${paymentKey}: v${version} is not in changes, and its event is not in the history of current`,
        )
      }
      continue
    }
    const isOverdue = recorded === undefined
    // The mark stands in the next step, and in the state for as long as the status stays.
    const mark =
      present.get(version + 1)?.overdueSince ?? (isLastGap(version, state, recordedAs) ? state.overdueSince : null)
    const recordedAt = recorded?.recordedAt ?? mark ?? recordedAtAfter(version, state, present)
    const status: PaymentStatus = recorded?.statusAfter ?? (before as PaymentStatus)
    overdueSince = isOverdue ? recordedAt : before === status ? overdueSince : null
    // Where the time is not known, a report right after what retention deleted counts as deleted, too.
    const isExpired =
      changesReachBackTo !== null && (isOverdue && mark === null ? recordedBefore : recordedAt) < changesReachBackTo
    if (!isExpired) {
      const isLast = version === state.statusVersion
      const folded = isLast ? { ...state } : foldPayment(known)
      if (isOverdue && mark === null) {
        inexact.push(
          `${paymentKey} v${version}: when the payment became overdue is not known; the time of the next step is given`,
        )
      }
      if (!isLast && (folded.status !== status || !isComplete || version < lastRestated)) {
        inexact.push(
          `${paymentKey} v${version}: attention and details are those that this release makes of the events that are left`,
        )
      }
      missing.push({
        paymentKey,
        incarnation,
        statusVersion: version,
        verdict: recorded?.verdict ?? 'OVERDUE',
        rule: recorded?.rule ?? 'overdue',
        statusBefore: before,
        statusAfter: status,
        statusChanged: before !== status,
        finality: publishedFinalityOf(status),
        kind: folded.kind,
        relatesTo: folded.relatesTo,
        endToEndId: folded.details.endToEndId,
        attention: folded.attention,
        overdueSince,
        recordedAt,
        mappingVersionBefore: recorded?.verdict === 'RESTATED' ? (replaced?.mappingVersion ?? null) : null,
        event: recorded?.event ?? null,
      })
    }
    before = status
    recordedBefore = recordedAt
  }
  return missing
}

function isRestated({ verdict }: RecordedEvent): boolean {
  return verdict === 'RESTATED'
}

/** Whether no version after this one is without an event. */
function isLastGap(version: number, state: PaymentState, recordedAs: ReadonlyMap<number, unknown>): boolean {
  for (let later = version + 1; later <= state.statusVersion; later += 1) {
    if (!recordedAs.has(later)) {
      return false
    }
  }
  return true
}

/** When the first step after a version was recorded that is known of; if none is, when the payment was last touched. */
function recordedAtAfter(
  version: number,
  state: PaymentState,
  present: ReadonlyMap<number, StatusChangeRecord>,
): number {
  let earliest: number | undefined
  let at = Number.POSITIVE_INFINITY
  for (const { statusVersion, recordedAt } of state.events) {
    if (statusVersion > version && statusVersion < at) {
      at = statusVersion
      earliest = recordedAt
    }
  }
  for (const [statusVersion, { recordedAt }] of present) {
    if (statusVersion > version && statusVersion < at) {
      at = statusVersion
      earliest = recordedAt
    }
  }
  return earliest ?? state.touchedAt
}
