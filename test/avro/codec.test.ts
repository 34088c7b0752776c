import { describe, expect, test } from 'vitest'
import { type AvroCodecOptions, CONFIRMED_FOR_MS, createCodec } from '../../src/avro/codec.ts'
import {
  AvroDecodeError,
  type AvroDecodeReason,
  AvroEncodeError,
  SchemaIdError,
  type SchemaIdProblem,
  UnknownSchemaIdError,
} from '../../src/avro/errors.ts'
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
const SUBJECT = 'notes-value'
const NOTE: Note = { text: 'größer', at: 1_732_000_000_000, tags: ['a', 'b'] }

function schemaWith(fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name: 'Note', namespace: 'test', fields })
}

function noteCodec(changes: Partial<AvroCodecOptions<Note, Note>> = {}) {
  return createCodec<Note, Note>({
    name: 'Note',
    schema: SCHEMA,
    schemaId: OUR_ID,
    subject: SUBJECT,
    fetchSchema: () => Promise.reject(new Error('nothing may be fetched')),
    now: () => 0,
    toAvro: (note) => note,
    fromAvro: (note) => note,
    ...changes,
  })
}

/** A registry that counts its requests. */
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

/** Zigzag, seven bits per byte. */
function long(value: bigint): number[] {
  const bytes: number[] = []
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n
  for (; rest > 127n; rest >>= 7n) {
    bytes.push(Number(rest & 127n) | 128)
  }
  return [...bytes, Number(rest)]
}

describe('encoding', () => {
  test('writes byte 0 and the schema id in four bytes before the body', () => {
    const bytes = noteCodec().encode(NOTE)
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0, OUR_ID])
    expect(noteCodec().decode(bytes)).toStrictEqual(NOTE)
  })

  test('returns a separate buffer for every value', () => {
    const codec = noteCodec()
    const first = codec.encode(NOTE)
    codec.encode({ ...NOTE, text: 'another' })
    expect(codec.decode(first)).toStrictEqual(NOTE)
  })

  test('grows for a large value and continues with small ones', () => {
    const codec = noteCodec()
    for (const length of [0, 63, 64, 127, 128, 16_379, 16_384, 3_000_000, 10]) {
      const note = { ...NOTE, text: 'x'.repeat(length) }
      expect(codec.decode(codec.encode(note))).toStrictEqual(note)
    }
  })

  test('rejects a value that no topic would accept', () => {
    const huge = { ...NOTE, text: 'x'.repeat(17 * 1024 * 1024) }
    expect(() => noteCodec().encode(huge)).toThrow(AvroEncodeError)
  })

  test('names the field that does not fit, never its contents', () => {
    const wrong = { ...NOTE, tags: ['fine', { secret: 'hunter2' }] } as unknown as Note
    const encode = () => noteCodec().encode(wrong)
    expect(encode).toThrow(AvroEncodeError)
    expect(encode).toThrow('at tags.1')
    expect(encode).not.toThrow('hunter2')
  })

  test('rejects a number that Avro would truncate', () => {
    expect(() => noteCodec().encode({ ...NOTE, at: 1.5 })).toThrow('at at')
    expect(() => noteCodec().encode({ ...NOTE, at: 2 ** 60 })).toThrow('at at')
    expect(() => noteCodec().encode({ ...NOTE, at: 1n as unknown as number })).toThrow(AvroEncodeError)
  })

  test('writes UTF-8 even for a lone surrogate', () => {
    const codec = noteCodec()
    for (const text of ['\ud800', 'a\udc00b', `${'x'.repeat(100)}\ud800`]) {
      const bytes = codec.encode({ ...NOTE, text })
      expect(codec.decode(bytes).text).toBe(text.toWellFormed())
      expect(bytes.includes('\ufffd')).toBe(true)
    }
  })
})

