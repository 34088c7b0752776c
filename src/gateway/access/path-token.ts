import { checkPathToken } from '../../config/authentication.ts'
import type { LiveFiles } from '../../config/live-files.ts'
import { digestOf, liveSecrets, matchesOne } from './digests.ts'
import type { AuthenticationOf, Requirement } from './requirement.ts'

/** An unguessable last segment of the URL's path. A wrong token is answered like an unknown path. */
export function pathToken({ tokens }: AuthenticationOf<'path-token'>, what: string, files: LiveFiles): Requirement {
  const digests = liveSecrets(files, what, tokens, (token) => digestOf(checkPathToken(token)))
  return {
    type: 'path-token',
    challenge: null,
    checkHead: ({ pathToken: token }) =>
      token !== null && matchesOne(token, digests.current)
        ? { holds: true, kind: 'path-token' }
        : { holds: false, reason: 'wrong-token' },
  }
}
