import type { Authentication } from '../config/authentication.ts'
import type { SourceConfig } from '../config.ts'
import type { AnswerCode } from '../observability/answer-codes.ts'
import type { Provider } from '../providers/provider.ts'
import { CALLBACK_MEDIA_TYPES } from '../raw/media-type.ts'

export interface ApiOptions {
  /** The version of paystatus. */
  readonly version: string
  readonly sources: readonly SourceConfig[]
  /** The provider of every source, by its id. */
  readonly providers: (id: string) => Pick<Provider, 'pathSuffixes'> | undefined
  readonly answerDeadlineMs: number
  readonly requestTimeoutMs: number
  readonly bodyBytesMax: number
  readonly headerBytesMax: number
  readonly headersMax: number
}

/** An OpenAPI document, ready for JSON.stringify. */
export interface OpenApi {
  readonly openapi: '3.1.1'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: readonly { readonly url: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, { readonly post: Operation }>>
  readonly components: {
    readonly responses: Readonly<Record<string, Response>>
    readonly securitySchemes: Readonly<Record<string, SecurityScheme>>
  }
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: 'path'
    readonly required: true
    readonly description: string
    readonly schema: { readonly type: 'string' }
  }[]
  readonly summary: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly requestBody: {
    readonly description: string
    readonly required: false
    readonly content: Readonly<Record<string, { readonly schema: object }>>
  }
  readonly responses: Readonly<Record<string, Response | { readonly $ref: string }>>
}

interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly required: boolean; readonly schema: object }>>
  readonly content?: Readonly<Record<string, { readonly schema: object }>>
}

type SecurityScheme =
  | { readonly type: 'http'; readonly scheme: string }
  | { readonly type: 'apiKey'; readonly in: 'header'; readonly name: string; readonly description?: string }
  | { readonly type: 'mutualTLS' }

/**
 * What the gateway accepts and answers, derived from its configuration: one operation per path of each source. It lists
 * all possible codes, including those Node answers before the gateway sees a request. It holds no secret, but paths that
 * are hard to guess, so it belongs on the admin port.
 */
export function openApiOf(options: ApiOptions): OpenApi {
  const schemes = options.sources.flatMap(schemesOf)
  const responses = refusals(options)
  const paths = options.sources.flatMap((source) => {
    const suffixes = ['', ...(options.providers(source.provider)?.pathSuffixes ?? [])]
    const path = hasPathToken(source) ? `${source.path}/{token}` : source.path
    return suffixes.map(
      (suffix) => [path + suffix, { post: operationOf(source, suffix, Object.keys(responses)) }] as const,
    )
  })
  return {
    openapi: '3.1.1',
    info: {
      title: 'paystatus gateway',
      version: options.version,
      description:
        'Accepts callbacks of payment providers. A success code means that the exact bytes of the body are durably ' +
        'stored. Bodies are not interpreted: an unreadable one is stored and quarantined. After any other code, call ' +
        'again; after 429 or 503, wait for Retry-After first. Only success answers have a body.',
    },
    servers: [{ url: '/', description: 'gateway.host and gateway.port, or the proxy in front of them' }],
    paths: Object.fromEntries(paths),
    components: { responses, securitySchemes: Object.fromEntries(schemes) },
  }
}

function operationOf(source: SourceConfig, suffix: string, refusalCodes: readonly string[]): Operation {
  const schemes = schemesOf(source)
  const isBasic = source.authentication.some(({ type }) => type === 'basic')
  const isAsked = source.authentication.some(({ type }) => type !== 'none' && type !== 'path-token')
  return {
    operationId: `callback-${source.id}${suffix.replaceAll('/', '-')}`,
    summary: `A callback of ${source.provider}, source ${source.id}`,
    ...(hasPathToken(source) && { parameters: [PATH_TOKEN] }),
    // One object: a caller needs all of them.
    security: schemes.length === 0 ? [] : [Object.fromEntries(schemes.map(([name]) => [name, []]))],
    requestBody: {
      description:
        'Any bytes, not compressed. These media types are usual; others, misspelt ones and none are accepted, too.',
      required: false,
      content: Object.fromEntries(CALLBACK_MEDIA_TYPES.map((type) => [type, { schema: SCHEMAS[type] ?? {} }])),
    },
    responses: {
      [source.successCode]: success(source.successCode),
      ...Object.fromEntries(
        refusalCodes
          .filter((code) => code !== '401' || isAsked)
          .map((code) => [
            code,
            code === '401' && isBasic
              ? { ...UNAUTHENTICATED, headers: { 'WWW-Authenticate': { required: true, schema: { type: 'string' } } } }
              : { $ref: `#/components/responses/${code}` },
          ]),
      ),
    },
  }
}

