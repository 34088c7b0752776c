import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WireReader } from '../../../src/kafka/client/wire-reader.ts'
import {
  array,
  boolean,
  bytes,
  int8,
  int16,
  int32,
  int64,
  nullableArray,
  nullableBytes,
  nullableString,
  old,
  string,
  struct,
  uuid,
  type WireType,
} from '../../../src/kafka/client/wire-types.ts'
import { WireWriter } from '../../../src/kafka/client/wire-writer.ts'

function written<T>(type: WireType<T>, value: T): Buffer {
  const to = new WireWriter()
  type.write(to, value)
  const whole = Buffer.concat(to.parts())
  expect(whole.length).toBe(to.length)
  return whole
}

const EVERYTHING = struct({
  int8,
  int16,
  int32,
  int64,
  boolean,
  uuid,
  string,
  bytes,
  maybeText: nullableString,
  maybeBytes: nullableBytes,
  list: array(struct({ name: string, numbers: array(int32) })),
  maybeList: nullableArray(int16),
})

const buffer = fc.uint8Array({ maxLength: 6_000 }).map((value) => Buffer.from(value))
const text = fc.string({ maxLength: 300, unit: 'binary' }).filter((value) => value.isWellFormed())
const everything = fc.record({
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  int32: fc.integer(),
  int64: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  boolean: fc.boolean(),
  uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => Buffer.from(value).toString('base64url')),
  string: text,
  bytes: buffer,
  maybeText: fc.option(text),
  maybeBytes: fc.option(buffer),
  list: fc.array(fc.record({ name: text, numbers: fc.array(fc.integer(), { maxLength: 5 }) }), { maxLength: 200 }),
  maybeList: fc.option(fc.array(fc.integer({ min: -32_768, max: 32_767 }), { maxLength: 300 })),
})

test('any value that is written is read back, to the last byte', () => {
  fc.assert(
    fc.property(everything, (value) => {
      const from = new WireReader(written(EVERYTHING, value))
      expect(EVERYTHING.read(from)).toEqual(value)
      expect(from.rest).toBe(0)
    }),
    { numRuns: 200 },
  )
})

test('bytes that end too early are an error, never a value', () => {
  fc.assert(
    fc.property(everything, fc.nat(), (value, cut) => {
      const whole = written(EVERYTHING, value)
      const from = new WireReader(whole.subarray(0, cut % whole.length))
      expect(() => EVERYTHING.read(from)).toThrow(RangeError)
    }),
    { numRuns: 200 },
  )
})

describe('on the wire', () => {
  test('lengths are compact: one more than the length, zero for null', () => {
    expect(written(nullableString, 'ab')).toEqual(Buffer.from([3, 0x61, 0x62]))
    expect(written(nullableString, null)).toEqual(Buffer.from([0]))
    expect(written(array(int8), [5])).toEqual(Buffer.from([2, 5]))
    expect(written(string, 'x'.repeat(200)).subarray(0, 2)).toEqual(Buffer.from([0xc9, 0x01]))
  })

  test('a struct ends with the tagged fields that have a value, in the order of their tags', () => {
    expect(written(struct({ one: int16 }), { one: 1 })).toEqual(Buffer.from([0, 1, 0]))
    const type = struct({ one: int8 }, { three: [5, int8], two: [1, int16] })
    expect(written(type, { one: 4 })).toEqual(Buffer.from([4, 0]))
    expect(written(type, { one: 4, three: 9, two: 7 })).toEqual(Buffer.from([4, 2, 1, 2, 0, 7, 5, 1, 9]))
  })

  test('a known tagged field is read, an unknown one is skipped', () => {
    const type = struct({ one: int8 }, { two: [1, int16] })
    const tagged = [2, 0, 3, 9, 9, 9, 1, 2, 0, 7]
    expect(type.read(new WireReader(Buffer.from([4, ...tagged])))).toEqual({ one: 4, two: 7 })
  })

  test('older requests have lengths of two and four bytes, and no tagged fields', () => {
    const type = old.struct({ name: old.string, list: old.array(int8) })
    expect(written(type, { name: 'a', list: [1, 2] })).toEqual(Buffer.from([0, 1, 0x61, 0, 0, 0, 2, 1, 2]))
  })

  test('a count that the bytes cannot hold is refused before anything is allocated (I10)', () => {
    expect(() => array(int32).read(new WireReader(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])))).toThrow('elements')
  })
})
