/**
 * Whether an id is a placeholder for "no id": a word such as `NOTPROVIDED`, which ISO 20022 requires if a customer gave no
 * reference; only zeros, such as .NET's empty GUID; or only punctuation. Such an id would merge payments of different
 * customers.
 *
 * Case, blanks and punctuation are ignored: `(null)` and `N/A` are placeholders. `id` must already be stripped.
 */
export function isPlaceholder(id: string): boolean {
  // The first character rules out nearly every id, and the last one most ids that start with a zero.
  if (!FIRST.test(id) || (id.startsWith('0') && LETTER_OR_DIGIT_BUT_ZERO.test(id.charAt(id.length - 1)))) {
    return false
  }
  const bare = id.replace(PUNCTUATION, '')
  return ONLY_ZEROS.test(bare) || WORDS.has(bare.toUpperCase())
}

const FIRST = /^[0NnUu!-/:-@[-`{-~]/
const LETTER_OR_DIGIT_BUT_ZERO = /[1-9A-Za-z]/
const PUNCTUATION = /[\s!-/:-@[-`{-~]/g
/** Or nothing at all. */
const ONLY_ZEROS = /^0*$/
const WORDS: ReadonlySet<string> = new Set(['NOTPROVIDED', 'NA', 'NULL', 'NONE', 'NIL', 'UNDEFINED'])
