import {
  applyEvent,
  hasWholeHistory,
  type PaymentState,
  type RecordedEvent,
  replacesReading,
} from '../../payment/apply-event.ts'
import { countsForItself, foldPayment } from '../../payment/fold-payment.ts'
import { type KeptEvent, keepWithinBound, wholeEvent } from '../../payment/keep-within-bound.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import { publishedFinalityOf, type StatusChangeRecord } from '../../payment/status-change.ts'

/** What the two outputs hold about one payment. */
export interface RepairEvidence {
  readonly paymentKey: string
  /** Its records in `payments.status.changes`, by offset. */
  readonly changes: readonly StatusChangeRecord[]
  /** Its last record in `payments.status.current`; null for a tombstone or no record. */
  readonly current: PaymentState | null
}

/** What applies to all payments of a partition. Times are ms since the epoch. */
export interface RepairCircumstances {
  /** Retention deleted older records from `changes`; null if it still has its first record. */
  readonly changesReachBackTo: number | null
  readonly forgetAfterMs: number
  readonly now: number
}

export interface PaymentRepair {
  /** The records that `changes` lost, by version. */
  readonly changes: readonly StatusChangeRecord[]
  /** The state that `current` lost; null if it has the latest one. */
  readonly current: PaymentState | null
  /** What may differ from the original publication, one sentence each. */
  readonly inexact: readonly string[]
  /** What both outputs lost, one sentence each. */
  readonly unrepairable: readonly string[]
}

/**
 * Reconstructs what one output lost from what the other still has. Pure.
 *
 * `current` has the history of a payment: every event with verdict, rule, version and status. Its records in `changes` can
 * be reconstructed from that. `changes` has every step, so states that `current` lost can be reconstructed by applying the
 * steps. A step reconstructed from a history takes its details (attention, kind, references) from this release's fold of the
 * events up to it; an older release may have published others. What cannot be known is listed in `inexact`.
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

/** The steps of the newest life in either output. */
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

/** The latest state that the steps in `changes` lead to; null if `current` has it, or if the payment was forgotten. */
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
    return null // Forgotten after the retention, as intended.
  }
  const base = state
  for (let version = (state?.statusVersion ?? 0) + 1; version <= last; version += 1) {
    const step = byVersion.get(version)
    const next: PaymentState | null = step === undefined ? null : afterStep(state, step)
    if (next === null) {
      const from = state === null ? 'nothing' : `v${state.statusVersion}`
      unrepairable.push(
        `${paymentKey}: current has ${from} and changes ends at v${last}, but v${version} is missing from changes or cannot be applied`,
      )
      break
    }
    state = next
  }
  return state === base ? null : state
}

/** Applies one step as recorded; null if it does not follow from this state. */
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
  // The verdict was published when the event arrived, so it stays, even if this release would give another.
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

/** The records missing from `changes` for the life of a state, except those that retention deleted. */
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
  // `changes` had the whole event.
  const whole = state.events.filter((recorded) => !recorded.detailsDropped)
  const recordedAs = new Map(whole.map((recorded) => [recorded.statusVersion, recorded]))
  // A history that was never full has every event, so a version without an event is an overdue step.
  const isComplete = hasWholeHistory(state)
  // Up to this version, one without an event can also be a reading that was replaced.
  const replacing = state.events.filter(({ verdict }) => replacesReading(verdict))
  const lastRestated = Math.max(0, ...replacing.map(({ statusVersion }) => statusVersion))
  const missing: StatusChangeRecord[] = []
  let known: readonly KeptEvent[] = []
  let before: PaymentStatus | null = null
  let overdueSince: number | null = null
  let recordedBefore = Number.NEGATIVE_INFINITY
  for (let version = 1; version <= state.statusVersion; version += 1) {
    const recorded = recordedAs.get(version)
    const step = present.get(version)
    const event = recorded?.event ?? step?.event ?? null
    const replaced = known.find((one) => one.event.eventId === event?.eventId)
    if (event !== null) {
      const others = known.filter((other) => other !== replaced)
      known = keepWithinBound([...others, wholeEvent(event)])
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
          `${paymentKey}: v${version} is missing from changes, and its event from the history in current`,
        )
      }
      continue
    }
    const isOverdue = recorded === undefined
    // The next step has the time, and so does the state while the status stays the same.
    const mark =
      present.get(version + 1)?.overdueSince ?? (isLastGap(version, state, recordedAs) ? state.overdueSince : null)
    const recordedAt = recorded?.recordedAt ?? mark ?? recordedAtAfter(version, state, present)
    const status: PaymentStatus = recorded?.statusAfter ?? (before as PaymentStatus)
    overdueSince = isOverdue
      ? recordedAt
      : before === status && known.some((one) => countsForItself(one.event))
        ? overdueSince
        : null
    // If its time is unknown, an overdue step right after deleted records counts as deleted, too.
    const isExpired =
      changesReachBackTo !== null && (isOverdue && mark === null ? recordedBefore : recordedAt) < changesReachBackTo
    if (!isExpired) {
      const isLast = version === state.statusVersion
      const folded = isLast ? { ...state } : foldPayment(known.map((one) => one.event))
      if (isOverdue && mark === null) {
        inexact.push(
          `${paymentKey} v${version}: the time at which the payment became overdue is unknown; the time of the next step is used`,
        )
      }
      if (!isLast && (folded.status !== status || !isComplete || version < lastRestated)) {
        inexact.push(
          `${paymentKey} v${version}: attention and details are computed by this release from the remaining events`,
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
        mappingVersionBefore:
          recorded !== undefined && replacesReading(recorded.verdict) ? (replaced?.event.mappingVersion ?? null) : null,
        event: recorded?.event ?? null,
      })
    }
    before = status
    recordedBefore = recordedAt
  }
  return missing
}

/** Whether every later version has an event. */
function isLastGap(version: number, state: PaymentState, recordedAs: ReadonlyMap<number, unknown>): boolean {
  for (let later = version + 1; later <= state.statusVersion; later += 1) {
    if (!recordedAs.has(later)) {
      return false
    }
  }
  return true
}

/** When the first known step after a version was recorded; without one, when the payment was last touched. */
function recordedAtAfter(
  version: number,
  state: PaymentState,
  present: ReadonlyMap<number, StatusChangeRecord>,
): number {
  let next = { statusVersion: Number.POSITIVE_INFINITY, recordedAt: state.touchedAt }
  for (const step of [...state.events, ...present.values()]) {
    if (step.statusVersion > version && step.statusVersion < next.statusVersion) {
      next = step
    }
  }
  return next.recordedAt
}
