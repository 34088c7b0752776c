import { describe, expect, test } from 'vitest'
import { type AttentionCode, foldPayment, type PaymentDetails } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus, rankOf, tierNumberOf } from '../../src/payment/payment-status.ts'
import { sourceTimeOf } from '../../src/providers/source-time.ts'
import { sampleEvent } from '../avro/samples.ts'

/** An event with a status and a time (ms; null: untimed). By default its id is made of both. */
function at(status: PaymentStatus, occurredAt: number | null, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return sampleEvent({ eventId: `${status}@${occurredAt}`, status, occurredAt, ...changes })
}

/** An event with a status and a time as the provider writes it. */
function told(status: PaymentStatus, text: string, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return sampleEvent({ eventId: `${status}@${text}`, status, ...sourceTimeOf(text), ...changes })
}

function statusOf(...events: PaymentEvent[]): PaymentStatus {
  const { status } = foldPayment(events)
  // I5: the order of arrival decides nothing, so every example must also hold in reverse.
  expect(foldPayment(events.toReversed()).status).toBe(status)
  return status
}

function attentionOf(...events: PaymentEvent[]): readonly AttentionCode[] {
  return foldPayment(events).attention
}

const UNKNOWN = at('UNKNOWN', 9, { unknownBecause: 'STATUS' })

describe('the tiers', () => {
  const weakToStrong: readonly PaymentStatus[] = ['UNKNOWN', 'ON_HOLD', 'CREDITED', 'BLOCKED', 'VOIDED', 'RETURNED']

  test('have the numbers of the rules', () => {
    expect(weakToStrong.map(tierNumberOf)).toEqual([-1, 0, 1, 2, 3, 4])
  })

  test.each(weakToStrong.slice(1).map((strong, index) => [strong, weakToStrong[index] as PaymentStatus] as const))(
    '%s beats %s whatever the times are (soft negatives: unless released)',
    (strong, weak) => {
      expect(statusOf(at(strong, 5), at(weak, 1))).toBe(strong)
      expect(statusOf(at(strong, null), at(weak, 1))).toBe(strong)
      if (strong !== 'BLOCKED') {
        expect(statusOf(at(strong, 1), at(weak, 5))).toBe(strong)
      }
    },
  )

  test('a single event gives its own status', () => {
    for (const status of Object.keys(PAYMENT_STATUSES) as PaymentStatus[]) {
      expect(statusOf(at(status, 1))).toBe(status)
      expect(statusOf(at(status, null))).toBe(status)
    }
  })

  test('the status is UNKNOWN only if there is nothing else, and then no event decides', () => {
    expect(foldPayment([UNKNOWN])).toMatchObject({ status: 'UNKNOWN', decidedBy: null })
    expect(statusOf(at('RECEIVED', null), UNKNOWN)).toBe('RECEIVED')
  })
})

describe('progress', () => {
  test.each(['ACCEPTED', 'SCHEDULED', 'PROCESSING', 'ON_HOLD'] as const)('RECEIVED never beats %s', (status) => {
    expect(statusOf(at('RECEIVED', 9), at(status, 1))).toBe(status)
  })

  test.each(['SCHEDULED', 'PROCESSING', 'ON_HOLD'] as const)('ACCEPTED never beats %s', (status) => {
    expect(statusOf(at('ACCEPTED', 9), at(status, 1))).toBe(status)
  })

  test.each([
    ['PROCESSING', 'ON_HOLD'],
    ['ON_HOLD', 'PROCESSING'],
    ['SCHEDULED', 'PROCESSING'],
    ['PROCESSING', 'SCHEDULED'],
    ['SCHEDULED', 'ON_HOLD'],
    ['ON_HOLD', 'SCHEDULED'],
  ] as const)('%s then %s: they alternate legally, so the later one holds', (first, second) => {
    expect(statusOf(at(first, 1), at(second, 2))).toBe(second)
  })

  test('at equal times the higher rank wins', () => {
    expect(statusOf(at('SCHEDULED', 1), at('PROCESSING', 1))).toBe('PROCESSING')
    expect(statusOf(at('PROCESSING', 1), at('ON_HOLD', 1))).toBe('ON_HOLD')
  })

  test('an untimed event is older than any timed one; between two untimed ones the rank decides', () => {
    expect(statusOf(at('ON_HOLD', null), at('SCHEDULED', 1))).toBe('SCHEDULED')
    expect(statusOf(at('ON_HOLD', null), at('SCHEDULED', null))).toBe('ON_HOLD')
  })
})

