import type { Authentication } from '../config/authentication.ts'
import type { SourceConfig } from '../config.ts'
import type { AnswerCode } from '../observability/answer-codes.ts'
import type { Provider } from '../providers/provider.ts'
import { CALLBACK_MEDIA_TYPES } from '../raw/media-type.ts'

export interface ApiOptions {
  /** Of paystatus. */
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

/** An OpenAPI document, as it is written to JSON. */
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
 * What the gateway accepts and answers, from its configuration: one operation for each path of each source. It says all
 * codes that can come, also those that node answers before the gateway sees a request. Holds no secret; paths that are
 * hard to guess are in it, so it belongs on the admin port.
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
        'Takes the callbacks of payment providers. A success code means that the exact bytes of the body are stored ' +
        'for good. A body is not interpreted: what cannot be read is stored and quarantined. Anything but success ' +
        'means: call again, if the answer is 429 or 503 after Retry-After. Answers but success have no body.',
    },
    servers: [{ url: '/', description: 'gateway.host and gateway.port, or what stands before them' }],
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
    // All of them at once.
    security: schemes.length === 0 ? [] : [Object.fromEntries(schemes.map(([name]) => [name, []]))],
    requestBody: {
      description:
        'Any bytes, not compressed. These media types are usual; a misspelt one, another one or none is accepted too.',
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
  description: 'A secret of the source. With a wrong one there is no such path.',
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

/** How callers of a source prove who they are, as far as OpenAPI has words for it. */
function schemesOf({ id, authentication }: SourceConfig): readonly (readonly [name: string, scheme: SecurityScheme])[] {
  return authentication.flatMap((one) => {
    const scheme = schemeOf(one)
    return scheme === null ? [] : [[`${id}-${one.type}`, scheme] as const]
  })
}

/** Null for what a caller does not send, and for a token, which is a part of the path. */
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

/** Schemas of bodies where "anything" is not enough for a tool to make an example. */
const SCHEMAS: Readonly<Record<string, object>> = {
  'application/x-www-form-urlencoded': { type: 'object', additionalProperties: { type: 'string' } },
  'application/xml': { type: 'object', xml: { name: 'callback' } },
  'text/xml': { type: 'object', xml: { name: 'callback' } },
  'text/plain': { type: 'string' },
}

const UNAUTHENTICATED: Response = {
  description: 'The caller did not prove to be the source. Nothing was stored.',
}

const RETRY_AFTER = { 'Retry-After': { required: true, schema: { type: 'integer', minimum: 1 } } }

/** Every code that is no success. Node answers 417 by itself. */
function refusals(options: ApiOptions): Readonly<Record<Exclude<AnswerCode, 200 | 201 | 204> | 417, Response>> {
  return {
    400: { description: 'What came is not HTTP, or its framing contradicts itself. The connection ends.' },
    401: UNAUTHENTICATED,
    404: { description: 'There is no such path.' },
    405: {
      description: 'A path takes POST and nothing else.',
      headers: { Allow: { required: true, schema: { const: 'POST' } } },
    },
    408: {
      description: `The head did not come in time, or the body within ${options.requestTimeoutMs} ms. The connection ends.`,
    },
    413: { description: `The body is above ${options.bodyBytesMax} bytes.` },
    415: {
      description: 'The body is compressed, or of a media type that no callback has: multipart, a picture or the like.',
    },
    417: { description: 'The header Expect holds something else than 100-continue.' },
    429: { description: 'More requests per second than this source may send.', headers: RETRY_AFTER },
    431: { description: `The head is above ${options.headerBytesMax} bytes or ${options.headersMax} headers.` },
    500: { description: 'A defect of paystatus. Nothing was stored for certain.' },
    503: {
      description: `The bytes were not stored within ${options.answerDeadlineMs} ms, for certain, or too many callbacks wait.`,
      headers: RETRY_AFTER,
    },
  }
}
