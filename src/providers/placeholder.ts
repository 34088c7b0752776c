/**
 * Whether an id is a placeholder for "no id": a word such as `NOTPROVIDED`, which ISO 20022 requires if a customer gave no
 * reference, or only zeros, such as .NET's empty GUID. Such an id would merge payments of different customers.
 *
 * Case, blanks, `_` and `-` are ignored. `id` must already be stripped.
 */
export function isPlaceholder(id: string): boolean {
  // The first character rules out nearly every id.
  switch (id.charCodeAt(0)) {
    case 0x30: // 0
    case 0x28: // (
    case 0x7b: // {
      return isOnlyZeros(id)
    case 0x4e: // N
    case 0x6e: // n
    case 0x55: // U
    case 0x75: // u
    case 0x5f: // _
      return isWord(id)
    case 0x2d: // -
      return isOnlyZeros(id) || isWord(id)
    default:
      return false
  }
}

function isOnlyZeros(id: string): boolean {
  // Check the last character first: many real ids start with a zero, few end with one.
  return '0})-'.includes(id.charAt(id.length - 1)) && ONLY_ZEROS.test(id)
}

const ONLY_ZEROS = /^[-{}()]*0[-{}()0]*$/

function isWord(id: string): boolean {
  return WORDS.has(id.replace(BETWEEN, '').toUpperCase())
}

const BETWEEN = /[\s_-]/g
const WORDS: ReadonlySet<string> = new Set(['NOTPROVIDED', 'N/A', 'NULL', 'NONE', 'NIL', 'UNDEFINED'])
