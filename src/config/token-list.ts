import { hash, timingSafeEqual } from 'node:crypto'
import { cleanName, ROLES, type Role, type Who } from './console-role.ts'
import { linesOf } from './lines.ts'

interface Entry {
  readonly name: string
  readonly role: Role
  readonly digest: Buffer
}

/**
 * Tokens from a file with one line each: name, role, and the SHA-256 of the token in hex. The file holds no secret that could be
 * used. Throws with the number of the wrong entry.
 */
export class TokenList {
  readonly #entries: readonly Entry[]

  constructor(content: Buffer) {
    this.#entries = linesOf(content).map((line, index) => {
      const [, name = '', role = '', digest = ''] = /^(\S+)\s+(\S+)\s+(?:sha256:)?([0-9a-fA-F]{64})$/.exec(line) ?? []
      if (cleanName(name) !== name || !isRole(role)) {
        throw new Error(`entry ${index + 1} must be: name, viewer or operator, SHA-256 of the token in hex`)
      }
      return { name, role, digest: Buffer.from(digest, 'hex') }
    })
  }

  /** Compares with all entries, so the time taken reveals nothing. */
  find(token: string): Who | null {
    const digest = hash('sha256', token, 'buffer')
    let found: Entry | null = null
    for (const entry of this.#entries) {
      found = timingSafeEqual(entry.digest, digest) ? entry : found
    }
    return found === null ? null : { name: found.name, role: found.role, how: 'token' }
  }
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}
