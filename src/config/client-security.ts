import { z } from 'zod'
import type { TokenPlace } from '../client-security/bearer-token.ts'
import type {
  KafkaConnection,
  KafkaLogin,
  RedisConnection,
  RegistryConnection,
} from '../client-security/connections.ts'
import type { SecretReader } from '../client-security/secret-reader.ts'
import { type TlsFiles, tlsOptionsOf } from '../client-security/tls-files.ts'
import { checked } from './problems.ts'
import { SECRET_SCHEMA, type SecretPlace, secretFrom } from './secret.ts'

const file = z.string().min(1)
const tls = z.strictObject({
  caFile: file.optional(),
  certificateFile: file.optional(),
  keyFile: file.optional(),
  keyPassword: SECRET_SCHEMA.optional(),
  serverName: z.string().min(1).optional(),
})
const tokenEndpoint = z.strictObject({
  url: z.url(),
  clientId: z.string().min(1),
  clientSecret: SECRET_SCHEMA,
  scope: z.string().min(1).optional(),
  audience: z.string().min(1).optional(),
  tls: tls.optional(),
})
const userOfKafka = { username: z.string().min(1), password: SECRET_SCHEMA }
const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({ mechanism: z.literal('SCRAM-SHA-512'), ...userOfKafka }),
  z.strictObject({ mechanism: z.literal('SCRAM-SHA-256'), ...userOfKafka }),
  z.strictObject({ mechanism: z.literal('PLAIN'), ...userOfKafka }),
  z.strictObject({
    mechanism: z.literal('OAUTHBEARER'),
    token: SECRET_SCHEMA.optional(),
    tokenEndpoint: tokenEndpoint.optional(),
  }),
])

const node = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):\d+$/, 'must be host:port')
const nodes = z.array(node).min(1)
/** Redis as a cluster or behind Sentinel. */
export const REDIS_PLACES = {
  cluster: z.strictObject({ nodes }).optional(),
  sentinel: z
    .strictObject({
      name: z.string().min(1),
      nodes,
      username: z.string().min(1).optional(),
      password: SECRET_SCHEMA.optional(),
      tls: tls.optional(),
    })
    .optional(),
} as const

/** Security settings of the sections `kafka`, `redis` and `registry`, as Zod shapes. */
export const CLIENT_SECURITY = {
  kafka: { tls: tls.optional(), sasl: sasl.optional() },
  redis: { username: z.string().min(1).optional(), password: SECRET_SCHEMA.optional(), tls: tls.optional() },
  registry: {
    username: z.string().min(1).optional(),
    password: SECRET_SCHEMA.optional(),
    token: SECRET_SCHEMA.optional(),
    tokenEndpoint: tokenEndpoint.optional(),
    tls: tls.optional(),
  },
} as const

type Shapes = typeof CLIENT_SECURITY
interface Written {
  readonly kafka: z.infer<z.ZodObject<Shapes['kafka']>>
  readonly redis: z.infer<z.ZodObject<Shapes['redis'] & typeof REDIS_PLACES>> & { readonly url?: string | undefined }
  readonly registry: z.infer<z.ZodObject<Shapes['registry']>> & { readonly url: string }
}

export interface ClientSecurity {
  readonly kafka: Required<Pick<KafkaConnection, 'tls' | 'sasl'>>
  readonly redis: Required<Omit<RedisConnection, 'url' | 'cluster'>>
  readonly registry: Required<Omit<RegistryConnection, 'url'>>
}

/**
 * Converts the settings into what clients use. Every file and secret is read once here, so that a missing file or an empty
 * variable is reported at the start; clients read them again when they connect. `problemsOf` collects the problems of a
 * section, or discards them if its server is not used.
 */
export function clientSecurity(
  written: Written,
  env: Readonly<Record<string, string | undefined>>,
  problemsOf: (section: keyof ClientSecurity) => string[],
): ClientSecurity {
  const { kafka, redis, registry } = written
  const ofKafka = new Reading(env, problemsOf('kafka'))
  const ofRedis = new Reading(env, problemsOf('redis'))
  const ofRegistry = new Reading(env, problemsOf('registry'))
  return {
    kafka: { tls: ofKafka.tls('kafka.tls', kafka.tls), sasl: ofKafka.sasl(kafka) },
    redis: {
      username: redis.username,
      password: ofRedis.userAndPassword('redis', redis, true),
      tls: ofRedis.tls(
        'redis.tls',
        redis.tls,
        redis.url === undefined || redis.url.startsWith('rediss:') ? undefined : 'a rediss:// URL',
      ),
      sentinel: redis.sentinel && {
        name: redis.sentinel.name,
        nodes: redis.sentinel.nodes,
        username: redis.sentinel.username,
        password: ofRedis.userAndPassword('redis.sentinel', redis.sentinel, true),
        tls: ofRedis.tls('redis.sentinel.tls', redis.sentinel.tls),
      },
    },
    registry: {
      username: registry.username,
      password: ofRegistry.userAndPassword('registry', registry, false),
      token: ofRegistry.registryToken(registry),
      tls: ofRegistry.tls('registry.tls', registry.tls, isHttps(registry.url) ? undefined : 'an https:// URL'),
    },
  }
}

