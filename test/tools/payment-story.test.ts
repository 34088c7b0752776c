import { describe, expect, test } from 'vitest'
import { applyEvent, type Change } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { toStatusChange } from '../../src/payment/status-change.ts'
import { changeLine, occurredText, paymentJson, paymentStory } from '../../src/tools/payment-story.ts'
import { sampleEvent, sampleReport } from '../avro/samples.ts'

/** The change made by the last of these events of one payment. */
function changeOf(...events: PaymentEvent[]): Change {
  let change: Change | undefined
  for (const event of events) {
    const applied = applyEvent(change?.state, event, 1_732_000_000_500)
    change = applied.outcome === 'recorded' ? applied.change : change
  }
  return change as Change
}

const storyOf = (...events: PaymentEvent[]) => paymentStory(changeOf(...events).state)
const refund = sampleReport()
const chargeback = sampleReport({
  eventId: '44',
  childKey: 'jpm:chargeback-1',
  kind: 'CHARGEBACK',
  status: 'DECLINED',
  sourceStatus: 'D',
  sourceSubStatus: 'X',
  amount: { value: '5.00', currency: null },
  requestAmount: { value: '7.00', currency: null },
})

describe('the story of a payment', () => {
  test('lists its children, each with kind, key, status and amount', () => {
    expect(
      storyOf(sampleEvent(), refund, chargeback)
        .split('\n')
        .filter((line) => line.startsWith('child')),
    ).toEqual([
      'child           CHARGEBACK jpm:chargeback-1  DECLINED  5.00 (no currency)  (requested 7.00 (no currency))',
      'child           REFUND jpm:refund-1  COMPLETED  20.05 USD',
    ])
  })

  test('does not repeat a requested amount that equals the amount, and omits a missing amount', () => {
    const amount = { value: '20.05', currency: 'USD' }
    expect(storyOf(sampleReport({ requestAmount: amount }))).toContain('COMPLETED  20.05 USD\n')
    expect(storyOf(sampleReport({ amount: null }))).toMatch(/^child +REFUND jpm:refund-1 {2}COMPLETED$/m)
  })

  test('names the child that an event is about and shows that the status of the payment stayed the same', () => {
    const story = storyOf(sampleEvent(), chargeback)
    expect(story).toMatch(/v1 .* APPLIED {4}ACCEPTED = ACCEPTED, payment then ACCEPTED {2}<- decides\n/)
    expect(story).toMatch(/v2 .* REVISION {3}CHARGEBACK jpm:chargeback-1 D\/X = DECLINED, payment then ACCEPTED\n/)
    expect(storyOf(sampleEvent(), sampleEvent({ mappingVersion: 2, withdrawn: true }))).toMatch(
      /v2 .* WITHDRAWN {2}ACCEPTED \(was ACCEPTED, withdrawn\), payment then UNKNOWN\n/,
    )
    expect(story).toContain('child-reported: a refund, return or chargeback of the payment was reported')
  })

  test('names the original of a child', () => {
    const story = storyOf(sampleEvent({ paymentKey: 'jpm:refund-1', kind: 'REFUND', relatesTo: 'jpm:a' }))
    expect(story).toMatch(/^kind +REFUND of jpm:a$/m)
    expect(story).not.toMatch(/^child/m)
  })

  test('shows the little that is known of a payment mentioned only by a child', () => {
    expect(storyOf(refund)).toMatch(/^status +UNKNOWN \(open\), version 1\nkind +PAYMENT\nchild +REFUND jpm:refund-1 /m)
  })
})

describe('an unusual event', () => {
  test('names the fields that could not be read, and shows a partial approval', () => {
    const story = storyOf(sampleEvent({ unreadable: ['amount', 'gpi.status'], partialApproval: true }))
    expect(story).toMatch(/^attention +unreadable-detail, partial-approval$/m)
    expect(story).toMatch(
      /first-event: .*\n +unreadable and left out: amount, gpi.status\n +partially approved: the amount is the/,
    )
    expect(storyOf(sampleEvent())).not.toMatch(/unreadable|partially approved/)
  })

  test('says what a full history did not keep', () => {
    const { state } = changeOf(sampleEvent())
    expect(paymentStory(state)).not.toContain('did not keep')
    const full = { ...state, eventsLeftOut: 3, events: state.events.map((one) => ({ ...one, detailsDropped: true })) }
    expect(paymentStory(full)).toMatch(/^left out +3 events that the full history did not keep$/m)
    expect(paymentStory(full)).toContain('did not keep the details of this event; its record in changes has them')
  })

  test('shows how well its time is known', () => {
    const noon = {
      occurredAt: Date.UTC(2026, 0, 12),
      occurredAtPrecision: 'SECOND',
      zoneAssumed: false,
      timeUnreadable: false,
    } as const
    const none = { ...noon, occurredAt: null, occurredAtPrecision: 'NONE' } as const
    expect(occurredText(noon)).toBe('occurred 2026-01-12T00:00:00.000Z')
    expect(occurredText({ ...noon, zoneAssumed: true })).toBe('occurred 2026-01-12T00:00:00.000Z (zone assumed)')
    expect(occurredText({ ...noon, occurredAtPrecision: 'DAY', zoneAssumed: true })).toBe(
      'occurred 2026-01-12T00:00:00.000Z (a date) (zone assumed)',
    )
    expect(occurredText(none)).toBe('no time given')
    expect(occurredText({ ...none, timeUnreadable: true })).toBe('occurred at an unreadable time')
    expect(storyOf(sampleEvent({ ...none, timeUnreadable: true }))).toContain('occurred at an unreadable time, source')
  })
})

test('JSON has the children with the field names of the topic', () => {
  expect(paymentJson(changeOf(sampleEvent(), refund).state)).toMatchObject({
    children: [{ paymentKey: 'jpm:refund-1', kind: 'REFUND', status: 'COMPLETED', amount: { value: '20.05' } }],
    events: [{ childKey: null }, { childKey: 'jpm:refund-1' }],
  })
})

test('the line of a change names the child that it is about', () => {
  const line = (...events: PaymentEvent[]) => changeLine(toStatusChange(changeOf(...events)))
  expect(line(sampleEvent())).toMatch(/^07:06:40\.500 {2}APPLIED {4}\S+ {2}v1 {2}\(new\) -> ACCEPTED {2}said ACCEPTED$/)
  expect(line(sampleEvent(), refund)).toMatch(/REVISION {3}\S+ {2}v2 {2}ACCEPTED {2}REFUND jpm:refund-1 said C$/)
})
