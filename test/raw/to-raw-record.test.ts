import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Callback } from '../../src/providers/provider.ts'
import { toRawRecord } from '../../src/raw/to-raw-record.ts'

const CALLBACK: Callback = {
  callbackId: '01890a5d-ac96-774b-bcce-b302099a8057',
  source: 'jpm',
  namespace: 'ns',
  currency: null,
  receivedAt: Date.UTC(2026, 10, 23, 8, 0, 0, 7),
  contentType: 'application/json; charset=utf-8',
  authenticity: ['hmac', 'mtls'],
  body: Buffer.from('{"secret":"4111111111111111"}'),
}
const BODY_HASH = createHash('sha256').update(CALLBACK.body).digest('hex')
const keyed = (key: string | null) => ({ id: 'jpm-global-payments-v1', firstPaymentKey: () => key })

describe('toRawRecord', () => {
  test('keeps the exact bytes of the body as the value (I1)', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:1')).value).toBe(CALLBACK.body)
  })

  test('describes the callback in CloudEvents binary mode', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:1')).headers).toEqual({
      ce_specversion: '1.0',
      ce_id: '01890a5d-ac96-774b-bcce-b302099a8057',
      ce_source: 'jpm',
      ce_type: 'paystatus.callback.received',
      ce_time: '2026-11-23T08:00:00.007Z',
      'content-type': 'application/json; charset=utf-8',
      paystatus_authentication: 'hmac,mtls',
      paystatus_provider: 'jpm-global-payments-v1',
      paystatus_namespace: 'ns',
    })
  })

  test('has the currency and the JSON depth limit of its source, if set', () => {
    const record = toRawRecord({ ...CALLBACK, currency: 'USD', jsonDepthMax: 32 }, keyed('ns:1'))
    expect(record.headers).toMatchObject({ paystatus_currency: 'USD', paystatus_json_depth_max: '32' })
  })

  test('has no content-type header if the request had none', () => {
    expect(toRawRecord({ ...CALLBACK, contentType: '' }, keyed(null)).headers).not.toHaveProperty('content-type')
  })

  test('has the key of the first payment', () => {
    expect(toRawRecord(CALLBACK, keyed('ns:é')).key).toEqual(Buffer.from('ns:é', 'utf8'))
  })

  test.each([
    ['no payment key', keyed(null)],
    ['an empty payment key', keyed('')],
    ['a payment key that is too long for an id', keyed('x'.repeat(513))],
    [
      'an adapter that fails',
      {
        id: 'jpm-global-payments-v1',
        firstPaymentKey: () => {
          throw new Error('defect')
        },
      },
    ],
  ])('with %s, has the SHA-256 of the body as its key, and no data from the body (I9)', (_what, provider) => {
    expect(toRawRecord(CALLBACK, provider).key.toString()).toBe(BODY_HASH)
  })
})
