import { describe, expect, test } from 'vitest'
import { breaksOf } from '../../src/avro/schema-breaks.ts'
import type { Field, Schema } from '../../src/avro/schema-definition.ts'

/** Every kind of break is told in a sentence, and what is allowed (docs/consumers.md) is not called one. */

const TIME = { type: 'long', logicalType: 'timestamp-millis' }
const COLOUR = { type: 'enum', name: 'Colour', symbols: ['UNKNOWN', 'RED'], default: 'UNKNOWN' }
const FIELDS: readonly Field[] = [
  { name: 'id', type: 'string' },
  { name: 'count', type: 'int' },
  { name: 'note', type: ['null', 'string'], default: null },
  { name: 'at', type: TIME },
  { name: 'colour', type: COLOUR },
  { name: 'former', type: ['null', 'Colour'], default: null },
  {
    name: 'parts',
    type: { type: 'array', items: { type: 'record', name: 'Part', fields: [{ name: 'size', type: 'int' }] } },
    default: [],
  },
]

function record(fields: readonly Field[]): Schema {
  return { type: 'record', name: 'Thing', fields }
}

/** The fields with some replaced or added by name, or left out. */
function changed(fields: readonly Field[], without: readonly string[] = []): Schema {
  const kept = FIELDS.filter(({ name }) => !without.includes(name))
  const replaced = kept.map((field) => fields.find(({ name }) => name === field.name) ?? field)
  return record([...replaced, ...fields.filter(({ name }) => !FIELDS.some((field) => field.name === name))])
}

/** The sentences about a change of the released version 3. */
function about(schema: Schema, released: Schema = record(FIELDS)): readonly string[] {
  return breaksOf(schema, [{ version: 3, schema: released }])
}

describe('a break is told in a sentence', () => {
  test.each<[string, Schema, readonly string[]]>([
    [
      'a field without a default is removed',
      changed([], ['id']),
      ['removing `Thing.id` breaks readers of version 3: it has no default in their schema'],
    ],
    [
      'a field without a default is added',
      changed([{ name: 'extra', type: 'string' }]),
      [
        'adding `Thing.extra` without a default breaks reading records of version 3: they do not have it; give it a default',
      ],
    ],
    [
      'a field is renamed',
      changed([{ name: 'identity', type: 'string' }], ['id']),
      [
        'removing `Thing.id` breaks readers of version 3: it has no default in their schema',
        'adding `Thing.identity` without a default breaks reading records of version 3: they do not have it; give it a default',
      ],
    ],
    [
      'a type becomes wider',
      changed([{ name: 'count', type: 'long' }]),
      ['changing `Thing.count` from int to long breaks readers of version 3: they cannot read long as int'],
    ],
    [
      'a type becomes another',
      changed([{ name: 'count', type: 'string' }]),
      [
        'changing `Thing.count` from int to string breaks readers of version 3 and reading its records: Avro does not convert between the two',
      ],
    ],
    [
      'a field becomes nullable',
      changed([{ name: 'id', type: ['null', 'string'], default: null }]),
      ['making `Thing.id` nullable breaks readers of version 3: they cannot read a null there'],
    ],
    [
      'a field is no longer nullable',
      changed([{ name: 'note', type: 'string' }]),
      ['making `Thing.note` not nullable breaks reading records of version 3: they may hold a null there'],
    ],
    [
      'a time has another unit',
      changed([{ name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } }]),
      [
        'changing `Thing.at` from long (timestamp-millis) to long (timestamp-micros) contradicts version 3: the same number would mean another time',
      ],
    ],
    [
      'a symbol is removed',
      changed([{ name: 'colour', type: { ...COLOUR, symbols: ['UNKNOWN'] } }]),
      ['removing the symbol `RED` from `Colour` breaks reading records of version 3: they would read as UNKNOWN'],
    ],
    [
      'an enum loses its default',
      changed([{ name: 'colour', type: withoutDefault(COLOUR) }]),
      ['removing the default of the enum `Colour` contradicts version 3: no symbol could be added after that'],
    ],
    [
      'an enum gets another default',
      changed([{ name: 'colour', type: { ...COLOUR, default: 'RED' } }]),
      [
        'changing the default of the enum `Colour` from UNKNOWN to RED contradicts version 3: an unknown symbol would mean something else to each',
      ],
    ],
    [
      'a named type is renamed',
      changed([
        { name: 'colour', type: { ...COLOUR, name: 'Color' } },
        { name: 'former', type: ['null', 'Color'], default: null },
      ]),
      [
        'renaming enum `Colour` to `Color` breaks readers of version 3 and reading its records: named types are matched by name',
      ],
    ],
    [
      'a field of a nested record is removed',
      changed([
        {
          name: 'parts',
          type: {
            type: 'array',
            items: { type: 'record', name: 'Part', fields: [{ name: 'width', type: 'int', default: 0 }] },
          },
          default: [],
        },
      ]),
      ['removing `Part.size` breaks readers of version 3: it has no default in their schema'],
    ],
    [
      'the items of an array change',
      changed([{ name: 'parts', type: { type: 'array', items: 'string' }, default: [] }]),
      [
        'changing the items of `Thing.parts` from record Part to string breaks readers of version 3 and reading its records: Avro does not convert between the two',
      ],
    ],
  ])('%s', (_, schema, sentences) => {
    expect(about(schema)).toEqual(sentences)
  })

  test('a symbol is added to an enum without a default', () => {
    const added = changed([{ name: 'colour', type: { ...COLOUR, symbols: ['UNKNOWN', 'RED', 'BLUE'] } }])
    expect(about(added, changed([{ name: 'colour', type: withoutDefault(COLOUR) }]))).toEqual([
      'adding the symbol `BLUE` to `Colour` breaks readers of version 3: the enum has no default in their schema',
    ])
  })

  test('once for all versions that it concerns', () => {
    const old = changed([], ['id'])
    const released = [old, record(FIELDS), record(FIELDS), record(FIELDS)].map((schema, index) => ({
      version: index + 1,
      schema,
    }))
    expect(breaksOf(changed([], ['id']), released)).toEqual([
      'removing `Thing.id` breaks readers of versions 2 to 4: it has no default in their schema',
    ])
    expect(breaksOf(record(FIELDS), [...released, { version: 7, schema: old }])).toEqual([
      'adding `Thing.id` without a default breaks reading records of versions 1 and 7: they do not have it; give it a default',
    ])
  })
})

test('a type that holds itself is compared once', () => {
  const tree = (...more: readonly Field[]): Schema => ({
    type: 'record',
    name: 'Tree',
    fields: [{ name: 'branches', type: { type: 'array', items: 'Tree' }, default: [] }, ...more],
  })
  expect(about(tree({ name: 'age', type: 'int' }), tree())).toEqual([
    'adding `Tree.age` without a default breaks reading records of version 3: they do not have it; give it a default',
  ])
})

test.each<[string, Schema]>([
  ['nothing', record(FIELDS)],
  ['a field with a default is added', changed([{ name: 'extra', type: ['null', 'string'], default: null }])],
  ['a field with a default is removed', changed([], ['note', 'former', 'parts'])],
  ['a symbol is added', changed([{ name: 'colour', type: { ...COLOUR, symbols: ['UNKNOWN', 'RED', 'BLUE'] } }])],
  ['a description', changed([{ name: 'id', type: 'string', doc: 'Now explained.' }])],
])('is not a break: %s', (_, schema) => {
  expect(about(schema)).toEqual([])
})

function withoutDefault({ default: _, ...rest }: typeof COLOUR) {
  return rest
}
