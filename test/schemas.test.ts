import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Definition, definitionsIn, isUnion, namedTypesOf, type Schema } from '../src/avro/schema-definition.ts'
import { VERDICT_RULES, VERDICTS } from '../src/payment/apply-event.ts'
import { ATTENTION_CODES } from '../src/payment/fold-payment.ts'
import { PAYMENT_KINDS, REASON_SCHEMES, TIME_PRECISIONS } from '../src/payment/payment-event.ts'
import { PAYMENT_STATUSES } from '../src/payment/payment-status.ts'
import { PUBLISHED_FINALITIES } from '../src/payment/status-change.ts'
import { TOPICS } from '../src/topics.ts'

/** Rules for every schema, so that all consumers can read every later version. */

const FOLDER = new URL('../schemas/', import.meta.url)
const FILES = readdirSync(FOLDER).filter((file) => file.endsWith('.avsc'))
const GUIDE = readFileSync(new URL('../docs/consumers.md', FOLDER), 'utf8')

function parse(file: string): Definition {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
}

/** A named type with every reference by name resolved, so that the order of definitions in a file does not matter. */
function expanded(file: string, name: string): unknown {
  const named = namedTypesOf(parse(file))
  const expand = (schema: Schema): unknown => {
    if (typeof schema === 'string') {
      const definition = named.get(schema)
      return definition === undefined ? schema : expand(definition)
    }
    if (isUnion(schema)) {
      return schema.map(expand)
    }
    const { namespace: _, ...rest } = schema
    return {
      ...rest,
      ...(schema.fields && { fields: schema.fields.map((field) => ({ ...field, type: expand(field.type) })) }),
      ...(schema.items !== undefined && { items: expand(schema.items) }),
    }
  }
  return expand(name)
}

test('every schema file is the value of a topic, and every topic’s schema is a file', () => {
  const named = Object.values(TOPICS).flatMap((topic) => (topic.schema === null ? [] : [topic.schema]))
  expect(FILES.toSorted()).toEqual(named.toSorted())
})

test.each(Object.values(TOPICS).filter((topic) => topic.schema !== null))(
  '$name names the record of its schema',
  (topic) => {
    expect(topic.value).toBe(`Avro ${parse(topic.schema).name}`)
  },
)

describe.each(FILES)('%s', (file) => {
  const root = parse(file)
  const definitions = definitionsIn(root)
  const fields = definitions.flatMap((definition) =>
    (definition.fields ?? []).map((field) => ({ ...field, path: `${definition.name}.${field.name}` })),
  )

  test('is a record of paystatus.v1', () => {
    expect(root).toMatchObject({ type: 'record', namespace: 'paystatus.v1' })
    // Nested records inherit the namespace.
    expect(definitions.filter((definition) => definition.namespace !== undefined)).toHaveLength(1)
  })

  test('says what every record, enum and field means', () => {
    const named = definitions.filter((definition) => definition.name !== undefined)
    const silent = [
      ...named.filter((definition) => !isSentence(definition.doc)).map((definition) => definition.name),
      ...fields.filter((field) => !isSentence(field.doc)).map((field) => field.path),
    ]
    expect(silent).toEqual([])
  })

  test('has null as the default of what may be null, and no other unions', () => {
    const optional = fields.filter((field) => isUnion(field.type))
    expect(optional.length).toBeGreaterThan(0)
    for (const field of optional) {
      expect([field.path, (field.type as unknown[]).length, (field.type as unknown[])[0], field.default]).toEqual([
        field.path,
        2,
        'null',
        null,
      ])
      expect(field.doc, field.path).toMatch(/\bnull\b/i)
    }
  })

  test('has empty arrays as the default of arrays', () => {
    const arrays = fields.filter((field) => isDefinition(field.type) && field.type.type === 'array')
    expect(arrays.filter((field) => JSON.stringify(field.default) !== '[]').map((field) => field.path)).toEqual([])
  })

  test('has times in milliseconds, and no floats', () => {
    const times = fields.filter((field) => /(At|Since)$/.test(field.name))
    expect(times.length).toBeGreaterThan(0)
    for (const { path, type } of times) {
      const long = isUnion(type) ? type[1] : type
      expect([path, long]).toEqual([path, { type: 'long', logicalType: 'timestamp-millis' }])
    }
    expect(JSON.stringify(root)).not.toMatch(/"(float|double)"/)
  })

  test('uses only types whose decoding is bounded (see avro-type.ts)', () => {
    const kinds = new Set(definitions.map((definition) => definition.type))
    expect([...kinds].filter((kind) => !['record', 'enum', 'array', 'long'].includes(kind))).toEqual([])
    expect(definitions.filter((definition) => definition.type === 'record' && !definition.fields?.length)).toEqual([])
  })

  test('has a default symbol in every enum, so that symbols can be added', () => {
    const enums = definitions.filter((definition) => definition.type === 'enum')
    expect(enums.length).toBeGreaterThan(0)
    expect(enums.map((definition) => [definition.name, definition.default])).toEqual(
      enums.map((definition) => [definition.name, definition.name === 'Finality' ? 'OPEN' : 'UNKNOWN']),
    )
  })

  test('defines its enums with the symbols of the code', () => {
    const symbols: Record<string, readonly string[]> = {
      Status: Object.keys(PAYMENT_STATUSES),
      Finality: PUBLISHED_FINALITIES,
      Verdict: [...VERDICTS, 'OVERDUE'],
    }
    for (const definition of definitions.filter((candidate) => candidate.type === 'enum')) {
      expect(definition.symbols).toEqual(symbols[definition.name ?? ''])
    }
  })

  test('tells the values of its open lists as the code has them', () => {
    const lists: Record<string, readonly string[]> = {
      kind: PAYMENT_KINDS,
      occurredAtPrecision: TIME_PRECISIONS,
      scheme: REASON_SCHEMES,
      attention: ATTENTION_CODES,
    }
    for (const field of fields) {
      for (const value of lists[field.name] ?? []) {
        expect(field.doc, field.path).toContain(value)
      }
    }
  })
})

describe('what several files define', () => {
  const names = new Set(FILES.flatMap((file) => definitionsIn(parse(file)).flatMap(({ name }) => name ?? [])))
  const holders = [...names].map((name) => ({
    name,
    files: FILES.filter((file) => definitionsIn(parse(file)).some((definition) => definition.name === name)),
  }))

  test('includes the event in all three', () => {
    expect(holders.find(({ name }) => name === 'PaymentEvent')?.files).toHaveLength(3)
  })

  test.each(holders.filter(({ files }) => files.length > 1))(
    'is the same in each of them: $name',
    ({ name, files }) => {
      const [first, ...others] = files.map((file) => expanded(file, name))
      for (const other of others) {
        expect(other).toEqual(first)
      }
    },
  )
})

describe('the guide for consumers', () => {
  test.each([
    ['verdicts', [...VERDICTS, 'OVERDUE']],
    ['rules', [...Object.keys(VERDICT_RULES), 'overdue']],
    ['attention codes', ATTENTION_CODES],
    ['statuses', Object.keys(PAYMENT_STATUSES)],
    ['topics', Object.values(TOPICS).map((topic) => topic.name)],
  ])('names all %s', (_, values) => {
    expect(values.filter((value) => !GUIDE.includes(`\`${value}\``))).toEqual([])
  })
})

function isDefinition(schema: Schema): schema is Definition {
  return typeof schema === 'object' && !isUnion(schema)
}

function isSentence(doc: string | undefined): boolean {
  return doc !== undefined && /^.{10,}\.$/s.test(doc)
}
