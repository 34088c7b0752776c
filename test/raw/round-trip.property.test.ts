import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Callback } from '../../src/providers/provider.ts'
import { PROVIDER_IDS, providerById } from '../../src/providers/registry.ts'
import { fromRawRecord } from '../../src/raw/from-raw-record.ts'
import { toRawRecord } from '../../src/raw/to-raw-record.ts'
import { runs } from '../runs.ts'

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/)

const callback: fc.Arbitrary<Callback> = fc
  .record({
    callbackId: fc.uuid(),
    source: name,
    namespace: name,
    currency: fc.option(fc.stringMatching(/^[A-Z]{3}$/)),
    receivedAt: fc.integer({ min: 0, max: Date.UTC(2100, 0) }),
    contentType: fc.constantFrom('', 'application/json', 'application/json; charset=utf-8', 'text/xml'),
    authenticity: fc.uniqueArray(fc.constantFrom('basic', 'hmac', 'jws', 'mtls', 'none')).map((kinds) => kinds.sort()),
    jsonDepthMax: fc.option(fc.integer({ min: 10, max: 1_000 }), { nil: undefined }),
    body: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  })
  .map(({ jsonDepthMax, ...rest }) => (jsonDepthMax === undefined ? rest : { ...rest, jsonDepthMax }))

test('a raw record contains the callback and its provider, without any configuration (I1)', () => {
  fc.assert(
    fc.property(callback, fc.constantFrom(...PROVIDER_IDS), (written, providerId) => {
      const provider = providerById(providerId)
      if (provider === undefined) {
        throw new Error(`no provider ${providerId}`)
      }
      const { key, value, headers = {} } = toRawRecord(written, provider)
      const record = { offset: 7n, timestamp: 0, key, value, headers }
      expect(fromRawRecord(record, new Map())).toStrictEqual({ callback: written, provider })
    }),
    runs(200),
  )
})
