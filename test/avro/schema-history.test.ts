import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readerType, writerType } from '../../src/avro/avro-type.ts'
import { toPublishedState } from '../../src/avro/payment-codecs.ts'
import { type Definition, isUnion, namedTypesOf, type Schema } from '../../src/avro/schema-definition.ts'
import { readSchemaFile } from '../../src/avro/schema-files.ts'
import { readSchemaHistory } from '../../src/avro/schema-history.ts'
import { applyEvent } from '../../src/payment/apply-event.ts'
import { toStatusChange } from '../../src/payment/status-change.ts'
import { withoutDocs } from '../../src/tools/schema-history.ts'
import { TOPICS } from '../../src/topics.ts'
import { sampleEvent, sampleState } from './samples.ts'

/**
 * Every released version of every schema reads what every other version wrote: the avsc resolution is compared with a model of
 * Avro's rules that shares no code with it.
 */

const FILES = Object.values(TOPICS).flatMap(({ schema }) => (schema === null ? [] : [schema]))
const HISTORY = new URL('../../schemas/history/', import.meta.url)

type Named = ReadonlyMap<string, Definition>

/** A value of a type for every number; over the numbers, unions take all branches and enums all symbols. */
function exampleOf(type: Schema, named: Named, number: number): unknown {
  if (isUnion(type)) {
    return exampleOf(type[number % type.length] ?? 'null', named, Math.floor(number / type.length))
  }
  const { type: kind, fields = [], symbols = [], items = 'null' } = definitionOf(type, named)
  switch (kind) {
    case 'record':
      return Object.fromEntries(fields.map((field) => [field.name, exampleOf(field.type, named, number)]))
    case 'array':
      return Array.from({ length: number % 3 }, (_, index) => exampleOf(items, named, number + index))
    case 'enum':
      return symbols[number % symbols.length]
    case 'string':
      return `text ${number}`
    case 'boolean':
      return number % 2 === 1
    case 'null':
      return null
    default:
      return number - 7
  }
}

/** What the reader must get for a value of the writer, by the Avro specification. */
function modelOf(value: unknown, writer: Schema, reader: Schema, names: { writer: Named; reader: Named }): unknown {
  if (value === null) {
    return null
  }
  const [was, is] = [definitionOf(branchOf(writer), names.writer), definitionOf(branchOf(reader), names.reader)]
  if (is.type === 'enum') {
    return is.symbols?.includes(String(value)) ? value : is.default
  }
  if (is.type === 'array') {
    return (value as unknown[]).map((item) => modelOf(item, was.items ?? 'null', is.items ?? 'null', names))
  }
  if (is.type !== 'record') {
    return value
  }
  return Object.fromEntries(
    (is.fields ?? []).map(({ name, type, default: byDefault }) => {
      const written = was.fields?.find((field) => field.name === name)
      const held = (value as Record<string, unknown>)[name]
      return [name, written === undefined ? byDefault : modelOf(held, written.type, type, names)]
    }),
  )
}

/** The branch that is not null. */
function branchOf(type: Schema): Schema {
  return isUnion(type) ? (type.find((branch) => branch !== 'null') ?? 'null') : type
}

function definitionOf(type: Schema, named: Named): Definition {
  return typeof type === 'string' ? (named.get(type) ?? { type }) : isUnion(type) ? { type: 'union' } : type
}

/** Enough for all symbols below a union. */
const VALUES = 44

