import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, readFile } from 'node:fs/promises'
import type { Server as HttpsServer } from 'node:https'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CertificateAuthority, type CertificateFiles } from '../lab/stack/certificates.ts'
import { Guard } from '../lab/stack/guard.ts'
import { ensurePackages, type Packages } from '../lab/stack/packages.ts'
import { runCommand } from '../lab/stack/run-command.ts'
import { launch, type Server, type ServerSpec } from '../lab/stack/server.ts'
import { kafkaSpec, loneBroker, newClusterId, redisSpec } from '../lab/stack/specs.ts'

export const ADMIN = 'admin'

export interface SecuredServersOptions {
  /** Kafka users besides the administrator; each gets a password. */
  readonly users: readonly string[]
  /** Lifetime of a Kafka session, ms. */
  readonly sessionMs: number
  /** Base URL of the registry behind the proxy. */
  readonly registryUrl: string
}

/**
 * Kafka with TLS, SASL and ACLs that deny by default; Redis with TLS, client certificates and a password; a TLS proxy in
 * front of the registry that requires a password or a token; an OAuth 2 token endpoint.
 */
export class SecuredServers {
  readonly directory: string
  readonly packages: Packages
  readonly ca: string
  readonly client: CertificateFiles
  /** Passwords of the Kafka users, of `registry` and of `redis`. */
  readonly passwords: ReadonlyMap<string, string>
  readonly kafka: Server
  readonly redis: Server
  readonly registryUrl: string
  readonly tokenUrl: string
  readonly bearerToken: string
  /** Tokens issued per client of the endpoint. */
  readonly tokens: ReadonlyMap<string, number>
  readonly #https: readonly HttpsServer[]
  readonly #guard: Guard

  private constructor(
    fields: Omit<SecuredServers, 'close' | 'passwordOf'>,
    https: readonly HttpsServer[],
    guard: Guard,
  ) {
    this.directory = fields.directory
    this.packages = fields.packages
    this.ca = fields.ca
    this.client = fields.client
    this.passwords = fields.passwords
    this.kafka = fields.kafka
    this.redis = fields.redis
    this.registryUrl = fields.registryUrl
    this.tokenUrl = fields.tokenUrl
    this.bearerToken = fields.bearerToken
    this.tokens = fields.tokens
    this.#https = https
    this.#guard = guard
  }

  static async start(options: SecuredServersOptions): Promise<SecuredServers> {
    const packages = await ensurePackages(() => {})
    const directory = await mkdtemp(join(tmpdir(), 'paystatus-secured-'))
    const guard = new Guard(directory)
    try {
      const authority = await CertificateAuthority.create(directory)
      const [server, client] = [await authority.issue('server'), await authority.issue('client')]
      const secret = () => randomBytes(18).toString('base64url')
      const passwords = new Map([ADMIN, 'registry', 'redis', ...options.users].map((name) => [name, secret()] as const))
      const bearerToken = secret()
      const tokens = new Map<string, number>()
      const [kafka, redis, registry, endpoint] = await Promise.all([
        launch(securedKafka(packages, authority, server, passwords, options), directory, guard),
        launch(securedRedis(authority, server, passwords.get('redis') ?? ''), directory, guard),
        registryProxy(server, options.registryUrl, `registry:${passwords.get('registry')}`, bearerToken),
        tokenEndpoint(server, passwords, tokens),
      ])
      return new SecuredServers(
        {
          directory,
          packages,
          ca: authority.certificate,
          client,
          passwords,
          kafka,
          redis,
          registryUrl: urlOf(registry) + new URL(options.registryUrl).pathname,
          tokenUrl: `${urlOf(endpoint)}/token`,
          bearerToken,
          tokens,
        },
        [registry, endpoint],
        guard,
      )
    } catch (error) {
      await guard.close()
      throw error
    }
  }

  passwordOf(user: string): string {
    return this.passwords.get(user) ?? ''
  }

  async close(): Promise<void> {
    for (const server of this.#https) {
      server.closeAllConnections()
      server.close()
    }
    await Promise.all([this.kafka.kill(), this.redis.kill()])
    await this.#guard.close()
  }
}

