import type { Authentication } from '../../config/authentication.ts'
import type { AuthenticationType } from '../../config/authentication-types.ts'
import type { Caller } from './caller.ts'

/** How a caller was authenticated, as recorded. `mtls-proxy`: a trusted proxy passed the certificate on. */
export type AuthenticationKind = AuthenticationType | 'mtls-proxy'

/** The settings of one type of authentication. */
export type AuthenticationOf<T extends AuthenticationType> = Extract<Authentication, { readonly type: T }>

/** A requirement's verdict on a request before its body is read. */
export type HeadVerdict =
  /** The reason is for the operator, never for the caller. */
  | { readonly holds: false; readonly reason: string }
  | {
      readonly holds: true
      readonly kind: AuthenticationKind
      /** For checks that need the body: false refuses the request after all. */
      readonly checkBody?: (body: Buffer) => boolean
    }

/** One thing that callers of a source must prove. Each kind has a file of its own. */
export interface Requirement {
  readonly type: AuthenticationType
  /** Refuses whatever can be refused before the body is read. Takes the same time for every wrong secret. */
  checkHead(caller: Caller): HeadVerdict
  /** The value of WWW-Authenticate for refused callers; null where HTTP defines no scheme. */
  readonly challenge: string | null
}
