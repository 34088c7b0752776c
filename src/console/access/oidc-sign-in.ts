import * as oidc from 'openid-client'
import { cleanName, type RoleGroups, roleOf, type Who } from '../../config/console-role.ts'
import type { Logger } from '../../observability/log.ts'

export interface OidcOptions extends RoleGroups {
  readonly issuer: string
  readonly clientId: string
  /** Read at every sign-in, so that a new secret applies without a restart. */
  readonly clientSecret: () => string
  readonly scope: string
  /** Claims of the ID token. */
  readonly nameClaim: string
  readonly groupsClaim: string
  /** Where people reach the console, without a slash at the end. */
  readonly publicUrl: string
  /** Monotonic, ms. */
  readonly now: () => number
  readonly logger: Pick<Logger, 'warn'>
}

/** What the browser brings back is compared with this. */
interface Begun {
  readonly verifier: string
  readonly nonce: string
  readonly browser: string
  readonly next: string
  readonly until: number
}

export interface SignedIn {
  readonly who: Who
  /** The path to go to. */
  readonly next: string
}

const BEGUN_MS = 10 * 60_000
const BEGUN_MAX = 1_000

/** Sign-in with OpenID Connect: authorization code with PKCE, state and nonce. What it has begun is bound to the browser. */
export class OidcSignIn {
  readonly #options: OidcOptions
  readonly #begun = new Map<string, Begun>()

  constructor(options: OidcOptions) {
    this.#options = options
  }

  /** The URL at the provider. Rejects if the provider does not answer. */
  async begin(browser: string, next: string): Promise<string> {
    const { scope, now } = this.#options
    const server = await this.#discover()
    const verifier = oidc.randomPKCECodeVerifier()
    const state = oidc.randomState()
    const nonce = oidc.randomNonce()
    this.#begun.set(state, { verifier, nonce, browser, next, until: now() + BEGUN_MS })
    const [oldest] = this.#begun.size > BEGUN_MAX ? this.#begun.keys() : []
    if (oldest !== undefined) {
      this.#begun.delete(oldest)
    }
    return oidc.buildAuthorizationUrl(server, {
      redirect_uri: this.#redirectUrl,
      scope,
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }).href
  }

  /**
   * `refused`: the answer does not belong to what this browser began, or the provider refuses, does not answer, or sends what
   * must not be trusted. The log has the code of the reason.
   */
  async finish(search: string, browser: string): Promise<SignedIn | 'no-role' | 'refused'> {
    try {
      return await this.#finish(search, browser)
    } catch (error) {
      const { code, error: answered, cause } = error as { code?: string; error?: string; cause?: { code?: string } }
      this.#options.logger.warn({ code, answered, cause: cause?.code }, 'a sign-in with OpenID Connect was refused')
      return 'refused'
    }
  }

  async #finish(search: string, browser: string): Promise<SignedIn | 'no-role'> {
    const state = new URLSearchParams(search).get('state') ?? ''
    const begun = this.#begun.get(state)
    this.#begun.delete(state)
    if (begun === undefined || begun.browser !== browser || begun.until < this.#options.now()) {
      throw new OidcRefusedError()
    }
    const tokens = await oidc.authorizationCodeGrant(await this.#discover(), new URL(`${this.#redirectUrl}${search}`), {
      pkceCodeVerifier: begun.verifier,
      expectedState: state,
      expectedNonce: begun.nonce,
      idTokenExpected: true,
    })
    const claims: Readonly<Record<string, unknown>> = tokens.claims() ?? {}
    const { nameClaim, groupsClaim } = this.#options
    const name = cleanName(String(claims[nameClaim] ?? claims['sub'] ?? ''))
    const groups = claims[groupsClaim]
    const role = roleOf(Array.isArray(groups) ? groups.map(String) : [String(groups ?? '')], this.#options)
    return name === null || role === null ? 'no-role' : { who: { name, role, how: 'oidc' }, next: begun.next }
  }

  get #redirectUrl(): string {
    return `${this.#options.publicUrl}/sign-in/callback`
  }

  /** Asked every time: keys and endpoints change, and people rarely sign in. */
  #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#options
    const url = new URL(issuer)
    return oidc.discovery(url, clientId, clientSecret(), undefined, {
      timeout: 5,
      // TLS alone would be enough for the standard; a signed token also survives a proxy that ends TLS.
      execute: [
        oidc.enableNonRepudiationChecks,
        // The configuration allows http on this machine only.
        ...(url.protocol === 'http:' ? [oidc.allowInsecureRequests] : []),
      ],
    })
  }
}

/** A sign-in that this browser did not begin, or that took too long. */
class OidcRefusedError extends Error {
  readonly code = 'SIGN_IN_NOT_BEGUN'

  constructor() {
    super('this sign-in was not begun in this browser, or took longer than 10 minutes: try again')
    this.name = 'OidcRefusedError'
  }
}
