import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** Sends one message of a login and resolves with the broker's answer; rejects if the broker refuses. */
export type SaslExchange = (message: Buffer) => Promise<Buffer>

/** A login with its credentials. */
export interface SaslLogin {
  readonly mechanism: string
  authenticate(exchange: SaslExchange): Promise<void>
}

/** RFC 4616. */
export function plainLogin(username: string, password: string): SaslLogin {
  return {
    mechanism: 'PLAIN',
    authenticate: async (exchange) => void (await exchange(Buffer.from(`\0${username}\0${password}`))),
  }
}

/**
 * RFC 7628. A broker rejects a token with a JSON message instead of an error code, and closes the connection only after the
 * client acknowledges it.
 */
export function bearerLogin(token: string): SaslLogin {
  return {
    mechanism: 'OAUTHBEARER',
    authenticate: async (exchange) => {
      const refusal = await exchange(Buffer.from(`n,,\u0001auth=Bearer ${token}\u0001\u0001`))
      if (refusal.length > 0) {
        await exchange(Buffer.from('\u0001')).catch(() => {})
        throw new Error(`the broker rejected the token: ${refusal.toString('utf8').slice(0, 300)}`)
      }
    },
  }
}

/** RFC 5802 asks for at least this many: fewer make the password easier to guess for an eavesdropper. */
const ITERATIONS_MIN = 4_096
/** More would keep a client busy for seconds. */
const ITERATIONS_MAX = 1_000_000

/** RFC 5802 and RFC 7677. Also verifies that the broker knows the password. */
export function scramLogin(
  mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
  username: string,
  password: string,
  nonce: string = randomBytes(24).toString('base64'),
): SaslLogin {
  const digest = mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512'
  const digestBytes = mechanism === 'SCRAM-SHA-256' ? 32 : 64
  const hmac = (key: Buffer, text: string) => createHmac(digest, key).update(text).digest()
  return {
    mechanism,
    authenticate: async (exchange) => {
      const escaped = username.replaceAll('=', '=3D').replaceAll(',', '=2C')
      const first = `n=${escaped},r=${nonce}`
      const challenge = (await exchange(Buffer.from(`n,,${first}`))).toString('utf8')
      const { r: serverNonce = '', s: salt = '', i = '' } = attributesOf(challenge)
      const iterations = Number(i)
      if (!serverNonce.startsWith(nonce) || serverNonce === nonce) {
        throw new Error('the broker does not answer with our nonce')
      }
      if (!(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX)) {
        throw new Error(`the broker asks for ${iterations} iterations, not for ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`)
      }
      const salted = await promisify(pbkdf2)(password, Buffer.from(salt, 'base64'), iterations, digestBytes, digest)
      const clientKey = hmac(salted, 'Client Key')
      const storedKey = createHash(digest).update(clientKey).digest()
      const withoutProof = `c=biws,r=${serverNonce}`
      const signed = `${first},${challenge},${withoutProof}`
      const signature = hmac(storedKey, signed)
      const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] as number))).toString('base64')
      const last = (await exchange(Buffer.from(`${withoutProof},p=${proof}`))).toString('utf8')
      const answered = Buffer.from(attributesOf(last)['v'] ?? '', 'base64')
      const expected = hmac(hmac(salted, 'Server Key'), signed)
      if (answered.length !== expected.length || !timingSafeEqual(answered, expected)) {
        throw new Error('the broker does not prove that it knows the password')
      }
    },
  }
}

/** `r=abc,s=def` as an object. Values may contain `=`. */
function attributesOf(message: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(message.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}
