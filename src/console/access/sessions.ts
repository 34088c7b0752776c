import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Who } from '../../config/console-role.ts'

/** A working day; then people sign in again. */
export const SESSION_MS = 8 * 3_600_000
/** The oldest is dropped (I10). */
const SESSIONS_MAX = 10_000

interface Session {
  readonly who: Who
  readonly until: number
  /** Whether what it was opened with is still valid. */
  readonly isValid: () => boolean
}

/** Who signed in, in the memory of this process: a restart signs everybody out. Only hashes of the ids are kept. */
export class Sessions {
  readonly #sessions = new Map<string, Session>()
  readonly #now: () => number

  /** @param now ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The id for the cookie. */
  open(who: Who, isValid: () => boolean = () => true): string {
    const id = newCookieValue()
    this.#sessions.set(keyOf(id), { who, until: this.#now() + SESSION_MS, isValid })
    const [oldest] = this.#sessions.size > SESSIONS_MAX ? this.#sessions.keys() : []
    if (oldest !== undefined) {
      this.#sessions.delete(oldest)
    }
    return id
  }

  find(id: string): Who | null {
    const session = this.#sessions.get(keyOf(id))
    if (session !== undefined && (session.until <= this.#now() || !session.isValid())) {
      this.#sessions.delete(keyOf(id))
      return null
    }
    return session?.who ?? null
  }

  close(id: string): void {
    this.#sessions.delete(keyOf(id))
  }
}

/** 256 bits. */
export function newCookieValue(): string {
  return randomBytes(32).toString('base64url')
}

function keyOf(id: string): string {
  return hash('sha256', id, 'base64')
}

/**
 * The token that a form must return: proof that this process made the form for this browser and this person. Bound to the
 * browser's cookie and the name, so a token of somebody else is worth nothing.
 */
export class FormTokens {
  readonly #key = randomBytes(32)

  tokenFor(browser: string, who: Who | null): string {
    const name = who === null ? 'nobody' : `${who.how} ${who.role} ${who.name}`
    return createHmac('sha256', this.#key).update(`${browser}\n${name}`).digest('base64url')
  }

  isFor(token: string, browser: string, who: Who | null): boolean {
    const expected = Buffer.from(this.tokenFor(browser, who))
    const given = Buffer.from(token)
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}
