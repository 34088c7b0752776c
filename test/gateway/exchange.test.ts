import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type Connection, Exchange, type ExchangeContext } from '../../src/gateway/exchange.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A request whose answer goes nowhere until `raw` says `close`: its caller does not read. */
function exchangeOf(events: string[]) {
  const raw = Object.assign(new EventEmitter(), { setHeader: () => {}, removeHeader: () => {} })
  const socket = { destroy: () => events.push('destroyed') }
  const reply = {
    raw,
    request: { raw: { complete: true, socket } },
    code: () => reply,
    header: () => reply,
    send: () => reply,
  }
  const context: ExchangeContext = {
    answerDeadlineMs: 1_000,
    answerReadTimeoutMs: 5_000,
    draining: false,
    answered: (_source, code) => events.push(`answered ${code}`),
    disconnected: () => events.push('disconnected'),
    appendExpired: () => {},
    answerUnread: () => events.push('unread'),
    readingChanged: () => {},
    closed: () => events.push('closed'),
  }
  const connection: Connection = {
    address: '127.0.0.1',
    pending: 0,
    latest: null,
    broken: false,
    answeredEarly: false,
    leaving: false,
    served: false,
    idleSince: 0,
  }
  return { raw, exchange: new Exchange(context, connection, 'open', null, reply as unknown as FastifyReply) }
}

test('a caller that does not read its answer is cut, also when the answer came of the deadline (I10)', () => {
  const events: string[] = []
  const { raw } = exchangeOf(events)
  vi.advanceTimersByTime(1_000)
  expect(events).toEqual(['answered 503'])
  vi.advanceTimersByTime(4_999)
  expect(events).toEqual(['answered 503'])
  vi.advanceTimersByTime(1)
  expect(events).toEqual(['answered 503', 'unread', 'destroyed'])
  raw.emit('close')
  expect(events).toEqual(['answered 503', 'unread', 'destroyed', 'closed'])
})

test('one that reads it is left alone, and no timer stays', () => {
  const events: string[] = []
  const { raw, exchange } = exchangeOf(events)
  exchange.answer(200)
  raw.emit('close')
  expect(vi.getTimerCount()).toBe(0)
  expect(events).toEqual(['answered 200', 'closed'])
})
