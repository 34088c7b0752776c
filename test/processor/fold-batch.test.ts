import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX } from '../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { noTotals, totalsDifference } from '../../src/payment/totals.ts'
import { type BatchInput, foldBatch } from '../../src/processor/fold-batch.ts'
import { LIGHT, sampleEvent } from '../avro/samples.ts'

/** The outcome of a batch, with what it counts. */
function fold(inputs: readonly BatchInput<string>[], before?: PaymentState, now = 1) {
  const totals = noTotals()
  return { ...foldBatch(inputs, () => before, now, totals), totals }
}

function input(eventId: string, changes: Partial<PaymentEvent> = {}): BatchInput<string> {
  const event = sampleEvent({ eventId, naturalKey: eventId, providerEventId: null, paymentKey: 'a', ...changes })
  return { record: `record of ${eventId}`, event }
}

describe('the events of a payment in a batch', () => {
  test('applies the events of one payment in order, and ends with one state', () => {
    const { changes, state, totals } = fold(
      [input('1', { status: 'PROCESSING' }), input('2', { status: 'COMPLETED' })],
      undefined,
      77,
    )
    expect(changes.map(({ change: { state } }) => [state.paymentKey, state.statusVersion, state.status])).toEqual([
      ['a', 1, 'PROCESSING'],
      ['a', 2, 'COMPLETED'],
    ])
    expect(state).toMatchObject({ statusVersion: 2, touchedAt: 77 })
    expect(totals).toMatchObject({ events: 2, applied: 2, duplicate: 0, deadLetter: 0 })
  })

  test('continues from the states before the batch', () => {
    const before = fold([input('1')]).state as PaymentState
    const { changes, totals } = fold([input('1'), input('2', { status: 'COMPLETED' })], before, 2)
    expect(changes.map(({ change: { state } }) => state.statusVersion)).toEqual([2])
    expect(totals).toMatchObject({ events: 2, applied: 1, duplicate: 1 })
  })

  test('I3: counts a repeat within the batch and publishes nothing for it', () => {
    const { changes, totals } = fold([input('1'), input('1')])
    expect(changes).toHaveLength(1)
    expect(totals).toMatchObject({ events: 2, applied: 1, duplicate: 1 })
  })

  test('reads the state before the batch once, and not at all if no record is an event', () => {
    let reads = 0
    const before = () => {
      reads += 1
      return undefined
    }
    foldBatch([{ record: 'bad', rejected: 'undecodable' }], before, 1, noTotals())
    expect(reads).toBe(0)
    foldBatch([input('1'), input('1'), input('2')], before, 1, noTotals())
    expect(reads).toBe(1)
  })

  test('of repeats only changes no state', () => {
    const before = fold([input('1')]).state as PaymentState
    expect(fold([input('1'), input('1')], before).state).toBeNull()
  })

  test('I5: a newer mapping that says the same writes the state and no change', () => {
    const before = fold([input('1')]).state as PaymentState
    const { changes, state, totals } = fold([input('1', { mappingVersion: 2 })], before, 2)
    expect(changes).toEqual([])
    expect(state).toMatchObject({ statusVersion: 1, events: [{ event: { mappingVersion: 2 } }] })
    expect(totals).toMatchObject({ events: 1, duplicate: 1, restated: 0 })
  })

  test('I8: a newer mapping that says something else is counted as restated', () => {
    const before = fold([input('1')]).state as PaymentState
    const { changes, totals } = fold([input('1', { mappingVersion: 2, status: 'COMPLETED' })], before, 2)
    expect(changes.map(({ change: { recorded } }) => recorded.verdict)).toEqual(['RESTATED'])
    expect(totals).toMatchObject({ events: 1, duplicate: 0, restated: 1 })
  })

  test('I8: a withdrawal is counted as withdrawn, and the payment stays', () => {
    const before = fold([input('1')]).state as PaymentState
    const withdrawal = input('1', { mappingVersion: 2, withdrawn: true })
    const { changes, state, totals } = fold([withdrawal, withdrawal], before, 2)
    expect(changes.map(({ change: { recorded } }) => recorded.verdict)).toEqual(['WITHDRAWN'])
    expect(state).toMatchObject({ status: 'UNKNOWN', statusVersion: 2 })
    expect(totals).toMatchObject({ events: 2, withdrawn: 1, duplicate: 1 })
    expect(totalsDifference(totals)).toBe(0)
  })

  test('sends records that are not events to the dead letters with a reason, and processes the rest', () => {
    const bad: BatchInput<string> = { record: 'bad', rejected: 'undecodable' }
    const { changes, deadLetters, totals } = fold([bad, input('1')])
    expect(deadLetters).toEqual([{ record: 'bad', reason: 'undecodable' }])
    expect(changes).toHaveLength(1)
    expect(totals).toMatchObject({ events: 2, applied: 1, deadLetter: 1 })
  })

  test('I10: sends events that a full history refuses to the dead letters', () => {
    let full: PaymentState | undefined
    for (let index = 0; index < HISTORY_EVENTS_MAX; index += 1) {
      const event = sampleEvent({
        ...LIGHT,
        eventId: `${index}`,
        paymentKey: 'a',
        status: 'PROCESSING',
        occurredAt: index * 10,
      })
      const applied = applyEvent(full, event, 1)
      full = applied.outcome === 'recorded' ? applied.change.state : full
    }
    const refused = input('x', { ...LIGHT, status: 'PROCESSING', occurredAt: 2_545 })
    const { deadLetters, changes, state } = fold([refused, refused], full, 2)
    const deadLetter = { record: 'record of x', reason: 'history-full' }
    expect(deadLetters).toEqual([deadLetter, deadLetter])
    expect(changes).toEqual([])
    // The state only counts them. What was left out is not recognised when it is repeated.
    expect(state).toEqual({ ...full, eventsLeftOut: 2 })
  })

  test('I8: accounts for every event, whatever the batch contains', () => {
    const { totals } = fold([
      input('1', { status: 'REJECTED', occurredAt: 5 }),
      input('2', { status: 'CANCELED', occurredAt: 6 }),
      input('3', { status: 'UNKNOWN', unknownBecause: 'STATUS' }),
      input('4', { status: 'PROCESSING', occurredAt: 1 }),
      input('5', { status: 'PROCESSING', occurredAt: 1, naturalKey: '4' }),
      input('5'),
      { record: 'bad', rejected: 'too-large' },
    ])
    expect(totals).toMatchObject({
      applied: 1,
      conflict: 1,
      unknown: 1,
      late: 1,
      revision: 1,
      duplicate: 1,
      deadLetter: 1,
    })
    expect([totals.events, totalsDifference(totals)]).toEqual([7, 0])
  })
})
