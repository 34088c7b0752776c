import { Agent } from 'node:https'
import { connect } from 'node:tls'
import { type COMPATIBILITY, SchemaRegistry as RegistryClient, SchemaType } from '@kafkajs/confluent-schema-registry'
import { TokenError, tokenSource } from '../client-security/bearer-token.ts'
import type { RegistryConnection } from '../client-security/connections.ts'
import { type HttpAnswer, httpRequest } from '../client-security/http-request.ts'
import { type TlsFiles, tlsOptionsOf } from '../client-security/tls-files.ts'
import { sleep } from '../sleep.ts'
import { writerType } from './avro-type.ts'

/**
 * The parts of the schema registry that we use: look up an id, fetch a schema by id, and (only for `paystatus schemas`)
 * register schemas and set the compatibility. Encoding is our own (see codec.ts).
 *
 * A service needs it at startup and for schema ids that it has not looked up yet; at other times the registry may be
 * down.
 */
export interface SchemaRegistry {
  /** Id of the newest schema of a subject; undefined if there is no such subject. */
  latestId(subject: string): Promise<number | undefined>
  /** Id of exactly this schema (JSON text) under a subject. Throws SchemaNotRegisteredError. */
  idOf(subject: string, schema: string): Promise<number>
  /** Never from a cache: reassigned ids must be noticed. */
  schemaById(schemaId: number): Promise<FoundSchema>
  /**
   * Registers a schema, or finds it, and returns its id. Throws SchemaIncompatibleError if the subject's rule forbids
   * it.
   */
  register(subject: string, schema: string): Promise<number>
  /** The compatibility rule of a subject; undefined if it has none of its own. */
  compatibility(subject: string): Promise<string | undefined>
  /** Has no effect if the registry keeps rules only for existing subjects. */
  setCompatibility(subject: string, level: Compatibility): Promise<void>
}

export type FoundSchema =
  | {
      readonly found: 'avro'
      readonly schema: string
      /** The subjects that currently have a version with this id; null if this registry cannot tell. */
      readonly subjects: readonly string[] | null
    }
  /** The id belongs to a schema of another format, or to one that cannot be parsed. */
  | { readonly found: 'other' }
  | { readonly found: 'none' }

export type Compatibility = 'FULL_TRANSITIVE'

/** The registry did not answer, did not answer in time, or reported an internal error. Retrying later may succeed. */
export class RegistryUnreachableError extends Error {
  readonly code = 'REGISTRY_UNREACHABLE'
  readonly retriable = true

  constructor(url: string, problem: string) {
    super(`schema registry ${url} cannot be reached: ${problem}`)
    this.name = 'RegistryUnreachableError'
  }
}

/** The registry answered with a refusal: wrong credentials, wrong path, not a registry. Needs a person. */
export class RegistryRefusedError extends Error {
  readonly code = 'REGISTRY_REFUSED'
  readonly retriable = false

  constructor(url: string, problem: string) {
    super(`schema registry ${url} refused: ${problem}`)
    this.name = 'RegistryRefusedError'
  }
}

/** This release's schema is not registered. A service never registers one itself. */
export class SchemaNotRegisteredError extends Error {
  readonly code = 'SCHEMA_NOT_REGISTERED'
  readonly retriable = false

  constructor(subject: string) {
    super(
      `the schema of this release is not registered under ${subject}: run paystatus schemas apply. If it was registered before, the registry lost it: restore the registry first, because records carry its former ids`,
    )
    this.name = 'SchemaNotRegisteredError'
  }
}

export class SchemaIncompatibleError extends Error {
  readonly code = 'SCHEMA_INCOMPATIBLE'
  readonly retriable = false

  constructor(subject: string, problem: string) {
    super(
      `the registry refused the schema for ${subject}, because readers or writers of an older version would break: ${problem}`,
    )
    this.name = 'SchemaIncompatibleError'
  }
}

export interface SchemaRegistryOptions extends RegistryConnection {
  /** Longest wait for one answer. */
  readonly requestTimeoutMs?: number
}

const REQUEST_TIMEOUT_MS = 5_000
const CLIENT_ID = 'paystatus'
/**
 * How the client reports that there was no response at all: as status 400, with the network error in place of the body.
 * A registry's own 400 is JSON with a message, which the client shows instead.
 */
const NO_RESPONSE = new RegExp(`^${CLIENT_ID} - Error, status 400(?:: (?<problem>.*))?$`, 's')

