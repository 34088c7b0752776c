import { type PaymentState, VERDICT_RULES, type Verdict, type VerdictRule } from '../../payment/apply-event.ts'
import { compareTexts } from '../../payment/compare-texts.ts'
import type { AttentionCode } from '../../payment/fold-payment.ts'
import type { PaymentEvent, PaymentKind, TimePrecision } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { type FoldDifference, foldWithout } from './fold-without.ts'

/** Everything the topics hold about one payment. */
export interface PaymentTrace {
  readonly state: PaymentState
  /** Its records in `payments.status.changes`, by offset; the oldest may be deleted. */
  readonly changes: readonly StatusChangeRecord[]
  /** Its records in `payments.events`, by offset; the oldest may be deleted. */
  readonly events: readonly { readonly event: PaymentEvent; readonly processed: boolean }[]
  /** Its records in `payments.events.dlq`. */
  readonly deadLetters: readonly { readonly event: PaymentEvent; readonly reason: string }[]
  /** The positions of its callbacks in raw, by callback id. */
  readonly raw: ReadonlyMap<string, RawPlace>
  /** Raw contains every callback received since then, ms since the epoch; null if none was deleted yet. */
  readonly rawReachesBackTo: number | null
}

/** The position of a raw record, and a fingerprint of its body. */
export interface RawPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Whether the body can be read; `no-key`: it is encrypted and its key-encryption key is not configured here. */
  readonly body: 'readable' | 'forgotten' | 'undecryptable' | 'no-key'
  /** SHA-256 of the body as received, hex, and its length; null if it cannot be read. */
  readonly bodySha256: string | null
  readonly bodyBytes: number | null
  /** Id of the data key; null if the body is not encrypted. */
  readonly dataKeyId: string | null
  /** Id of its OpenTelemetry trace; null if it was not sampled. */
  readonly traceId: string | null
  /** Offsets of further records of the same receipt: the gateway may append a callback twice if Kafka acknowledges it late. */
  readonly repeatedAt: readonly number[]
}

/** A payment as `paystatus why --json` prints it. Other tools read it: the names are stable. Times are ms since the epoch. */
export interface PaymentExplanation {
  readonly paymentKey: string
  readonly incarnation: number
  readonly status: PaymentStatus
  readonly statusVersion: number
  /** Id of the event that determines status and details. */
  readonly decidedBy: string | null
  readonly attention: readonly AttentionCode[]
  readonly rawReachesBackTo: number | null
  /** In order of receipt; one entry per element that is about this payment. */
  readonly callbacks: readonly ExplainedCallback[]
  /** Steps made by the clock: the payment became overdue. */
  readonly overdue: readonly { readonly incarnation: number; readonly statusVersion: number; readonly at: number }[]
}

/** The outcome of a callback. The last four have no record in `changes`. */
export type CallbackVerdict = Verdict | 'DUPLICATE' | 'DEAD_LETTER' | 'PENDING' | 'MISSING'

export interface ExplainedCallback {
  readonly callbackId: string
  readonly element: number
  readonly source: string
  /** How the caller was authenticated; empty if unknown. */
  readonly authenticity: readonly string[]
  readonly receivedAt: number
  /** Version of the mapping that read it so; 0 if an older release did. A callback has an entry for each version that read it. */
  readonly mappingVersion: number
  /** True if that version no longer reads the event from it. */
  readonly withdrawn: boolean
  /** Null if raw does not contain it; `rawGone` gives the reason. */
  readonly raw: RawPlace | null
  readonly rawGone: 'retention' | 'not-found' | null
  readonly eventId: string
  /** The refund, return or chargeback that it is about; null if it is about the payment itself. */
  readonly childKey: string | null
  readonly kind: PaymentKind
  readonly status: PaymentStatus
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  readonly occurredAt: number | null
  readonly occurredAtPrecision: TimePrecision
  readonly zoneAssumed: boolean
  readonly timeUnreadable: boolean
  readonly unreadable: readonly string[]
  readonly partialApproval: boolean
  readonly verdict: CallbackVerdict
  /** The rule behind the verdict, or the reason of a dead letter. */
  readonly rule: string | null
  readonly ruleText: string
  /** True if it determines status and details. */
  readonly decides: boolean
  /** Null if it changed nothing. */
  readonly changed: CallbackChange | null
  /** Other callbacks with the same event. */
  readonly saidAlsoBy: readonly string[]
  /** What would change without this callback; null if nothing would, for example because another has the same event. */
  readonly withoutIt: FoldDifference | null
  /** What would change if no callback had reported this event. */
  readonly withoutAllThatSayIt: FoldDifference | null
}

