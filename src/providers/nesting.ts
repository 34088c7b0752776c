/** As deep as JSON is read when a source does not say otherwise. The providers' own bodies reach about ten. */
export const JSON_DEPTH_MAX = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const BRACKET = 0x5b
const BRACKET_END = 0x5d
const BRACE = 0x7b
const BRACE_END = 0x7d

/**
 * Counts the members of all objects of a JSON text, the repeated ones included; null if its arrays and objects are nested
 * deeper than `depthMax`. Found out in one pass and without parsing: a body of 256 KiB can open a quarter of a million
 * arrays, each of which costs memory in a parser, and stack in whatever walks what was parsed. Of a text that is not JSON
 * it says something, and always the same.
 */
export function memberCountOf(text: string, depthMax: number): number | null {
  let depth = 0
  let members = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    // Blanks, commas and digits are most of what stands outside of strings.
    if (code < COLON) {
      if (code === QUOTE) {
        at = endOfString(text, at)
      }
    } else if (code === COLON) {
      members += 1
    } else if (code === BRACKET || code === BRACE) {
      depth += 1
      if (depth > depthMax) {
        return null
      }
    } else if (code === BRACKET_END || code === BRACE_END) {
      depth -= 1
    }
  }
  return members
}

/** Position of the quote that ends the string which begins at `start`, or the end of the text. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) {
      backslashes += 1
    }
    if (backslashes % 2 === 0) {
      return end
    }
  }
  return text.length
}
