import { constants } from 'node:crypto'
import type { Server, ServerOptions } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import type { TlsFiles } from '../../config/gateway-access.ts'
import type { Live, LiveFiles } from '../../config/live-files.ts'
import { type ServerIdentity, toServerIdentity } from '../../pki/server-identity.ts'

/**
 * Mozilla's intermediate profile without finite-field Diffie-Hellman: no client with a certificate needs it, and it makes
 * handshake floods most expensive for the server.
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

/** TLS of the gateway's port: its certificate, and the CAs it accepts client certificates from. */
export class ServerTls {
  readonly identity: Live<ServerIdentity>
  readonly #clientCas: () => readonly string[]
  #server: Server | null = null

  /** `clientCas`: PEM bundles; empty if no source requires a client certificate. */
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

  /** Options to create the server with; pass the server to `renews` afterwards. */
  serverOptions(): ServerOptions {
    return {
      ...this.#context(),
      requestCert: this.#clientCas().length > 0,
      // Sources share the port, and some require no certificate: each source decides for itself, before the body is read.
      rejectUnauthorized: false,
    }
  }

  /** Sets the server whose new connections use changed files. */
  renews(server: Server): void {
    this.#server = server
  }

  /** Applies the current files to new connections; open ones stay as they are. */
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
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      ecdhCurve: GROUPS,
      // All ciphers are good. Mozilla leaves the choice to the client; scanners expect a server preference.
      honorCipherOrder: true,
      // A resumed session would carry the client's certificate without its chain, and skip the checks of a handshake.
      // Callers keep their connections; those that do not pay for a handshake.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
    }
  }
}