describe('outcome', () => {
  const byRank: readonly PaymentStatus[] = [
    'AUTHORIZED',
    'PENDING_POSTING',
    'SENT_TO_CLEARING',
    'COMPLETED',
    'SETTLED',
    'CREDITED',
  ]

  test('the highest rank wins, even if it is the oldest or untimed', () => {
    expect(byRank.map(rankOf)).toEqual([40, 45, 50, 60, 65, 70])
    for (const [index, higher] of byRank.entries()) {
      for (const lower of byRank.slice(0, index)) {
        expect(statusOf(at(higher, 1), at(lower, 9))).toBe(higher)
        expect(statusOf(at(higher, null), at(lower, 9))).toBe(higher)
      }
    }
  })
})

describe('soft negative', () => {
  test('the latest decides, ties by event id', () => {
    expect(statusOf(at('BLOCKED', 1), at('SETTLEMENT_FAILED', 2))).toBe('SETTLEMENT_FAILED')
    expect(statusOf(at('BLOCKED', 2), at('SETTLEMENT_FAILED', 1))).toBe('BLOCKED')
    expect(statusOf(at('BLOCKED', 1, { eventId: 'b' }), at('SETTLEMENT_FAILED', 1, { eventId: 'a' }))).toBe('BLOCKED')
    expect(statusOf(at('BLOCKED', 1, { eventId: 'a' }), at('SETTLEMENT_FAILED', 1, { eventId: 'b' }))).toBe(
      'SETTLEMENT_FAILED',
    )
  })

  test.each(['PENDING_POSTING', 'SENT_TO_CLEARING', 'COMPLETED', 'SETTLED', 'CREDITED'] as const)(
    'is released by a strictly later %s',
    (status) => {
      const events = [at('BLOCKED', 1), at(status, 2)]
      expect(statusOf(...events)).toBe(status)
      expect(attentionOf(...events)).toEqual(['released'])
    },
  )

  test('is not released by AUTHORIZED, which proves nothing about a blocked payment', () => {
    expect(statusOf(at('BLOCKED', 1), at('AUTHORIZED', 2))).toBe('BLOCKED')
  })

  test('is not released at an equal time, or if either time is missing', () => {
    expect(statusOf(at('BLOCKED', 2), at('COMPLETED', 2))).toBe('BLOCKED')
    expect(statusOf(at('BLOCKED', null), at('COMPLETED', 2))).toBe('BLOCKED')
    expect(statusOf(at('BLOCKED', 2), at('COMPLETED', null))).toBe('BLOCKED')
  })

  test('is released only by an event later than every soft negative', () => {
    expect(statusOf(at('BLOCKED', 1), at('COMPLETED', 2), at('SETTLEMENT_FAILED', 3))).toBe('SETTLEMENT_FAILED')
    expect(statusOf(at('BLOCKED', 1), at('SETTLEMENT_FAILED', null), at('COMPLETED', 2))).toBe('BLOCKED')
    expect(statusOf(at('BLOCKED', 1), at('SETTLEMENT_FAILED', 3), at('COMPLETED', 4))).toBe('COMPLETED')
  })

  test('once released, the highest rank among the releasing events wins, not an earlier higher one', () => {
    expect(statusOf(at('CREDITED', 1), at('BLOCKED', 2), at('SENT_TO_CLEARING', 3), at('PENDING_POSTING', 4))).toBe(
      'SENT_TO_CLEARING',
    )
  })

  test('is not released once there is a final status', () => {
    const events = [at('BLOCKED', 1), at('COMPLETED', 2), at('REJECTED', 3)]
    expect(statusOf(...events)).toBe('REJECTED')
    expect(attentionOf(...events)).not.toContain('released')
  })
})

describe('final', () => {
  test('the earliest timed one wins, whatever is later', () => {
    expect(statusOf(at('VOIDED', 1), at('CANCELED', 2))).toBe('VOIDED')
    expect(statusOf(at('VOIDED', 2), at('CANCELED', 1))).toBe('CANCELED')
    expect(statusOf(at('CANCELED', null), at('VOIDED', 9))).toBe('VOIDED')
  })

  test('ties are broken by the name of the status, then by event id', () => {
    expect(statusOf(at('VOIDED', 1), at('CANCELED', 1), at('REJECTED', 1))).toBe('CANCELED')
    expect(statusOf(at('REJECTED', null), at('DECLINED', null))).toBe('DECLINED')
  })
})