export function createSchemaRegistry(options: SchemaRegistryOptions): SchemaRegistry {
  const { shownUrl, host, auth } = partsOf(options.url)
  const { tls, requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = options
  const authorization = authorizationOf(options, auth)
  const client = new RegistryClient({
    host,
    clientId: CLIENT_ID,
    ...(host.startsWith('https:') && { agent: agentOf(tls ?? {}) }),
    // Retrying is up to the caller (withRetry). All five options are set, because the client merges its options into
    // one object that all its instances share.
    retry: { retries: 0, maxRetryTimeInSecs: 1, initialRetryTimeInSecs: 0.1, factor: 0, multiplier: 1 },
    // Credentials are read for every request, so that new ones take effect at once; the client's own option would keep
    // the first ones.
    middlewares: [
      () => ({
        prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs, headers: await authorization() }),
      }),
    ],
  })

  /** One call of the client, with a deadline of our own: the client's timeout only detects a silent connection. */
  async function call<T>(request: () => Promise<T>): Promise<T> {
    const deadline = new AbortController()
    try {
      return await Promise.race([
        request(),
        sleep(timeoutMs + 500, deadline.signal).then(() => {
          throw new RegistryUnreachableError(shownUrl, `no answer within ${timeoutMs} ms`)
        }),
      ])
    } finally {
      deadline.abort()
    }
  }

  function toRegistryError(error: unknown): unknown {
    if (error instanceof TokenError) {
      return error.retriable
        ? new RegistryUnreachableError(shownUrl, error.message)
        : new RegistryRefusedError(shownUrl, error.message)
    }
    const status = statusOf(error)
    if (!(error instanceof Error) || status === undefined) {
      return error
    }
    const noResponse = NO_RESPONSE.exec(error.message)
    if (noResponse !== null) {
      return new RegistryUnreachableError(shownUrl, noResponse.groups?.['problem'] ?? 'no connection')
    }
    const problem = `status ${status}, ${error.message.replace(`${CLIENT_ID} - `, '')}`
    return status >= 500 || status === 429 || status === 408
      ? new RegistryUnreachableError(shownUrl, problem)
      : new RegistryRefusedError(shownUrl, problem)
  }

  /** For requests that the client does not offer, or answers from its cache. A 404 is an answer. */
  async function ask(path: string, what: string, method: 'GET' | 'PUT' = 'GET', body?: string): Promise<HttpAnswer> {
    let answer: HttpAnswer
    try {
      const headers = {
        accept: 'application/json',
        'content-type': 'application/vnd.schemaregistry.v1+json',
        ...(await authorization()),
      }
      const url = `${host}${path}`
      answer = await httpRequest(url, { method, headers, timeoutMs, tls, ...(body !== undefined && { body }) })
    } catch (error) {
      throw error instanceof TokenError
        ? toRegistryError(error)
        : new RegistryUnreachableError(shownUrl, networkProblemOf(error))
    }
    const { status } = answer
    if (status >= 500 || status === 429 || status === 408) {
      throw new RegistryUnreachableError(shownUrl, `status ${status}`)
    }
    if ((status < 200 || status >= 300) && status !== 404) {
      throw new RegistryRefusedError(shownUrl, `status ${status} for ${what}`)
    }
    return answer
  }

  const askConfig = (subject: string, method: 'GET' | 'PUT', body?: string) =>
    ask(`/config/${encodeURIComponent(subject)}`, `the compatibility of ${subject}`, method, body)

  /** Null if this registry cannot say under which subjects an id is registered. */
  async function subjectsOf(schemaId: number): Promise<readonly string[] | null> {
    for (const question of ['versions', 'subjects']) {
      const { status, body } = await ask(
        `/schemas/ids/${schemaId}/${question}`,
        `the subjects of schema id ${schemaId}`,
      )
      const answer = parsed(body)
      if (status !== 404 && Array.isArray(answer)) {
        return answer.map((entry) => withoutContext(String(entry?.subject ?? entry)))
      }
      if (status === 404 && isNotFoundCode(objectOf(body)['error_code'])) {
        return []
      }
    }
    return null
  }

  async function compatibility(subject: string): Promise<string | undefined> {
    const { status, body } = await askConfig(subject, 'GET')
    if (status === 404) {
      return undefined
    }
    const level = objectOf(body)['compatibilityLevel']
    if (typeof level !== 'string') {
      throw new RegistryRefusedError(
        shownUrl,
        `the compatibility of ${subject} has no compatibilityLevel; is this a schema registry?`,
      )
    }
    return level.toUpperCase()
  }

  return {
    compatibility,

    async setCompatibility(subject, level) {
      await askConfig(subject, 'PUT', JSON.stringify({ compatibility: level }))
    },

    async latestId(subject) {
      try {
        return await call(() => client.getLatestSchemaId(subject))
      } catch (error) {
        if (statusOf(error) === 404) {
          return undefined
        }
        throw toRegistryError(error)
      }
    },

    async idOf(subject, schema) {
      try {
        return await call(() => client.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema }))
      } catch (error) {
        // Only for a 404 does the client throw an error without a status, named after its class.
        if (statusOf(error) === 404 || (error instanceof Error && error.name === 'ConfluentSchemaRegistryError')) {
          throw new SchemaNotRegisteredError(subject)
        }
        throw toRegistryError(error)
      }
    },

    async schemaById(schemaId) {
      const { status, body } = await ask(`/schemas/ids/${schemaId}`, `schema id ${schemaId}`)
      const { schema, schemaType, references, error_code: code } = objectOf(body)
      if (status === 404) {
        if (!isNotFoundCode(code)) {
          // This is not a registry's answer that the schema does not exist: the path is not a registry's.
          throw new RegistryRefusedError(shownUrl, `status 404 for schema id ${schemaId}; is this a schema registry?`)
        }
        return { found: 'none' }
      }
      if (typeof schema !== 'string') {
        throw new RegistryRefusedError(shownUrl, `no schema in the answer for schema id ${schemaId}`)
      }
      const isAvro = (schemaType ?? 'AVRO') === 'AVRO' && isAlone(references) && isAvroSchema(schema)
      return isAvro ? { found: 'avro', schema, subjects: await subjectsOf(schemaId) } : { found: 'other' }
    },

    async register(subject, schema) {
      // The client throws unless the level we pass equals the subject's; Apicurio answers NONE for a subject without a
      // rule. So we pass the existing level, and the client must not set one itself.
      const level = (await compatibility(subject)) ?? 'FULL_TRANSITIVE'
      try {
        const registered = await call(() =>
          client.register(
            { type: SchemaType.AVRO, schema },
            { subject, compatibility: level as COMPATIBILITY, updateConfig: false },
          ),
        )
        return registered.id
      } catch (error) {
        if (error instanceof Error && statusOf(error) === 409) {
          throw new SchemaIncompatibleError(subject, error.message)
        }
        throw toRegistryError(error)
      }
    },
  }
}

