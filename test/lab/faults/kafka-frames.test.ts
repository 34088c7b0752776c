import { expect, test } from 'vitest'
import { API_KEYS, tamperedResponses } from './kafka-frames.ts'

function request(apiKey: number, correlationId: number, bytes: number): Buffer {
  const frame = Buffer.alloc(12 + bytes)
  frame.writeInt32BE(8 + bytes, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt32BE(correlationId, 8)
  return frame
}

function response(correlationId: number, bytes: number): Buffer {
  const frame = Buffer.alloc(8 + bytes, 'x')
  frame.writeInt32BE(4 + bytes, 0)
  frame.writeInt32BE(correlationId, 4)
  return frame
}

test.each([1, 3, 7, 1_000])('loses the response to the chosen request, in pieces of %i bytes', (pieceBytes) => {
  const filter = tamperedResponses((apiKey) => (apiKey === API_KEYS.endTxn ? 'lose' : 'pass'))
  filter.request(Buffer.concat([request(API_KEYS.produce, 1, 50), request(API_KEYS.endTxn, 2, 9)]))
  const before = response(1, 33)
  const all = Buffer.concat([before, response(2, 10)])
  const passed: Buffer[] = []
  let cut = false
  for (let at = 0; at < all.length && !cut; at += pieceBytes) {
    const seen = filter.response(all.subarray(at, at + pieceBytes))
    passed.push(seen.pass)
    cut = seen.cut
  }
  expect(cut).toBe(true)
  expect(Buffer.concat(passed)).toEqual(before)
})

test('lets all other responses through', () => {
  const filter = tamperedResponses(() => 'pass')
  filter.request(request(API_KEYS.produce, 1, 0))
  const all = Buffer.concat([response(1, 0), response(77, 5)])
  expect(filter.response(all)).toEqual({ pass: all, cut: false, delayMs: 0 })
})

test('reports how long the response to the chosen request is held back', () => {
  const filter = tamperedResponses((apiKey) => (apiKey === API_KEYS.endTxn ? { delayMs: 700 } : 'pass'))
  filter.request(Buffer.concat([request(API_KEYS.produce, 1, 0), request(API_KEYS.endTxn, 2, 0)]))
  expect(filter.response(response(1, 5)).delayMs).toBe(0)
  expect(filter.response(response(2, 5))).toEqual({ pass: response(2, 5), cut: false, delayMs: 700 })
})

test('cuts the connection before a refused request, and only then', () => {
  const filter = tamperedResponses(
    () => 'pass',
    (apiKey) => apiKey === API_KEYS.heartbeat,
  )
  expect(filter.request(request(API_KEYS.produce, 1, 5))).toBe(false)
  expect(filter.request(request(API_KEYS.heartbeat, 2, 5))).toBe(true)
})
