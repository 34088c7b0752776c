import { expect, test } from 'vitest'
import { applyEvent, type Change, type PaymentState } from '../../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { toStatusChange } from '../../../src/payment/status-change.ts'
import { noTotals, type TotalsDelta } from '../../../src/payment/totals.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { judge } from './judge.ts'

const KNOWN = sampleEvent({ mappingVersion: 1, status: 'PROCESSING' })
const RESTATING = sampleEvent({ mappingVersion: 2, status: 'COMPLETED' })

test('I3: a second record of an event is no problem if it restates the event', async () => {
  const [first, second] = stepsOf([KNOWN, RESTATING])
  expect(await problemsOf([first, second], { events: 2, applied: 1, restated: 1 })).toEqual([])
})

test('I3: a second record of an event that restates nothing is a problem', async () => {
  const [first] = stepsOf([KNOWN])
  const repeated = { ...first, statusVersion: 2 }
  expect(await problemsOf([first, repeated], { events: 2, applied: 2 })).toEqual([
    `${KNOWN.paymentKey} has two records for one event`,
  ])
})

test('I8: an event that is not accounted for is a problem', async () => {
  const [first, second] = stepsOf([KNOWN, RESTATING])
  expect(await problemsOf([first, second], { events: 3, applied: 1, restated: 1 })).toEqual([
    '3 events were read, but 2 are accounted for',
  ])
})

type Step = ReturnType<typeof toStatusChange>

function stepsOf(events: readonly PaymentEvent[]): [Step, Step] {
  let state: PaymentState | undefined
  return events.map((event) => {
    const { change } = applyEvent(state, event, 0) as { change: Change }
    state = change.state
    return toStatusChange(change)
  }) as [Step, Step]
}

async function problemsOf(changes: readonly Step[], totals: Partial<TotalsDelta>): Promise<readonly string[]> {
  const observer = {
    changes: async () => changes,
    current: async () => new Map(),
    records: async () => [],
    totals: async () => ({ ...noTotals(), ...totals }),
  }
  const expected = { events: 1, undeliveredPayments: 0, deadLetters: { min: 0, max: 0 } }
  return (await judge(observer, { payments: [], expected }, [])).problems
}
