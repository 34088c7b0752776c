import { describe, expect, test } from 'vitest'
import { toAuthenticity, toCallback } from '../../src/normalizer/to-callback.ts'
import { providerById } from '../../src/providers/registry.ts'

const SOURCE = { id: 'jpm', namespace: 'n', currency: null }

function callbackWith(authentication?: string) {
  const headers = {
    ce_id: Buffer.from('receipt'),
    ...(authentication !== undefined && { paystatus_authentication: Buffer.from(authentication) }),
  }
  const body = '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}'
  return toCallback({ offset: 0n, timestamp: 0, key: null, value: Buffer.from(body), headers }, SOURCE)
}

describe('how the caller was authenticated', () => {
  test.each([
    ['none', ['none']],
    ['hmac,mtls', ['hmac', 'mtls']],
    ['mtls, hmac,mtls', ['hmac', 'mtls']],
    ['', []],
    // Somebody else may write into raw: nothing of that grows a payment (I10) or carries data on (I9).
    ['ok,4111 1111 1111 1111,<b>,UPPER', ['ok']],
    ['a,b,c,d,e,f,g,h,i,j', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['x'.repeat(33), []],
  ])('%j is read as %j', (header, kinds) => {
    expect(toAuthenticity(header)).toEqual(kinds)
  })

  test('is not known of a record without the header', () => {
    expect(callbackWith().authenticity).toEqual([])
  })

  test('goes into the events, and not into what they are', () => {
    const translate = (authentication?: string) =>
      providerById('jpm-global-payments-v1')?.translate(callbackWith(authentication)).events[0]
    expect(translate('basic,ip-allow-list')?.authenticity).toEqual(['basic', 'ip-allow-list'])
    expect(translate('none')?.eventId).toBe(translate('basic,ip-allow-list')?.eventId)
  })
})
