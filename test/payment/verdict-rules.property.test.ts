import fc from 'fast-check'
import { expect, test } from 'vitest'
import { applyEvent, type PaymentState, VERDICT_RULES, type VerdictRule } from '../../src/payment/apply-event.ts'
import type { AttentionCode } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { runs } from '../runs.ts'
import { distinctEvents } from './arbitrary-events.ts'

interface Arrival {
  readonly before: PaymentState | undefined
  readonly event: PaymentEvent
  readonly after: PaymentState
}

const brings = ({ before, after }: Arrival, code: AttentionCode) =>
  after.attention.includes(code) && !(before?.attention ?? []).includes(code)
/** The payment's own events that count, without reports of its children. */
const known = ({ before }: Arrival) =>
  (before?.events ?? [])
    .map((recorded) => recorded.event)
    .filter(({ childKey, withdrawn }) => childKey === null && !withdrawn)

/** When each rule applies by itself. */
const HOLDS: Record<VerdictRule, (arrival: Arrival) => boolean> = {
  'no-longer-read': ({ event }) => event.withdrawn,
  // Only of events that are known; these are distinct.
  'read-again': () => false,
  'newer-mapping': () => false,
  'earlier-time': () => false,
  'other-content': () => false,
  'child-reported': ({ event }) => event.childKey !== null,
  'unknown-event': ({ event }) => event.status === 'UNKNOWN',
  'brings-contradictory-finals': (arrival) => brings(arrival, 'contradictory-finals'),
  'brings-positive-after-final': (arrival) => brings(arrival, 'positive-after-final'),
  'provider-event-id-reused': (arrival) =>
    known(arrival).some(
      ({ providerEventId, callbackId }) =>
        providerEventId !== null &&
        providerEventId === arrival.event.providerEventId &&
        callbackId !== arrival.event.callbackId,
    ),
  'first-event': (arrival) => known(arrival).length === 0,
  'status-changed': ({ before, after }) => before?.status !== after.status,
  'same-natural-key': (arrival) => known(arrival).some(({ naturalKey }) => naturalKey === arrival.event.naturalKey),
  'new-deciding-event': ({ event, after }) => after.decidedBy === event.eventId,
  'status-unchanged': () => true,
}

test('the rules are listed in order of precedence: the first that applies decides', () => {
  const inOrder = Object.keys(VERDICT_RULES) as VerdictRule[]
  const decided = new Set<VerdictRule>()
  fc.assert(
    fc.property(distinctEvents({ minLength: 1, maxLength: 8 }), fc.nat({ max: 15 }), (events, withdrawn) => {
      let before: PaymentState | undefined
      for (const [index, of] of events.entries()) {
        const event = { ...of, withdrawn: index === withdrawn }
        const applied = applyEvent(before, event, index)
        if (applied.outcome !== 'recorded') {
          throw new Error(applied.outcome)
        }
        const { state: after, recorded } = applied.change
        const first = inOrder.find((rule) => HOLDS[rule]({ before, event, after }))
        expect(recorded.rule).toBe(first)
        expect(recorded.verdict).toBe(VERDICT_RULES[recorded.rule].verdict)
        decided.add(recorded.rule)
        before = after
      }
    }),
    runs(500),
  )
  expect(decided).toEqual(new Set(inOrder.filter((rule) => VERDICT_RULES[rule].verdict !== 'RESTATED')))
})
