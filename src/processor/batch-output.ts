import { type Change, type PaymentState, replacesReading } from '../payment/apply-event.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../payment/status-change.ts'
import { noTotals, type TotalsDelta } from '../payment/totals.ts'
import { toDeadLetter } from '../stream/dead-letter.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import { type TraceHeader, traceHeaderOf, traceIdOf } from '../stream/traceparent.ts'
import { dueAction, markOverdue } from './due.ts'
import { type BatchOutcome, EVENT_DEAD_LETTER_REASONS } from './fold-batch.ts'
import type { StateWrite } from './state-store.ts'
import { forgettingWrite, stateWrite } from './state-write.ts'
import type { StatusTaskOptions } from './status-task-options.ts'
import { type StepHeaders, versionHeaders } from './step-headers.ts'

/** What one transaction publishes, counts and writes into the view. */
export interface BatchOutput {
  readonly current: OutRecord[]
  readonly changes: OutRecord[]
  readonly deadLetters: OutRecord[]
  readonly writes: StateWrite[]
  readonly totals: TotalsDelta
  readonly seen: SeenEvent[]
}

/** The times of an event that was recorded for the first time, for metrics: ms since the epoch. */
export interface SeenEvent {
  readonly provider: string
  readonly receivedAt: number
  /** Null if the provider's own time is not known to the second. */
  readonly occurredAt: number | null
  /** Of its callback, if that was sampled. */
  readonly traceId: string | null
}

export interface OutputContext extends Pick<StatusTaskOptions, 'codecs' | 'duePolicy' | 'topics' | 'partition'> {
  readonly stepHeaders: StepHeaders
}

/** Publishes nothing; its commit only advances the offset. */
export function emptyOutput(): BatchOutput {
  return { current: [], changes: [], deadLetters: [], writes: [], totals: noTotals(), seen: [] }
}

/** Adds the records for the events of a payment that were folded; `at` is the time of recording, ms since the epoch. */
export function addOutcome(
  output: BatchOutput,
  { changes, before, state, deadLetters }: BatchOutcome<InRecord>,
  context: OutputContext,
  at: number,
): void {
  const { topics, partition } = context
  let trace: TraceHeader | undefined
  for (const { record, change } of changes) {
    trace = traceHeaderOf(record)
    publishStep(output, toStatusChange(change), context, trace)
    addSeen(output.seen, change, trace === undefined ? null : traceIdOf(trace))
  }
  if (state !== null) {
    publishState(output, state, context, before, trace)
  }
  for (const { record, reason } of deadLetters) {
    output.deadLetters.push(
      toDeadLetter(record, {
        reason,
        message: EVENT_DEAD_LETTER_REASONS[reason],
        stage: 'processor',
        topic: topics.events,
        partition,
        offset: record.offset,
        element: null,
        at,
      }),
    )
  }
}

/** Leaves out what is not the first record of an event: corrections, and reports about a child, which has its own event. */
function addSeen(seen: SeenEvent[], { recorded: { event, verdict } }: Change, traceId: string | null): void {
  if (!replacesReading(verdict) && event.childKey === null) {
    const { provider, receivedAt, occurredAt, occurredAtPrecision, zoneAssumed } = event
    const isExact = !zoneAssumed && occurredAtPrecision !== 'DAY' && occurredAtPrecision !== 'NONE'
    seen.push({ provider, receivedAt, occurredAt: isExact ? occurredAt : null, traceId })
  }
}

/**
 * The records for payments whose due time has come: an overdue report, a tombstone, or only a corrected due time. Pure.
 *
 * @param stateOf The state of a payment; undefined if the view does not have it.
 * @param at Now, ms since the epoch.
 */
export function outputOfTimers(
  paymentKeys: readonly string[],
  stateOf: (paymentKey: string) => PaymentState | undefined,
  context: OutputContext,
  at: number,
): BatchOutput {
  const output = emptyOutput()
  for (const paymentKey of paymentKeys) {
    const state = stateOf(paymentKey)
    if (state === undefined) {
      output.writes.push(forgettingWrite(paymentKey))
      continue
    }
    const action = dueAction(state, at, context.duePolicy)
    switch (action) {
      case 'forget':
        output.writes.push(forgettingWrite(paymentKey))
        output.current.push({ key: paymentKey, value: null, headers: versionHeaders(state) })
        output.totals.forgotten += 1
        break
      case 'overdue': {
        const marked = markOverdue(state, at)
        publishStep(output, overdueChange(marked), context)
        publishState(output, marked, context, state)
        output.totals.overdue += 1
        break
      }
      case 'wait':
        output.writes.push(stateWrite(paymentKey, context.codecs.state.encode(state), state, context.duePolicy, state))
        break
      default:
        action satisfies never
    }
  }
  return output
}

function publishStep(
  output: BatchOutput,
  step: StatusChangeRecord,
  { codecs, stepHeaders }: OutputContext,
  trace?: TraceHeader,
): void {
  const headers = withTrace(stepHeaders.of(step), trace)
  output.changes.push({ key: step.paymentKey, value: codecs.change.encode(step), headers })
}

/** A state goes to the topic and into the view as the same bytes. `before` is the state in the view. */
function publishState(
  output: BatchOutput,
  state: PaymentState,
  { codecs, duePolicy }: OutputContext,
  before: PaymentState | undefined,
  trace?: TraceHeader,
): void {
  const value = codecs.state.encode(state)
  output.current.push({ key: state.paymentKey, value, headers: withTrace(versionHeaders(state), trace) })
  output.writes.push(stateWrite(state.paymentKey, value, state, duePolicy, before))
}

/** Copies nothing for a record that is not traced. */
function withTrace(headers: NonNullable<OutRecord['headers']>, trace: TraceHeader | undefined) {
  return trace === undefined ? headers : { ...headers, ...trace.headers }
}
