import { hash, type X509Certificate } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type AddressSet, addressSet, liveAddressSet } from '../../config/address-set.ts'
import type { TrustedProxies } from '../../config/gateway-access.ts'
import type { Live, LiveFiles } from '../../config/live-files.ts'
import { type Certificate, parseCertificate } from '../../pki/certificate.ts'
import { type CertificateDers, certificateHeaders, certificatesOf } from './client-certificate-header.ts'
import { forwardedAddress } from './forwarded-address.ts'

/** What is known of a caller before its body is read. */
export interface Caller {
  readonly headers: IncomingHttpHeaders
  /** Where the request originated, according to trusted proxies; null if what they say cannot be parsed. */
  readonly address: string | null
  /** The path segment where the source has a token; null for sources without one. */
  readonly pathToken: string | null
  readonly certificate: ShownCertificate | null
}

/** A client certificate, presented by the caller in the handshake or by a trusted proxy in a header. */
export interface ShownCertificate {
  readonly kind: 'mtls' | 'mtls-proxy'
  readonly leaf: Certificate
  /** The other certificates sent with it, in any order. */
  readonly sent: readonly Certificate[]
  /**
   * OpenSSL's objection in the handshake, judged by the CAs of all sources together; null if there was none, or if the proxy
   * did the handshake.
   */
  readonly handshakeError: string | null
}

const SENT_MAX = 10
/** Parsed certificates of proxied callers to keep. */
const REMEMBERED_MAX = 1_000

/** Determines who sent a request. Only trusted proxies are believed about others. */
export class Callers {
  readonly #trusted: Live<AddressSet>
  readonly #clientCertificate: TrustedProxies['clientCertificate']
  readonly #certificateHeaders: readonly string[]
  /** Cached: parsing takes about as long as the rest of a request, and a connection's certificate does not change. */
  readonly #ofSockets = new WeakMap<Socket, ShownCertificate | null>()
  readonly #ofProxies = new Map<string, ShownCertificate | null>()

  constructor(proxies: TrustedProxies | null, files: LiveFiles) {
    this.#trusted =
      proxies === null
        ? { current: addressSet([]) }
        : liveAddressSet(files, 'gateway.trustedProxies.addresses', proxies.addresses)
    this.#clientCertificate = proxies?.clientCertificate ?? null
    this.#certificateHeaders = this.#clientCertificate === null ? [] : certificateHeaders(this.#clientCertificate)
  }

  /** Also deletes headers that only a trusted proxy may set, unless the peer is one. */
  callerOf(request: IncomingMessage, pathToken: string | null): Caller {
    const { headers, socket } = request
    const peer = socket.remoteAddress
    const isProxy = peer !== undefined && this.#trusted.current.has(peer)
    if (!isProxy) {
      for (const name of this.#certificateHeaders) {
        delete headers[name]
      }
    }
    const certificateOf = (): ShownCertificate | null =>
      isProxy && this.#clientCertificate !== null ? this.#ofHeader(headers) : this.#ofSocket(socket)
    const forwardedFor = headers['x-forwarded-for']
    const trusted = this.#trusted.current
    return {
      headers,
      pathToken,
      get address() {
        return peer === undefined ? null : forwardedAddress(peer, [forwardedFor].flat().join(), trusted)
      },
      get certificate() {
        return certificateOf()
      },
    }
  }

  #ofSocket(socket: Socket): ShownCertificate | null {
    let shown = this.#ofSockets.get(socket)
    if (shown === undefined) {
      shown = socket instanceof TLSSocket ? shownInHandshake(socket) : null
      this.#ofSockets.set(socket, shown)
    }
    return shown
  }

  #ofHeader(headers: IncomingHttpHeaders): ShownCertificate | null {
    const key = hash('sha256', this.#certificateHeaders.map((name) => headers[name] ?? '').join('\n'), 'base64')
    let shown = this.#ofProxies.get(key)
    if (shown === undefined) {
      const { format } = this.#clientCertificate as NonNullable<TrustedProxies['clientCertificate']>
      shown = parsed('mtls-proxy', certificatesOf(headers, this.#certificateHeaders, format), null)
    }
    // Most recently used last.
    this.#ofProxies.delete(key)
    this.#ofProxies.set(key, shown)
    if (this.#ofProxies.size > REMEMBERED_MAX) {
      this.#ofProxies.delete(this.#ofProxies.keys().next().value as string)
    }
    return shown
  }
}

function shownInHandshake(socket: TLSSocket): ShownCertificate | null {
  const ders: Buffer[] = []
  let one: X509Certificate | undefined = socket.getPeerX509Certificate()
  while (one !== undefined && ders.length <= SENT_MAX) {
    ders.push(one.raw)
    one = one.issuerCertificate
  }
  const [leaf, ...sent] = ders
  const error = socket.authorized ? null : String(socket.authorizationError)
  return parsed('mtls', leaf === undefined ? null : [leaf, ...sent], error)
}

function parsed(
  kind: ShownCertificate['kind'],
  ders: CertificateDers | null,
  handshakeError: string | null,
): ShownCertificate | null {
  if (ders === null) {
    return null
  }
  try {
    const [leaf, ...sent] = ders
    return { kind, leaf: parseCertificate(leaf), sent: sent.map(parseCertificate), handshakeError }
  } catch {
    return null
  }
}
