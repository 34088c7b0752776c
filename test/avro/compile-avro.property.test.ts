import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AvroReader, AvroWriter } from '../../src/avro/avro-bytes.ts'
import { readerType } from '../../src/avro/avro-type.ts'
import { compileAvro } from '../../src/avro/compile-avro.ts'
import { toPublishedState } from '../../src/avro/payment-codecs.ts'
import { readSchemaFile } from '../../src/avro/schema-files.ts'
import { anyChange, anyEvent, anyState } from './arbitraries.ts'
import { sampleState } from './samples.ts'

function schemaOf(file: string, keptField?: string) {
  const type = readerType(readSchemaFile(file))
  return { type, compiled: compileAvro(type, keptField) }
}

function written(compiled: ReturnType<typeof compileAvro>, value: unknown, room = 1 << 20): Buffer {
  const writer = new AvroWriter(Buffer.alloc(room), 0)
  compiled.write(writer, value, undefined)
  return writer.at > room ? written(compiled, value, writer.at) : writer.buffer.subarray(0, writer.at)
}

/** What a reader makes of bytes; null for bytes that it refuses. */
function read(decode: () => unknown): unknown {
  try {
    return decode()
  } catch {
    return null
  }
}

describe.each([
  ['payment-event.avsc', undefined, anyEvent],
  ['payment-status-change.avsc', undefined, anyChange],
  ['payment-status.avsc', 'events', anyState.map(toPublishedState)],
] as const)('the compiled code of %s', (file, keptField, values) => {
  const { type, compiled } = schemaOf(file, keptField)

  test('writes the bytes that avsc writes, and reads them as avsc does', () => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        const bytes = written(compiled, value)
        expect(bytes.equals(type.toBuffer(value))).toBe(true)
        const reader = new AvroReader(bytes, 0)
        deepStrictEqual(compiled.read(reader), value)
        expect(reader.at).toBe(bytes.length)
      }),
    )
  })

  test('counts what does not fit instead of writing it', () => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, fc.nat({ max: 300 }), (value, room) => {
        const writer = new AvroWriter(Buffer.alloc(room), 0)
        compiled.write(writer, value, undefined)
        expect(writer.at).toBe(type.toBuffer(value).length)
      }),
    )
  })
})

test('bytes that differ from a value in some places are read as avsc reads them, or refused (I10)', () => {
  const { type, compiled } = schemaOf('payment-status.avsc', 'events')
  const good = written(compiled, toPublishedState(sampleState()))
  const change = fc.record({ at: fc.nat({ max: good.length - 1 }), to: fc.integer({ min: 0, max: 255 }) })
  let same = 0
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const bytes = Buffer.from(good)
      for (const { at, to } of changes) {
        bytes[at] = to
      }
      const ours = read(() => {
        const reader = new AvroReader(bytes, 0)
        const value = compiled.read(reader)
        return reader.at === bytes.length ? value : null
      })
      if (ours !== null) {
        deepStrictEqual(
          ours,
          read(() => type.fromBuffer(bytes)),
        )
        same += 1
      }
    }),
    { numRuns: 2_000 },
  )
  expect(same).toBeGreaterThan(0)
})

describe('a value that does not fit', () => {
  const { type, compiled } = schemaOf('payment-status.avsc', 'events')
  const good = toPublishedState(sampleState())
  const wrong = [undefined, 1.5, 2 ** 60, 'BRAND_NEW', Symbol('x'), {}, ['x', 1], true, 7, Number.NaN]

  test('is refused wherever avsc refuses it', () => {
    let refused = 0
    for (const name of Object.keys(good)) {
      for (const value of wrong) {
        const changed = { ...good, [name]: value }
        if (!type.isValid(changed)) {
          expect(() => written(compiled, changed), `${name} = ${String(value)}`).toThrow(TypeError)
          refused += 1
        }
      }
    }
    expect(refused).toBeGreaterThan(100)
  })
})

test('a type that our schemas do not use is rejected when it is compiled', () => {
  const schema = (type: unknown) => JSON.stringify({ type: 'record', name: 'Odd', fields: [{ name: 'odd', type }] })
  expect(() => compileAvro(readerType(schema('double')))).toThrow('no code for the Avro type double')
  expect(() => compileAvro(readerType(schema({ type: 'map', values: 'string' })))).toThrow('no code')
  expect(() => compileAvro(readerType(schema(['string', 'int'])))).toThrow('no code for a union')
})
