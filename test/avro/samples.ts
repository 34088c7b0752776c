import type { PaymentState } from '../../src/payment/apply-event.ts'
import { applyEvent } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'

/** A complete event; every test states what it changes. */
export function sampleEvent(changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return {
    eventId: '00112233445566778899aabbccddeeff',
    paymentKey: 'jpm:2f0d7a52-6c1e-4b1f-9a55-0d3f1c9b7e10',
    weakKey: false,
    source: 'jpm-v2',
    provider: 'jpm-global-payments-v2',
    mappingVersion: 1,
    withdrawn: false,
    callbackId: '01936f1a-7c1b-7000-8000-000000000001',
    element: 0,
    receivedAt: 1_732_000_000_123,
    authenticity: ['basic', 'mtls'],
    providerEventId: 'c1f3e0de-0001',
    naturalKey: 'ACCEPTED||2024-11-19T07:06:40Z',
    kind: 'PAYMENT',
    relatesTo: null,
    childKey: null,
    status: 'ACCEPTED',
    sourceStatus: 'ACCEPTED',
    sourceSubStatus: null,
    sourceAction: null,
    unknownBecause: null,
    eventContext: null,
    sourceType: 'Payment',
    holdReason: null,
    rejectedBy: null,
    occurredAt: 1_732_000_000_000,
    occurredAtText: '2024-11-19T07:06:40Z',
    occurredAtPrecision: 'SECOND',
    zoneAssumed: false,
    timeUnreadable: false,
    endToEndId: 'E2E-4711',
    references: [{ type: 'uetr', value: '97ed4827-7b6f-4491-a06f-b548d5a7512d' }],
    rail: 'RTP',
    direction: 'CREDIT',
    clearingSystem: null,
    requestedExecutionDate: '2024-11-19',
    valueDate: null,
    amount: { value: '100.10', currency: 'USD' },
    requestAmount: null,
    partialApproval: false,
    fxAppliedRate: null,
    gpiStatus: null,
    reasons: [],
    reasonsOmitted: 0,
    unreadable: [],
    ...changes,
  }
}

/** Changes of the sample that make it weigh so little that a payment keeps 256 such events. */
export const LIGHT = {
  sourceType: null,
  endToEndId: null,
  references: [],
  rail: null,
  direction: null,
  requestedExecutionDate: null,
  amount: null,
} as const satisfies Partial<PaymentEvent>

/** The report of a refund to the sample's payment. */
export function sampleReport(changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return sampleEvent({
    eventId: '33112233445566778899aabbccddeeff',
    childKey: 'jpm:refund-1',
    kind: 'REFUND',
    status: 'COMPLETED',
    sourceStatus: 'C',
    naturalKey: 'REFUND|C',
    providerEventId: null,
    amount: { value: '20.05', currency: 'USD' },
    ...changes,
  })
}

/** A typical payment after three events and a report of its refund. */
export function sampleState(): PaymentState {
  const events = [
    sampleEvent(),
    sampleEvent({ eventId: '11112233445566778899aabbccddeeff', status: 'PROCESSING', sourceStatus: 'PROCESSING' }),
    sampleEvent({
      eventId: '22112233445566778899aabbccddeeff',
      status: 'REJECTED',
      sourceStatus: 'REJECTED',
      occurredAt: 1_732_000_060_000,
      rejectedBy: 'JPM',
      reasons: [{ scheme: 'ISO20022', code: 'AC04', rule: null, location: null, field: 'creditorAccount' }],
    }),
    sampleReport(),
  ]
  let state: PaymentState | undefined
  for (const [index, event] of events.entries()) {
    const applied = applyEvent(state, event, 1_732_000_001_000 + index)
    if (applied.outcome !== 'recorded') {
      throw new Error(`the sample was not recorded: ${applied.outcome}`)
    }
    state = applied.change.state
  }
  if (state === undefined) {
    throw new Error('the sample has no events')
  }
  return state
}
