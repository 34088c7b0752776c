import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Authentication } from '../config.ts'

/** What a caller shows of itself before its body is read. Mutual TLS will add the peer's certificate. */
export interface Caller {
  readonly headers: IncomingHttpHeaders
}

export interface Authenticator {
  /** Takes the same time for every wrong secret. */
  authenticate(caller: Caller): boolean
  /** Value of WWW-Authenticate for a caller that was refused; null where HTTP knows no scheme for it. */
  readonly challenge: string | null
}

/** How callers of one source are checked. The secret is kept as its SHA-256 only. */
export function authenticatorOf(authentication: Authentication): Authenticator {
  switch (authentication.type) {
    case 'none':
      return { authenticate: () => true, challenge: null }
    case 'header': {
      const name = authentication.header.toLowerCase()
      const expected = sha256(Buffer.from(authentication.secret, 'utf8'))
      return {
        authenticate: ({ headers }) => {
          const value = headers[name]
          // Node reads header bytes as Latin-1; this gives the bytes back, so that a UTF-8 secret compares equal.
          return typeof value === 'string' && timingSafeEqual(sha256(Buffer.from(value, 'latin1')), expected)
        },
        challenge: null,
      }
    }
    case 'basic': {
      const expected = sha256(Buffer.from(`${authentication.username}:${authentication.password}`, 'utf8'))
      return {
        authenticate: ({ headers }) => {
          const credentials = BASIC_CREDENTIALS.exec(headers.authorization ?? '')?.[1]
          return credentials !== undefined && timingSafeEqual(sha256(Buffer.from(credentials, 'base64')), expected)
        },
        challenge: 'Basic realm="paystatus", charset="UTF-8"',
      }
    }
    default:
      return authentication satisfies never
  }
}

const BASIC_CREDENTIALS = /^Basic +([A-Za-z0-9+/=_-]+)$/i

/** Hashing both sides makes them equally long, whatever the caller sent. */
function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer')
}
