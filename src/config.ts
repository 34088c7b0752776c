import { readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { z } from 'zod'
import { AUTHENTICATION_SCHEMA, type Authentication, resolveAuthentication } from './config/authentication.ts'
import { CLIENT_SECURITY, type ClientSecurity, clientSecurity, REDIS_PLACES } from './config/client-security.ts'
import { CONSOLE_SCHEMA, type ConsoleConfig, resolveConsole } from './config/console-config.ts'
import { checkGatewayAccess, GATEWAY_ACCESS_SHAPE, type GatewayAccess } from './config/gateway-access.ts'
import { GATEWAY_LIMITS, gatewayLimitProblems, SOURCE_LIMITS } from './config/gateway-limits.ts'
import { milliseconds } from './config/milliseconds.ts'
import { readYaml, YamlProblems } from './config/read-yaml.ts'
import { DURATION_HINT, parseDuration } from './duration.ts'
import { ENCRYPTION_SCHEMA, type EncryptionConfig, resolveEncryption } from './encryption/encryption-config.ts'
import { PAYMENT_STATUSES } from './payment/payment-status.ts'
import { PROVIDER_IDS, providerById } from './providers/registry.ts'
import { UsageError } from './usage-error.ts'

/** The parts of the configuration whose secrets and files only some processes need. */
export const CONFIG_PARTS = ['kafka', 'redis', 'registry', 'gateway', 'encryption', 'console'] as const
export type ConfigPart = (typeof CONFIG_PARTS)[number]

/**
 * Loads the configuration: a YAML file, overridden by environment variables, completed by defaults. It is read once, at the
 * start; everything else receives plain values.
 *
 * Throws ConfigError with every problem and its path, so that one attempt is enough to fix a deployment. Secrets and files
 * of parts that are not in `uses` may be missing or wrong.
 */
export function loadConfig(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  uses: readonly ConfigPart[] = CONFIG_PARTS,
): Config {
  const raw = file === undefined ? {} : readFile(file)
  const fromEnvironment: EnvironmentValue[] = []
  for (const [name, path, toValue] of ENVIRONMENT_OVERRIDES) {
    const text = env[name]
    // Deployment templates leave unset variables empty.
    if (text !== undefined && text !== '') {
      fromEnvironment.push({ name, text, scope: scopeOf(raw, path) })
      setPath(raw, path.split('.'), toValue(text))
    }
  }
  const parsed = CONFIG_SCHEMA.safeParse(raw)
  const problems = parsed.success ? [] : parsed.error.issues.map((issue) => `${pathText(issue.path)}: ${issue.message}`)
  const problemsOf = (part: ConfigPart) => (uses.includes(part) ? problems : [])
  // Even if the rest is invalid, secrets and conflicts are checked for every source that is valid by itself.
  const sources = rightSourcesOf(raw).map(([source, index]) => ({
    index,
    source: resolveSource(source, index, env, problemsOf('gateway')),
  }))
  problems.push(...conflictsOf(sources))
  let encryption: EncryptionConfig | null = null
  let consoleConfig: ConsoleConfig | undefined
  if (parsed.success) {
    checkGatewayAccess(parsed.data.gateway, problemsOf('gateway'))
    problems.push(...mutualTlsProblems(parsed.data.gateway, sources))
    consoleConfig = resolveConsole(parsed.data.console, env, problemsOf('console'))
    if (parsed.data.encryption !== undefined) {
      encryption = resolveEncryption(parsed.data.encryption, problemsOf('encryption'))
    }
    problems.push(
      ...gatewayLimitProblems(parsed.data.gateway),
      ...replicationProblems(parsed.data.kafka),
      ...shutdownProblems(parsed.data),
      ...groupProblems(groupsOf(parsed.data)),
      ...retentionProblems(
        parsed.data.payments.retentionMs,
        sources.map(({ source }) => source.provider),
      ),
    )
  }
  const security = parsed.success ? clientSecurity(parsed.data, env, problemsOf) : undefined
  if (!parsed.success || security === undefined || consoleConfig === undefined || problems.length > 0) {
    throw new ConfigError(problems.map((problem) => withItsVariable(problem, fromEnvironment)))
  }
  const { kafka, redis, registry, ...rest } = parsed.data
  return {
    ...rest,
    ...groupsOf(parsed.data),
    encryption,
    console: consoleConfig,
    kafka: { ...kafka, ...security.kafka },
    redis: { url: redis.url, cluster: redis.cluster, ...security.redis },
    registry: { url: registry.url, checkIntervalMs: registry.checkIntervalMs, ...security.registry },
    sources: sources.map(({ source }) => source),
  }
}

/** A configuration value from an environment variable. */
interface EnvironmentValue {
  readonly name: string
  readonly text: string
  /** The value's path, or the path of the section that exists only because of it. */
  readonly scope: string
}

function scopeOf(raw: Readonly<Record<string, unknown>>, path: string): string {
  const parent = path.split('.').slice(0, -1)
  const inFile = parent.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], raw)
  return parent.length > 1 && inFile === undefined ? parent.join('.') : path
}