/** Converts the settings of one section and collects its problems. */
class Reading {
  readonly #env: Readonly<Record<string, string | undefined>>
  readonly #problems: string[]

  constructor(env: Readonly<Record<string, string | undefined>>, problems: string[]) {
    this.#env = env
    this.#problems = problems
  }

  tls(path: string, written: z.infer<typeof tls> | undefined, needs?: string): TlsFiles | undefined {
    if (written === undefined) {
      return undefined
    }
    if (needs !== undefined) {
      this.#problems.push(`${path}: has no effect without ${needs}`)
    }
    if ((written.certificateFile === undefined) !== (written.keyFile === undefined)) {
      this.#problems.push(`${path}: certificateFile and keyFile go together`)
      return undefined
    }
    const { keyPassword, ...files } = written
    const found = { ...files, keyPassword: keyPassword && this.#secret(`${path}.keyPassword`, keyPassword) }
    checked(path, this.#problems, () => tlsOptionsOf(found))
    return found
  }

  sasl({ sasl: written, tls: tlsWritten }: Written['kafka']): KafkaLogin | undefined {
    if (written === undefined) {
      return undefined
    }
    const { mechanism } = written
    if (tlsWritten === undefined && (mechanism === 'PLAIN' || mechanism === 'OAUTHBEARER')) {
      this.#problems.push(
        `kafka.sasl: ${mechanism} sends its secret readable; set kafka.tls ({} trusts the public CAs)`,
      )
    }
    if (mechanism !== 'OAUTHBEARER') {
      const { username, password } = written
      return { mechanism, username, password: this.#secret('kafka.sasl.password', password) }
    }
    const token = this.#token('kafka.sasl', written)
    if (token === undefined) {
      this.#problems.push('kafka.sasl: OAUTHBEARER needs token or tokenEndpoint')
      return undefined
    }
    return { mechanism, token }
  }

  userAndPassword(
    path: string,
    { username, password }: Pick<Written['redis'], 'username' | 'password'>,
    defaultUser: boolean,
  ): SecretReader | undefined {
    if (username !== undefined && password === undefined) {
      this.#problems.push(`${path}.password: missing for username ${username}`)
    }
    if (password !== undefined && username === undefined && !defaultUser) {
      this.#problems.push(`${path}.username: missing for the password`)
    }
    return password && this.#secret(`${path}.password`, password)
  }

  registryToken(written: Written['registry']): TokenPlace | undefined {
    const token = this.#token('registry', written)
    if (token !== undefined && written.username !== undefined) {
      this.#problems.push('registry: give either username and password or a token')
    }
    return token
  }

  #token(
    path: string,
    { token, tokenEndpoint: endpoint }: Pick<Written['registry'], 'token' | 'tokenEndpoint'>,
  ): TokenPlace | undefined {
    if (token !== undefined && endpoint !== undefined) {
      this.#problems.push(`${path}: give either token or tokenEndpoint`)
    }
    if (token !== undefined) {
      return { from: 'secret', token: this.#secret(`${path}.token`, token) }
    }
    if (endpoint === undefined) {
      return undefined
    }
    const { hostname } = new URL(endpoint.url)
    if (!isHttps(endpoint.url) && !['127.0.0.1', '[::1]', 'localhost'].includes(hostname)) {
      this.#problems.push(`${path}.tokenEndpoint.url: must be https://, because the client secret goes there`)
    }
    return {
      ...endpoint,
      from: 'endpoint',
      clientSecret: this.#secret(`${path}.tokenEndpoint.clientSecret`, endpoint.clientSecret),
      tls: this.tls(`${path}.tokenEndpoint.tls`, endpoint.tls),
    }
  }

  #secret(path: string, place: SecretPlace): SecretReader {
    const found = secretFrom(place, this.#env)
    checked(path, this.#problems, found)
    return found
  }
}

function isHttps(url: string): boolean {
  return url.startsWith('https:')
}
