import { generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { close, listen } from '../../../src/http-server.ts'

export interface Claims {
  readonly [name: string]: unknown
}

/** What a test lets the provider do wrong. */
export interface Misbehaviour {
  /** Replaces claims of the ID token. */
  claims?: Claims
  /** Signs with a key that is not published. */
  foreignKey?: boolean
  /** Sends the ID token without a signature. */
  unsigned?: boolean
  /** Announces another issuer than it is. */
  issuer?: string
  /** Answers the token request with this error. */
  refuses?: string
}

const CLIENT = { id: 'paystatus', secret: 'a-secret-of-tests' }
const KEY_ID = 'k1'

/** A small OpenID Connect provider: authorization code with PKCE, one client, whoever asks is signed in at once. */
export class OidcProvider {
  static readonly client = CLIENT
  issuer = ''
  /** Claims of the person who signs in. */
  person: Claims = { sub: 'p-1', preferred_username: 'alex', groups: ['ops'] }
  wrong: Misbehaviour = {}
  readonly #keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #foreign = generateKeyPairSync('rsa', { modulusLength: 2048 })
  readonly #codes = new Map<string, { readonly challenge: string; readonly nonce: string; readonly redirect: string }>()
  readonly #server = createServer((request, response) => {
    void this.#answer(request).then(({ status, document }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(document))
    })
  })

  async start(): Promise<void> {
    const { host, port } = await listen(this.#server, { host: '127.0.0.1', port: 0 }, 'test')
    this.issuer = `http://${host}:${port}`
  }

  stop(): Promise<void> {
    return close(this.#server)
  }

  /** What the browser brings back to the console after the person has signed in at this URL. */
  authorize(url: string): string {
    const { searchParams: asked, origin, pathname } = new URL(url)
    const get = (name: string) => asked.get(name) ?? ''
    if (origin !== this.issuer || pathname !== '/authorize' || get('client_id') !== CLIENT.id) {
      throw new Error(`not for this provider: ${url}`)
    }
    if (get('response_type') !== 'code' || get('code_challenge_method') !== 'S256' || get('nonce') === '') {
      throw new Error(`without PKCE or nonce: ${url}`)
    }
    const code = randomBytes(16).toString('hex')
    this.#codes.set(code, { challenge: get('code_challenge'), nonce: get('nonce'), redirect: get('redirect_uri') })
    return `?${new URLSearchParams({ code, state: get('state') })}`
  }

  async #answer(request: IncomingMessage): Promise<{ readonly status: number; readonly document: unknown }> {
    const { issuer } = this
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return {
          status: 200,
          document: {
            issuer: this.wrong.issuer ?? issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
            jwks_uri: `${issuer}/keys`,
            response_types_supported: ['code'],
            subject_types_supported: ['public'],
            id_token_signing_alg_values_supported: ['RS256'],
          },
        }
      case '/keys': {
        const key = { ...this.#keys.publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' }
        return { status: 200, document: { keys: [key] } }
      }
      case '/token':
        return this.#exchange(await formOf(request))
      default:
        return { status: 404, document: {} }
    }
  }

  #exchange(form: URLSearchParams): { readonly status: number; readonly document: unknown } {
    const refused = (error: string) => ({ status: 400, document: { error } })
    const begun = this.#codes.get(form.get('code') ?? '')
    this.#codes.delete(form.get('code') ?? '')
    if (this.wrong.refuses !== undefined) {
      return refused(this.wrong.refuses)
    }
    if (form.get('client_id') !== CLIENT.id || form.get('client_secret') !== CLIENT.secret) {
      return refused('invalid_client')
    }
    const challenge = hash('sha256', form.get('code_verifier') ?? '', 'base64url')
    if (begun?.challenge !== challenge || begun.redirect !== form.get('redirect_uri')) {
      return refused('invalid_grant')
    }
    return {
      status: 200,
      document: { access_token: 'not-used', token_type: 'Bearer', id_token: this.#tokenFor(begun.nonce) },
    }
  }

  #tokenFor(nonce: string): string {
    const now = Math.floor(Date.now() / 1_000)
    const { claims, foreignKey, unsigned } = this.wrong
    const standard = { iss: this.issuer, aud: CLIENT.id, iat: now, exp: now + 60, nonce }
    const part = (document: object) => Buffer.from(JSON.stringify(document)).toString('base64url')
    const header = unsigned ? { alg: 'none' } : { alg: 'RS256', kid: KEY_ID }
    const text = `${part(header)}.${part({ ...standard, ...this.person, ...claims })}`
    const { privateKey } = foreignKey ? this.#foreign : this.#keys
    return `${text}.${unsigned ? '' : sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`
  }
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString())
}
