import { describe, expect, test } from 'vitest'
import { fromRawRecord, type RawCallback, unknownSourceNote } from '../../src/raw/from-raw-record.ts'
import { sourcesById } from '../../src/raw/sources-by-id.ts'

const CONFIGURED = sourcesById([
  { id: 'jpm', provider: 'jpm-global-payments-v1', namespace: 'configured', currency: 'EUR' },
])

const TOLD = {
  ce_source: 'jpm',
  paystatus_provider: 'instamed',
  paystatus_namespace: 'told',
  paystatus_currency: 'USD',
  paystatus_json_depth_max: '32',
}

function rawRecord(headers: Record<string, string>) {
  const value = Buffer.from('{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}')
  return { offset: 0n, timestamp: 0, key: null, value, headers }
}

function sourceOf(headers: Record<string, string>) {
  const raw = fromRawRecord(rawRecord(headers), CONFIGURED)
  if (typeof raw === 'string') {
    return raw
  }
  const { source, namespace, currency, jsonDepthMax } = raw.callback
  return { provider: raw.provider.id, id: source, namespace, currency, jsonDepthMax }
}

const FROM_CONFIGURATION = {
  provider: 'jpm-global-payments-v1',
  id: 'jpm',
  namespace: 'configured',
  currency: 'EUR',
}

describe('the source of a raw record', () => {
  test('is what its headers say, whatever is configured now', () => {
    expect(sourceOf(TOLD)).toEqual({
      provider: 'instamed',
      id: 'jpm',
      namespace: 'told',
      currency: 'USD',
      jsonDepthMax: 32,
    })
    expect(sourceOf({ ...TOLD, ce_source: 'not-configured' })).toMatchObject({
      id: 'not-configured',
      namespace: 'told',
    })
  })

  test('has no currency if the headers name none, even if one is configured now', () => {
    const { paystatus_currency: _, ...without } = TOLD
    expect(sourceOf(without)).toMatchObject({ currency: null })
  })

  test('is the configured one for a record of an older release without these headers', () => {
    expect(sourceOf({ ce_source: 'jpm' })).toMatchObject(FROM_CONFIGURATION)
  })

  test.each([
    ['no namespace', { paystatus_namespace: '' }],
    ['a namespace with a colon', { paystatus_namespace: 'a:b' }],
    ['a provider that is not a name', { paystatus_provider: 'X Y' }],
    ['an invalid currency', { paystatus_currency: 'dollar' }],
    ['a depth that is not a number', { paystatus_json_depth_max: '1e3' }],
    ['a depth beyond the limit', { paystatus_json_depth_max: '1001' }],
  ])('is the configured one if the headers are not ours: %s', (_what, wrong) => {
    expect(sourceOf({ ...TOLD, ...wrong })).toMatchObject(FROM_CONFIGURATION)
  })

  test('is unknown if neither the headers nor the configuration has it', () => {
    expect(sourceOf({ ce_source: 'gone' })).toBe('unknown-source')
    expect(sourceOf({ ...TOLD, paystatus_provider: 'newer' })).toBe('unknown-provider')
  })

  test('is logged only with names of the form we write (I9)', () => {
    const headers = { ce_source: '4111 1111', paystatus_provider: 'newer' }
    expect(unknownSourceNote({ headers, offset: 7n }, 'unknown-provider')).toEqual({
      reason: 'unknown-provider',
      source: '',
      provider: 'newer',
      offset: 7n,
    })
  })
})

describe('how the caller was authenticated', () => {
  const read = (authentication?: string) => {
    const headers = authentication === undefined ? {} : { paystatus_authentication: authentication }
    return fromRawRecord(rawRecord({ ce_source: 'jpm', ...headers }), CONFIGURED) as RawCallback
  }

  test.each([
    ['none', ['none']],
    ['hmac,mtls', ['hmac', 'mtls']],
    ['mtls, hmac,mtls', ['hmac', 'mtls']],
    ['', []],
    // Foreign records in raw must neither grow a payment (I10) nor leak data (I9).
    ['ok,4111 1111 1111 1111,<b>,UPPER', ['ok']],
    ['a,b,c,d,e,f,g,h,i,j', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['x'.repeat(33), []],
  ])('%j is read as %j', (header, kinds) => {
    expect(read(header).callback.authenticity).toEqual(kinds)
  })

  test('is unknown for a record without the header', () => {
    expect(read().callback.authenticity).toEqual([])
  })

  test('becomes part of the events but not of their identity', () => {
    const translate = ({ callback, provider }: RawCallback) => provider.translate(callback).events[0]
    expect(translate(read('basic,ip-allow-list'))?.authenticity).toEqual(['basic', 'ip-allow-list'])
    expect(translate(read('none'))?.eventId).toBe(translate(read('basic,ip-allow-list'))?.eventId)
  })
})
