const PRINTABLE_ASCII = /^[ -~]*$/
const CONTROL_CHARACTER = /\p{Cc}/u

/** True for whole characters without control characters, which have no place in ids, codes, keys and logs. */
export function isCleanText(text: string): boolean {
  return PRINTABLE_ASCII.test(text) || (text.isWellFormed() && !CONTROL_CHARACTER.test(text))
}

/** True if every character of the text is the same in all character sets that a body could be in. */
export function isAscii(text: string): boolean {
  return !NOT_ASCII.test(text)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const NOT_ASCII = /[^\x00-\x7f]/

export function isBlank(text: string): boolean {
  return strip(text) === ''
}

/**
 * The text without what cannot be seen at its ends: white space as JavaScript knows it, the no-break space and the byte
 * order mark included, and the characters of no width. Providers pad ids, and a padded id would be another payment.
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

/** Printable ASCII but the space: how nearly every text begins and ends. */
function isInk(code: number): boolean {
  return code > 0x20 && code < 0x7f
}

/** Zero width space, non-joiner and joiner, and the word joiner. */
const NO_WIDTH = '\u200b\u200c\u200d\u2060'

function isInvisible(character: string): boolean {
  return character.trim() === '' || NO_WIDTH.includes(character)
}
