import { describe, expect, test } from 'vitest'
import type { Schema } from '../../src/avro/schema-definition.ts'
import { checkAgainstHistory, findingsOf } from '../../src/tools/schema-history.ts'
import { notRegistered } from '../../src/tools/schemas.ts'

const ID = { name: 'id', type: 'string', doc: 'An id.' }
const NOTE = { name: 'note', type: ['null', 'string'], default: null }
const thing = (...fields: readonly object[]) => ({ type: 'record', name: 'Thing', fields }) as unknown as Schema

test('the schemas of this release break nothing, and are in the history', () => {
  expect(checkAgainstHistory()).toEqual([])
})

describe('a changed schema', () => {
  const released = [{ version: 1, schema: thing(ID) }]

  test('is to be copied to the next number, even if it breaks nothing', () => {
    expect(findingsOf('thing.avsc', thing(ID, NOTE), released)).toEqual([
      {
        file: 'thing.avsc',
        problem: 'not-in-history',
        message:
          'thing.avsc: differs from the latest version in schemas/history; before it is released: cp schemas/thing.avsc schemas/history/thing/2.avsc',
      },
    ])
  })

  test('that breaks something says so first', () => {
    expect(findingsOf('thing.avsc', thing(NOTE), released).map(({ problem, message }) => [problem, message])).toEqual([
      ['breaks', 'thing.avsc: removing `Thing.id` breaks readers of version 1: it has no default in their schema'],
      ['not-in-history', expect.stringContaining('thing/2.avsc')],
    ])
  })

  test('is not one if only texts for people or the order of properties changed', () => {
    expect(findingsOf('thing.avsc', thing({ type: 'string', doc: 'Better.', name: 'id' }), released)).toEqual([])
  })
})

describe('a schema that is not registered', () => {
  const registered = (schema: Schema) =>
    ({ found: 'avro', schema: JSON.stringify(schema), subjects: ['thing-value'] }) as const

  test('is to be applied if it breaks nothing', () => {
    expect(notRegistered('thing.avsc', JSON.stringify(thing(ID, NOTE)), 12, registered(thing(ID)))).toBe(
      'schemas/thing.avsc of this release is not among its versions: run paystatus schemas apply',
    )
    expect(notRegistered('thing.avsc', JSON.stringify(thing(ID)), 12, { found: 'none' })).toMatch(/schemas apply$/)
  })

  test('is not to be applied otherwise, and the finding says why', () => {
    expect(notRegistered('thing.avsc', JSON.stringify(thing(NOTE)), 12, registered(thing(ID)))).toBe(
      'schemas/thing.avsc of this release is not among its versions, and must not be registered: ' +
        'removing `Thing.id` breaks readers of schema id 12: it has no default in their schema',
    )
  })
})
