import { isIP } from 'node:net'
import { z } from 'zod'
import type { SecretReader } from '../client-security/secret-reader.ts'
import { parseAddressRange } from './address-range.ts'
import { checkLines, LINES_SCHEMA, type Lines } from './lines.ts'
import { checked, checkedFile, type Problems } from './problems.ts'
import { SECRET_SCHEMA, secretFrom } from './secret.ts'
import { TokenList } from './token-list.ts'

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
  .transform((name) => name.toLowerCase())
/** `*`: everybody who can sign in. */
const groups = z.array(z.string().min(1)).default([])

/** The section `console`. */
export const CONSOLE_SCHEMA = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(8090),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .refine((url) => new URL(url).href === `${new URL(url).origin}/`, 'must be scheme, host and port only')
      .transform((url) => new URL(url).origin)
      .nullable()
      .default(null),
    requestsPerSecondMax: z.number().int().min(1).max(10_000).default(50),
    watch: z
      .array(z.url({ protocol: /^http$/ }))
      .max(100)
      .default([]),
    prometheus: z
      .url({ protocol: /^https?$/ })
      .nullable()
      .default(null),
    signIn: z
      .strictObject({
        tokens: z.strictObject({ file: z.string().min(1) }).optional(),
        proxy: z
          .strictObject({
            addresses: LINES_SCHEMA,
            userHeader: headerName,
            groupsHeader: headerName,
            operators: groups,
            viewers: groups,
          })
          .refine(
            ({ userHeader, groupsHeader }) => userHeader !== groupsHeader,
            'userHeader and groupsHeader must differ',
          )
          .optional(),
        oidc: z
          .strictObject({
            issuer: z.url({ protocol: /^https?$/ }),
            clientId: z.string().min(1),
            clientSecret: SECRET_SCHEMA,
            scope: z.string().default('openid profile'),
            nameClaim: z.string().default('preferred_username'),
            groupsClaim: z.string().default('groups'),
            operators: groups,
            viewers: groups,
          })
          .optional(),
      })
      .refine(
        (ways) => Object.values(ways).some((way) => way !== undefined),
        'give at least one of tokens, proxy, oidc',
      )
      .nullable()
      .default(null),
  })
  .prefault({})

type Parsed = z.infer<typeof CONSOLE_SCHEMA>
type Ways = NonNullable<Parsed['signIn']>

export interface ConsoleConfig extends Omit<Parsed, 'signIn'> {
  /** Null: only this machine may connect, and does not sign in. */
  readonly signIn: {
    /** File with the tokens' hashes. */
    readonly tokens: string | null
    readonly proxy: (Omit<NonNullable<Ways['proxy']>, 'addresses'> & { readonly addresses: Lines }) | null
    readonly oidc: (Omit<NonNullable<Ways['oidc']>, 'clientSecret'> & { readonly clientSecret: SecretReader }) | null
  } | null
}

/** Checks what the schema cannot: files, secrets, and that nobody is let in from elsewhere without signing in. */
export function resolveConsole(
  { signIn, ...rest }: Parsed,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problems,
): ConsoleConfig {
  if (signIn === null) {
    if (!isLoopbackHost(rest.host)) {
      problems.push(`console.signIn: is required, because console.host ${rest.host} is not a loopback address`)
    }
    return { ...rest, signIn: null }
  }
  const { tokens, proxy, oidc } = signIn
  if (tokens !== undefined) {
    checkedFile('console.signIn.tokens.file', tokens.file, problems, (content) => new TokenList(content))
  }
  if (proxy !== undefined) {
    checkLines(proxy.addresses, 'console.signIn.proxy.addresses', problems, parseAddressRange)
  }
  const clientSecret = oidc === undefined ? null : secretFrom(oidc.clientSecret, env)
  if (oidc !== undefined && clientSecret !== null) {
    const { protocol, hostname } = new URL(oidc.issuer)
    if (protocol === 'http:' && !isLoopbackHost(hostname.replace(/^\[(.*)\]$/, '$1'))) {
      problems.push('console.signIn.oidc.issuer: must begin with https://, unless it is on this machine')
    }
    checked('console.signIn.oidc.clientSecret', problems, clientSecret)
    if (rest.publicUrl === null) {
      problems.push('console.publicUrl: is required by console.signIn.oidc, which sends people back to it')
    }
  }
  return {
    ...rest,
    signIn: {
      tokens: tokens?.file ?? null,
      proxy: proxy ?? null,
      oidc: oidc === undefined || clientSecret === null ? null : { ...oidc, clientSecret },
    },
  }
}

function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || (isIP(host) === 4 ? host.startsWith('127.') : host === '::1')
}
