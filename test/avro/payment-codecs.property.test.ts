import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AvroCodec } from '../../src/avro/codec.ts'
import { AvroDecodeError, UnknownSchemaIdError } from '../../src/avro/errors.ts'
import { changeCodec, paymentEventCodec, stateCodec } from '../../src/avro/payment-codecs.ts'
import { anyChange, anyEvent, anyState } from './arbitraries.ts'
import { sampleState } from './samples.ts'

const OPTIONS = { schemaId: 3, subject: 'a-value', fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }

describe('decoding an encoded value returns an equal value of plain objects', () => {
  test('for every event', () => roundTrip(paymentEventCodec(OPTIONS), anyEvent))
  test('for every change', () => roundTrip(changeCodec(OPTIONS), anyChange))
  test('for every state', () => roundTrip(stateCodec(OPTIONS), anyState))

  function roundTrip<T>(codec: AvroCodec<T>, values: fc.Arbitrary<T>) {
    fc.assert(
      fc.property(values, (value) => {
        const decoded = codec.decode(codec.encode(value))
        // Also compares prototypes, and distinguishes null from undefined and a missing field from an undefined one.
        deepStrictEqual(decoded, value)
        expect(JSON.parse(JSON.stringify(decoded))).toStrictEqual(JSON.parse(JSON.stringify(value)))
        // A decoded value is encoded again unchanged: a state goes through many decodings.
        expect(codec.encode(decoded).equals(codec.encode(value))).toBe(true)
      }),
    )
  }
})

describe('bytes that are not a value', () => {
  const codec = stateCodec(OPTIONS)
  const good = codec.encode(sampleState())

  test('with any content are decoded or rejected with a typed error', () => {
    const header = Buffer.of(0, 0, 0, 0, 3)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (body, framed) => {
        decodedOrRefused(framed ? Buffer.concat([header, body]) : Buffer.from(body))
      }),
      { numRuns: 2_000 },
    )
  })

  test('that differ from a value in some places are decoded or rejected, within limits (I10)', () => {
    const change = fc.record({ at: fc.nat({ max: good.length - 1 }), to: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat({ max: good.length }), (changes, length) => {
        const bytes = Buffer.from(good.subarray(0, length))
        for (const { at, to } of changes) {
          if (at < bytes.length) {
            bytes[at] = to
          }
        }
        decodedOrRefused(bytes)
      }),
      { numRuns: 3_000 },
    )
  })

  function decodedOrRefused(bytes: Buffer) {
    try {
      codec.decode(bytes)
    } catch (error) {
      if (!(error instanceof AvroDecodeError || error instanceof UnknownSchemaIdError)) {
        throw error
      }
      // I9: the message contains nothing of the value. The reasons are fixed texts; only the schema id varies.
      expect(error.message).toMatch(/^PaymentStatus: [a-z0-9^(),' ]+$/i)
      expect(error.cause).toBeUndefined()
    }
  }
})
