import { describe, expect, test } from 'vitest'
import { type AvroCodecOptions, createCodec, UNKNOWN_ID_REMEMBERED_MS } from '../../src/avro/codec.ts'
import { AvroDecodeError, type AvroDecodeReason, AvroEncodeError, UnknownSchemaIdError } from '../../src/avro/errors.ts'
import type { FoundSchema } from '../../src/avro/schema-registry.ts'

interface Note {
  readonly text: string
  readonly at: number
  readonly tags: readonly string[]
}

const FIELDS = [
  { name: 'text', type: 'string' },
  { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: 'tags', type: { type: 'array', items: 'string' }, default: [] },
]
const SCHEMA = schemaWith(FIELDS)
const OUR_ID = 7
const NOTE: Note = { text: 'größer', at: 1_732_000_000_000, tags: ['a', 'b'] }

function schemaWith(fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name: 'Note', namespace: 'test', fields })
}

function noteCodec(changes: Partial<AvroCodecOptions<Note, Note>> = {}) {
  return createCodec<Note, Note>({
    name: 'Note',
    schema: SCHEMA,
    schemaId: OUR_ID,
    fetchSchema: () => Promise.reject(new Error('nothing may be fetched')),
    now: () => 0,
    toAvro: (note) => note,
    fromAvro: (note) => note,
    ...changes,
  })
}

/** A registry that counts what it is asked. */
function registryWith(schemas: Record<number, FoundSchema>) {
  const asked: number[] = []
  return {
    asked,
    fetchSchema: async (id: number): Promise<FoundSchema> => {
      asked.push(id)
      return schemas[id] ?? { found: 'none' }
    },
  }
}

function withId(bytes: Buffer, id: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32BE(id, 1)
  return copy
}

function reasonOf(decode: () => unknown): AvroDecodeReason {
  try {
    decode()
  } catch (error) {
    expect(error).toBeInstanceOf(AvroDecodeError)
    return (error as AvroDecodeError).reason
  }
  throw new Error('it was decoded')
}

/** Zigzag, seven bits to a byte. */
function long(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n
  for (; rest > 127n; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | 128)
  }
  return [...bytes, Number(rest)]
}

describe('encoding', () => {
  test('puts byte 0 and the schema id in four bytes before the body', () => {
    const bytes = noteCodec().encode(NOTE)
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, OUR_ID])
    expect(noteCodec().decode(bytes)).toStrictEqual(NOTE)
  })

  test('gives every value a buffer of its own', () => {
    const codec = noteCodec()
    const first = codec.encode(NOTE)
    codec.encode({ ...NOTE, text: 'another' })
    expect(codec.decode(first)).toStrictEqual(NOTE)
  })

  test('grows for a large value and goes on with small ones', () => {
    const codec = noteCodec()
    for (const length of [0, 63, 64, 127, 128, 16_379, 16_384, 3_000_000, 10]) {
      const note = { ...NOTE, text: 'x'.repeat(length) }
      expect(codec.decode(codec.encode(note))).toStrictEqual(note)
    }
  })

  test('refuses a value that no topic would take', () => {
    const huge = { ...NOTE, text: 'x'.repeat(17 * 1024 * 1024) }
    expect(() => noteCodec().encode(huge)).toThrow(AvroEncodeError)
  })

  test('names the field that does not fit, never what is in it', () => {
    const wrong = { ...NOTE, tags: ['fine', { secret: 'hunter2' }] } as unknown as Note
    const encode = () => noteCodec().encode(wrong)
    expect(encode).toThrow(AvroEncodeError)
    expect(encode).toThrow('at tags.1')
    expect(encode).not.toThrow('hunter2')
  })

  test('refuses a number that Avro would cut', () => {
    expect(() => noteCodec().encode({ ...NOTE, at: 1.5 })).toThrow('at at')
    expect(() => noteCodec().encode({ ...NOTE, at: 2 ** 60 })).toThrow('at at')
    expect(() => noteCodec().encode({ ...NOTE, at: 1n as unknown as number })).toThrow(AvroEncodeError)
  })

  test('writes UTF-8 even for half a surrogate pair', () => {
    const codec = noteCodec()
    for (const text of ['\ud800', 'a\udc00b', `${'x'.repeat(100)}\ud800`]) {
      const bytes = codec.encode({ ...NOTE, text })
      expect(codec.decode(bytes).text).toBe(text.toWellFormed())
      expect(bytes.includes('\ufffd')).toBe(true)
    }
  })
})

