/**
 * Normalizes a provider's status words, so that a change of case or punctuation is not a new status:
 * `Pending J.P. Morgan Review` and `PENDING_JP_MORGAN_REVIEW` are equal.
 *
 * Dots and quotes are removed; any other run of ASCII punctuation or blanks becomes one underscore. Unicode blanks and
 * dashes count as their ASCII counterparts: text editors insert them. A word with any other character is returned
 * unchanged, because no known word has one.
 */
export function normalizeWord(word: string): string {
  if (NORMAL_WORD.test(word)) {
    return word
  }
  const ascii = PRINTABLE_ASCII.test(word) ? word : word.replace(BLANK_OR_DASH, '_')
  if (!PRINTABLE_ASCII.test(ascii)) {
    return word
  }
  return ascii
    .toUpperCase()
    .replace(/[.'"`]/g, '')
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
}

/**
 * A key under which status words are looked up: the normalized word without underscores. `SentToClearing` and
 * `SENT_TO_CLEARING` have the same key, and so have `J. P. MORGAN` and `JP MORGAN`. Use it only to compare: it is hard to
 * read.
 */
export function wordKey(word: string): string {
  return normalizeWord(word).replaceAll('_', '')
}

const NORMAL_WORD = /^[A-Z0-9]+(?:_[A-Z0-9]+)*$/
const PRINTABLE_ASCII = /^[ -~]*$/
const BLANK_OR_DASH = /[\p{Zs}\p{Pd}]/gu
