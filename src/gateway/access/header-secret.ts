import { digestOf, liveSecrets, matchesOne } from './digests.ts'
import type { LiveFiles } from './live-files.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'

/** A secret in a header of its own; several are valid at once while one is replaced. Kept as SHA-256 only. */
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
      // Node reads header bytes as Latin-1; this gives the bytes back, so that a UTF-8 secret compares equal.
      return typeof value === 'string' && matchesOne(Buffer.from(value, 'latin1'), digests.current)
        ? { holds: true, kind: 'header' }
        : { holds: false, reason: value === undefined ? 'no-secret' : 'wrong-secret' }
    },
  }
}
