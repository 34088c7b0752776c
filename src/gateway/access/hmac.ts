import { createHmac, timingSafeEqual } from 'node:crypto'
import type { LiveFiles } from '../../config/live-files.ts'
import { liveSecrets } from './digests.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'
import { isTimely } from './timestamp.ts'

/**
 * A signature of the raw body in a header, keyed by a shared secret. Senders differ in details: hex or base64, with or
 * without a prefix, with or without a signed timestamp.
 */
export function hmac(
  { header, secrets, algorithm, encoding, prefix, timestamp }: AuthenticationOf<'hmac'>,
  what: string,
  files: LiveFiles,
  now: () => number,
): Requirement {
  const name = header.toLowerCase()
  const keys = liveSecrets(files, what, secrets, (secret) => Buffer.from(secret, 'utf8'))
  return {
    type: 'hmac',
    challenge: null,
    checkHead: ({ headers }) => {
      const value = headers[name]
      if (typeof value !== 'string') {
        return { holds: false, reason: 'no-signature' }
      }
      const signature = value.startsWith(prefix) ? decode(value.slice(prefix.length), encoding) : null
      if (signature?.length !== DIGEST_BYTES[algorithm]) {
        return { holds: false, reason: 'malformed-signature' }
      }
      let signedBefore = ''
      if (timestamp !== null) {
        const at = headers[timestamp.header.toLowerCase()]
        if (typeof at !== 'string' || !isTimely(at, timestamp.toleranceSeconds, now())) {
          return { holds: false, reason: 'untimely' }
        }
        signedBefore = at + timestamp.separator
      }
      return {
        holds: true,
        kind: 'hmac',
        checkBody: (body) => {
          let matches = false
          for (const key of keys.current) {
            const expected = createHmac(algorithm, key).update(signedBefore).update(body).digest()
            matches = timingSafeEqual(signature, expected) || matches
          }
          return matches
        },
      }
    },
  }
}

const DIGEST_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const

function decode(text: string, encoding: 'hex' | 'base64'): Buffer | null {
  const isWellFormed = encoding === 'hex' ? /^[0-9a-f]+$/i.test(text) : /^[A-Za-z0-9+/]+={0,2}$/.test(text)
  return isWellFormed ? Buffer.from(text, encoding) : null
}