/** Domain 9.7. In every example the zone or the time of day is unknown. */
describe('times that cannot be compared', () => {
  test.each<[string, PaymentEvent[], PaymentStatus, AttentionCode[]]>([
    [
      'release nothing, and attention says that they might',
      [told('BLOCKED', '2026-01-12T12:00:00'), told('SENT_TO_CLEARING', '2026-01-12T20:00:00Z')],
      'BLOCKED',
      ['time-uncertain'],
    ],
    [
      'keep the certain release, and attention says that a higher outcome is possible',
      [
        told('BLOCKED', '2026-01-12T12:00:00Z'),
        told('SENT_TO_CLEARING', '2026-01-12T13:00:00Z'),
        told('SETTLED', '2026-01-12T14:00:00'),
      ],
      'SENT_TO_CLEARING',
      ['released', 'time-uncertain'],
    ],
    [
      'do not matter if the outcome is the same anyway',
      [
        told('BLOCKED', '2026-01-12T12:00:00Z'),
        told('SETTLED', '2026-01-12T13:00:00Z'),
        told('SENT_TO_CLEARING', '2026-01-12T14:00:00'),
      ],
      'SETTLED',
      ['released'],
    ],
    [
      'do not matter if one block is later in any case',
      [
        told('BLOCKED', '2026-01-12T12:00:00'),
        told('BLOCKED', '2026-01-13T12:00:00Z'),
        told('SENT_TO_CLEARING', '2026-01-12T20:00:00Z'),
      ],
      'BLOCKED',
      [],
    ],
    [
      'release nothing by AUTHORIZED, whatever the zone',
      [told('BLOCKED', '2026-01-12T12:00:00'), told('AUTHORIZED', '2026-01-12T20:00:00Z')],
      'BLOCKED',
      [],
    ],
    [
      'get attention if the other soft negative may be the latest',
      [told('BLOCKED', '2026-01-12T12:00:00'), told('SETTLEMENT_FAILED', '2026-01-12T20:00:00Z')],
      'SETTLEMENT_FAILED',
      ['time-uncertain'],
    ],
    [
      'do not matter for a soft negative that another one certainly follows',
      [
        told('BLOCKED', '2026-01-12T12:00:00'),
        told('SETTLEMENT_FAILED', '2026-01-12T12:00:01'),
        told('SETTLEMENT_FAILED', '2026-01-12T20:00:00Z'),
      ],
      'SETTLEMENT_FAILED',
      [],
    ],
    [
      'lift no hold, and attention says that they might',
      [told('ON_HOLD', '2026-01-12T12:00:00Z'), told('PROCESSING', '2026-01-12T20:00:00')],
      'ON_HOLD',
      ['time-uncertain'],
    ],
    [
      'lift no hold given by a date on that date',
      [told('ON_HOLD', '2026-01-12'), told('PROCESSING', '2026-01-12T20:00:00')],
      'ON_HOLD',
      ['time-uncertain'],
    ],
    [
      'do not matter if every hold is lifted in any case, even by different steps',
      [
        told('ON_HOLD', '2026-01-12T12:00:00Z'),
        told('PROCESSING', '2026-01-12T13:00:00Z'),
        told('ON_HOLD', '2026-01-12T12:00:00'),
        told('PROCESSING', '2026-01-12T13:00:00'),
      ],
      'PROCESSING',
      [],
    ],
    [
      'do not matter if a hold remains in any case',
      [
        told('ON_HOLD', '2026-01-14T12:00:00Z'),
        told('ON_HOLD', '2026-01-12T12:00:00Z'),
        told('PROCESSING', '2026-01-12T20:00:00'),
      ],
      'ON_HOLD',
      [],
    ],
    [
      'get attention if the other step may be the latest',
      [told('SCHEDULED', '2026-01-12T12:00:00'), told('PROCESSING', '2026-01-12T10:00:00Z')],
      'SCHEDULED',
      ['time-uncertain'],
    ],
    [
      'do not matter between two steps with the same status',
      [told('PROCESSING', '2026-01-12T12:00:00'), told('PROCESSING', '2026-01-12T10:00:00Z')],
      'PROCESSING',
      [],
    ],
    [
      'do not matter for statuses that are never decided by time',
      [told('RECEIVED', '2026-01-12T12:00:00'), told('ACCEPTED', '2026-01-12T10:00:00Z')],
      'ACCEPTED',
      [],
    ],
    [
      'get attention if another final may be the earliest',
      [told('REJECTED', '2026-01-12T12:00:00'), told('CANCELED', '2026-01-12T13:00:00Z')],
      'REJECTED',
      ['contradictory-finals', 'time-uncertain'],
    ],
    [
      'do not matter for a final that another one certainly precedes',
      [
        told('REJECTED', '2026-01-12T12:00:00Z'),
        told('REJECTED', '2026-01-12T12:59:00'),
        told('CANCELED', '2026-01-12T13:00:00'),
      ],
      'REJECTED',
      ['contradictory-finals'],
    ],
    [
      'make it possible that "paid" was later than the final status',
      [told('REJECTED', '2026-01-12T12:00:00'), told('COMPLETED', '2026-01-12T01:00:00Z')],
      'REJECTED',
      ['positive-after-final'],
    ],
    [
      'make it uncertain that "paid" was earlier',
      [told('RETURNED', '2026-01-12'), told('COMPLETED', '2026-01-12T01:00:00')],
      'RETURNED',
      ['positive-after-final'],
    ],
    [
      'without a zone still make the earlier of two finals certain',
      [told('REJECTED', '2026-01-12T12:00:00'), told('COMPLETED', '2026-01-11T21:00:00Z')],
      'REJECTED',
      ['negative-after-positive'],
    ],
    [
      'of one date release nothing, and attention says that they might',
      [told('BLOCKED', '2026-01-12'), told('PENDING_POSTING', '2026-01-12')],
      'BLOCKED',
      ['time-uncertain'],
    ],
    [
      'of one date end no hold, and attention says that they might',
      [told('ON_HOLD', '2026-01-12'), told('PROCESSING', '2026-01-12')],
      'ON_HOLD',
      ['time-uncertain'],
    ],
    [
      'of one date get attention if the other step may be the latest',
      [told('SCHEDULED', '2026-01-12'), told('PROCESSING', '2026-01-12')],
      'PROCESSING',
      ['time-uncertain'],
    ],
    [
      'of one date get attention if another final may be the earliest',
      [told('REJECTED', '2026-01-12'), told('CANCELED', '2026-01-12')],
      'CANCELED',
      ['contradictory-finals', 'time-uncertain'],
    ],
    [
      'of one date make it possible that "paid" was later than the final status',
      [told('REJECTED', '2026-01-12'), told('COMPLETED', '2026-01-12')],
      'REJECTED',
      ['positive-after-final'],
    ],
    [
      'do not matter between two dates',
      [told('BLOCKED', '2026-01-12'), told('PENDING_POSTING', '2026-01-13')],
      'PENDING_POSTING',
      ['released'],
    ],
  ])('%s', (_, events, status, attention) => {
    expect(statusOf(...events)).toBe(status)
    expect(attentionOf(...events)).toEqual(attention)
  })

  test('an untimed hold is ended by any timed step, and by no other', () => {
    const hold = at('ON_HOLD', null)
    expect(statusOf(hold, told('PROCESSING', '2026-01-12'))).toBe('PROCESSING')
    expect(statusOf(hold, at('PROCESSING', null))).toBe('ON_HOLD')
    expect(attentionOf(hold, told('PROCESSING', '2026-01-12'))).toEqual([])
    expect(attentionOf(hold, told('PROCESSING', 'yesterday'))).toEqual(['unreadable-time'])
  })

  test('digits below a millisecond order events, also when choosing details', () => {
    const early = told('COMPLETED', '2026-01-12T12:00:00.0000001Z', { eventId: 'b', rail: 'early' })
    const late = told('COMPLETED', '2026-01-12T12:00:00.0000002Z', { eventId: 'a', rail: 'late' })
    expect(foldPayment([late, early])).toMatchObject({ decidedBy: 'a', details: { rail: 'late' } })
  })
})

