import { z } from 'zod'
import {
  DEAD_LETTERS_DOCUMENT,
  LAG_DOCUMENT,
  PAYMENT_DOCUMENT,
  PROBLEM_DOCUMENT,
  SEARCH_DOCUMENT,
  STANDING_DOCUMENT,
} from './api-documents.ts'

/** The OpenAPI document of the console's read API, ready for JSON.stringify. */
export function consoleApi(version: string) {
  const component = (schema: z.ZodType) => {
    const { $schema: _, ...rest } = z.toJSONSchema(schema)
    return rest
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'paystatus read API',
      version,
      description:
        'What paystatus knows about payments, for services that ask instead of subscribing. It decides nothing and changes ' +
        'nothing. An answer can be a moment behind payments.status.current, never ahead of it. Times are ms since the epoch.',
    },
    servers: [{ url: '/', description: 'console.publicUrl, or console.host and console.port' }],
    security: [{ token: [] }, {}],
    paths: {
      '/api/payments/{paymentKey}': {
        get: operation('payment', 'One payment, with its history', 'Payment', [PAYMENT_KEY, IF_NONE_MATCH], ['404'], {
          304: { description: 'Not changed: (incarnation, statusVersion) are those of If-None-Match.' },
        }),
      },
      '/api/payments/{paymentKey}/history': {
        get: operation(
          'standing',
          'What was published about a payment by a moment',
          'Standing',
          [PAYMENT_KEY, AT],
          ['400', '404'],
        ),
      },
      '/api/search': {
        get: operation(
          'search',
          'Payments with an id, whatever kind of id it is',
          'Search',
          [ID, LIMIT, CURSOR],
          ['400'],
        ),
      },
      '/api/dead-letters': {
        get: operation(
          'dead-letters',
          'The dead letters that need a decision, by topic, provider, source, reason and age',
          'DeadLetters',
          [TOPIC, text('provider', EMPTY_HINT), text('source', EMPTY_HINT), text('reason'), LIMIT, CURSOR],
          ['400'],
        ),
      },
      '/api/lag': { get: operation('lag', 'How far the stages are behind', 'Lag', [], []) },
    },
    components: {
      schemas: {
        Payment: component(PAYMENT_DOCUMENT),
        Standing: component(STANDING_DOCUMENT),
        Search: component(SEARCH_DOCUMENT),
        DeadLetters: component(DEAD_LETTERS_DOCUMENT),
        Lag: component(LAG_DOCUMENT),
        Problem: component(PROBLEM_DOCUMENT),
      },
      responses: Object.fromEntries(
        Object.entries(REFUSALS).map(([code, { description, headers }]) => [
          code,
          {
            description,
            ...(headers !== undefined && { headers }),
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token of console.signIn.tokens; none on loopback.' },
      },
    },
  }
}

type Parameter = Readonly<Record<string, unknown>>

function text(name: string, description?: string): Parameter {
  return {
    name,
    in: 'query',
    required: false,
    ...(description !== undefined && { description }),
    schema: { type: 'string' },
  }
}
const EMPTY_HINT = 'Empty: those of which it is not known.'

const PAYMENT_KEY: Parameter = {
  name: 'paymentKey',
  in: 'path',
  required: true,
  description: "<namespace>:<provider's id>, percent-encoded",
  schema: { type: 'string', minLength: 1 },
}
const IF_NONE_MATCH: Parameter = { name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } }
const AT: Parameter = { name: 'at', in: 'query', required: true, schema: { type: 'string', format: 'date-time' } }
const ID: Parameter = {
  name: 'id',
  in: 'query',
  required: true,
  description:
    "Payment key, provider's id, endToEndId, UETR, ACH trace number, batch id, clearing reference, callback id, or the " +
    "provider's id of a notification. Upper and lower case are the same.",
  schema: { type: 'string', minLength: 1, maxLength: 256, pattern: '\\S' },
}
const LIMIT: Parameter = {
  name: 'limit',
  in: 'query',
  required: false,
  schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
}
const CURSOR: Parameter = {
  name: 'cursor',
  in: 'query',
  required: false,
  description: '`next` of the page before',
  schema: { type: 'string', pattern: '^[0-9]{1,9}$' },
}
const TOPIC: Parameter = {
  name: 'topic',
  in: 'query',
  required: false,
  schema: { type: 'string', enum: ['callbacks', 'events'] },
}

const REFUSALS: Readonly<Record<string, { readonly description: string; readonly headers?: object }>> = {
  400: { description: 'A parameter is wrong.' },
  401: {
    description: 'Not signed in, or the token is not valid.',
    headers: { 'WWW-Authenticate': { required: true, schema: { const: 'Bearer' } } },
  },
  403: { description: 'The caller has no role here.' },
  404: { description: 'There is no such payment or path.' },
  405: { description: 'Only GET is allowed.', headers: { Allow: { required: true, schema: { type: 'string' } } } },
  429: {
    description: 'Too many requests.',
    headers: { 'Retry-After': { required: true, schema: { type: 'integer', minimum: 1 } } },
  },
  503: {
    description: 'A server that is needed does not answer; with Retry-After: too many requests read topics.',
    headers: { 'Retry-After': { required: false, schema: { type: 'integer', minimum: 1 } } },
  },
}
const ALWAYS = ['401', '403', '405', '429', '503']

function operation(
  operationId: string,
  summary: string,
  schema: string,
  parameters: readonly Parameter[],
  refusals: readonly string[],
  more: Readonly<Record<number, object>> = {},
) {
  const isPayment = schema === 'Payment'
  return {
    operationId,
    summary,
    parameters,
    responses: {
      200: {
        description: summary,
        ...(isPayment && { headers: { ETag: { required: true, schema: { type: 'string' } } } }),
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
      ...more,
      ...Object.fromEntries([...refusals, ...ALWAYS].map((code) => [code, { $ref: `#/components/responses/${code}` }])),
    },
  }
}
