import { CloudEvent, Kafka } from 'cloudevents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRecordBatch } from '../../src/kafka/client/encode-record-batch.ts'
import { readRecordBatches } from '../../src/kafka/client/read-record-batches.ts'
import { CHANGE_HEADERS, StepHeaders, versionHeaders } from '../../src/processor/step-headers.ts'

/** The headers of the published topics: CloudEvents for every SDK, and versions to compare without decoding. */

const STEP = {
  paymentKey: 'acme:Zürich/1',
  incarnation: 1_732_000_000_000,
  statusVersion: 3,
  recordedAt: 1_732_000_000_789,
}
const VALUE = Buffer.from([0, 0, 0, 0, 7, 2, 0xff])

function headersOf(step: typeof STEP, topic = 'eu.payments.status.changes') {
  const headers = new StepHeaders(topic).of(step)
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

test('a step is a CloudEvent in binary mode, and has its version', () => {
  expect(headersOf(STEP)).toEqual({
    ce_specversion: '1.0',
    ce_id: 'acme:Zürich/1:1732000000000:3',
    ce_source: '/paystatus/eu.payments.status.changes',
    ce_type: 'paystatus.payment.step',
    ce_subject: 'acme:Zürich/1',
    ce_time: '2024-11-19T07:06:40.789Z',
    'content-type': 'application/avro',
    paystatus_incarnation: '1732000000000',
    paystatus_status_version: '3',
  })
})

test('the official SDK for JavaScript reads it as it comes from the topic', () => {
  const fields = { timestamp: 7, transactional: true, producerId: 5n, producerEpoch: 1, firstSequence: 3 }
  const headers = new StepHeaders('payments.status.changes').of(STEP)
  const batch = encodeRecordBatch([{ key: STEP.paymentKey, value: VALUE, headers }], fields)
  const read = readRecordBatches(batch, 0n, null).records[0]
  const texts = Object.fromEntries(Object.entries(read?.headers ?? {}).map(([name, value]) => [name, String(value)]))
  // Its type of a message leaves out the value, which it reads.
  const message = { headers: texts, body: read?.value, value: read?.value }
  const event = Kafka.toEvent(message)
  expect(event).toMatchObject({
    specversion: '1.0',
    id: 'acme:Zürich/1:1732000000000:3',
    source: '/paystatus/payments.status.changes',
    type: 'paystatus.payment.step',
    subject: STEP.paymentKey,
    time: '2024-11-19T07:06:40.789Z',
    datacontenttype: 'application/avro',
    data: VALUE,
  })
  expect(event instanceof CloudEvent && event.validate()).toBe(true)
})

describe('ce_id', () => {
  const step = fc.record({
    paymentKey: fc.constantFrom('a:1', 'a:1:1', 'a', 'a:1:1:1'),
    incarnation: fc.nat(3),
    statusVersion: fc.integer({ min: 1, max: 3 }),
    recordedAt: fc.nat(1_000),
  })

  test('is the same if a step is published again, whenever that is and whatever was published before (I3)', () => {
    const busy = new StepHeaders('t')
    fc.assert(
      fc.property(step, fc.nat(1_000), (one, recordedAt) => {
        expect(String(busy.of({ ...one, recordedAt }).ce_id)).toBe(String(new StepHeaders('t').of(one).ce_id))
      }),
    )
  })

  test('differs between any two steps', () => {
    fc.assert(
      fc.property(step, step, (one, other) => {
        const isSame = (['paymentKey', 'incarnation', 'statusVersion'] as const).every(
          (name) => one[name] === other[name],
        )
        expect(headersOf(one)['ce_id'] === headersOf(other)['ce_id']).toBe(isSame)
      }),
    )
  })
})

test('ce_time follows the recording time', () => {
  const headers = new StepHeaders('t')
  const times = [5, 5, 1_000, 5].map((recordedAt) => String(headers.of({ ...STEP, recordedAt }).ce_time))
  expect(times).toEqual([5, 5, 1_000, 5].map((at) => new Date(at).toISOString()))
})

test('both topics have the version under the same names', () => {
  const { incarnation, statusVersion } = CHANGE_HEADERS
  expect(versionHeaders(STEP)).toEqual({ [incarnation]: '1732000000000', [statusVersion]: '3' })
  expect(headersOf(STEP)).toMatchObject(versionHeaders(STEP))
})
