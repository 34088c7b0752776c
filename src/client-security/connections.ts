import type { TokenPlace } from './bearer-token.ts'
import type { SecretReader } from './secret-reader.ts'
import type { TlsFiles } from './tls-files.ts'

/** Credentials for Kafka. */
export type KafkaLogin =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: SecretReader
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: TokenPlace }

/** Kafka's address, TLS and login. */
export interface KafkaConnection {
  readonly brokers: readonly string[]
  readonly tls?: TlsFiles | undefined
  readonly sasl?: KafkaLogin | undefined
}

/** Exactly one of `url`, `cluster` and `sentinel` is set. User, password and TLS are for the servers that hold the data. */
export interface RedisConnection {
  readonly url?: string | undefined
  /** Some nodes of a Redis Cluster, `host:port`; the client discovers the others. */
  readonly cluster?: { readonly nodes: readonly string[] } | undefined
  readonly sentinel?: SentinelConnection | undefined
  readonly username?: string | undefined
  readonly password?: SecretReader | undefined
  readonly tls?: TlsFiles | undefined
}

/** Sentinels, `host:port`, that locate the primary of this name. They have their own login and TLS. */
export interface SentinelConnection {
  readonly name: string
  readonly nodes: readonly string[]
  readonly username?: string | undefined
  readonly password?: SecretReader | undefined
  readonly tls?: TlsFiles | undefined
}

export interface RegistryConnection {
  /** Base of the Confluent API, for example `http://host:8080/apis/ccompat/v7`; may carry a user and a password. */
  readonly url: string
  readonly username?: string | undefined
  readonly password?: SecretReader | undefined
  /** A bearer token instead of a user. */
  readonly token?: TokenPlace | undefined
  readonly tls?: TlsFiles | undefined
}
