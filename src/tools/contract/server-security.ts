import type { KafkaConnection } from '../../client-security/connections.ts'

/** AsyncAPI's security schemes for a Kafka connection, by name. A connection needs all of them. */
export type SecuritySchemes = Readonly<Record<string, SecurityScheme>>

export type SecurityScheme =
  | { readonly type: 'scramSha512' | 'scramSha256' | 'plain' | 'X509'; readonly description: string }
  | { readonly type: 'http'; readonly scheme: 'bearer'; readonly description: string }
  | {
      readonly type: 'oauth2'
      readonly description: string
      readonly flows: {
        readonly clientCredentials: {
          readonly tokenUrl: string
          readonly availableScopes: Readonly<Record<string, string>>
        }
      }
    }

/**
 * How clients log in to the brokers: as paystatus does, because a cluster usually offers all clients the same mechanism. Holds
 * no user, password or token.
 */
export function securitySchemesOf({ tls, sasl }: KafkaConnection): SecuritySchemes {
  const certificate: SecuritySchemes =
    tls?.certificateFile === undefined
      ? {}
      : {
          clientCertificate: {
            type: 'X509',
            description: 'A client certificate of your own, also where SASL is listed.',
          },
        }
  if (sasl === undefined) {
    return certificate
  }
  const own = 'SASL with a user of your own, which may read the two topics and commit offsets of your consumer group.'
  switch (sasl.mechanism) {
    case 'SCRAM-SHA-512':
      return { ...certificate, sasl: { type: 'scramSha512', description: own } }
    case 'SCRAM-SHA-256':
      return { ...certificate, sasl: { type: 'scramSha256', description: own } }
    case 'PLAIN':
      return { ...certificate, sasl: { type: 'plain', description: own } }
    case 'OAUTHBEARER':
      return { ...certificate, sasl: bearer(sasl.token) }
    default:
      return sasl satisfies never
  }
}

type Token = Extract<NonNullable<KafkaConnection['sasl']>, { mechanism: 'OAUTHBEARER' }>['token'] | undefined

function bearer(token: Token): SecurityScheme {
  if (token?.from !== 'endpoint') {
    return { type: 'http', scheme: 'bearer', description: 'SASL OAUTHBEARER with a token of your own.' }
  }
  return {
    type: 'oauth2',
    description: 'SASL OAUTHBEARER with a token that your own client gets from this endpoint.',
    flows: {
      clientCredentials: {
        tokenUrl: withoutCredentials(token.url),
        availableScopes: token.scope === undefined ? {} : { [token.scope]: 'The scope that paystatus asks for.' },
      },
    },
  }
}

/** An address may carry a user and a password. */
export function withoutCredentials(address: string): string {
  const url = new URL(address)
  url.username = ''
  url.password = ''
  return url.href.replace(/\/$/, '')
}