describe.each(FILES)('%s', (file) => {
  const released = readSchemaHistory(file)

  test('has the versions 1, 2, 3 …, each another schema, and the last is that of this release', () => {
    expect(released.map(({ version }) => version)).toEqual(released.map((_, index) => index + 1))
    const texts = released.map(({ schema }) => withoutDocs(schema))
    expect(new Set(texts).size).toBe(texts.length)
    // If it fails: `paystatus schemas check --against-history` says what to do.
    expect(texts.at(-1)).toBe(withoutDocs(JSON.parse(readSchemaFile(file))))
  })

  test.each(released.map(({ version }) => version))('version %i is read by every version as Avro says', (version) => {
    const written = schemaOf(version)
    const writer = namedTypesOf(written)
    const writerAvro = writerType(JSON.stringify(written))
    const values = Array.from({ length: VALUES }, (_, number) => exampleOf(written, writer, number))
    const bytes = values.map((value) => writerAvro.toBuffer(value))
    for (const { version: readBy, schema } of released) {
      const readerAvro = readerType(JSON.stringify(schema))
      const resolver = readerAvro.createResolver(writerAvro)
      const read = bytes.map((one) => readerAvro.fromBuffer(one, resolver))
      const names = { writer, reader: namedTypesOf(schema) }
      const expected = values.map((value) => modelOf(value, written, schema, names))
      expect({ readBy, read }).toEqual({ readBy, read: expected })
    }
  })

  function schemaOf(version: number): Schema {
    return released[version - 1]?.schema ?? 'null'
  }
})

test('the values take every symbol of every enum, so that symbols unknown to an older version are among them', () => {
  const [oldest] = readSchemaHistory(TOPICS.changes.schema)
  const current = JSON.parse(readSchemaFile(TOPICS.changes.schema)) as Schema
  const values = Array.from({ length: VALUES }, (_, number) => exampleOf(current, namedTypesOf(current), number))
  const taken = JSON.stringify(values)
  const symbols = [...namedTypesOf(current).values()].flatMap((definition) => definition.symbols ?? [])
  expect(symbols.filter((symbol) => !taken.includes(`"${symbol}"`))).toEqual([])
  const before = [...namedTypesOf(oldest?.schema ?? 'null').values()].flatMap((definition) => definition.symbols ?? [])
  expect(symbols.filter((symbol) => !before.includes(symbol))).toEqual(['RESTATED', 'WITHDRAWN'])
})

test('every folder in schemas/history belongs to a schema, and holds nothing else', () => {
  expect(readdirSync(HISTORY).toSorted()).toEqual(FILES.map((file) => file.replace('.avsc', '')).toSorted())
  const others = readdirSync(HISTORY, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('/'))
  expect(others.filter((name) => !/\/\d+\.avsc$/.test(name))).toEqual([])
})

describe('a subscriber that was built with version 1', () => {
  const [changes] = readSchemaHistory(TOPICS.changes.schema)
  const [current] = readSchemaHistory(TOPICS.current.schema)

  function readByVersion1(file: string, oldest: Schema | undefined, value: unknown): unknown {
    const writer = writerType(readSchemaFile(file))
    const reader = readerType(JSON.stringify(oldest))
    return reader.fromBuffer(writer.toBuffer(value), reader.createResolver(writer))
  }

  test('sees a withdrawal as UNKNOWN, with the version, status and finality that hold', () => {
    const first = applyEvent(undefined, sampleEvent(), 1)
    const state = first.outcome === 'recorded' ? first.change.state : undefined
    const applied = applyEvent(state, sampleEvent({ mappingVersion: 2, withdrawn: true }), 2)
    const change = applied.outcome === 'recorded' ? toStatusChange(applied.change) : undefined
    expect(change).toMatchObject({ verdict: 'WITHDRAWN', statusVersion: 2 })
    const seen = readByVersion1(TOPICS.changes.schema, changes?.schema, change)
    expect(seen).toMatchObject({ verdict: 'UNKNOWN', statusVersion: 2, statusAfter: 'UNKNOWN', finality: 'OPEN' })
    expect(seen).not.toHaveProperty('event.withdrawn')
    expect(seen).not.toHaveProperty('mappingVersionBefore')
  })

  test('sees a payment with its status and details, and without children', () => {
    const state = toPublishedState(sampleState())
    expect(state.children).toHaveLength(1)
    const seen = readByVersion1(TOPICS.current.schema, current?.schema, state)
    const { paymentKey, incarnation, statusVersion, status, finality, amount, reasons } = state
    expect(seen).toMatchObject({ paymentKey, incarnation, statusVersion, status, finality, amount, reasons })
    expect(seen).not.toHaveProperty('children')
    expect(seen).not.toHaveProperty('authenticity')
  })
})

test('schemas/README.md says how to add a version', () => {
  expect(readFileSync(new URL('../README.md', HISTORY), 'utf8')).toContain('paystatus schemas check --against-history')
})
