import { describe, expect, test } from 'vitest'
import { sourceOfRecord, unknownSourceNote } from '../../src/normalizer/source-of-record.ts'
import { sourcesById } from '../../src/normalizer/sources.ts'

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

function sourceOf(headers: Record<string, string>) {
  const found = sourceOfRecord({ headers }, CONFIGURED)
  return typeof found === 'string' ? found : { provider: found.provider.id, ...found.facts }
}

const FROM_CONFIGURATION = {
  provider: 'jpm-global-payments-v1',
  id: 'jpm',
  namespace: 'configured',
  currency: 'EUR',
}

describe('the source of a raw record', () => {
  test('is what its headers tell, whatever the configuration says by now', () => {
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

  test('without a currency is one that has none, also if one is configured by now', () => {
    const { paystatus_currency: _, ...without } = TOLD
    expect(sourceOf(without)).toMatchObject({ currency: null })
  })

  test('is that of the configuration for a record of a release that wrote none of these headers', () => {
    expect(sourceOf({ ce_source: 'jpm' })).toMatchObject(FROM_CONFIGURATION)
  })

  test.each([
    ['no namespace', { paystatus_namespace: '' }],
    ['a namespace with a colon', { paystatus_namespace: 'a:b' }],
    ['a provider that is no name', { paystatus_provider: 'X Y' }],
    ['a currency that is none', { paystatus_currency: 'dollar' }],
    ['a depth that is no number', { paystatus_json_depth_max: '1e3' }],
    ['a depth beyond the limit', { paystatus_json_depth_max: '1001' }],
  ])('is that of the configuration if the headers are not ours: %s', (_what, wrong) => {
    expect(sourceOf({ ...TOLD, ...wrong })).toMatchObject(FROM_CONFIGURATION)
  })

  test('is not known if neither tells', () => {
    expect(sourceOf({ ce_source: 'gone' })).toBe('unknown-source')
    expect(sourceOf({ ...TOLD, paystatus_provider: 'newer' })).toBe('unknown-provider')
  })

  test('is logged by names that are ours only (I9)', () => {
    const headers = { ce_source: '4111 1111', paystatus_provider: 'newer' }
    expect(unknownSourceNote({ headers, offset: 7n }, 'unknown-provider')).toEqual({
      reason: 'unknown-provider',
      source: '',
      provider: 'newer',
      offset: 7n,
    })
  })
})
