import { expect, test } from 'vitest'
import { normalizeWord } from '../../src/providers/normalize-word.ts'

test.each([
  ['PENDING_JPM_REVIEW', 'PENDING_JPM_REVIEW'],
  ['Pending J.P. Morgan Review', 'PENDING_JP_MORGAN_REVIEW'],
  ["SENT TO 'EXTERNAL'", 'SENT_TO_EXTERNAL'],
  [' -pending - posting- ', 'PENDING_POSTING'],
  ['', ''],
])('%j is %s', (word, expected) => {
  expect(normalizeWord(word)).toBe(expected)
})

/** All blanks (Zs) and dashes (Pd) of Unicode. */
const CHARACTERS = Array.from({ length: 0x10000 }, (_, code) => String.fromCharCode(code)).filter((character) =>
  /[\p{Zs}\p{Pd}]/u.test(character),
)

test('all blanks and dashes of Unicode count as their ASCII counterparts', () => {
  expect(CHARACTERS.length).toBeGreaterThan(30)
  for (const character of [...CHARACTERS, '\u{10ead}', '\u2013 \u00a0']) {
    expect(normalizeWord(`Simple${character}Refund`)).toBe('SIMPLE_REFUND')
  }
})

test.each(['COMPL\u00c9TED', 'COMPLETED\u200bCREDITED', 'a\u00a0\u00e9', '\u0421OMPLETED', 'a\tb'])(
  '%j has another character and is unchanged',
  (word) => {
    expect(normalizeWord(word)).toBe(word)
  },
)
