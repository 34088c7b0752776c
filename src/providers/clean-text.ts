const PRINTABLE_ASCII = /^[ -~]*$/
const CONTROL_CHARACTER = /\p{Cc}/u

/** True if the text is well-formed and has no control characters, which do not belong in ids, codes, keys and logs. */
export function isCleanText(text: string): boolean {
  return PRINTABLE_ASCII.test(text) || (text.isWellFormed() && !CONTROL_CHARACTER.test(text))
}

/** True if the text reads the same in every supported character set. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const NOT_ASCII = /[^\x00-\x7f]/

export function isBlank(text: string): boolean {
  return strip(text) === ''
}

/**
 * Removes invisible characters at both ends: white space as JavaScript defines it (including the no-break space and the
 * byte order mark) and zero-width characters. Providers pad ids, and a padded id would be another payment.
 */
export function strip(text: string): string {
  const { length } = text
  if (length === 0 || (isInk(text.charCodeAt(0)) && isInk(text.charCodeAt(length - 1)))) {
    return text
  }
  let start = 0
  let end = length
  while (start < end && isInvisible(text.charAt(start))) {
    start += 1
  }
  while (end > start && isInvisible(text.charAt(end - 1))) {
    end -= 1
  }
  return text.slice(start, end)
}

/** Printable ASCII except the space. Nearly every text begins and ends with it. */
function isInk(code: number): boolean {
  return code > 0x20 && code < 0x7f
}

/** Zero-width space, zero-width non-joiner, zero-width joiner and word joiner. */
const NO_WIDTH = '\u200b\u200c\u200d\u2060'

function isInvisible(character: string): boolean {
  return character.trim() === '' || NO_WIDTH.includes(character)
}
