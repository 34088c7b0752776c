import { expect, test } from 'vitest'
import { isAscii, isBlank, isCleanText, strip } from '../../src/providers/clean-text.ts'

/** White space as JavaScript defines it, and zero-width characters. */
const INVISIBLE = [...' \t\n\v\f\r\u00a0\u1680\u2003\u2028\u202f\u3000\ufeff\u200b\u200c\u200d\u2060']

test.each(INVISIBLE)('%j is stripped at both ends but not inside the text', (character) => {
  expect(strip(`${character}a${character}b${character}${character}`)).toBe(`a${character}b`)
  expect(strip(`a${character}`)).toBe('a')
  expect(strip(`${character}é`)).toBe('é')
  expect(strip(character.repeat(3))).toBe('')
  expect(isBlank(character)).toBe(true)
})

test.each(['', 'a', '~', '!', 'a b', 'é', '\u0000', '\u0085', '\u200e', '_', '0'])('%j is unchanged', (text) => {
  expect(strip(text)).toBe(text)
  expect(isBlank(text)).toBe(text === '')
})

test.each([
  ['a~ ', true, true],
  ['\u007f', true, false],
  ['\u0080', false, false],
  ['é', false, true],
  ['\u0000', true, false],
  ['\ud83d', false, false],
])('%j: ASCII %s, clean %s', (text, ascii, clean) => {
  expect([isAscii(text), isCleanText(text)]).toEqual([ascii, clean])
})
