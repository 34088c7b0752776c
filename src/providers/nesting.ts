/** As deep as JSON is read when a source does not say otherwise. The providers' own bodies reach about ten. */
export const JSON_DEPTH_MAX = 64

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether arrays and objects of a JSON text are nested deeper than `max`, found out in one pass and without parsing: a
 * body of 256 KiB can open a quarter of a million arrays, each of which costs memory in a parser, and stack in whatever
 * walks what was parsed. Of a text that is not JSON it says something, and always the same.
 */
export function isNestedDeeperThan(text: string, max: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case 0x5b: // [
      case 0x7b: // {
        depth += 1
        if (depth > max) {
          return true
        }
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1
        break
      default:
        break
    }
  }
  return false
}

/** Position of the quote that ends the string, or the end of the text. */
function endOfString(text: string, start: number): number {
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
