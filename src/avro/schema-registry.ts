import { setTimeout as sleep } from 'node:timers/promises'
import { TokenError, tokenSource } from '../client-security/bearer-token.ts'
import { type HttpAnswer, type HttpRequest, httpRequest } from '../client-security/http-request.ts'
import type { RegistryConnection } from '../client-security/settings.ts'
import { writerType } from './avro-type.ts'

/**
 * The schema registry, as far as we use it: look an id up, fetch a schema by id, and (only `paystatus schemas`)
 * register and set the compatibility. Encoding is ours (see codec.ts).
 *
 * A service calls it at its start and for schema ids it has never seen; otherwise the registry may be down.
 */
export interface SchemaRegistry {
  /** Id of the newest schema of a subject; undefined if there is no such subject. */
  latestId(subject: string): Promise<number | undefined>
  /** Id of exactly this schema (JSON text) under a subject. Throws SchemaNotRegisteredError. */
  idOf(subject: string, schema: string): Promise<number>
  schemaById(schemaId: number): Promise<FoundSchema>
  /** Registers a schema, or finds it; answers its id. Throws SchemaIncompatibleError if the subject's rule forbids it. */
  register(subject: string, schema: string): Promise<number>
  /** The rule of a subject; undefined if it has none of its own. */
  compatibility(subject: string): Promise<string | undefined>
  /** Without effect if the registry keeps rules only for subjects that exist. */
  setCompatibility(subject: string, level: Compatibility): Promise<void>
}

export type FoundSchema =
  | { readonly found: 'avro'; readonly schema: string }
  /** The id is a schema of another language, or one that cannot be parsed. */
  | { readonly found: 'other' }
  | { readonly found: 'none' }

export type Compatibility = 'FULL_TRANSITIVE'

/** The registry did not answer, not in time, or with a failure of its own. Trying again later is right. */
export class RegistryUnreachableError extends Error {
  readonly code = 'REGISTRY_UNREACHABLE'
  readonly retriable = true

  constructor(url: string, problem: string) {
    super(`schema registry ${url} cannot be reached: ${problem}`)
    this.name = 'RegistryUnreachableError'
  }
}

/** The registry answered, and the answer is no: wrong credentials, wrong path, not a registry. Needs a person. */
export class RegistryRefusedError extends Error {
  readonly code = 'REGISTRY_REFUSED'
  readonly retriable = false

  constructor(url: string, problem: string) {
    super(`schema registry ${url} refused: ${problem}`)
    this.name = 'RegistryRefusedError'
  }
}

/** This release's schema is not there. A service never registers one itself. */
export class SchemaNotRegisteredError extends Error {
  readonly code = 'SCHEMA_NOT_REGISTERED'
  readonly retriable = false

