import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { toRawRecord } from '../../src/gateway/to-raw-record.ts'
import type { Callback } from '../../src/providers/provider.ts'

const CALLBACK: Callback = {
  callbackId: '01890a5d-ac96-774b-bcce-b302099a8057',
  source: 'jpm',
  namespace: 'ns',
  currency: null,
  receivedAt: Date.UTC(2026, 10, 23, 8, 0, 0, 7),
  contentType: 'application/json; charset=utf-8',
  body: Buffer.from('{"secret":"4111111111111111"}'),
}
const BODY_HASH = createHash('sha256').update(CALLBACK.body).digest('hex')
const keyed = (key: string | null) => ({ firstPaymentKey: () => key })

describe('toRawRecord', () => {
  test('keeps the very bytes of the body as the value (I1)', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:1'), 'basic,ip-allow-list').value).toBe(CALLBACK.body)
  })

  test('describes the callback in CloudEvents binary mode', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:1'), 'basic,ip-allow-list').headers).toEqual({
      paystatus_authentication: 'basic,ip-allow-list',
      ce_specversion: '1.0',
      ce_id: '01890a5d-ac96-774b-bcce-b302099a8057',
      ce_source: 'jpm',
      ce_type: 'paystatus.callback.received',
      ce_time: '2026-11-23T08:00:00.007Z',
      'content-type': 'application/json; charset=utf-8',
    })
  })

  test('has no content-type header when the request had none', () => {
    expect(
      toRawRecord({ ...CALLBACK, contentType: '' }, keyed(null), 'basic,ip-allow-list').headers,
    ).not.toHaveProperty('content-type')
  })

  test('has the first payment’s key', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:é'), 'basic,ip-allow-list').key).toEqual(Buffer.from('ns:é', 'utf8'))
  })

  test.each([
    ['none', keyed(null)],
    ['an empty one', keyed('')],
    ['one that is too long for an id', keyed('x'.repeat(513))],
    [
      'an adapter that fails',
      {
        firstPaymentKey: () => {
          throw new Error('defect')
        },
      },
    ],
  ])('has the body’s SHA-256 as its key, with %s, and nothing of the body (I9)', (_what, provider) => {
    expect(toRawRecord(CALLBACK, provider, 'basic,ip-allow-list').key.toString()).toBe(BODY_HASH)
  })
})