describe('the kind', () => {
  const of = (...kinds: PaymentEvent['kind'][]) =>
    foldPayment(kinds.map((kind, index) => at('COMPLETED', index, { kind, eventId: `${kind}${index}` }))).kind

  test('is the latest that says what the payment undoes; otherwise UNKNOWN, which is never a payment; otherwise PAYMENT', () => {
    expect(of('PAYMENT')).toBe('PAYMENT')
    expect(of('UNKNOWN', 'PAYMENT')).toBe('UNKNOWN')
    expect(of('PAYMENT', 'UNKNOWN')).toBe('UNKNOWN')
    expect(of('REFUND', 'UNKNOWN', 'PAYMENT')).toBe('REFUND')
    expect(of('REFUND', 'CHARGEBACK')).toBe('CHARGEBACK')
    expect(of('CHARGEBACK', 'REFUND')).toBe('REFUND')
  })

  test('is never changed by an event that was not understood, unless there is no other', () => {
    const sale = at('SETTLED', 1)
    const refund = at('COMPLETED', 1, { kind: 'REFUND', relatesTo: 'jpm:original' })
    for (const kind of ['REFUND', 'RETURN', 'CHARGEBACK', 'UNKNOWN'] as const) {
      const unclear = { ...UNKNOWN, kind, relatesTo: 'jpm:another' }
      expect(foldPayment([sale, unclear])).toMatchObject({
        kind: 'PAYMENT',
        relatesTo: null,
        attention: [...(kind === 'UNKNOWN' ? [] : ['contradictory-kinds']), 'unknown-status'],
      })
      expect(foldPayment([refund, unclear])).toMatchObject({ kind: 'REFUND', relatesTo: 'jpm:original' })
      expect(foldPayment([unclear])).toMatchObject({ kind, relatesTo: 'jpm:another' })
    }
  })

  test('of a child is UNKNOWN, too, if its reports say nothing else', () => {
    const report = sampleEvent({ childKey: 'jpm:child', kind: 'UNKNOWN', status: 'UNKNOWN', unknownBecause: 'STATUS' })
    expect(foldPayment([report]).children).toMatchObject([{ kind: 'UNKNOWN', status: 'UNKNOWN' }])
  })
})