/** Names the variable that a wrong value comes from, because the file does not contain it. */
function withItsVariable(problem: string, values: readonly EnvironmentValue[]): string {
  const found = values.find(({ scope }) => problem.startsWith(`${scope}:`) || problem.startsWith(`${scope}.`))
  if (found === undefined) {
    return problem
  }
  const hint = SERVICE_LINK.test(found.text)
    ? ' by Kubernetes for a service of that name: set enableServiceLinks: false in the pod, or rename the service'
    : ''
  return `${problem} (set in the environment variable ${found.name}${hint})`
}

/** What Kubernetes sets `<SERVICE>_PORT` to. */
const SERVICE_LINK = /^(?:tcp|udp|sctp):\/\//

/** Invalid configuration. The message lists every problem; the command line prints it and exits with 2. */
export class ConfigError extends UsageError {
  readonly code = 'CONFIG_INVALID'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `${problems.length} problem${problems.length === 1 ? '' : 's'} in the configuration:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    )
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const DAY_MS = 86_400_000
/** The longest retention of raw, events and dead letters (topics.ts). Replaying them could revive a forgotten payment. */
const TOPIC_RETENTION_DAYS = 90
/** Returns arrive up to 60 days after the payment. */
const RETURNS_DAYS = 60

export const nameRule = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be lower-case letters, digits and dashes, at most 63')
/** The characters of topic names, because the default contains the topic prefix. */
const groupRule = z
  .string()
  .regex(/^[a-zA-Z0-9._-]{1,200}$/, 'must be letters, digits, dots, dashes and underscores, at most 200')
export const currencyRule = z.string().regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code')
/** A host name, an IPv4 address or an IPv6 address in brackets, with a port. */
function isBrokerAddress(text: string): boolean {
  const { bracketed, port: digits = '' } = BROKER_ADDRESS.exec(text)?.groups ?? {}
  const portNumber = Number(digits)
  return digits !== '' && portNumber > 0 && portNumber < 65_536 && (bracketed === undefined || isIPv6(bracketed))
}
const BROKER_ADDRESS = /^(?:\[(?<bracketed>[^\]]+)\]|[^\s:[\]]+):(?<port>\d{1,5})$/
const port = z.number().int().min(0).max(65_535)
const duration = z.string().transform((text, context) => {
  const parsed = parseDuration(text)
  if (parsed === undefined) {
    context.addIssue({ code: 'custom', message: DURATION_HINT })
    return z.NEVER
  }
  return parsed
})
const durationOrNever = z.union([z.literal('never').transform(() => null), duration], `${DURATION_HINT}, or never`)

const STATUS_OR_DEFAULT = z.enum(['default', ...Object.keys(PAYMENT_STATUSES)])

const SOURCE_SCHEMA = z.strictObject({
  id: nameRule,
  provider: z.enum(PROVIDER_IDS as [string, ...string[]]),
  path: z.string().regex(/^\/[A-Za-z0-9/_.~-]*[A-Za-z0-9_~-]$/, 'must be an absolute path without a slash at its end'),
  namespace: nameRule.optional(),
  successCode: z.union([z.literal(200), z.literal(201), z.literal(204)]).optional(),
  currency: currencyRule.optional(),
  ...SOURCE_LIMITS,
  authentication: AUTHENTICATION_SCHEMA,
})

/** Exported for the test that compares it with docs/configuration.md. */
export const CONFIG_SCHEMA = z.strictObject({
  environment: nameRule.default('dev'),
  log: z.strictObject({ level: z.enum(['fatal', 'error', 'warn', 'info', 'debug']).default('info') }).prefault({}),
  kafka: z
    .strictObject({
      brokers: z
        .array(z.string().refine(isBrokerAddress, 'must be host:port, with an IPv6 address in brackets'))
        .min(1)
        .default(['127.0.0.1:9092']),
      topicPrefix: z
        .string()
        .regex(/^[a-zA-Z0-9._-]*$/)
        .default(''),
      /** Fixed when the topics are created: the key of a payment selects the partition of its state. */
      partitions: z.number().int().min(1).max(1_000).default(6),
      replicationFactor: z.number().int().min(1).max(9).default(1),
      minInsyncReplicas: z.number().int().min(1).max(9).default(1),
      sessionTimeoutMs: milliseconds().default(15_000),
      /** Of one process: its name in the groups across restarts. */
      groupInstanceId: z
        .string()
        .regex(/^[a-zA-Z0-9._-]{1,200}$/)
        .optional(),
      transactionTimeoutMs: milliseconds().default(15_000),
      compressStatusTopics: z.boolean().default(false),
      ...CLIENT_SECURITY.kafka,
    })
    .prefault({}),
  redis: z
    .strictObject({
      url: z
        .string()
        .refine(
          (text) => /^rediss?:\/\//.test(text) && URL.canParse(text),
          'must be a redis:// or rediss:// URL, such as redis://127.0.0.1:6379',
        )
        .optional(),
      ...REDIS_PLACES,
      ...CLIENT_SECURITY.redis,
    })
    .refine(
      ({ url, cluster, sentinel }) => [url, cluster, sentinel].filter((place) => place !== undefined).length <= 1,
      'give one of url (PAYSTATUS_REDIS_URL), cluster and sentinel',
    )
    .transform((redis) =>
      redis.cluster === undefined && redis.sentinel === undefined
        ? { ...redis, url: redis.url ?? 'redis://127.0.0.1:6379' }
        : redis,
    )
    .prefault({}),
  registry: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
        .default('http://127.0.0.1:8081'),
      /** How often the registry is asked whether the ids we write still belong to our schemas. */
      checkIntervalMs: z.number().int().min(1_000).max(3_600_000).default(60_000),
      ...CLIENT_SECURITY.registry,
    })
    .prefault({}),
  gateway: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: port.default(8080),
      ...GATEWAY_LIMITS,
      shutdown: z
        .strictObject({
          /** How long the gateway keeps serving after it stops being ready, so that load balancers notice. */
          waitMs: milliseconds(0).default(5_000),
        })
        .prefault({}),
      ...GATEWAY_ACCESS_SHAPE,
    })
    .prefault({}),
  admin: z.strictObject({ host: z.string().default('127.0.0.1'), port: port.default(9090) }).prefault({}),
  console: CONSOLE_SCHEMA,
  /** Time limit of an orderly stop; then the process ends at once. Below the usual 60 s of orchestrators. */
  shutdown: z.strictObject({ limitMs: milliseconds().default(45_000) }).prefault({}),
  normalizer: z.strictObject({ group: groupRule.optional() }).prefault({}),
  processor: z.strictObject({ group: groupRule.optional() }).prefault({}),
  payments: z
    .strictObject({
      /** A payment without events for this long is forgotten. */
      retention: duration.prefault('400d'),
      /** See NextStatusWithin in processor/due.ts. */
      nextStatusWithin: z
        .strictObject({
          default: durationOrNever.prefault('3d'),
          ...Object.fromEntries(
            PROVIDER_IDS.map((id) => [id, z.partialRecord(STATUS_OR_DEFAULT, durationOrNever).optional()]),
          ),
        })
        .prefault({}),
    })
    .prefault({})
    .transform(({ retention, nextStatusWithin: { default: byDefault, ...providers } }) => ({
      retentionMs: retention,
      nextStatusWithin: { default: byDefault, providers },
    })),
  encryption: ENCRYPTION_SCHEMA.optional(),
  tracing: z
    .strictObject({
      /** Base URL of an OTLP receiver. Without it there is no tracing. */
      endpoint: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).optional(),
      sampleRatio: z.number().min(0).max(1).default(0.01),
    })
    .prefault({}),
  sources: z.array(SOURCE_SCHEMA).default([]),
})

type ParsedConfig = z.infer<typeof CONFIG_SCHEMA>
type ParsedSource = z.infer<typeof SOURCE_SCHEMA>

export interface Config
  extends Omit<
    ParsedConfig,
    'sources' | 'kafka' | 'redis' | 'registry' | 'encryption' | 'normalizer' | 'processor' | 'console'
  > {
  /** Consumer groups. The defaults contain the topic prefix, so that installations with different topics share none. */
  readonly normalizer: { readonly group: string }
  readonly processor: { readonly group: string }
  readonly kafka: Omit<ParsedConfig['kafka'], 'tls' | 'sasl'> & ClientSecurity['kafka']
  readonly redis: Pick<ParsedConfig['redis'], 'url' | 'cluster'> & ClientSecurity['redis']
  readonly registry: Pick<ParsedConfig['registry'], 'url' | 'checkIntervalMs'> & ClientSecurity['registry']
  /** Null if bodies are not encrypted. */
  readonly encryption: EncryptionConfig | null
  readonly console: ConsoleConfig
  readonly sources: readonly SourceConfig[]
}

/** One configured caller. */
export interface SourceConfig {
  readonly id: string
  readonly provider: string
  /** Path of the registered URL. Providers can append their own suffixes, such as `/status`. */
  readonly path: string
  readonly namespace: string
  readonly successCode: 200 | 201 | 204
  readonly currency: string | null
  /** Limit for authenticated requests, per process. */
  readonly requestsPerSecondMax: number
  /** Maximum JSON nesting depth that the normalizer reads. */
  readonly jsonDepthMax: number
  /** All must be satisfied. */
  readonly authentication: readonly Authentication[]
}

/** Environment variables that override the file. */
export const ENVIRONMENT_OVERRIDES: readonly (readonly [
  name: string,
  path: string,
  toValue: (text: string) => unknown,
])[] = [
  ['PAYSTATUS_ENVIRONMENT', 'environment', String],
  ['PAYSTATUS_LOG_LEVEL', 'log.level', String],
  ['PAYSTATUS_KAFKA_BROKERS', 'kafka.brokers', (text) => text.split(',').map((broker) => broker.trim())],
  ['PAYSTATUS_KAFKA_USERNAME', 'kafka.sasl.username', String],
  ['PAYSTATUS_KAFKA_TOPIC_PREFIX', 'kafka.topicPrefix', String],
  ['PAYSTATUS_KAFKA_PARTITIONS', 'kafka.partitions', toNumber],
  ['PAYSTATUS_KAFKA_GROUP_INSTANCE_ID', 'kafka.groupInstanceId', String],
  ['PAYSTATUS_REDIS_URL', 'redis.url', String],
  ['PAYSTATUS_REDIS_USERNAME', 'redis.username', String],
  ['PAYSTATUS_REGISTRY_URL', 'registry.url', String],
  ['PAYSTATUS_GATEWAY_HOST', 'gateway.host', String],
  ['PAYSTATUS_GATEWAY_PORT', 'gateway.port', toNumber],
  ['PAYSTATUS_ADMIN_HOST', 'admin.host', String],
  ['PAYSTATUS_ADMIN_PORT', 'admin.port', toNumber],
  ['PAYSTATUS_CONSOLE_HOST', 'console.host', String],
  ['PAYSTATUS_CONSOLE_PORT', 'console.port', toNumber],
  // The names that OpenTelemetry specifies.
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'tracing.endpoint', String],
  ['OTEL_TRACES_SAMPLER_ARG', 'tracing.sampleRatio', toNumber],
]

/** The text itself if it is not a number, so that the schema reports it. */
function toNumber(text: string): unknown {
  const number = Number(text)
  return text.trim() === '' || Number.isNaN(number) ? text : number
}

function readFile(file: string): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  try {
    const value = readYaml(text) ?? {}
    if (typeof value !== 'object' || Array.isArray(value)) {
      throw new YamlProblems(['must be a mapping at the top level'])
    }
    return value as Record<string, unknown>
  } catch (error) {
    throw error instanceof YamlProblems
      ? new ConfigError(error.problems.map((problem) => `${file}: ${problem}`))
      : error
  }
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path
  if (head === undefined) {
    return
  }
  if (rest.length === 0) {
    target[head] = value
    return
  }
  target[head] ??= {}
  const child = target[head]
  if (typeof child === 'object' && !Array.isArray(child)) {
    setPath(child as Record<string, unknown>, rest, value)
  }
  // Anything else is an error in the file, which the schema reports.
}

function pathText(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '(top)' : path.map(String).join('.')
}

function resolveSource(
  source: ParsedSource,
  index: number,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): SourceConfig {
  return {
    id: source.id,
    provider: source.provider,
    path: source.path,
    namespace: source.namespace ?? source.provider,
    successCode: source.successCode ?? providerById(source.provider)?.successCode ?? 200,
    currency: source.currency ?? null,
    requestsPerSecondMax: source.requestsPerSecondMax,
    jsonDepthMax: source.jsonDepthMax,
    authentication: resolveAuthentication(source.authentication, `sources.${index}.authentication`, env, problems),
  }
}

/** The sources that match their schema, with their positions in the file. */
function rightSourcesOf(raw: Readonly<Record<string, unknown>>): (readonly [source: ParsedSource, index: number])[] {
  const entries: readonly unknown[] = Array.isArray(raw['sources']) ? raw['sources'] : []
  return entries.flatMap((entry, index) => {
    const parsed = SOURCE_SCHEMA.safeParse(entry)
    return parsed.success ? [[parsed.data, index] as const] : []
  })
}

/** mTLS needs a source of client certificates. */
function mutualTlsProblems(
  { tls, trustedProxies }: GatewayAccess,
  sources: readonly { readonly source: SourceConfig; readonly index: number }[],
): string[] {
  return tls !== null || (trustedProxies?.clientCertificate ?? null) !== null
    ? []
    : sources
        .filter(({ source }) => source.authentication.some(({ type }) => type === 'mtls'))
        .map(
          ({ index }) =>
            `sources.${index}.authentication: mtls needs gateway.tls, or gateway.trustedProxies.clientCertificate`,
        )
}

/** A payment forgotten too early would start over when the provider repeats a callback or returns the money. */
function retentionProblems(retentionMs: number, providers: readonly string[]): string[] {
  const minimums: [days: number, why: string][] = [
    [TOPIC_RETENTION_DAYS, `raw callbacks, events and dead letters are kept for ${TOPIC_RETENTION_DAYS} days`],
    ...[...new Set(providers)].map((id): [number, string] => {
      const retryDays = providerById(id)?.retryHorizonDays ?? 0
      return [
        retryDays + RETURNS_DAYS,
        `${id} may repeat a callback for ${retryDays} days, and returns arrive up to ${RETURNS_DAYS} days later`,
      ]
    }),
  ]
  const [days, why] = minimums.reduce((longest, next) => (next[0] > longest[0] ? next : longest))
  return retentionMs >= days * DAY_MS ? [] : [`payments.retention: must be at least ${days}d: ${why}`]
}

/** Such topics could be created, but never written. */
function replicationProblems({ replicationFactor, minInsyncReplicas }: ParsedConfig['kafka']): string[] {
  return minInsyncReplicas > replicationFactor
    ? ['kafka.minInsyncReplicas: must not be above kafka.replicationFactor']
    : []
}

function shutdownProblems({ gateway, shutdown }: ParsedConfig): string[] {
  // Requests that arrive at the last moment are still answered.
  const neededMs = gateway.shutdown.waitMs + gateway.answerDeadlineMs
  return shutdown.limitMs > neededMs
    ? []
    : [
        `shutdown.limitMs: must be above ${neededMs} ms, the sum of gateway.shutdown.waitMs and gateway.answerDeadlineMs`,
      ]
}

function groupsOf({ kafka, normalizer, processor }: ParsedConfig): Pick<Config, 'normalizer' | 'processor'> {
  return {
    normalizer: { group: normalizer.group ?? `${kafka.topicPrefix}paystatus-normalizer` },
    processor: { group: processor.group ?? `${kafka.topicPrefix}paystatus-processor` },
  }
}

function groupProblems({ normalizer, processor }: Pick<Config, 'normalizer' | 'processor'>): string[] {
  return normalizer.group === processor.group
    ? ['processor.group: must not be normalizer.group: the two read different topics']
    : []
}

function conflictsOf(sources: readonly { readonly source: SourceConfig; readonly index: number }[]): string[] {
  const problems: string[] = []
  const ids = new Map<string, number>()
  const paths = new Map<string, number>()
  for (const { source, index } of sources) {
    const sameId = ids.get(source.id)
    if (sameId !== undefined) {
      problems.push(`sources.${index}.id: ${source.id} is already the id of sources.${sameId}`)
    }
    ids.set(source.id, index)
    const suffixes = providerById(source.provider)?.pathSuffixes ?? []
    for (const path of [source.path, ...suffixes.map((suffix) => source.path + suffix)]) {
      const samePath = paths.get(path)
      if (samePath !== undefined) {
        // The path is not printed: for callers that cannot authenticate it is the secret.
        problems.push(
          `sources.${index}.path: equals the path of sources.${samePath}, alone or with a suffix of a provider`,
        )
      }
      paths.set(path, index)
    }
  }
  return problems
}
