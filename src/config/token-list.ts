import { hash, timingSafeEqual } from 'node:crypto'
import { cleanName, ROLES, type Role, type Who } from './console-role.ts'
import { linesOf } from './lines.ts'
import type { Live, LiveFiles } from './live-files.ts'

interface Entry {
  readonly name: string
  readonly role: Role
  readonly digest: Buffer
}

const OF_NOTHING = hash('sha256', '')

/**
 * Tokens from a file with one line each: name, role, and the SHA-256 of the token in hex. The file holds no secret that could be
 * used. A name may have several tokens, so that a token can be replaced. Throws with the number of the wrong entry.
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
    const digests = this.#entries.map(({ digest }) => digest.toString('hex'))
    const wrong = digests.findIndex((digest, index) => digest === OF_NOTHING || digests.indexOf(digest) !== index)
    if (wrong >= 0) {
      const why =
        digests[wrong] === OF_NOTHING ? 'of an empty token' : 'of another entry, whose token it must not share'
      throw new Error(`entry ${wrong + 1} has the SHA-256 ${why}`)
    }
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

/** While the file cannot be used, no token is valid: a token that was removed must not stay valid because of a typing error. */
export function liveTokenList(files: LiveFiles, what: string, file: string): Live<Pick<TokenList, 'find'>> {
  const make = ([content]: readonly Buffer[]) => new TokenList(content as Buffer)
  return files.load<Pick<TokenList, 'find'>>(what, [file], make, undefined, { find: () => null })
}

function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text)
}
