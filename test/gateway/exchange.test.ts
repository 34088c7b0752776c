import { EventEmitter } from 'node:events'
import type { FastifyReply } from 'fastify'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Budget } from '../../src/gateway/budget.ts'
import { type Connection, Exchange, type ExchangeContext } from '../../src/gateway/exchange.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A request whose answer is not delivered until `raw` emits `close`: its caller does not read. */
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
  const budget = new Budget(1, 100)
  const context: ExchangeContext = {
    answerDeadlineMs: 1_000,
    answerReadTimeoutMs: 5_000,
    budget,
    watch: { failed: (reason) => events.push(reason) },
    metrics: {
      answered: (_source, code) => events.push(`answered ${code}`),
      disconnected: () => events.push('disconnected'),
      connectionCut: (reason) => events.push(reason),
    },
  }
  const connection: Connection = {
    address: '127.0.0.1',
    pending: 0,
    latest: null,
    ending: false,
    answeredEarly: false,
    leaving: false,
    served: false,
    idleSince: 0,
  }
  return { raw, budget, exchange: new Exchange(context, connection, 'open', null, reply as unknown as FastifyReply) }
}

test('a caller that does not read its answer is cut off, also if the deadline caused the answer (I10)', () => {
  const events: string[] = []
  const { raw } = exchangeOf(events)
  vi.advanceTimersByTime(1_000)
  expect(events).toEqual(['answered 503'])
  vi.advanceTimersByTime(4_999)
  expect(events).toEqual(['answered 503'])
  vi.advanceTimersByTime(1)
  expect(events).toEqual(['answered 503', 'unread', 'destroyed'])
  raw.emit('close')
  expect(events).toEqual(['answered 503', 'unread', 'destroyed'])
})

test('a caller that reads it is not cut off, and no timer is left', () => {
  const events: string[] = []
  const { raw, exchange } = exchangeOf(events)
  exchange.answer(200)
  raw.emit('close')
  expect(vi.getTimerCount()).toBe(0)
  expect(events).toEqual(['answered 200'])
})

test('a request counts until its answer is out, its body until it is taken (I10)', () => {
  const { raw, budget, exchange } = exchangeOf([])
  expect(budget.requests).toBe(1)
  exchange.hold(Buffer.from('abc'))
  exchange.hold(Buffer.from('de'))
  expect(budget.bytes).toBe(5)
  expect(exchange.takeBody().toString()).toBe('abcde')
  expect(budget.bytes).toBe(0)
  exchange.answer(200)
  expect(budget.requests).toBe(1)
  raw.emit('close')
  expect(budget.requests).toBe(0)
})

test('the body of a request that is refused or whose caller leaves no longer counts (I10)', () => {
  for (const end of ['refused', 'left']) {
    const events: string[] = []
    const { raw, budget, exchange } = exchangeOf(events)
    exchange.hold(Buffer.from('abc'))
    if (end === 'refused') {
      exchange.answer(413)
    } else {
      raw.emit('close')
    }
    expect(budget.bytes).toBe(0)
    expect(events).toEqual([end === 'refused' ? 'answered 413' : 'disconnected'])
  }
})

test('a deadline that passes while the broker has the record is a failure of the broker', () => {
  const events: string[] = []
  const { exchange } = exchangeOf(events)
  const signal = exchange.appendSignal()
  vi.advanceTimersByTime(1_000)
  expect(events).toEqual(['no acknowledgement within 1000 ms', 'answered 503'])
  expect(signal.aborted).toBe(true)
})

test('a connection that ends announces it in the answer to its latest request', () => {
  const { raw, exchange } = exchangeOf([])
  const headers = vi.spyOn(raw, 'setHeader')
  exchange.connection.ending = true
  exchange.answer(200)
  expect(headers).toHaveBeenCalledWith('connection', 'close')
})
