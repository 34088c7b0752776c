import { httpRequest } from './http-request.ts'
import type { SecretReader } from './secret-reader.ts'
import type { TlsFiles } from './tls-files.ts'

/** Source of an OAuth 2 access token: a secret that is renewed externally, or a client-credentials endpoint. */
export type TokenPlace =
  | { readonly from: 'secret'; readonly token: SecretReader }
  | {
      readonly from: 'endpoint'
      readonly url: string
      readonly clientId: string
      readonly clientSecret: SecretReader
      readonly scope?: string | undefined
      readonly audience?: string | undefined
      readonly tls?: TlsFiles | undefined
    }

/** No token is available. The message contains the endpoint's reason and no credentials. */
export class TokenError extends Error {
  readonly code = 'TOKEN_UNAVAILABLE'
  /** False if the endpoint refused: retrying does not help. */
  readonly retriable: boolean

  constructor(problem: string, retriable: boolean) {
    super(problem)
    this.name = 'TokenError'
    this.retriable = retriable
  }
}

const REQUEST_MAX_MS = 5_000
/** A token is replaced after this fraction of its lifetime, so that no caller gets one that is about to expire. */
const USED_SHARE = 0.8
/** Assumed lifetime if the endpoint does not state one. */
const LIFE_DEFAULT_S = 300

/**
 * Returns a function that provides the current token. A token from an endpoint is cached and shared for most of its
 * lifetime; a secret is read on every call. The function rejects with TokenError or SecretError.
 */
export function tokenSource(place: TokenPlace, now: () => number): () => Promise<string> {
  if (place.from === 'secret') {
    return async () => place.token()
  }
  let kept: { readonly token: string; readonly until: number } | undefined
  let asking: Promise<string> | undefined
  return async () => {
    if (kept !== undefined && now() < kept.until) {
      return kept.token
    }
    asking ??= askEndpoint(place)
      .then(({ token, lifeS }) => {
        kept = { token, until: now() + lifeS * 1_000 * USED_SHARE }
        return token
      })
      .finally(() => {
        asking = undefined
      })
    return asking
  }
}

async function askEndpoint(
  place: Extract<TokenPlace, { from: 'endpoint' }>,
): Promise<{ token: string; lifeS: number }> {
  const { url, clientId, clientSecret, scope, audience, tls } = place
  // RFC 6749 section 2.3.1: both are form-encoded before they are used as user name and password.
  const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret())}`
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(scope !== undefined && { scope }),
    ...(audience !== undefined && { audience }),
  })
  const answer = await httpRequest(url, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: form.toString(),
    timeoutMs: REQUEST_MAX_MS,
    tls,
  }).catch((error: Error) => {
    throw new TokenError(`the token endpoint ${url} does not answer: ${error.message}`, true)
  })
  const { access_token: token, expires_in: lifeS, error } = objectOf(answer.body)
  if (answer.status !== 200) {
    const why = typeof error === 'string' ? `, ${error}` : ''
    const passing = answer.status >= 500 || answer.status === 429
    throw new TokenError(
      `the token endpoint ${url} gives no token to ${clientId}: status ${answer.status}${why}`,
      passing,
    )
  }
  if (typeof token !== 'string' || token === '') {
    throw new TokenError(`the token endpoint ${url} answers without an access_token`, false)
  }
  return { token, lifeS: typeof lifeS === 'number' && lifeS > 0 ? lifeS : LIFE_DEFAULT_S }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
