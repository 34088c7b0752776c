import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KnownTexts } from '../src/known-texts.ts'

test('gives the text of any bytes, whatever was asked for before', () => {
  const texts = new KnownTexts()
  const anyText = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    // Few letters, so that many texts share a slot or differ in one byte only.
    fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 }),
  )
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 50 }), fc.nat({ max: 9 }), (some, padding) => {
      for (const text of some) {
        const bytes = Buffer.from(`${' '.repeat(padding)}${text}!`)
        expect(texts.at(bytes, padding, bytes.length - 1)).toBe(bytes.toString('utf8', padding, bytes.length - 1))
      }
    }),
  )
})

test('reads bytes that are not UTF-8 as Buffer does', () => {
  const texts = new KnownTexts()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (array) => {
      const bytes = Buffer.from(array)
      expect(texts.at(bytes, 0, bytes.length)).toBe(bytes.toString())
    }),
  )
})

test('is not changed by what happens to the bytes afterwards', () => {
  const texts = new KnownTexts()
  const bytes = Buffer.from('jpm')
  expect(texts.at(bytes, 0, 3)).toBe('jpm')
  bytes.fill(120)
  expect(texts.at(Buffer.from('jpm'), 0, 3)).toBe('jpm')
  expect(texts.at(bytes, 0, 3)).toBe('xxx')
})

test('distinguishes a text from a longer one that begins with it, whichever slots they have', () => {
  const texts = new KnownTexts()
  for (let one = 0x20; one < 0x7f; one += 1) {
    for (let two = 0x20; two < 0x7f; two += 1) {
      const bytes = Buffer.of(0x61, one, two)
      expect(texts.at(bytes, 0, 3)).toHaveLength(3)
      expect(texts.at(bytes, 0, 1)).toBe('a')
    }
  }
})
