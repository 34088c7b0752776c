/**
 * Whether an id only says that there is none: a word such as `NOTPROVIDED`, which ISO 20022 asks for where a customer
 * gave no reference, or nothing but zeros, such as .NET's empty GUID. Payments of different customers would meet under
 * such an id.
 *
 * Neither case nor blanks, `_` and `-` matter. `id` is stripped already.
 */
export function isPlaceholder(id: string): boolean {
  // Nearly every id ends here.
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
  // The end tells almost every id from one of zeros, whose beginning is common.
  return '0})-'.includes(id.charAt(id.length - 1)) && ONLY_ZEROS.test(id)
}

const ONLY_ZEROS = /^[-{}()]*0[-{}()0]*$/

function isWord(id: string): boolean {
  return WORDS.has(id.replace(BETWEEN, '').toUpperCase())
}

const BETWEEN = /[\s_-]/g
const WORDS: ReadonlySet<string> = new Set(['NOTPROVIDED', 'N/A', 'NULL', 'NONE', 'NIL', 'UNDEFINED'])
