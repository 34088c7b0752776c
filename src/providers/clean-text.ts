const PRINTABLE_ASCII = /^[ -~]*$/
const CONTROL_CHARACTER = /\p{Cc}/u

/** True for whole characters without control characters, which have no place in ids, codes, keys and logs. */
export function isCleanText(text: string): boolean {
  return PRINTABLE_ASCII.test(text) || (text.isWellFormed() && !CONTROL_CHARACTER.test(text))
}

export function isBlank(text: string): boolean {
  return text.trim() === ''
}
