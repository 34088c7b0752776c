import { expect, test } from 'vitest'
import { RedisUnavailableError } from '../../src/redis/redis-errors.ts'
import { AppendError } from '../../src/stream/append-error.ts'
import { passesByItself, shortReason } from '../../src/stream/short-reason.ts'

const kafka = (type: string) => Object.assign(new Error('a long text'), { name: 'KafkaJSProtocolError', type })
const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' })

test.each([
  [
    new AppendError('APPEND_FAILED', 'x', { cause: kafka('MESSAGE_TOO_LARGE') }),
    'record too large (MESSAGE_TOO_LARGE)',
  ],
  [kafka('INVALID_TIMESTAMP'), 'timestamp out of range (INVALID_TIMESTAMP)'],
  [kafka('NEVER_HEARD_OF'), 'Kafka: NEVER_HEARD_OF'],
  [
    new RedisUnavailableError('REDIS_UNREACHABLE', 'Redis does not answer', reply('MOVED 1 10.0.0.1:1')),
    'Redis: MOVED',
  ],
  [reply('WRONGTYPE Operation against a key'), 'Redis: WRONGTYPE'],
  [
    new RedisUnavailableError('REDIS_UNREACHABLE', 'Redis does not answer: connect ECONNREFUSED', new Error('x')),
    'Redis does not answer: connect ECONNREFUSED',
  ],
  [Object.assign(new Error('Broker -1 not found'), { name: 'KafkaJSBrokerNotFound' }), 'Broker -1 not found'],
])('the short reason for %s is: %s', (error, reason) => {
  expect(shortReason(error)).toBe(reason)
})

test('an unknown error is reduced to its class, because its message may quote a body (I9)', () => {
  expect(shortReason(new TypeError('invalid "string": "4111 1111"'))).toBe('TypeError')
  expect(shortReason('4111 1111')).toBe('unknown')
})

test('a short reason is one line of bounded length (I10)', () => {
  const long = Object.assign(new Error(`one\ntwo`), { code: 'X' })
  expect(shortReason(long)).toBe('one')
  expect(shortReason(Object.assign(new Error('x'.repeat(9_000)), { code: 'X' }))).toHaveLength(200)
})

test('an error passes by itself if the innermost error with a `retriable` flag says so', () => {
  const retriable = (value: boolean, cause?: unknown) => Object.assign(new Error('x', { cause }), { retriable: value })
  expect(passesByItself(retriable(true))).toBe(true)
  expect(passesByItself(retriable(true, retriable(false, new Error('x'))))).toBe(false)
  expect(passesByItself(retriable(false, retriable(true)))).toBe(true)
  expect(passesByItself(new Error('a defect'))).toBe(false)
})
