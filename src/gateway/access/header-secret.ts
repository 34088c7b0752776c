import type { LiveFiles } from '../../config/live-files.ts'
import { digestOf, liveSecrets, matchesOne } from './digests.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'

/** A secret in its own header. Several may be valid at once, for rotation. Only their SHA-256 is kept. */
export function headerSecret(
  { header, secrets }: AuthenticationOf<'header'>,
  what: string,
  files: LiveFiles,
): Requirement {
  const name = header.toLowerCase()
  const digests = liveSecrets(files, what, secrets, digestOf)
  return {
    type: 'header',
    challenge: null,
    checkHead: ({ headers }) => {
      const value = headers[name]
      // Node decodes header bytes as Latin-1; this restores the bytes, so that a UTF-8 secret compares equal.
      return typeof value === 'string' && matchesOne(Buffer.from(value, 'latin1'), digests.current)
        ? { holds: true, kind: 'header' }
        : { holds: false, reason: value === undefined ? 'no-secret' : 'wrong-secret' }
    },
  }
}
