import { describe, expect, test } from 'vitest'
import { traceIdOf, traceparentOf } from '../../src/stream/traceparent.ts'

const TRACE = 'a1'.repeat(16)
const VALID = `00-${TRACE}-${'b2'.repeat(8)}-01`
const withHeader = (value: string | Buffer) => ({ headers: { traceparent: value } })

describe('the trace context of a record', () => {
  test.each([VALID, Buffer.from(VALID)])('is read from its header', (value) => {
    expect(traceparentOf(withHeader(value))).toBe(VALID)
    expect(traceIdOf(withHeader(value))).toBe(TRACE)
  })

  test.each([
    ['missing', { headers: {} }],
    ['empty', withHeader('')],
    ['not sampled', withHeader(VALID.replace(/1$/, '0'))],
    ['of another version', withHeader(VALID.replace(/^00/, '01'))],
    ['longer', withHeader(`${VALID}-00`)],
    ['in upper case', withHeader(VALID.toUpperCase())],
    ['text of a stranger (I9)', withHeader('a card number')],
  ])('is ignored if it is %s', (_, record) => {
    expect([traceparentOf(record), traceIdOf(record)]).toEqual([null, null])
  })
})
