import { expect, test } from 'vitest'
import { INSTAMED_STATUS_MAP } from '../../src/providers/instamed/status-map.ts'
import { V1_STATUS_MAP } from '../../src/providers/jpm-global-payments-v1/status-map.ts'
import { V2_STATUS_MAP } from '../../src/providers/jpm-global-payments-v2/status-map.ts'
import { normalizeWord, wordKey } from '../../src/providers/normalize-word.ts'

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

test.each([
  ['SentToClearing', 'SENTTOCLEARING'],
  ['SENT_TO_CLEARING', 'SENTTOCLEARING'],
  ['Pending J. P. Morgan Review', 'PENDINGJPMORGANREVIEW'],
  ['COMPL\u00c9TED', 'COMPL\u00c9TED'],
])('the key of %j is %s', (word, key) => {
  expect(wordKey(word)).toBe(key)
})

test('I5 no two known words of a provider have the same key', () => {
  const listed = (words: readonly string[] | string) => (typeof words === 'string' ? [] : words)
  const tables = [
    V1_STATUS_MAP.map((row) => row.sourceStatus),
    V2_STATUS_MAP.flatMap((row) => [row.sourceStatus, row.sourceSubStatus, ...('known' in row ? row.known : [])]),
    INSTAMED_STATUS_MAP.flatMap((row) => listed(row.actions)),
    INSTAMED_STATUS_MAP.flatMap((row) => listed(row.codes)),
  ]
  for (const table of tables) {
    const words = new Set(table)
    expect(new Set([...words].map(wordKey)).size).toBe(words.size)
  }
})