describe('decoding', () => {
  test('returns plain objects', () => {
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
    expect(reasonOf(() => codec.decode(Buffer.of(0, 0, 0, 0, OUR_ID, 1)))).toBe('malformed')
  })

  test('rejects a number beyond 2^53 instead of truncating it', () => {
    const bytes = Buffer.from([0, 0, 0, 0, OUR_ID, ...long(0n), ...long(2n ** 60n), 0])
    expect(reasonOf(() => noteCodec().decode(bytes))).toBe('long-too-large')
  })

  test.each([2n ** 31n - 1n, 2n ** 40n, -(2n ** 40n), 2n ** 62n])(
    'does not trust a declared array length of %s items (I10)',
    (items) => {
      const header = [0, 0, 0, 0, OUR_ID, ...long(0n), ...long(0n)]
      const bytes = Buffer.from([...header, ...long(items), ...long(1n), 0, 0])
      const started = performance.now()
      expect(reasonOf(() => noteCodec().decode(bytes))).toBe('malformed')
      expect(performance.now() - started).toBeLessThan(1_000)
    },
  )

  test('reads arrays in several blocks, with and without sizes, as other writers produce them', () => {
    const header = [0, 0, 0, 0, OUR_ID, ...long(0n), ...long(5n)]
    const tag = (letter: string) => [...long(1n), letter.charCodeAt(0)]
    const blocks = [...long(1n), ...tag('a'), ...long(-2n), ...long(4n), ...tag('b'), ...tag('c'), 0]
    expect(noteCodec().decode(Buffer.from([...header, ...blocks]))).toEqual({ text: '', at: 5, tags: ['a', 'b', 'c'] })
  })
})

/** Another release's schema, with one more field. */
const WIDER = schemaWith([...FIELDS, { name: 'extra', type: { type: 'array', items: 'string' }, default: [] }])
const widerBytes = createCodec<object, object>({
  name: 'Wider',
  schema: WIDER,
  schemaId: 8,
  subject: SUBJECT,
  fetchSchema: async () => ({ found: 'none' }),
  now: () => 0,
  toAvro: (value) => value,
  fromAvro: (value) => value,
}).encode({ ...NOTE, extra: ['x', 'y'] })

function ofOurs(schema: string, subjects: readonly string[] | null = [SUBJECT]): FoundSchema {
  return { found: 'avro', schema, subjects }
}

describe('a schema id that was not looked up before', () => {
  test('is reported, fetched once and then read synchronously', async () => {
    const registry = registryWith({ 8: ofOurs(WIDER) })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    expect(() => codec.decode(widerBytes)).toThrow(UnknownSchemaIdError)
    await Promise.all([codec.prepare(8), codec.prepare(8)])
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
    expect(registry.asked).toEqual([8])
  })

  test('does not trust the declared length of an array that it skips (I10)', async () => {
    const registry = registryWith({ 8: ofOurs(WIDER) })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    await codec.prepare(8)
    const bytes = Buffer.from([0, 0, 0, 0, 8, ...long(0n), ...long(0n), 0, ...long(2n ** 40n), 0])
    expect(reasonOf(() => codec.decode(bytes))).toBe('malformed')
  })

  test('needs no registry if it is our own', () => {
    expect(noteCodec().decode(noteCodec().encode(NOTE))).toStrictEqual(NOTE)
  })

  test('is accepted by the name of its record if the registry cannot list its subjects', async () => {
    const codec = noteCodec({ fetchSchema: registryWith({ 8: ofOurs(WIDER, null) }).fetchSchema })
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
  })

  test.each<[SchemaIdProblem, string, FoundSchema]>([
    ['unknown', 'does not exist', { found: 'none' }],
    ['not-avro', 'is of another format', { found: 'other' }],
    ['other-record', 'is of another record', ofOurs(SCHEMA.replace('"Note"', '"Other"'))],
    [
      'other-record',
      'is of another record, and its subjects are unknown',
      ofOurs(SCHEMA.replace('"Note"', '"Other"'), null),
    ],
    ['other-record', 'is of a record in another namespace', ofOurs(SCHEMA.replace('"test"', '"elsewhere"'))],
    ['other-record', 'is not a record', ofOurs('"string"')],
    ['other-subject', 'is ours, but registered under another subject', ofOurs(WIDER, ['other-value'])],
    ['other-subject', 'is ours, but no longer registered under any subject', ofOurs(WIDER, [])],
    ['unreadable', 'lacks a field of ours', ofOurs(schemaWith(FIELDS.slice(1)))],
  ])('is never a reason to call a value broken: %s, whose schema %s', async (problem, _, found) => {
    const registry = registryWith({ 9: found })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema })
    const prepared = codec.prepare(9)
    await expect(prepared).rejects.toThrow(SchemaIdError)
    await expect(prepared).rejects.toMatchObject({ problem, schemaId: 9, subject: SUBJECT })
    await expect(prepared).rejects.toThrow(/^schema id 9 .*notes-value/)
    // Not remembered: as soon as the registry is fixed, the value is read.
    expect(() => codec.decode(withId(codec.encode(NOTE), 9))).toThrow(UnknownSchemaIdError)
    await expect(codec.prepare(9)).rejects.toThrow(SchemaIdError)
    expect(registry.asked).toEqual([9, 9])
  })

  test('is read as soon as it is registered', async () => {
    const schemas: Record<number, FoundSchema> = {}
    const codec = noteCodec({ fetchSchema: registryWith(schemas).fetchSchema })
    await expect(codec.prepare(8)).rejects.toThrow(SchemaIdError)
    schemas[8] = ofOurs(WIDER)
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
  })

  test('is still unknown if the registry could not be asked', async () => {
    let down = true
    const codec = noteCodec({
      fetchSchema: async () => {
        if (down) {
          throw new Error('down')
        }
        return ofOurs(WIDER)
      },
    })
    await expect(codec.prepare(8)).rejects.toThrow('down')
    expect(() => codec.decode(widerBytes)).toThrow(UnknownSchemaIdError)
    down = false
    await codec.prepare(8)
    expect(codec.decode(widerBytes)).toStrictEqual(NOTE)
  })
})

