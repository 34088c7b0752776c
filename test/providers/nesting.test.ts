import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JSON_DEPTH_MAX, memberCountOf } from '../../src/providers/nesting.ts'
import { readJson } from '../../src/providers/read-json.ts'

const read = (body: string | Buffer, jsonDepthMax?: number) =>
  readJson({ body: Buffer.from(body as string), contentType: '', ...(jsonDepthMax !== undefined && { jsonDepthMax }) })

function depthOf(value: unknown): number {
  return typeof value === 'object' && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner)))
    : 0
}

test('only arrays and objects count for the depth of JSON, whatever strings contain', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('[[[', '{"', '\\', '\\"[', ']'))
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 12 },
      text,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(text, tie('value'), { maxKeys: 3 }),
    ),
  })).value
  fc.assert(
    fc.property(values, (value) => {
      const depth = depthOf(value)
      for (const spelled of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
        expect(memberCountOf(spelled, depth)).not.toBeNull()
        expect(depth === 0 ? null : memberCountOf(spelled, depth - 1)).toBeNull()
      }
    }),
  )
})

describe('a body that is nested', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))

  test('is read at the depth limit, and one level deeper it is a dead letter that says so (I10)', () => {
    expect(read(nested(JSON_DEPTH_MAX)).outcome).toBe('json')
    expect(read(nested(JSON_DEPTH_MAX + 1))).toEqual({
      outcome: 'dead-letter',
      deadLetter: { reason: 'too-deep', message: 'the body is nested more than 64 deep', element: null },
    })
    expect(read(nested(100), 100).outcome).toBe('json')
  })

  test.each(['['.repeat(250_000), '{"a":'.repeat(50_000), `${'['.repeat(100)}"unclosed`])(
    'is not parsed if it is extremely deep',
    (text) => {
      expect(read(text)).toMatchObject({ deadLetter: { reason: 'too-deep' } })
    },
  )
})