describe('details', () => {
  test('never come from an event about something else, nor do kind and relation, unless there are no others', () => {
    const beside = at('UNKNOWN', 9, {
      unknownBecause: 'CONTEXT',
      kind: 'REFUND',
      relatesTo: 'jpm:other',
      endToEndId: 'of the request',
      requestedExecutionDate: '2099-01-01',
      references: [{ type: 'uetr', value: 'of the request' }],
    })
    const alone = foldPayment([beside])
    expect(alone).toMatchObject({ kind: 'REFUND', relatesTo: 'jpm:other', details: { endToEndId: 'of the request' } })
    const nothing = { endToEndId: null, requestedExecutionDate: null, references: [] }
    const { kind, relatesTo, details, attention } = foldPayment([at('COMPLETED', 1, nothing), beside])
    expect({ kind, relatesTo, attention }).toEqual({ kind: 'PAYMENT', relatesTo: null, attention: ['event-context'] })
    expect(details).toMatchObject(nothing)
  })

  const [whole, part] = ['100.00', '30.00'].map((value) => ({ value, currency: 'USD' }))

  test('take amounts only from events that were understood, and other details from any about the payment', () => {
    const nothing = { amount: null, requestAmount: null, endToEndId: null, references: [] }
    const unclear = {
      ...UNKNOWN,
      amount: whole,
      requestAmount: whole,
      partialApproval: true,
      endToEndId: 'E1',
      references: [{ type: 'CLMREF', value: '1' }],
    } as PaymentEvent
    const found = { endToEndId: 'E1', references: [{ type: 'CLMREF', value: '1' }] }
    const { details, attention } = foldPayment([at('SETTLED', 1, nothing), unclear])
    expect({ details, attention }).toMatchObject({ details: { ...nothing, ...found }, attention: ['unknown-status'] })
    expect(foldPayment([unclear])).toMatchObject({
      details: { amount: whole, requestAmount: whole, ...found },
      attention: ['unknown-status', 'partial-approval'],
    })
    const reports = [at('SETTLED', 1, nothing), unclear].map((event) => ({ ...event, childKey: 'jpm:child' }))
    expect(foldPayment(reports).children).toMatchObject([{ amount: null, requestAmount: null }])
  })

  test('take the amount of a partial approval only from events that say that it is one', () => {
    const approved = (amount: PaymentDetails['amount'] | undefined, ms: number) =>
      at('AUTHORIZED', ms, { eventId: `partial ${ms}`, partialApproval: true, amount: amount ?? null })
    const amountOf = (...events: PaymentEvent[]) => foldPayment(events).details.amount
    const settled = at('SETTLED', 5, { amount: whole } as Partial<PaymentEvent>)
    expect(amountOf(approved(part, 1), settled)).toEqual(part)
    expect(amountOf(settled, approved(null, 9))).toBeNull()
    expect(amountOf(approved(whole, 1), approved(part, 2), settled)).toEqual(part)
    expect(amountOf(approved(part, 1), approved(null, 2), settled)).toEqual(part)
    expect(amountOf(settled, at('AUTHORIZED', 9, { amount: null }))).toEqual(whole)
  })

  test('come from the latest event of the winning status', () => {
    const folded = foldPayment([
      at('REJECTED', 1, { eventId: 'z', rejectedBy: 'UNKNOWN', reasons: [reason('AC01')] }),
      at('REJECTED', 2, { eventId: 'a', rejectedBy: 'JPM', reasons: [reason('AC04')] }),
    ])
    expect(folded.decidedBy).toBe('a')
    expect(folded.details).toMatchObject({ rejectedBy: 'JPM', reasons: [reason('AC04')] })
  })

  test('missing there come from the latest event that has them', () => {
    const { details } = foldPayment([
      at('RECEIVED', 1, { fxAppliedRate: '1.1', rail: 'ACH' }),
      at('PROCESSING', 2, { fxAppliedRate: '1.2', rail: 'RTP' }),
      at('COMPLETED', 3, { fxAppliedRate: null, rail: 'WIRE' }),
      at('PROCESSING', null, { fxAppliedRate: '1.3' }),
    ])
    expect(details).toMatchObject({ fxAppliedRate: '1.2', rail: 'WIRE' })
  })

  // Domain rule 6.7, "Details", for every field.
  test.each<Partial<PaymentDetails>>([
    { endToEndId: 'E1' },
    { rail: 'WIRE' },
    { direction: 'DEBIT' },
    { clearingSystem: 'FEDWIRE' },
    { requestedExecutionDate: '2025-01-31' },
    { valueDate: '2025-02-01' },
    { amount: { value: '7.00', currency: 'EUR' } },
    { requestAmount: { value: '8.00', currency: null } },
    { fxAppliedRate: '1.1' },
    { gpiStatus: 'ACSC' },
  ])('%j is taken from an older event if the deciding one lacks it', (said) => {
    const nothing = Object.fromEntries(Object.keys(said).map((field) => [field, null]))
    expect(foldPayment([at('COMPLETED', 3, nothing), at('PROCESSING', 2, said)]).details).toMatchObject(said)
    expect(foldPayment([at('COMPLETED', 3, nothing)]).details).toMatchObject(nothing)
  })

  test('take reasons from the latest event of the status that has any', () => {
    const { details } = foldPayment([
      at('REJECTED', 1, { reasons: [reason('AC01')] }),
      at('REJECTED', 2, { reasons: [reason('AC04')] }),
      at('REJECTED', 3, { reasons: [] }),
    ])
    expect(details.reasons).toEqual([reason('AC04')])
  })

  test('keep one reference per type, preferring the deciding event', () => {
    const { details } = foldPayment([
      at('RECEIVED', 1, { references: [{ type: 'uetr', value: 'oldest' }] }),
      at('PROCESSING', 5, {
        references: [
          { type: 'uetr', value: 'later' },
          { type: 'achTraceNumber', value: '7' },
        ],
      }),
      at('COMPLETED', 3, { references: [{ type: 'uetr', value: 'deciding' }] }),
    ])
    expect(details.references).toEqual([
      { type: 'achTraceNumber', value: '7' },
      { type: 'uetr', value: 'deciding' },
    ])
  })

  test('that explain one status are never taken from an event of another status', () => {
    const { details } = foldPayment([
      at('ON_HOLD', 1, { holdReason: 'REVIEW', reasons: [reason('AM04')], rejectedBy: 'JPM' }),
      at('COMPLETED', 2, { holdReason: null, reasons: [], rejectedBy: null }),
    ])
    expect(details).toMatchObject({ holdReason: null, reasons: [], rejectedBy: null })
  })

  test('a payment is a refund as soon as one of its events says so', () => {
    expect(foldPayment([at('RECEIVED', 1), at('COMPLETED', 2, { kind: 'REFUND', relatesTo: 'x:1' })])).toMatchObject({
      kind: 'REFUND',
      relatesTo: 'x:1',
    })
    expect(foldPayment([at('RECEIVED', 1, { kind: 'RETURN', relatesTo: 'x:2' }), at('COMPLETED', 2)])).toMatchObject({
      kind: 'RETURN',
      relatesTo: 'x:2',
    })
    expect(foldPayment([at('RECEIVED', 1)])).toMatchObject({ kind: 'PAYMENT', relatesTo: null })
  })
})