/** The address without its credentials, for messages and requests, and the credentials separately. */
function partsOf(text: string): { shownUrl: string; host: string; auth?: { username: string; password: string } } {
  const url = new URL(text)
  const host = `${url.origin}${url.pathname.replace(/\/+$/, '')}`
  return url.username === ''
    ? { shownUrl: host, host }
    : {
        shownUrl: host,
        host,
        auth: { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
      }
}

/** The header of the next request: user and password, from the configuration or the address, or a token. */
function authorizationOf(
  { username, password, token }: RegistryConnection,
  inAddress: { username: string; password: string } | undefined,
): () => Promise<{ authorization?: string }> {
  const basic = (user: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
  })
  if (token !== undefined) {
    const current = tokenSource(token, Date.now)
    return async () => ({ authorization: `Bearer ${await current()}` })
  }
  if (username !== undefined && password !== undefined) {
    return async () => basic(username, password())
  }
  return async () => (inAddress === undefined ? {} : basic(inAddress.username, inAddress.password))
}

/** Every connection uses the current contents of the files. */
function agentOf(tls: TlsFiles): Agent {
  const agent = new Agent({ keepAlive: false })
  agent.createConnection = (options) => connect({ ...(options as object), ...tlsOptionsOf(tls) })
  return agent
}

/** For a host name with several addresses the error has no message. */
function networkProblemOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || 'no connection'
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  const value = parsed(text)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The API's own codes: 40401 to 40499. A path that a registry does not have is answered with another code, or none. */
function isNotFoundCode(code: unknown): boolean {
  return typeof code === 'number' && code > 40_400 && code < 40_500
}

/** Registries with contexts return `:.context:subject`; the context that we use is chosen by the address. */
function withoutContext(subject: string): string {
  return subject.replace(/^:[^:]*:/, '')
}

/** Our schemas do not refer to others, and one that does cannot be read without them. */
function isAlone(references: unknown): boolean {
  return !Array.isArray(references) || references.length === 0
}

function isAvroSchema(schema: string): boolean {
  try {
    writerType(schema)
    return true
  } catch {
    return false
  }
}

function statusOf(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number'
    ? error.status
    : undefined
}

export interface RetryOptions {
  /** Ends the retries; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** Called before every wait, with the number of failures so far: log it, so that an operator sees what is missing. */
  readonly onRetry: (error: Error, failures: number, delayMs: number) => void
  readonly delayMs?: number
  readonly delayMsMax?: number
}

/**
 * Retries until the attempt succeeds. Only errors with `retriable: true` are retried; any other is passed on at once.
 * The wait doubles from 250 ms to 5 s.
 */
export async function withRetry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, onRetry, delayMs = 250, delayMsMax = 5_000 } = options
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted()
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof Error && 'retriable' in error && error.retriable === true)) {
        throw error
      }
      const waitMs = Math.min(delayMs * 2 ** (failures - 1), delayMsMax)
      onRetry(error, failures, waitMs)
      await sleep(waitMs, signal)
    }
  }
}
