import { constants } from 'node:crypto'
import type { Server, ServerOptions } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import type { TlsFiles } from '../../config/gateway-access.ts'
import { type ServerIdentity, toServerIdentity } from '../../pki/server-identity.ts'
import type { Live, LiveFiles } from './live-files.ts'

/**
 * Mozilla's intermediate profile without finite-field Diffie-Hellman (nothing that can show a client certificate needs
 * it, and it is the costliest handshake to be flooded with).
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')
const GROUPS = 'X25519:prime256v1:secp384r1'

/** TLS of the gateway's port: its certificate, and the CAs whose client certificates it asks for. */
export class ServerTls {
  readonly identity: Live<ServerIdentity>
  readonly #clientCas: () => readonly string[]
  #server: Server | null = null

  /** `clientCas`: bundles in PEM; empty if no source asks for a client certificate. */
  constructor(tls: TlsFiles, files: LiveFiles, clientCas: () => readonly string[]) {
    this.#clientCas = clientCas
    this.identity = files.load(
      'gateway.tls',
      [tls.certificate, tls.key],
      ([certificate, key]) =>
        toServerIdentity((certificate as Buffer).toString('latin1'), (key as Buffer).toString('latin1')),
      () => this.renew(),
    )
  }

  /** For the server that is created; follow it with `renews`. */
  serverOptions(): ServerOptions {
    return {
      ...this.#context(),
      requestCert: this.#clientCas().length > 0,
      // Sources share the port, and some ask for no certificate: each source decides for itself, before the body.
      rejectUnauthorized: false,
    }
  }

  /** The server whose new connections get what changes. */
  renews(server: Server): void {
    this.#server = server
  }

  /** New connections get what is current; those that are open stay. */
  renew(): void {
    this.#server?.setSecureContext(this.#context())
  }

  #context(): SecureContextOptions {
    const { certificatePem, keyPem } = this.identity.current
    const ca = this.#clientCas()
    return {
      cert: certificatePem,
      key: keyPem,
      ...(ca.length > 0 && { ca: [...ca] }),
      // A bundle may end with an intermediate CA on purpose.
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      ecdhCurve: GROUPS,
      // All of them are good. Mozilla leaves the choice to the client; scanners want a server that has an order.
      honorCipherOrder: true,
      // A resumed session would bring the client's certificate without its chain, and none of the checks that a
      // handshake makes. Callers keep their connections; those that do not pay for a handshake.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    }
  }
}