describe('attention', () => {
  test.each<[AttentionCode, string, PaymentEvent[], boolean]>([
    ['released', 'a later outcome let a blocked payment go', [at('BLOCKED', 1), at('COMPLETED', 2)], true],
    ['released', 'the outcome is older', [at('BLOCKED', 2), at('COMPLETED', 1)], false],
    ['released', 'nothing was ever blocked', [at('COMPLETED', 1)], false],

    ['contradictory-finals', 'two different finals', [at('REJECTED', 1), at('CANCELED', 2)], true],
    [
      'contradictory-finals',
      'two different finals, and the money was returned',
      [at('REJECTED', 1), at('VOIDED', 2), at('RETURNED', 3)],
      true,
    ],
    ['contradictory-finals', 'the same final twice', [at('REJECTED', 1), at('REJECTED', 2)], false],
    ['contradictory-finals', 'a soft negative beside a final', [at('BLOCKED', 1), at('REJECTED', 2)], false],

    ['positive-after-final', 'paid after the final', [at('REJECTED', 1), at('COMPLETED', 2)], true],
    ['positive-after-final', 'paid after the return', [at('RETURNED', 1), at('CREDITED', 2)], true],
    ['positive-after-final', 'the final has no time', [at('REJECTED', null), at('COMPLETED', 2)], true],
    [
      'positive-after-final',
      'the final is untimed, "paid" is the earliest',
      [at('REJECTED', null), at('COMPLETED', 0)],
      true,
    ],
    ['positive-after-final', 'paid has no time', [at('REJECTED', 1), at('COMPLETED', null)], true],
    ['positive-after-final', 'paid before the final', [at('REJECTED', 2), at('COMPLETED', 1)], false],
    ['positive-after-final', 'paid at the same time', [at('REJECTED', 1), at('COMPLETED', 1)], false],
    ['positive-after-final', 'returned after paid, as returns are', [at('COMPLETED', 1), at('RETURNED', 2)], false],
    ['positive-after-final', 'only handed to clearing', [at('REJECTED', 1), at('SENT_TO_CLEARING', 2)], false],
    ['positive-after-final', 'only blocked', [at('BLOCKED', 2), at('COMPLETED', 2)], false],

    ['negative-after-positive', 'blocked after paid', [at('COMPLETED', 1), at('BLOCKED', 2)], true],
    ['negative-after-positive', 'blocked beside paid, no time', [at('COMPLETED', null), at('BLOCKED', null)], true],
    ['negative-after-positive', 'rejected after paid', [at('COMPLETED', 1), at('REJECTED', 2)], true],
    [
      'negative-after-positive',
      'rejected between two reports of "paid"',
      [at('COMPLETED', 1), at('REJECTED', 2), at('CREDITED', 3)],
      true,
    ],
    ['negative-after-positive', 'rejected and paid at the same time', [at('COMPLETED', 1), at('REJECTED', 1)], true],
    [
      'negative-after-positive',
      'rejected and paid at the same local time',
      [told('COMPLETED', '2026-01-12T12:00:00'), told('REJECTED', '2026-01-12T12:00:00')],
      true,
    ],
    [
      'negative-after-positive',
      'rejected and paid on the same date',
      [told('COMPLETED', '2026-01-12'), told('REJECTED', '2026-01-12')],
      false,
    ],
    ['negative-after-positive', 'rejected before paid', [at('COMPLETED', 2), at('REJECTED', 1)], false],
    ['negative-after-positive', 'rejected, paid has no time', [at('COMPLETED', null), at('REJECTED', 1)], false],
    ['negative-after-positive', 'blocked after clearing', [at('SENT_TO_CLEARING', 1), at('BLOCKED', 2)], false],
    ['negative-after-positive', 'the block was released', [at('BLOCKED', 1), at('COMPLETED', 2)], false],
    ['negative-after-positive', 'returned after paid', [at('COMPLETED', 1), at('RETURNED', 2)], false],

    ['unknown-status', 'a status that we do not know', [at('COMPLETED', 1), UNKNOWN], true],
    ['unknown-status', 'about something else', [at('UNKNOWN', 1, { unknownBecause: 'CONTEXT' })], false],
    [
      'event-context',
      'about something else',
      [at('COMPLETED', 1), at('UNKNOWN', 1, { unknownBecause: 'CONTEXT' })],
      true,
    ],
    ['event-context', 'a status that we do not know', [UNKNOWN], false],

    ['client-action', 'it waits for the client', [at('ON_HOLD', 1, { holdReason: 'PENDING_CLIENT_ACTION' })], true],
    ['client-action', 'it waits for somebody else', [at('ON_HOLD', 1, { holdReason: 'PENDING_REVIEW' })], false],
    [
      'client-action',
      'waiting for the client',
      [at('ON_HOLD', 1, { holdReason: 'PENDING_CLIENT_ACTION' }), at('ON_HOLD', 2)],
      false,
    ],
    [
      'client-action',
      'no longer waiting',
      [at('ON_HOLD', 1, { holdReason: 'PENDING_CLIENT_ACTION' }), at('COMPLETED', 2)],
      false,
    ],

    [
      'weak-key',
      'known only by a customer reference',
      [at('RECEIVED', 1, { weakKey: true }), at('COMPLETED', 2)],
      true,
    ],
    ['weak-key', 'known by an id of the provider', [at('RECEIVED', 1)], false],

    ['unreadable-time', 'one time could not be read', [told('RECEIVED', 'yesterday'), at('COMPLETED', 2)], true],
    ['unreadable-time', 'no time was given', [at('RECEIVED', null)], false],
    ['unreadable-detail', 'of an event that decides nothing', [{ ...UNKNOWN, unreadable: ['amount'] }], true],
    ['unreadable-detail', 'all could be read', [at('RECEIVED', 1)], false],
    [
      'unreadable-detail',
      'of a child',
      [at('RECEIVED', 1), at('COMPLETED', 2, { childKey: 'c', unreadable: ['a'] })],
      false,
    ],
    ['partial-approval', 'less was approved', [at('AUTHORIZED', 1, { partialApproval: true }), at('SETTLED', 2)], true],
    ['partial-approval', 'all was approved', [at('AUTHORIZED', 1)], false],
    [
      'partial-approval',
      'only an event that was not understood says so',
      [at('AUTHORIZED', 1), { ...UNKNOWN, partialApproval: true }],
      false,
    ],
    ['contradictory-kinds', 'a payment and a refund', [at('SETTLED', 1), at('COMPLETED', 2, { kind: 'REFUND' })], true],
    [
      'contradictory-kinds',
      'a return and a chargeback',
      [at('SETTLED', 1, { kind: 'RETURN' }), at('COMPLETED', 2, { kind: 'CHARGEBACK' })],
      true,
    ],
    [
      'contradictory-kinds',
      'a refund that was not understood, and a payment',
      [at('SETTLED', 1), { ...UNKNOWN, kind: 'REFUND' }],
      true,
    ],
    [
      'contradictory-kinds',
      'a payment that was not understood, and a refund',
      [at('SETTLED', 1, { kind: 'REFUND' }), UNKNOWN],
      false,
    ],
    [
      'contradictory-kinds',
      'a request about a refund, and a payment',
      [at('SETTLED', 1), { ...UNKNOWN, unknownBecause: 'CONTEXT', kind: 'REFUND' }],
      false,
    ],
    [
      'contradictory-kinds',
      'a refund, and its end without a kind',
      [at('COMPLETED', 1, { kind: 'REFUND' }), at('VOIDED', 2)],
      false,
    ],
    [
      'contradictory-kinds',
      'nothing was understood',
      [UNKNOWN, { ...UNKNOWN, eventId: 'other', kind: 'REFUND' }],
      false,
    ],
    [
      'contradictory-kinds',
      'the other kind is that of a child',
      [at('SETTLED', 1), at('COMPLETED', 2, { kind: 'REFUND', childKey: 'c' })],
      false,
    ],
    ['time-uncertain', 'a time without a zone alone', [told('BLOCKED', '2026-01-12T12:00:00')], false],
  ])('%s: %s', (code, _why, events, expected) => {
    expect(attentionOf(...events).includes(code)).toBe(expected)
    expect(attentionOf(...events.toReversed()).includes(code)).toBe(expected)
  })
})

function reason(code: string) {
  return { scheme: 'ISO20022', code, rule: null, location: null, field: null } as const
}
