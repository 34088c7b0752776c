import type { Authentication } from '../../config/authentication.ts'
import type { AuthenticationType } from '../../config/authentication-types.ts'
import type { Caller } from './caller.ts'

/** How a caller was authenticated, as records say it. `mtls-proxy`: a trusted proxy passed the certificate on. */
export type AuthenticationKind = AuthenticationType | 'mtls-proxy'

/** The settings of one type of authentication. */
export type AuthenticationOf<T extends AuthenticationType> = Extract<Authentication, { readonly type: T }>

/** What one requirement says of a request before its body is there. */
export type HeadVerdict =
  /** The reason is for the operator, never for the caller. */
  | { readonly holds: false; readonly reason: string }
  | {
      readonly holds: true
      readonly kind: AuthenticationKind
      /** What only the body can show: refused after all if this is false. */
      readonly checkBody?: (body: Buffer) => boolean
    }

/** One thing that callers of a source have to show: one kind, one file. */
export interface Requirement {
  readonly type: AuthenticationType
  /** Refuses everything that can be refused before the body is read. Takes the same time for every wrong secret. */
  checkHead(caller: Caller): HeadVerdict
  /** Value of WWW-Authenticate for a caller that was refused; null where HTTP knows no scheme for it. */
  readonly challenge: string | null
}