export interface CallbackChange {
  readonly incarnation: number
  readonly statusVersion: number
  /** Null if this is the payment's first step, or if the previous step was deleted from `changes`. */
  readonly statusBefore: PaymentStatus | null
  readonly statusAfter: PaymentStatus
  /** Null if the previous step was deleted from `changes`. */
  readonly attention: { readonly gone: readonly AttentionCode[]; readonly added: readonly AttentionCode[] } | null
}

const NO_RULE = {
  DUPLICATE: { rule: 'known-event', text: 'recorded before; counted, changes nothing' },
  PENDING: { rule: null, text: 'not yet reached by the status processor' },
  MISSING: { rule: null, text: 'processed but not recorded: run `paystatus verify`' },
} as const satisfies Record<string, { rule: string | null; text: string }>

/**
 * Explains every callback of a payment: its outcome, the reason, and what would change without it. Pure.
 *
 * Recorded callbacks are known for as long as the payment is. Callbacks that changed nothing, such as repeats, are known
 * for as long as `payments.events` holds them.
 */
export function explainPayment(trace: PaymentTrace): PaymentExplanation {
  const { state, changes, raw, rawReachesBackTo } = trace
  const tellings = tellingsOf(trace)
  const saidBy = Map.groupBy(tellings, ({ event }) => event.eventId)
  const idsOf = Map.groupBy(tellings, ({ event }) => event.callbackId)
  const events = state.events.map(({ event }) => event)
  const countingSince = new Map(state.events.map(({ event, statusVersion }) => [event.eventId, statusVersion]))

  const explain = ({ event, verdict, rule, ruleText, changed }: Telling): ExplainedCallback => {
    const { callbackId, eventId } = event
    const others = (id: string) =>
      new Set((saidBy.get(id) ?? []).map((telling) => telling.event.callbackId).filter((other) => other !== callbackId))
    const onlyHere = (idsOf.get(callbackId) ?? [])
      .map((telling) => telling.event.eventId)
      .filter((id) => others(id).size === 0)
    const place = raw.get(callbackId) ?? null
    const isOlder = rawReachesBackTo !== null && event.receivedAt < rawReachesBackTo
    return {
      callbackId,
      element: event.element,
      source: event.source,
      authenticity: event.authenticity,
      receivedAt: event.receivedAt,
      mappingVersion: event.mappingVersion,
      withdrawn: event.withdrawn,
      raw: place,
      rawGone: place !== null ? null : isOlder ? 'retention' : 'not-found',
      eventId,
      status: event.status,
      sourceStatus: event.sourceStatus,
      sourceSubStatus: event.sourceSubStatus,
      childKey: event.childKey,
      kind: event.kind,
      occurredAt: event.occurredAt,
      occurredAtPrecision: event.occurredAtPrecision,
      zoneAssumed: event.zoneAssumed,
      timeUnreadable: event.timeUnreadable,
      unreadable: event.unreadable,
      partialApproval: event.partialApproval,
      verdict,
      rule,
      ruleText,
      decides:
        eventId === state.decidedBy &&
        changed !== null &&
        changed.incarnation === state.incarnation &&
        changed.statusVersion === countingSince.get(eventId),
      changed,
      saidAlsoBy: [...others(eventId)],
      withoutIt: foldWithout(events, new Set(onlyHere)),
      withoutAllThatSayIt: foldWithout(events, new Set([eventId])),
    }
  }
  return {
    paymentKey: state.paymentKey,
    incarnation: state.incarnation,
    status: state.status,
    statusVersion: state.statusVersion,
    decidedBy: state.decidedBy,
    attention: state.attention,
    rawReachesBackTo,
    callbacks: tellings.map(explain).sort(byReceipt),
    overdue: changes
      .filter(({ event }) => event === null)
      .map(({ incarnation, statusVersion, recordedAt }) => ({ incarnation, statusVersion, at: recordedAt })),
  }
}

