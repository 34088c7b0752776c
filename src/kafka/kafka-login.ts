import { connect as connectPlain, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Authenticator, ISocketFactory, KafkaConfig, SaslAuthenticationRequest } from 'kafkajs'
import { tokenSource } from '../client-security/bearer-token.ts'
import type { KafkaConnection, KafkaLogin } from '../client-security/connections.ts'
import { tlsOptionsOf } from '../client-security/tls-files.ts'
import { isConnectionError, KafkaLoginError } from './errors.ts'
import { require } from './replace-module.ts'

const KEEP_ALIVE_MS = 60_000

/**
 * TLS and login settings for every connection of a kafkajs client: those of the consumer, and those that we open below
 * it (kafkajs-cluster.ts), since all come from the same socket factory.
 */
export function loginOf({ tls, sasl }: KafkaConnection): Pick<KafkaConfig, 'ssl' | 'sasl' | 'socketFactory'> {
  // kafkajs would reuse the options of the first connection; here certificates are read again for each.
  const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
    const servername = isIP(host) === 0 ? { servername: host } : {}
    const socket =
      tls === undefined
        ? connectPlain({ host, port }, onConnect)
        : connectTls({ host, port, ...servername, ...tlsOptionsOf(tls) }, onConnect)
    return socket.setKeepAlive(true, KEEP_ALIVE_MS)
  }
  return { ssl: tls !== undefined, socketFactory, ...(sasl !== undefined && { sasl: toSasl(sasl) }) }
}

type SaslAuthenticate = <T>(exchange: {
  request: SaslAuthenticationRequest
  response?: { decode(raw: Buffer): Buffer; parse(data: Buffer): T }
}) => Promise<T | undefined>

type Provider = (of: {
  host: string
  port: number
  logger: unknown
  saslAuthenticate: SaslAuthenticate
}) => Authenticator

const PASSWORD_PROVIDERS = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scram256',
  'SCRAM-SHA-512': 'scram512',
} as const

/**
 * Reads the password or token again for every login. Distinguishes a refusal, which retrying does not resolve, from a
 * connection that closed during the login: kafkajs calls both an authentication error.
 */
function toSasl(login: KafkaLogin): NonNullable<KafkaConfig['sasl']> {
  const { mechanism } = login
  const providerNow: () => Promise<Provider> =
    login.mechanism === 'OAUTHBEARER' ? bearerProvider(login) : async () => passwordProvider(login)
  const who = login.mechanism === 'OAUTHBEARER' ? mechanism : `${mechanism} as ${login.username}`
  const authenticationProvider: Provider = (of) => ({
    authenticate: async () => {
      let ended: unknown
      const saslAuthenticate: SaslAuthenticate = async (exchange) => {
        try {
          return await of.saslAuthenticate(exchange)
        } catch (error) {
          ended = isConnectionError(error) ? error : undefined
          throw error
        }
      }
      try {
        await (await providerNow())({ ...of, saslAuthenticate }).authenticate()
      } catch (error) {
        throw ended ?? new KafkaLoginError(who, error as Error)
      }
    },
  })
  return { mechanism, authenticationProvider } as NonNullable<KafkaConfig['sasl']>
}

function passwordProvider(login: Exclude<KafkaLogin, { mechanism: 'OAUTHBEARER' }>): Provider {
  const { mechanism, username, password } = login
  const path = `kafkajs/src/broker/saslAuthenticator/${PASSWORD_PROVIDERS[mechanism]}.js`
  const create = require(path) as (sasl: { username: string; password: string }) => Provider
  return create({ username, password: password() })
}

/**
 * Replaces kafkajs's own provider, which ignores the response: the broker refuses a token with a JSON message of the
 * mechanism, which the original takes for success, and then runs into a closed connection again and again.
 */
function bearerProvider(login: Extract<KafkaLogin, { mechanism: 'OAUTHBEARER' }>): () => Promise<Provider> {
  const token = tokenSource(login.token, Date.now)
  return async () => {
    const value = await token()
    const request = { encode: () => lengthPrefixed(`n,,\u0001auth=Bearer ${value}\u0001\u0001`) }
    const response = { decode: (raw: Buffer) => raw, parse: (data: Buffer) => data.subarray(4).toString('utf8') }
    return ({ saslAuthenticate }) => ({
      authenticate: async () => {
        const refusal = await saslAuthenticate({ request, response })
        if (refusal !== undefined && refusal !== '') {
          // The broker waits for this before it closes the connection; an open connection would keep a tool running.
          const acknowledged = { encode: () => lengthPrefixed('\u0001') }
          await saslAuthenticate({ request: acknowledged }).catch(() => {})
          throw new Error(`the broker rejected the token: ${refusal.slice(0, 300)}`)
        }
      },
    })
  }
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
