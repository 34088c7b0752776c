import { z } from 'zod'
import { parsePin } from '../pki/pin.ts'
import { parseRevocationLists } from '../pki/revocation-list.ts'
import { toTrust } from '../pki/verify-client-certificate.ts'
import { parseAddressRange } from './address-range.ts'
import { checkLines, LINES_SCHEMA, type Lines } from './lines.ts'
import { checked, checkedFile, type Problems } from './problems.ts'
import { readSecrets, SECRETS_SCHEMA, type Secret } from './secret.ts'
import { standardWebhooksKey } from './standard-webhooks-key.ts'

/** One requirement for callers of a source. A source can have several; then all must be satisfied. */
export type Authentication =
  | { readonly type: 'none' }
  | {
      readonly type: 'mtls'
      /** File with the trusted CAs. */
      readonly ca: string
      /** Files with CRLs; without any, revocation is not checked. */
      readonly crls: readonly string[]
      /** The caller's certificate must match one of them; null accepts every certificate of these CAs. */
      readonly pins: Lines | null
    }
  | { readonly type: 'header'; readonly header: string; readonly secrets: readonly Secret[] }
  | { readonly type: 'basic'; readonly username: string; readonly passwords: readonly Secret[] }
  | {
      readonly type: 'hmac'
      /** Header of the signature. */
      readonly header: string
      readonly secrets: readonly Secret[]
      readonly algorithm: 'sha256' | 'sha384' | 'sha512'
      readonly encoding: 'hex' | 'base64'
      /** Precedes the signature in its header. */
      readonly prefix: string
      /** Null if only the body is signed: then anybody who saw a callback can replay it. */
      readonly timestamp: {
        readonly header: string
        /** Between timestamp and body in the signed text. */
        readonly separator: string
        readonly toleranceSeconds: number
      } | null
    }
  | {
      readonly type: 'standard-webhooks'
      /** `whsec_…` (symmetric) or `whpk_…` (public key). */
      readonly secrets: readonly Secret[]
      readonly toleranceSeconds: number
    }
  | { readonly type: 'ip-allow-list'; readonly addresses: Lines }
  | { readonly type: 'path-token'; readonly tokens: readonly Secret[] }

const headerName = z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
const toleranceSeconds = z.number().int().min(1).max(86_400).default(300)

const ONE = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({
    type: z.literal('mtls'),
    ca: z.string(),
    crl: z.union([z.string(), z.array(z.string())]).default([]),
    pins: z.union([z.literal('any'), LINES_SCHEMA], 'must be a list, { file: … }, or the word any'),
  }),
  z.strictObject({ type: z.literal('header'), header: headerName, secret: SECRETS_SCHEMA }),
  z.strictObject({
    type: z.literal('basic'),
    username: z
      .string()
      .regex(/^[^:]+$/, 'must not be empty or contain a colon, which ends the user name in HTTP Basic'),
    password: SECRETS_SCHEMA,
  }),
  z.strictObject({
    type: z.literal('hmac'),
    header: headerName,
    secret: SECRETS_SCHEMA,
    algorithm: z.enum(['sha256', 'sha384', 'sha512']).default('sha256'),
    encoding: z.enum(['hex', 'base64']).default('hex'),
    prefix: z.string().default(''),
    timestamp: z
      .strictObject({ header: headerName, separator: z.string().default('.'), toleranceSeconds })
      .nullable()
      .default(null),
  }),
  z.strictObject({ type: z.literal('standard-webhooks'), secret: SECRETS_SCHEMA, toleranceSeconds }),
  z.strictObject({ type: z.literal('ip-allow-list'), addresses: LINES_SCHEMA }),
  z.strictObject({ type: z.literal('path-token'), token: SECRETS_SCHEMA }),
])

type ParsedAuthentication = z.infer<typeof ONE>

const NOTHING = 'must say how callers are authenticated; to accept everybody, write none'

/** One requirement, `none`, or a list of requirements; parsed it is always a list. */
export const AUTHENTICATION_SCHEMA = z.unknown().transform((value, context): ParsedAuthentication[] => {
  const isList = Array.isArray(value)
  const list: readonly unknown[] = isList ? value : value === undefined || value === null ? [] : [value]
  const issue = (message: string, path: PropertyKey[] = []) => context.addIssue({ code: 'custom', message, path })
  const right = list.flatMap((one, index) => {
    const parsed = ONE.safeParse(one === 'none' ? { type: 'none' } : one)
    for (const { message, path } of parsed.error?.issues ?? []) {
      issue(message, isList ? [index, ...path] : path)
    }
    return parsed.success ? [parsed.data] : []
  })
  const types = right.map(({ type }) => type)
  if (list.length === 0) {
    issue(NOTHING)
  }
  for (const type of new Set(types.filter((one, index) => types.indexOf(one) !== index))) {
    issue(`requires ${type} twice`)
  }
  if (types.includes('none') && list.length > 1) {
    issue('none cannot be combined with others')
  }
  return right
})

/** Reads the secrets and checks every file; collects the problems. */
export function resolveAuthentication(
  parsed: readonly ParsedAuthentication[],
  where: string,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problems,
): Authentication[] {
  return parsed.map((one, index) => resolveOne(one, parsed.length === 1 ? where : `${where}.${index}`, env, problems))
}

function resolveOne(
  one: ParsedAuthentication,
  where: string,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problems,
): Authentication {
  switch (one.type) {
    case 'none':
      return one
    case 'header': {
      const { secret, ...rest } = one
      return { ...rest, secrets: readSecrets(secret, `${where}.secret`, env, problems) }
    }
    case 'basic': {
      const { password, ...rest } = one
      return { ...rest, passwords: readSecrets(password, `${where}.password`, env, problems) }
    }
    case 'hmac': {
      const { secret, ...rest } = one
      return { ...rest, secrets: readSecrets(secret, `${where}.secret`, env, problems) }
    }
    case 'standard-webhooks': {
      const { secret, ...rest } = one
      const secrets = readSecrets(secret, `${where}.secret`, env, problems)
      for (const { value } of secrets) {
        checked(`${where}.secret`, problems, () => standardWebhooksKey(value))
      }
      return { ...rest, secrets }
    }
    case 'path-token': {
      const tokens = readSecrets(one.token, `${where}.token`, env, problems)
      for (const { value } of tokens) {
        checked(`${where}.token`, problems, () => checkPathToken(value))
      }
      return { type: one.type, tokens }
    }
    case 'ip-allow-list':
      checkLines(one.addresses, `${where}.addresses`, problems, parseAddressRange)
      return one
    case 'mtls': {
      const crls = typeof one.crl === 'string' ? [one.crl] : one.crl
      checkedFile(`${where}.ca`, one.ca, problems, (content) => toTrust(content.toString('latin1'), null))
      for (const crl of crls) {
        checkedFile(`${where}.crl`, crl, problems, parseRevocationLists)
      }
      const pins = one.pins === 'any' ? null : one.pins
      if (pins !== null) {
        checkLines(pins, `${where}.pins`, problems, parsePin)
      }
      return { type: one.type, ca: one.ca, crls, pins }
    }
    default:
      return one satisfies never
  }
}

/** At least 128 bits if the characters are random. None of them needs escaping in a URL. */
const PATH_TOKEN = /^[A-Za-z0-9_-]{22,128}$/

export function checkPathToken(token: string): string {
  if (!PATH_TOKEN.test(token)) {
    throw new Error('must be 22 to 128 letters, digits, - or _, chosen at random')
  }
  return token
}
