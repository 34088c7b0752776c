import { describe, expect, test } from 'vitest'
import { type DeadLetterNote, toDeadLetter } from '../../src/stream/dead-letter.ts'
import { dltPlace } from '../../src/stream/dlt-headers.ts'
import type { InRecord } from '../../src/stream/record.ts'

const BODY = Buffer.from([0x00, 0xff, 0x7b, 0x22])
const RECORD: InRecord = {
  offset: 41n,
  key: Buffer.from('jpm:1'),
  value: BODY,
  headers: { ce_id: Buffer.from('receipt'), 'content-type': 'application/json' },
  timestamp: 5,
}
const NOTE: DeadLetterNote = {
  reason: 'missing-status',
  message: 'an element carries no status',
  stage: 'normalizer',
  topic: 'payments.callbacks.raw',
  partition: 2,
  offset: 41n,
  element: 3,
  at: 1_732_000_000_000,
}

/** As Spring Kafka writes them: int32 and int64, big endian. */
const SPRING = {
  'kafka_dlt-original-topic': 'payments.callbacks.raw',
  'kafka_dlt-original-partition': Buffer.from([0, 0, 0, 2]),
  'kafka_dlt-original-offset': Buffer.from([0, 0, 0, 0, 0, 0, 0, 41]),
  'kafka_dlt-original-timestamp': Buffer.from([0, 0, 0, 0, 0, 0, 0, 5]),
  'kafka_dlt-exception-message': 'missing-status: an element carries no status',
}

describe('a dead letter', () => {
  test('is the record as it was read, byte for byte, under its own key', () => {
    const { key, value } = toDeadLetter(RECORD, NOTE)
    expect(key).toEqual(RECORD.key)
    expect(value).toBe(BODY)
  })

  test('keeps the headers and adds the reason, the place and the time', () => {
    expect(toDeadLetter(RECORD, NOTE).headers).toEqual({
      ce_id: Buffer.from('receipt'),
      'content-type': 'application/json',
      dlq_reason: 'missing-status',
      dlq_message: 'an element carries no status',
      dlq_stage: 'normalizer',
      dlq_topic: 'payments.callbacks.raw',
      dlq_partition: '2',
      dlq_offset: '41',
      dlq_element: '3',
      dlq_time: '2024-11-19T07:06:40.000Z',
      ...SPRING,
    })
  })

  test('keeps the first place of a record of the same topic, which was redriven and failed again', () => {
    const headers = { ...RECORD.headers, ...dltPlace(NOTE.topic, 7, 5n, 3) }
    const again = toDeadLetter({ ...RECORD, headers }, NOTE).headers
    expect(again).toMatchObject({
      ...dltPlace(NOTE.topic, 7, 5n, 3),
      dlq_partition: '2',
      dlq_offset: '41',
      'kafka_dlt-exception-message': 'missing-status: an element carries no status',
    })
  })

  test.each([
    ['of another topic', dltPlace('payments.events', 7, 5n, 3)],
    ['that is not complete', { 'kafka_dlt-original-topic': NOTE.topic }],
    ['that is text', { ...dltPlace(NOTE.topic, 7, 5n, 3), 'kafka_dlt-original-offset': '5' }],
  ])('does not keep a place %s', (_, headers) => {
    expect(toDeadLetter({ ...RECORD, headers: { ...headers } }, NOTE).headers).toMatchObject(SPRING)
  })

  test('names no element if it is for the whole record; elements count from 0', () => {
    expect(toDeadLetter(RECORD, { ...NOTE, element: null }).headers).not.toHaveProperty('dlq_element')
    expect(toDeadLetter(RECORD, { ...NOTE, element: 0 }).headers).toHaveProperty('dlq_element', '0')
  })

  test('of a record that already was a dead letter states the latest reason', () => {
    const again = { ...RECORD, headers: { ...RECORD.headers, dlq_reason: 'old', dlq_element: '9' } }
    expect(toDeadLetter(again, { ...NOTE, element: null }).headers).toMatchObject({ dlq_reason: 'missing-status' })
  })

  test('keeps the first of several values of a header, and allows a record without key or value', () => {
    const odd = { ...RECORD, key: null, value: null, headers: { a: ['1', '2'], b: [], c: undefined } }
    const { key, value, headers } = toDeadLetter(odd, NOTE)
    expect([key, value]).toEqual(['', null])
    expect(headers).toHaveProperty('a', '1')
    expect(headers).not.toHaveProperty('b')
    expect(headers).not.toHaveProperty('c')
  })
})