describe('decoding', () => {
  test('gives plain objects', () => {
    const decoded = noteCodec().decode(noteCodec().encode(NOTE))
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
    expect(Object.keys(Object.prototype)).toEqual([])
    expect(structuredClone(decoded)).toStrictEqual(NOTE)
  })

  test('says what is wrong with bytes that are not a value', () => {
    const codec = noteCodec()
    const good = codec.encode(NOTE)
    expect(reasonOf(() => codec.decode(Buffer.alloc(0)))).toBe('too-short')
    expect(reasonOf(() => codec.decode(good.subarray(0, 4)))).toBe('too-short')
    expect(reasonOf(() => codec.decode(Buffer.from('{"text":"hello"}')))).toBe('wrong-magic')
    expect(reasonOf(() => codec.decode(good.subarray(0, 8)))).toBe('truncated')
    expect(reasonOf(() => codec.decode(Buffer.concat([good, Buffer.of(0)])))).toBe('trailing-bytes')
    expect(reasonOf(() => codec.decode(Buffer.of(0, 0, 0, 0, OUR_ID, 1)))).toBe('truncated')
  })

  test('refuses a number beyond 2^53 instead of cutting it', () => {
    const bytes = Buffer.from([0, 0, 0, 0, OUR_ID, ...long(0n), ...long(2n ** 60n), 0])
    expect(reasonOf(() => noteCodec().decode(bytes))).toBe('long-too-large')
  })

  test.each([2n ** 31n - 1n, 2n ** 40n, -(2n ** 40n), 2n ** 62n])(
    'does not believe that an array has %s items (I10)',
    (items) => {
      const header = [0, 0, 0, 0, OUR_ID, ...long(0n), ...long(0n)]
      const bytes = Buffer.from([...header, ...long(items), ...long(1n), 0, 0])
      const started = performance.now()
      expect(reasonOf(() => noteCodec().decode(bytes))).toBe('malformed')
      expect(performance.now() - started).toBeLessThan(1_000)
    },
  )

  test('reads arrays in several blocks, with and without sizes, as other writers make them', () => {
    const header = [0, 0, 0, 0, OUR_ID, ...long(0n), ...long(5n)]
    const tag = (letter: string) => [...long(1n), letter.charCodeAt(0)]
    const blocks = [...long(1n), ...tag('a'), ...long(-2n), ...long(4n), ...tag('b'), ...tag('c'), 0]
    expect(noteCodec().decode(Buffer.from([...header, ...blocks]))).toEqual({ text: '', at: 5, tags: ['a', 'b', 'c'] })
  })
})

describe('a schema id that was not seen before', () => {
  const WIDER = schemaWith([...FIELDS, { name: 'extra', type: { type: 'array', items: 'string' }, default: [] }])
  const widerBytes = createCodec<object, object>({
    name: 'Wider',
    schema: WIDER,
    schemaId: 8,
    fetchSchema: async () => ({ found: 'none' }),
    now: () => 0,
    toAvro: (value) => value,
    fromAvro: (value) => value,
  }).encode({ ...NOTE, extra: ['x', 'y'] })

  test('is reported, fetched once and then read synchronously', async () => {
    const registry = registryWith({ 8: { found: 'avro', schema: WIDER } })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    expect(() => codec.decode(widerBytes)).toThrow(UnknownSchemaIdError)
    await Promise.all([codec.prepare(widerBytes), codec.prepare(8)])
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
    expect(registry.asked).toEqual([8])
  })

  test('does not believe the length of an array that it skips (I10)', async () => {
    const registry = registryWith({ 8: { found: 'avro', schema: WIDER } })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    await codec.prepare(8)
    const bytes = Buffer.from([0, 0, 0, 0, 8, ...long(0n), ...long(0n), 0, ...long(2n ** 40n), 0])
    expect(reasonOf(() => codec.decode(bytes))).toBe('malformed')
  })

  test('needs no registry if it is our own', () => {
    expect(noteCodec().decode(noteCodec().encode(NOTE))).toStrictEqual(NOTE)
  })

  test('that the registry does not know is asked for again only after a while', async () => {
    let now = 1_000
    const registry = registryWith({})
    const codec = noteCodec({ fetchSchema: registry.fetchSchema, now: () => now })
    const bytes = withId(codec.encode(NOTE), 9)
    await codec.prepare(bytes)
    await codec.prepare(bytes)
    expect(reasonOf(() => codec.decode(bytes))).toBe('schema-id-unknown')
    expect(registry.asked).toEqual([9])

    now += UNKNOWN_ID_REMEMBERED_MS
    expect(() => codec.decode(bytes)).toThrow(UnknownSchemaIdError)
    await codec.prepare(bytes)
    expect(registry.asked).toEqual([9, 9])
  })

  test('is read as soon as it was registered after all', async () => {
    let now = 0
    const schemas: Record<number, FoundSchema> = {}
    const codec = noteCodec({ fetchSchema: registryWith(schemas).fetchSchema, now: () => now })
    await codec.prepare(8)
    schemas[8] = { found: 'avro', schema: WIDER }
    now += UNKNOWN_ID_REMEMBERED_MS
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
  })

  test('is remembered for a bounded number of ids (I10)', async () => {
    const registry = registryWith({})
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    for (let id = 100; id < 1_200; id++) {
      await codec.prepare(id)
    }
    await codec.prepare(1_199)
    expect(registry.asked).toHaveLength(1_100)
    await codec.prepare(100)
    expect(registry.asked).toHaveLength(1_101)
  })

  test.each<[string, FoundSchema]>([
    ['misses a field of ours', { found: 'avro', schema: schemaWith(FIELDS.slice(1)) }],
    ['is another record', { found: 'avro', schema: SCHEMA.replace('"Note"', '"Other"') }],
    ['is not Avro', { found: 'other' }],
    ['is not a schema', { found: 'avro', schema: '{' }],
  ])('whose schema %s is refused, and not compiled again', async (_, found) => {
    const registry = registryWith({ 9: found })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    const bytes = withId(codec.encode(NOTE), 9)
    await codec.prepare(bytes)
    await codec.prepare(bytes)
    expect(reasonOf(() => codec.decode(bytes))).toBe('schema-unreadable')
    expect(registry.asked).toEqual([9])
  })

  test('is still unknown if the registry could not be asked', async () => {
    let down = true
    const codec = noteCodec({
      fetchSchema: async () => {
        if (down) {
          throw new Error('down')
        }
        return { found: 'avro', schema: WIDER }
      },
    })
    await expect(codec.prepare(8)).rejects.toThrow('down')
    expect(() => codec.decode(widerBytes)).toThrow(UnknownSchemaIdError)
    down = false
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
  })
})

test('a schema with a union that cannot be told apart is refused at the start', () => {
  const schema = schemaWith([{ name: 'text', type: ['null', 'int', 'long'], default: null }])
  expect(() => noteCodec({ schema })).toThrow('ambiguous')
})