describe('a schema id in use', () => {
  const documented = JSON.stringify({ ...JSON.parse(SCHEMA), doc: 'The same, with documentation.' })

  test.each([
    ['our schema', ofOurs(SCHEMA)],
    ['our schema with different documentation', ofOurs(documented)],
    ['our schema, also under other subjects', ofOurs(SCHEMA, ['other-value', SUBJECT])],
  ])('is confirmed while the registry answers with %s', async (_, found) => {
    const codec = noteCodec({ fetchSchema: registryWith({ [OUR_ID]: found }).fetchSchema })
    await codec.confirm(OUR_ID)
    expect(codec.decode(codec.encode(NOTE))).toStrictEqual(NOTE)
  })

  test.each<[SchemaIdProblem, FoundSchema]>([
    ['unknown', { found: 'none' }],
    ['other-record', ofOurs(SCHEMA.replace('"Note"', '"Other"'))],
    ['other-subject', ofOurs(SCHEMA, ['other-value'])],
    ['other-schema', ofOurs(WIDER)],
  ])('that became %s is not written any more until it is right again', async (problem, found) => {
    let now = 0
    const schemas: Record<number, FoundSchema> = { [OUR_ID]: ofOurs(SCHEMA) }
    const codec = noteCodec({ fetchSchema: registryWith(schemas).fetchSchema, now: () => now })
    await codec.confirm(OUR_ID)
    schemas[OUR_ID] = found
    now += CONFIRMED_FOR_MS
    await expect(codec.confirm(OUR_ID)).rejects.toMatchObject({ problem })
    expect(() => codec.encode(NOTE)).toThrow(SchemaIdError)
    schemas[OUR_ID] = ofOurs(SCHEMA)
    await codec.confirm(OUR_ID)
    expect(codec.decode(codec.encode(NOTE))).toStrictEqual(NOTE)
  })

  test('is noticed when it was reassigned to another schema, although it was looked up before', async () => {
    let now = 0
    const schemas: Record<number, FoundSchema> = { 8: ofOurs(WIDER) }
    const codec = noteCodec({ fetchSchema: registryWith(schemas).fetchSchema, now: () => now })
    await codec.prepare(8)
    schemas[8] = ofOurs(SCHEMA)
    now += CONFIRMED_FOR_MS
    await expect(codec.confirm(8)).rejects.toMatchObject({ problem: 'other-schema' })
    // Our own id is right, so we may write.
    expect(codec.encode(NOTE)).toBeInstanceOf(Buffer)
  })

  test('is not checked more often than at an interval: a flood of garbage causes no flood of requests (I10)', async () => {
    let now = 0
    const registry = registryWith({ [OUR_ID]: ofOurs(SCHEMA) })
    const codec = noteCodec({ fetchSchema: registry.fetchSchema, now: () => now })
    for (let time = 0; time < 10; time += 1) {
      await codec.confirm(OUR_ID)
    }
    expect(registry.asked).toHaveLength(1)
    now += CONFIRMED_FOR_MS
    await codec.confirm(OUR_ID)
    expect(registry.asked).toHaveLength(2)
  })

  test('stays in use if the registry could not be asked', async () => {
    const codec = noteCodec({ fetchSchema: () => Promise.reject(new Error('down')) })
    await expect(codec.confirm(OUR_ID)).rejects.toThrow('down')
    expect(codec.decode(codec.encode(NOTE))).toStrictEqual(NOTE)
  })
})

test('a schema with a union whose branches cannot be told apart is rejected at startup', () => {
  const schema = schemaWith([{ name: 'text', type: ['null', 'int', 'long'], default: null }])
  expect(() => noteCodec({ schema })).toThrow('ambiguous')
})
