import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createKafkaAppendLog } from '../../src/kafka/kafka-append-log.ts'
import { orderFreePart, type PaymentState } from '../../src/payment/apply-event.ts'
import { foldPayment } from '../../src/payment/fold-payment.ts'
import { STATE_BYTES_MAX } from '../../src/payment/keep-within-bound.ts'
import { EVENT_BYTES_MAX, type PaymentEvent } from '../../src/payment/payment-event.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { sampleEvent } from '../avro/samples.ts'
import { Deployment } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'
import { viewViolations } from '../lab/harness/violations.ts'

const EVENTS = 256
/** One payment gets the events in the order of their times, the other one every second event first. */
const [IN_ORDER, MIXED] = ['large:in-order', 'large:mixed']

let deployment: Deployment
let observer: Observer

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { partitions: 1 })
  observer = await Observer.create(deployment)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('I10, I5: 256 large events give a state of at most 128 KiB, the same in any order, with the status of all events', async () => {
  const inOrder = Array.from({ length: EVENTS }, (_, index) => largeEvent(IN_ORDER, index))
  const others = inOrder.map((event) => ({ ...event, paymentKey: MIXED }))
  const mixed = [1, 0].flatMap((rest) => others.filter((_, index) => index % 2 === rest))
  await append([...inOrder, ...mixed])
  const processor = await deployment.start(['processor'])
  await processor.ready()
  await observer.caughtUp()

  const sizes = (await observer.records('current')).map(({ value }) => value?.length ?? 0)
  expect(Math.max(...sizes)).toBeLessThanOrEqual(STATE_BYTES_MAX)
  const states = await observer.current()
  const [one, other] = [IN_ORDER, MIXED].map((key) => states.get(key) as PaymentState) as [PaymentState, PaymentState]
  expect(orderFreePart(one)).toEqual(orderFreePart(other))
  const { status, attention, decidedBy } = foldPayment(inOrder)
  expect(one).toMatchObject({ status, attention, decidedBy, eventsLeftOut: EVENTS - one.events.length })
  expect(other.eventsLeftOut).toBe(one.eventsLeftOut)
  expect(one.events.some(({ detailsDropped }) => detailsDropped)).toBe(true)

  // Every event has a step or is a dead letter.
  const changes = await observer.changes()
  const deadLetters = await observer.records('eventDeadLetters')
  expect(new Set(deadLetters.map(({ headers }) => String(headers['dlq_reason'])))).toEqual(new Set(['history-full']))
  expect(changes.length + deadLetters.length).toBe(2 * EVENTS)
  expect(changes.every(({ event }) => event?.sourceAction?.length === LARGEST.length)).toBe(true)
  await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
  expect(await observer.totals()).toMatchObject({ events: 2 * EVENTS, deadLetter: deadLetters.length })
})

async function append(events: readonly PaymentEvent[]): Promise<void> {
  const options = { partitions: 1, waitingRecordsMax: 1_000, waitingBytesMax: 64 << 20, retryForMs: 10_000 }
  const { log, close } = createKafkaAppendLog(observer.kafka, { topic: deployment.topics.events, ...options })
  const records = events.map((event) => ({ key: event.paymentKey, value: observer.codecs.event.encode(event) }))
  expect(Math.max(...records.map(({ value }) => value.length))).toBeLessThanOrEqual(EVENT_BYTES_MAX)
  // A few at a time: an append is one request.
  for (let from = 0; from < records.length; from += 64) {
    await log.append(partitionOf(Buffer.from(IN_ORDER), 1), records.slice(from, from + 64))
  }
  await close()
}

const LARGEST = 'x'.repeat(6_400)
const STATUSES = ['RECEIVED', 'PROCESSING', 'PROCESSING', 'ON_HOLD', 'COMPLETED'] as const

function largeEvent(paymentKey: string, index: number): PaymentEvent {
  return sampleEvent({
    eventId: String(index).padStart(32, '0'),
    paymentKey,
    status: STATUSES[index % STATUSES.length] as PaymentEvent['status'],
    occurredAt: 1_732_000_000_000 + index,
    naturalKey: `${index}`,
    providerEventId: `${index}`,
    sourceAction: LARGEST,
  })
}
