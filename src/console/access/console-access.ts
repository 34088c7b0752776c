import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import type { AddressSet } from '../../config/address-set.ts'
import { cleanName, type RoleGroups, roleOf, type Who } from '../../config/console-role.ts'
import type { Live } from '../../config/live-files.ts'
import type { TokenList } from '../../config/token-list.ts'
import type { OidcSignIn } from './oidc-sign-in.ts'
import { Sessions } from './sessions.ts'

export const SESSION_COOKIE = 'paystatus_session'
export const BROWSER_COOKIE = 'paystatus_browser'

/** A header that a proxy sets after it has signed the person in. */
export interface ProxySignIn extends RoleGroups {
  /** Header names in lower case. */
  readonly userHeader: string
  readonly groupsHeader: string
  readonly addresses: Live<AddressSet>
}

export interface ConsoleAccessOptions {
  /** The ways to sign in; null: none is configured, so only this machine may connect. */
  readonly signIn: {
    readonly tokens: Live<Pick<TokenList, 'find'>> | null
    readonly proxy: ProxySignIn | null
    readonly oidc: OidcSignIn | null
  } | null
  /** Name for the audit trail of who acts without signing in. */
  readonly localName: string
  /** ms since the epoch. */
  readonly now: () => number
}

/** Null: not signed in. A refusal says why, for the person. */
export type Identified = { readonly who: Who | null } | { readonly refused: string }

/** Decides who makes a request. */
export class ConsoleAccess {
  readonly sessions: Sessions
  readonly #options: ConsoleAccessOptions

  constructor(options: ConsoleAccessOptions) {
    this.#options = options
    this.sessions = new Sessions(options.now)
  }

  get oidc(): OidcSignIn | null {
    return this.#options.signIn?.oidc ?? null
  }

  /** Whether people can sign in with a token. */
  get hasTokens(): boolean {
    return this.#options.signIn !== null && this.#options.signIn.tokens !== null
  }

  identify(request: IncomingMessage, cookies: ReadonlyMap<string, string>): Identified {
    const { signIn, localName } = this.#options
    if (signIn === null) {
      const refused = whyNotLocal(request)
      return refused === null ? { who: { name: localName, role: 'operator', how: 'loopback' } } : { refused }
    }
    const [authorization = '', ...repeated] = request.headersDistinct['authorization'] ?? []
    if (repeated.length > 0) {
      return { refused: 'the header Authorization was sent more than once' }
    }
    // Another scheme may be meant for a proxy. A token that cannot be read must not make somebody else of its sender.
    if (/^Bearer(\s|$)/i.test(authorization)) {
      const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
      const who = token === undefined ? null : (signIn.tokens?.current.find(token) ?? null)
      return who === null ? { refused: 'the token is not valid' } : { who }
    }
    const forwarded = signIn.proxy === null ? null : whoForwarded(signIn.proxy, request)
    if (forwarded !== null) {
      return forwarded
    }
    const session = cookies.get(SESSION_COOKIE)
    return { who: session === undefined ? null : this.sessions.find(session) }
  }

  /** Opens a session for a token, which ends when the token is removed from the file. Null if the token is not valid. */
  signInWithToken(token: string): string | null {
    const tokens = this.#options.signIn?.tokens
    const who = tokens?.current.find(token) ?? null
    if (tokens == null || who === null) {
      return null
    }
    const isSame = () => {
      const now = tokens.current.find(token)
      return now?.name === who.name && now.role === who.role
    }
    return this.sessions.open(who, isSame)
  }
}

const FORWARDING_HEADERS = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip']

/** Without signing in, only a person at this machine is let in: no other host, no page of another site, nothing forwarded. */
function whyNotLocal({ headers, socket }: IncomingMessage): string | null {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  if (!isLoopback(address)) {
    return 'this console has no sign-in and answers this machine only'
  }
  // A name that resolves to 127.0.0.1 belongs to whoever owns the name.
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
  if (host !== 'localhost' && !isLoopback(host)) {
    return 'without sign-in, the console answers only under localhost, 127.0.0.1 and [::1]'
  }
  return FORWARDING_HEADERS.some((name) => headers[name] !== undefined)
    ? 'a proxy forwarded this request: configure console.signIn'
    : null
}

function isLoopback(address: string): boolean {
  const version = isIP(address)
  return version === 4 ? address.startsWith('127.') : version === 6 && address === '::1'
}

/** Null if the request does not have the header of the proxy. */
function whoForwarded(proxy: ProxySignIn, { headersDistinct, socket }: IncomingMessage): Identified | null {
  const users = headersDistinct[proxy.userHeader] ?? []
  const groupLists = headersDistinct[proxy.groupsHeader] ?? []
  if (users.length === 0) {
    return null
  }
  if (!proxy.addresses.current.has(socket.remoteAddress ?? '')) {
    return { refused: 'the header of the proxy does not come from the proxy' }
  }
  // A proxy that adds its header to the caller's, instead of replacing it, lets callers choose who they are.
  if (users.length > 1 || groupLists.length > 1) {
    return { refused: 'the proxy sent a header more than once: it must replace the headers of callers' }
  }
  const name = cleanName(users.join())
  if (name === null) {
    return { refused: 'the proxy sent an empty name' }
  }
  const groups = groupLists.flatMap((list) => list.split(',').map((group) => group.trim()))
  const role = roleOf(groups, proxy)
  if (role === null) {
    return { refused: 'you are signed in, but have neither the role viewer nor operator' }
  }
  return { who: { name, role, how: 'proxy' } }
}
