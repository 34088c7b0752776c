/** Default limit for the nesting of JSON. The providers' own bodies are about ten deep. */
export const JSON_DEPTH_MAX = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const BRACKET = 0x5b
const BRACKET_END = 0x5d
const BRACE = 0x7b
const BRACE_END = 0x7d

/**
 * Counts the members of all objects in a JSON text, repeated names included. Null if arrays and objects are nested deeper
 * than `depthMax`.
 *
 * It makes one pass without parsing: a body of 256 KiB can open a quarter of a million arrays, each of which costs memory
 * in the parser and stack in code that walks the result. For a text that is not JSON, the result is meaningless but
 * deterministic.
 */
export function memberCountOf(text: string, depthMax: number): number | null {
  let depth = 0
  let members = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    // Most characters outside strings are white space, commas and digits.
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

/** Position of the closing quote of the string that starts at `start`, or the end of the text. */
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
