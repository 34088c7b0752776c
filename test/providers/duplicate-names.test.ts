import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DriftNotes } from '../../src/providers/drift.ts'
import { DuplicateNames, duplicateNamesIn, noteDuplicates } from '../../src/providers/duplicate-names.ts'
import { memberCountOf } from '../../src/providers/nesting.ts'
import { runs } from '../runs.ts'

const duplicatesIn = (text: string) => duplicateNamesIn(text, JSON.parse(text), memberCountOf(text, 64) ?? -1)
const find = (text: string) => duplicatesIn(text).list

test.each([
  ['{"a":1,"a":2}', [[[], 'a', false]]],
  ['{"a":1,"a":1}', [[[], 'a', true]]],
  ['{"a":1,"a":1,"a":2}', [[[], 'a', false]]],
  ['{"a":2,"a":1,"a":1}', [[[], 'a', false]]],
  [
    '{"a":1,"b":2,"a":1,"b":3}',
    [
      [[], 'a', true],
      [[], 'b', false],
    ],
  ],
  ['{"a":null,"a":""}', [[[], 'a', false]]],
  // Texts are read without invisible characters at their ends.
  ['{"a":"x","a":" x\\u00a0"}', [[[], 'a', true]]],
  ['{"a":"x y","a":"xy"}', [[[], 'a', false]]],
  ['{"a":["x"],"a":["x\\u200b"]}', [[[], 'a', true]]],
  ['{"a":"1","a":1}', [[[], 'a', false]]],
  ['{"a":[1],"a":[1]}', [[[], 'a', true]]],
  ['{"a":[1],"a":{"0":1}}', [[[], 'a', false]]],
  ['{"a":{"x":1,"y":2},"a":{"y":2,"x":1}}', [[[], 'a', true]]],
  ['{"a":1,"\\u0061":2}', [[[], 'a', false]]],
  ['{"\\"":1,"\\u0022":2}', [[[], '"', false]]],
  ['{"":1,"":2}', [[[], '', false]]],
  ['{"__proto__":1,"__proto__":2}', [[[], '__proto__', false]]],
  ['{"a":{"b":1,"b":2}}', [[['a'], 'b', false]]],
  ['[0,{"a":[{"b":1},{"b":1,"b":2}]}]', [[[1, 'a', 1], 'b', false]]],
  [' { "a" : -1.5e+3 ,\n"a"\t:\r-1500 } ', [[[], 'a', true]]],
  ['{"a":"x\\\\","a":"x\\u005c"}', [[[], 'a', true]]],
  // Also in a value that is overridden.
  [
    '{"a":{"b":1,"b":2},"a":{}}',
    [
      [['a'], 'b', false],
      [[], 'a', false],
    ],
  ],
])('%s', (text, expected) => {
  expect(find(text).map(({ path, name, equal }) => [path, name, equal])).toEqual(expected)
})

test.each([
  '{}',
  '[]',
  '1',
  '"a"',
  'null',
  '{"a":"\\"a\\":1","b":{"a":{"a":[]}}}',
  '[{"a":1},{"a":2}]',
  '{"__proto__":1}',
])('%s has none', (text) => {
  expect(find(text)).toEqual([])
})

/** JSON as a tree that can repeat a name, and its text. */
type Tree = readonly ['object', readonly (readonly [string, Tree])[]] | readonly ['array', readonly Tree[]] | string
const TREE = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom('1', '"x"', 'null', '"{\\"a\\":1}"', '-0.5e1'),
    fc.tuple(fc.constant('array' as const), fc.array(tie('tree'), { maxLength: 3 })),
    fc.tuple(
      fc.constant('object' as const),
      fc.array(fc.tuple(fc.constantFrom('a', 'b', '__proto__', 'c"d', ''), tie('tree')), { maxLength: 4 }),
    ),
  ),
})).tree