  constructor(subject: string) {
    super(`the schema of this release is not registered under ${subject}: run paystatus schemas apply`)
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

/** The HTTP calls are ours: there are five, and the clients that there are bring ten packages, one with an install script. */
export function createSchemaRegistry(options: SchemaRegistryOptions): SchemaRegistry {
  const { shownUrl, host, auth } = partsOf(options.url)
  const authorization = authorizationOf(options, auth)
  const { tls, requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = options

  /** Rejects if there is no answer, or one that another try may change. */
  async function ask(method: HttpRequest['method'], path: string, body?: object): Promise<RegistryAnswer> {
    let answer: HttpAnswer
    try {
      const headers = {
        accept: 'application/vnd.schemaregistry.v1+json, application/json',
        'content-type': 'application/vnd.schemaregistry.v1+json',
        ...headersOf(await authorization()),
      }
      const text = body === undefined ? {} : { body: JSON.stringify(body) }
      answer = await httpRequest(host + path, { method, headers, timeoutMs, tls, ...text })
    } catch (error) {
      throw isRefusedToken(error)
        ? new RegistryRefusedError(shownUrl, error.message)
        : new RegistryUnreachableError(shownUrl, networkProblemOf(error))
    }
    const { status } = answer
    if (status >= 500 || status === 429 || status === 408) {
      throw new RegistryUnreachableError(shownUrl, `status ${status}`)
    }
    return { status, found: status >= 200 && status < 300, body: objectOf(answer.body) }
  }

  function refused({ status, body }: RegistryAnswer, asked: string): RegistryRefusedError {
    return new RegistryRefusedError(shownUrl, `status ${status} for ${asked}${messageOf(body)}`)
  }

  /** An answer that has what we asked for; a proxy's login page has not. */
  function numberIn(answer: RegistryAnswer, asked: string): number {
    const { id } = answer.body
    if (!answer.found || typeof id !== 'number') {
      throw answer.found ? notARegistry(`${asked} has no id`) : refused(answer, asked)
    }
    return id
  }

  function notARegistry(problem: string): RegistryRefusedError {
    return new RegistryRefusedError(shownUrl, `${problem}; is this a schema registry?`)
  }

  return {
    async compatibility(subject) {
      const answer = await ask('GET', `/config/${encodeURIComponent(subject)}`)
      if (answer.status === 404) {
        return undefined
      }
      if (!answer.found) {
        throw refused(answer, `the compatibility of ${subject}`)
      }
      const level = answer.body['compatibilityLevel']
      if (typeof level !== 'string') {
        throw notARegistry(`the compatibility of ${subject} has no compatibilityLevel`)
      }
      return level.toUpperCase()
    },

    async setCompatibility(subject, level) {
      const answer = await ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: level })
      if (!answer.found && answer.status !== 404) {
        throw refused(answer, `the compatibility of ${subject}`)
      }
    },

    async latestId(subject) {
      const answer = await ask('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`)
      return answer.status === 404 ? undefined : numberIn(answer, `the latest schema of ${subject}`)
    },

    async idOf(subject, schema) {
      const answer = await ask('POST', `/subjects/${encodeURIComponent(subject)}`, { schema })
      if (answer.status === 404) {
        throw new SchemaNotRegisteredError(subject)
      }
      return numberIn(answer, `our schema of ${subject}`)
    },

    async schemaById(schemaId) {
      const answer = await ask('GET', `/schemas/ids/${schemaId}`)
      if (answer.status === 404) {
        return { found: 'none' }
      }
      if (!answer.found) {
        throw refused(answer, `schema ${schemaId}`)
      }
      const { schema, schemaType = 'AVRO' } = answer.body
      return schemaType === 'AVRO' && typeof schema === 'string' && isAvro(schema)
        ? { found: 'avro', schema }
        : { found: 'other' }
    },

    async register(subject, schema) {
      const answer = await ask('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema })
      if (answer.status === 409) {
        throw new SchemaIncompatibleError(subject, `status 409${messageOf(answer.body)}`)
      }
      return numberIn(answer, `a new schema of ${subject}`)
    },
  }
}

interface RegistryAnswer {
  readonly status: number
  readonly found: boolean
  /** Empty if the answer is not a JSON object. */
  readonly body: Readonly<Record<string, unknown>>
}

function messageOf({ message }: RegistryAnswer['body']): string {
  return typeof message === 'string' ? `, ${message.slice(0, 500)}` : ''
}

function isAvro(schema: string): boolean {
  try {
    writerType(schema)
    return true
  } catch {
    return false
  }
}

/** We have nothing to show to the registry, and trying again will not help. */
function isRefusedToken(error: unknown): error is TokenError {
  return error instanceof TokenError && !error.retriable
}

function headersOf(authorization: string | undefined): { authorization?: string } {
  return authorization === undefined ? {} : { authorization }
}

/** The header of the next request: user and password, as configured or in the address, or a token. */
function authorizationOf(
  { username, password, token }: RegistryConnection,
  inAddress: { username: string; password: string } | undefined,
): () => Promise<string | undefined> {
  const basic = (user: string, secret: string) => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
  if (token !== undefined) {
    const current = tokenSource(token, Date.now)
    return async () => `Bearer ${await current()}`
  }
  if (username !== undefined && password !== undefined) {
    return async () => basic(username, password())
  }
  return async () => (inAddress === undefined ? undefined : basic(inAddress.username, inAddress.password))
}

/** The address without its credentials, for messages, and the credentials alone. */
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

/** For a name with several addresses the error has no message. */
function networkProblemOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  return message || code || 'no connection'
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

export interface RetryOptions {
  /** Ends the waiting; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** Called before every wait, with the number of failures so far: log it, so that a person sees what is missing. */
  readonly onRetry: (error: Error, failures: number, delayMs: number) => void
  readonly delayMs?: number
  readonly delayMsMax?: number
}

/**
 * Tries until it works. Only errors that say `retriable` are tried again; every other one is passed on at once. The
 * wait doubles from 250 ms to 5 s.
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
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted())
    }
  }
}
