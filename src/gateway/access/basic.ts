import type { LiveFiles } from '../../config/live-files.ts'
import { digestOf, liveSecrets, matchesOne } from './digests.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'

const CREDENTIALS = /^Basic +([A-Za-z0-9+/=_-]+)$/i

/** HTTP Basic (RFC 7617). Several passwords may be valid at once, for rotation. Only their SHA-256 is kept. */
export function basic({ username, passwords }: AuthenticationOf<'basic'>, what: string, files: LiveFiles): Requirement {
  const digests = liveSecrets(files, what, passwords, (password) => digestOf(`${username}:${password}`))
  return {
    type: 'basic',
    challenge: 'Basic realm="paystatus", charset="UTF-8"',
    checkHead: ({ headers }) => {
      const credentials = CREDENTIALS.exec(headers.authorization ?? '')?.[1]
      return credentials !== undefined && matchesOne(Buffer.from(credentials, 'base64'), digests.current)
        ? { holds: true, kind: 'basic' }
        : { holds: false, reason: headers.authorization === undefined ? 'no-credentials' : 'wrong-credentials' }
    },
  }
}