function spelled(tree: Tree, blank: string): string {
  if (typeof tree === 'string') {
    return tree
  }
  const inner =
    tree[0] === 'array'
      ? tree[1].map((item) => spelled(item, blank))
      : tree[1].map(([name, item]) => `${JSON.stringify(name)}${blank}:${blank}${spelled(item, blank)}`)
  const [open, close] = tree[0] === 'array' ? '[]' : '{}'
  return open + blank + inner.join(`,${blank}`) + blank + close
}

/** Every object with a repeated name, found without a parser. */
function repeatedNames(tree: Tree): number {
  if (typeof tree === 'string') {
    return 0
  }
  if (tree[0] === 'array') {
    return tree[1].reduce((sum, item) => sum + repeatedNames(item), 0)
  }
  const names = tree[1].map(([name]) => name)
  const own = new Set(names.filter((name, index) => names.indexOf(name) !== index)).size
  return own + tree[1].reduce((sum, [, item]) => sum + repeatedNames(item), 0)
}

test('every repeated name in an object is found, whatever the spelling of the text', () => {
  fc.assert(
    fc.property(TREE, fc.constantFrom('', ' ', '\n\t '), (tree, blank) => {
      const found = find(spelled(tree, blank))
      expect(found).toHaveLength(repeatedNames(tree))
      expect(found.map(({ path }) => path)).toEqual(find(spelled(tree, '')).map(({ path }) => path))
    }),
    runs(1_000),
  )
})

describe('a duplicate name', () => {
  const duplicates = duplicatesIn('{"list":[{"a":1,"a":2,"b":1,"b":1},{"c":{"a":1,"a":2}}],"x":1,"x":2}')

  test('is ambiguous only if it is read, has different values and is in exactly that object', () => {
    const names = new Set(['a', 'b', 'x'])
    expect(duplicates.ambiguousAt(['list', 0], names)).toBe('a')
    expect(duplicates.ambiguousAt(['list', 0], new Set(['b']))).toBeNull()
    expect(duplicates.ambiguousAt(['list', '0'], names)).toBeNull()
    expect(duplicates.ambiguousAt(['list', 1], names)).toBeNull()
    expect(duplicates.ambiguousAt(['list'], names)).toBeNull()
    expect(duplicates.ambiguousAt([], names)).toBe('x')
    expect(duplicates.isAmbiguous(['list', 1, 'c'], 'a')).toBe(true)
    expect(duplicates.isAmbiguous(['list', 1, 'c'], 'b')).toBe(false)
    expect(duplicates.isAmbiguous(['list', 1, 'c', 'a'], 'a')).toBe(false)
    expect(new DuplicateNames([]).ambiguousAt([], names)).toBeNull()
  })

  test('is noted with its path inside the element', () => {
    const drift = new DriftNotes()
    noteDuplicates(drift, duplicates)
    expect(drift.list).toEqual(['a', 'b', 'c.a', 'x'].map((name) => ({ kind: 'duplicate-name', name })))
  })
})

test('does not make reading slow, even in a body full of them (I10)', () => {
  const started = performance.now()
  const many = `{${'"a":{"b":[1,2,3]},'.repeat(20_000)}"a":1}`
  expect(find(many)).toHaveLength(1)
  let nested = '1'
  for (let depth = 0; depth < 60; depth += 1) {
    nested = `{"a":0,"a":${nested}}`
  }
  expect(find(nested)).toHaveLength(60)
  const elements = 100_000
  const list = duplicatesIn(`[${'{"a":1,"a":2},'.repeat(elements)}{}]`)
  let ambiguous = 0
  for (let index = 0; index <= elements; index += 1) {
    ambiguous += list.ambiguousAt([index], new Set(['a'])) === null ? 0 : 1
  }
  expect(ambiguous).toBe(elements)
  const long = 'x'.repeat(400_000)
  expect(find(`{"${long}":[${'{"a":1,"a":2},'.repeat(20_000)}{}]}`)).toHaveLength(20_000)
  expect(performance.now() - started).toBeLessThan(10_000)
})