const PATH_TOKEN = {
  name: 'token',
  in: 'path',
  required: true,
  description: 'A secret of the source. A wrong token is answered like an unknown path.',
  schema: { type: 'string' },
} as const

function hasPathToken({ authentication }: SourceConfig): boolean {
  return authentication.some(({ type }) => type === 'path-token')
}

function success(code: number): Response {
  const description = 'Stored: all in-sync replicas of the broker have the bytes.'
  return code === 204
    ? { description }
    : { description, content: { 'application/json': { schema: { type: 'object', maxProperties: 0 } } } }
}

/** How callers of a source authenticate, as far as OpenAPI can express it. */
function schemesOf({ id, authentication }: SourceConfig): readonly (readonly [name: string, scheme: SecurityScheme])[] {
  return authentication.flatMap((one) => {
    const scheme = schemeOf(one)
    return scheme === null ? [] : [[`${id}-${one.type}`, scheme] as const]
  })
}

/** Null for types without credentials in the request, and for a token, which is part of the path. */
function schemeOf(authentication: Authentication): SecurityScheme | null {
  switch (authentication.type) {
    case 'none':
    case 'ip-allow-list':
    case 'path-token':
      return null
    case 'mtls':
      return { type: 'mutualTLS' }
    case 'basic':
      return { type: 'http', scheme: 'basic' }
    case 'header':
      return { type: 'apiKey', in: 'header', name: authentication.header }
    case 'hmac':
      return { type: 'apiKey', in: 'header', name: authentication.header, description: 'An HMAC of the body.' }
    case 'standard-webhooks':
      return { type: 'apiKey', in: 'header', name: 'webhook-signature', description: 'A Standard Webhooks signature.' }
    default:
      return authentication satisfies never
  }
}

/** Body schemas for media types where tools cannot make an example from "anything". */
const SCHEMAS: Readonly<Record<string, object>> = {
  'application/x-www-form-urlencoded': { type: 'object', additionalProperties: { type: 'string' } },
  'application/xml': { type: 'object', xml: { name: 'callback' } },
  'text/xml': { type: 'object', xml: { name: 'callback' } },
  'text/plain': { type: 'string' },
}

const UNAUTHENTICATED: Response = {
  description: 'The caller is not authenticated as the source. Nothing was stored.',
}

const RETRY_AFTER = { 'Retry-After': { required: true, schema: { type: 'integer', minimum: 1 } } }

/** Every code but success. Node answers 417 by itself. */
function refusals(options: ApiOptions): Readonly<Record<Exclude<AnswerCode, 200 | 201 | 204> | 417, Response>> {
  return {
    400: { description: 'The request is not valid HTTP, or its framing contradicts itself. The connection ends.' },
    401: UNAUTHENTICATED,
    404: { description: 'Unknown path.' },
    405: {
      description: 'Only POST is allowed.',
      headers: { Allow: { required: true, schema: { const: 'POST' } } },
    },
    408: {
      description: `The head did not arrive in time, or the body not within ${options.requestTimeoutMs} ms. The connection ends.`,
    },
    413: { description: `The body exceeds ${options.bodyBytesMax} bytes.` },
    415: {
      description: 'The body is compressed, or has a media type that no callback has, such as multipart or an image.',
    },
    417: { description: 'The Expect header is not 100-continue.' },
    429: { description: 'The source exceeds its requests per second.', headers: RETRY_AFTER },
    431: { description: `The head exceeds ${options.headerBytesMax} bytes or ${options.headersMax} headers.` },
    500: { description: 'A defect of paystatus. It is not certain that anything was stored.' },
    503: {
      description: `It is not certain that the bytes were stored within ${options.answerDeadlineMs} ms, or too many callbacks are waiting.`,
      headers: RETRY_AFTER,
    },
  }
}
