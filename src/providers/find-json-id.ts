import { ID_LENGTH_MAX } from '../payment/payment-event.ts'
import { isCleanText, strip } from './clean-text.ts'
import { isPlaceholder } from './placeholder.ts'

/**
 * Finds the first id of this name in a JSON body without parsing it. The gateway only needs a key that keeps the callbacks
 * of a payment together; a wrong one only reduces locality. `body` is UTF-8.
 *
 * Returns null if there is no id that an event could have. Never throws.
 */
export function findJsonId(body: Buffer, name: string): string | null {
  const quotedName = `"${name}"`
  let after = 0
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const at = body.indexOf(quotedName, after, 'latin1')
    if (at < 0) {
      return null
    }
    after = at + quotedName.length
    const colon = skipBlanks(body, after)
    if (body[colon] === COLON) {
      const start = skipBlanks(body, colon + 1)
      return body[start] === QUOTE ? idAt(body, start) : null
    }
  }
  return null
}

/** The search gives up after the name occurred this often where it is not the name of a field. */
const TRIES_MAX = 16

const QUOTE = 0x22
const COLON = 0x3a
const BACKSLASH = 0x5c
const SPACE = 0x20

/** Longest JSON form of an id: every character as a `\u` escape, two quotes, and some padding. */
const SPELLING_BYTES_MAX = ID_LENGTH_MAX * 6 + 2 + 64

function idAt(body: Buffer, start: number): string | null {
  const limit = Math.min(body.length, start + SPELLING_BYTES_MAX)
  let escaped = false
  let end = start + 1
  while (end < limit && body[end] !== QUOTE) {
    if (body[end] === BACKSLASH) {
      escaped = true
      end += 1
    }
    end += 1
  }
  if (end >= limit) {
    return null
  }
  return usableId(escaped ? unescaped(body.toString('utf8', start, end + 1)) : body.toString('utf8', start + 1, end))
}

const REPLACEMENT = '\ufffd'

/** The id as an event would have it. Null if no event could, or if the bytes were not UTF-8: no key is better than a guess. */
export function usableId(text: string | null): string | null {
  const id = text === null ? '' : strip(text)
  const isUsable =
    id !== '' && id.length <= ID_LENGTH_MAX && isCleanText(id) && !isPlaceholder(id) && !id.includes(REPLACEMENT)
  return isUsable ? id : null
}

function unescaped(spelling: string): string | null {
  try {
    const value: unknown = JSON.parse(spelling)
    return typeof value === 'string' ? value : null
  } catch {
    return null
  }
}

function skipBlanks(body: Buffer, from: number): number {
  let at = from
  // Valid JSON has no other bytes up to the space here than its white space.
  while (at < body.length && (body[at] ?? 0) <= SPACE) {
    at += 1
  }
  return at
}