function securedKafka(
  packages: Packages,
  authority: CertificateAuthority,
  server: CertificateFiles,
  passwords: ReadonlyMap<string, string>,
  { users, sessionMs }: SecuredServersOptions,
): ServerSpec {
  const lone = loneBroker()
  const jaas = 'org.apache.kafka.common.security'
  const keyStore = join(authority.certificate, '..', 'server.store.pem')
  const clusterId = newClusterId()
  const spec = kafkaSpec(packages, {
    ...lone,
    name: 'secured-kafka',
    clusterId,
    config: (place) => {
      const [port, controllerPort] = place.ports
      const listener = 'listener.name.sasl_ssl'
      return {
        ...lone.config(place),
        // Clients have one listener. The controller is in the same process.
        listeners: `SASL_SSL://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
        'advertised.listeners': `SASL_SSL://127.0.0.1:${port}`,
        'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
        'inter.broker.listener.name': 'SASL_SSL',
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512,SCRAM-SHA-256,OAUTHBEARER',
        'sasl.mechanism.inter.broker.protocol': 'SCRAM-SHA-512',
        [`${listener}.scram-sha-512.sasl.jaas.config`]: `${jaas}.scram.ScramLoginModule required username="${ADMIN}" password="${passwords.get(ADMIN)}";`,
        [`${listener}.scram-sha-256.sasl.jaas.config`]: `${jaas}.scram.ScramLoginModule required;`,
        // Accepts unsigned tokens, because only the client side of the mechanism is tested.
        [`${listener}.oauthbearer.sasl.jaas.config`]: `${jaas}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="${ADMIN}";`,
        'ssl.keystore.type': 'PEM',
        'ssl.keystore.location': keyStore,
        'ssl.truststore.type': 'PEM',
        'ssl.truststore.location': authority.certificate,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': `User:${ADMIN};User:ANONYMOUS`,
        'allow.everyone.if.no.acl.found': false,
        'connections.max.reauth.ms': sessionMs,
      }
    },
  })
  return {
    ...spec,
    prepare: async (place) => {
      await spec.prepare?.(place)
      const pem = await Promise.all([server.key, server.certificate].map((file) => readFile(file, 'utf8')))
      await appendFile(keyStore, pem.join(''))
      const scram = [ADMIN, ...users].flatMap((user) =>
        ['SCRAM-SHA-512', 'SCRAM-SHA-256'].flatMap((mechanism) => [
          '--add-scram',
          `${mechanism}=[name=${user},password=${passwords.get(user)}]`,
        ]),
      )
      const storage = ['-cp', packages.kafkaClasspath, 'kafka.tools.StorageTool', 'format', '--standalone']
      const config = ['-t', clusterId, '-c', join(place.directory, 'server.properties')]
      const { ok, output } = await runCommand([
        packages.java,
        '-XX:TieredStopAtLevel=1',
        ...storage,
        ...config,
        ...scram,
      ])
      if (!ok) throw new Error(`the storage of Kafka could not be formatted:\n${output}`)
    },
  }
}

function securedRedis(authority: CertificateAuthority, server: CertificateFiles, password: string): ServerSpec {
  return {
    ...redisSpec,
    name: 'secured-redis',
    command: (place) => [
      ...redisSpec.command(place).map((arg, index, all) => (all[index - 1] === '--port' ? '0' : arg)),
      ...`--tls-port ${place.ports[0]} --tls-auth-clients yes --requirepass ${password}`.split(' '),
      ...['--tls-cert-file', server.certificate, '--tls-key-file', server.key],
      ...['--tls-ca-cert-file', authority.certificate],
    ],
  }
}

async function registryProxy(
  files: CertificateFiles,
  registryUrl: string,
  userAndPassword: string,
  token: string,
): Promise<HttpsServer> {
  const { origin } = new URL(registryUrl)
  const accepted = [`Basic ${Buffer.from(userAndPassword).toString('base64')}`, `Bearer ${token}`]
  return listening(files, async (method, url, headers, body) => {
    if (!accepted.includes(headers['authorization'] ?? '')) {
      return { status: 401, body: '{"error_code":40101,"message":"who are you?"}' }
    }
    const answer = await fetch(origin + url, {
      method,
      headers: { 'content-type': headers['content-type'] ?? 'application/json' },
      ...(body === '' ? {} : { body }),
    })
    return { status: answer.status, body: await answer.text() }
  })
}

/**
 * The lifetime of tokens: short, so that a test sees them replaced. A session ends with its token, and a fifth of the
 * lifetime must exceed one second, within which a broker accepts no further login.
 */
const TOKEN_LIFE_S = 8

async function tokenEndpoint(
  files: CertificateFiles,
  passwords: ReadonlyMap<string, string>,
  tokens: Map<string, number>,
): Promise<HttpsServer> {
  return listening(files, async (_method, _url, headers, body) => {
    const [, basic = ''] = (headers['authorization'] ?? '').split(' ')
    const [client = '', secret] = Buffer.from(basic, 'base64').toString().split(':')
    if (secret !== passwords.get(client) || new URLSearchParams(body).get('grant_type') !== 'client_credentials') {
      return { status: 401, body: '{"error":"invalid_client"}' }
    }
    tokens.set(client, (tokens.get(client) ?? 0) + 1)
    return { status: 200, body: JSON.stringify({ access_token: unsignedToken(client), expires_in: TOKEN_LIFE_S }) }
  })
}

/** A JWT that Kafka's unsecured validator accepts. */
export function unsignedToken(subject: string, lifeS = TOKEN_LIFE_S): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Date.now() / 1_000
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now, exp: now + lifeS })}.`
}

type Answer = (
  method: string,
  url: string,
  headers: Readonly<Record<string, string | undefined>>,
  body: string,
) => Promise<{ status: number; body: string }>

async function listening(files: CertificateFiles, answer: Answer): Promise<HttpsServer> {
  const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)])
  const server = createServer({ cert, key }, async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const headers = request.headers as Record<string, string | undefined>
    const reply = await answer(request.method ?? 'GET', request.url ?? '/', headers, body)
    response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

function urlOf(server: HttpsServer): string {
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}
