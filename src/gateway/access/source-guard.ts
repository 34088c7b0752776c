import { AUTHENTICATION_TYPES } from '../../config/authentication-types.ts'
import type { LiveFiles } from '../../config/live-files.ts'
import type { SourceConfig } from '../../config.ts'
import { basic } from './basic.ts'
import type { Caller } from './caller.ts'
import { headerSecret } from './header-secret.ts'
import { hmac } from './hmac.ts'
import { ipAllowList } from './ip-allow-list.ts'
import { type MutualTls, mutualTls } from './mutual-tls.ts'
import { none } from './none.ts'
import { pathToken } from './path-token.ts'
import type { Requirement } from './requirement.ts'
import { standardWebhooks } from './standard-webhooks.ts'

/** The verdict of all of a source's requirements on a request before its body is read. */
export type Admission =
  | {
      readonly admitted: true
      /** How the caller was authenticated, sorted. */
      readonly kinds: readonly string[]
      /** The requirement whose signature does not match this body; null if all match or nothing is signed. */
      checkBody(body: Buffer): Requirement['type'] | null
    }
  | {
      readonly admitted: false
      readonly code: 401 | 404
      readonly type: Requirement['type']
      readonly reason: string
    }

export interface GuardOptions {
  readonly files: LiveFiles
  /** ms since the epoch. */
  readonly now: () => number
  /** Called when the CAs of a source change. */
  readonly onTrustChanged: () => void
}

/** Everything that callers of one source must prove; all of it must hold. */
export class SourceGuard {
  readonly source: string
  /** The value of WWW-Authenticate for refused callers. */
  readonly challenge: string | null
  /** Whether the last path segment is a token. */
  readonly hasPathToken: boolean
  readonly mutualTls: MutualTls | null
  readonly #requirements: readonly Requirement[]

  constructor(source: SourceConfig, options: GuardOptions) {
    this.source = source.id
    const made = source.authentication.map((one) => requirementOf(source.id, one, options))
    if (made.length === 0) {
      throw new TypeError(`source ${source.id}: no authentication is configured`)
    }
    this.#requirements = made.toSorted(
      (a, b) => AUTHENTICATION_TYPES.indexOf(a.type) - AUTHENTICATION_TYPES.indexOf(b.type),
    )
    this.challenge = made.find(({ challenge }) => challenge !== null)?.challenge ?? null
    this.hasPathToken = made.some(({ type }) => type === 'path-token')
    this.mutualTls = (made.find(({ type }) => type === 'mtls') as MutualTls | undefined) ?? null
  }

  checkHead(caller: Caller): Admission {
    const kinds: string[] = []
    const signed: { readonly type: Requirement['type']; readonly checkBody: (body: Buffer) => boolean }[] = []
    for (const requirement of this.#requirements) {
      const verdict = requirement.checkHead(caller)
      if (!verdict.holds) {
        const { type } = requirement
        return { admitted: false, code: type === 'path-token' ? 404 : 401, type, reason: verdict.reason }
      }
      kinds.push(verdict.kind)
      if (verdict.checkBody !== undefined) {
        signed.push({ type: requirement.type, checkBody: verdict.checkBody })
      }
    }
    return {
      admitted: true,
      kinds: kinds.toSorted(),
      checkBody: (body) => signed.find(({ checkBody }) => !checkBody(body))?.type ?? null,
    }
  }
}

function requirementOf(
  source: string,
  authentication: SourceConfig['authentication'][number],
  { files, now, onTrustChanged }: GuardOptions,
): Requirement {
  const what = `source ${source}, ${authentication.type}`
  switch (authentication.type) {
    case 'none':
      return none()
    case 'header':
      return headerSecret(authentication, what, files)
    case 'basic':
      return basic(authentication, what, files)
    case 'hmac':
      return hmac(authentication, what, files, now)
    case 'standard-webhooks':
      return standardWebhooks(authentication, what, files, now)
    case 'ip-allow-list':
      return ipAllowList(authentication, what, files)
    case 'path-token':
      return pathToken(authentication, what, files)
    case 'mtls':
      return mutualTls(authentication, what, files, now, onTrustChanged)
    default:
      return authentication satisfies never
  }
}