/** One element of one callback about the payment, as one mapping version read it. */
interface Telling {
  readonly event: PaymentEvent
  readonly verdict: CallbackVerdict
  readonly rule: string | null
  readonly ruleText: string
  readonly changed: CallbackChange | null
}

function tellingsOf({ state, changes, events, deadLetters }: PaymentTrace): readonly Telling[] {
  const tellings = new Map<string, Telling>()
  const recordedIds = new Set<string>()
  const addRecorded = (event: PaymentEvent, rule: VerdictRule, changed: CallbackChange) => {
    const { verdict, text } = VERDICT_RULES[rule] ?? { verdict: 'UNKNOWN', text: 'a rule of a different release' }
    tellings.set(nameOf(event), { event, verdict, rule, ruleText: text, changed })
    recordedIds.add(event.eventId)
  }
  for (const [index, change] of changes.entries()) {
    const { event, rule } = change
    if (event !== null && rule !== 'overdue') {
      addRecorded(event, rule, changeOf(change, changes[index - 1]))
    }
  }
  const ofThisLife = changes.filter(({ incarnation }) => incarnation === state.incarnation)
  const versionsInChanges = new Set(ofThisLife.map(({ statusVersion }) => statusVersion))
  for (const [index, { event, rule, statusVersion, statusAfter }] of state.events.entries()) {
    if (!versionsInChanges.has(statusVersion)) {
      // Its record in `changes` was deleted; only the status of the previous step is still known.
      const statusBefore = state.events[index - 1]?.statusAfter ?? null
      const { incarnation } = state
      addRecorded(event, rule, { incarnation, statusVersion, statusBefore, statusAfter, attention: null })
    }
  }
  const reasons = new Map(deadLetters.map(({ event, reason }) => [event.eventId, reason]))
  const others = [...events, ...deadLetters.map(({ event }) => ({ event, processed: true }))]
  for (const { event, processed } of others) {
    if (!tellings.has(nameOf(event))) {
      const outcome = outcomeOf(recordedIds.has(event.eventId), reasons.get(event.eventId), processed)
      tellings.set(nameOf(event), { event, ...outcome, changed: null })
    }
  }
  return [...tellings.values()]
}

function outcomeOf(
  isRecorded: boolean,
  reason: string | undefined,
  processed: boolean,
): Pick<Telling, 'verdict' | 'rule' | 'ruleText'> {
  if (reason !== undefined && !isRecorded) {
    return { verdict: 'DEAD_LETTER', rule: reason, ruleText: 'dead-lettered in payments.events.dlq' }
  }
  const verdict = isRecorded ? 'DUPLICATE' : processed ? 'MISSING' : 'PENDING'
  const { rule, text } = NO_RULE[verdict]
  return { verdict, rule, ruleText: text }
}

function changeOf(change: StatusChangeRecord, before: StatusChangeRecord | undefined): CallbackChange {
  const { incarnation, statusVersion, statusBefore, statusAfter } = change
  const isStepBefore = before?.incarnation === incarnation && before.statusVersion === statusVersion - 1
  const known = statusVersion === 1 ? [] : isStepBefore ? before.attention : null
  const attention =
    known === null
      ? null
      : {
          gone: known.filter((code) => !change.attention.includes(code)),
          added: change.attention.filter((code) => !known.includes(code)),
        }
  return { incarnation, statusVersion, statusBefore, statusAfter, attention }
}

function nameOf({ callbackId, element, eventId, mappingVersion, withdrawn }: PaymentEvent): string {
  return `${callbackId}#${element}#${eventId}#${mappingVersion}#${withdrawn}`
}

function byReceipt(a: ExplainedCallback, b: ExplainedCallback): number {
  return (
    a.receivedAt - b.receivedAt ||
    compareTexts(a.callbackId, b.callbackId) ||
    a.element - b.element ||
    a.mappingVersion - b.mappingVersion
  )
}
