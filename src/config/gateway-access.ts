import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { toServerIdentity } from '../pki/server-identity.ts'
import { parseAddressRange } from './address-range.ts'
import { checkLines, LINES_SCHEMA, type Lines } from './lines.ts'
import { milliseconds } from './milliseconds.ts'
import { checked, checkedFile, type Problems } from './problems.ts'

/** TLS of the gateway's port, and the proxies it trusts. */
export interface GatewayAccess {
  /** Null: plain HTTP. */
  readonly tls: TlsFiles | null
  readonly trustedProxies: TrustedProxies | null
  /** How often files are checked for changes. */
  readonly filesCheckIntervalMs: number
}

export interface TlsFiles {
  /** PEM: the server's certificate and the intermediate CAs. */
  readonly certificate: string
  /** PEM. */
  readonly key: string
}

export interface TrustedProxies {
  readonly addresses: Lines
  /** How they forward the caller's certificate; null if they do not. */
  readonly clientCertificate: { readonly header: string; readonly format: ClientCertificateFormat } | null
}

/** `xfcc`: Envoy's X-Forwarded-Client-Cert; `pem`: URL-encoded PEM (nginx, AWS); `rfc9440`: Client-Cert (base64 between colons). */
export type ClientCertificateFormat = 'xfcc' | 'pem' | 'rfc9440'

/** The access settings of the section `gateway`. */
export const GATEWAY_ACCESS_SHAPE = {
  tls: z.strictObject({ certificate: z.string(), key: z.string() }).nullable().default(null),
  trustedProxies: z
    .strictObject({
      addresses: LINES_SCHEMA,
      clientCertificate: z
        .strictObject({
          header: z.string().regex(/^[A-Za-z0-9-]+$/, 'must be a header name'),
          format: z.enum(['xfcc', 'pem', 'rfc9440']),
        })
        .nullable()
        .default(null),
    })
    .nullable()
    .default(null),
  filesCheckIntervalMs: milliseconds(100).default(5_000),
}

/** Checks every file that the section names. */
export function checkGatewayAccess({ tls, trustedProxies }: GatewayAccess, problems: Problems): void {
  if (trustedProxies !== null) {
    checkLines(trustedProxies.addresses, 'gateway.trustedProxies.addresses', problems, parseAddressRange)
  }
  if (tls !== null) {
    checkedFile('gateway.tls.key', tls.key, problems, () => {})
    checkedFile('gateway.tls.certificate', tls.certificate, problems, (certificate) => {
      const key = checked('gateway.tls.key', [], () => readFileSync(tls.key, 'latin1'))
      if (key !== undefined) {
        toServerIdentity(certificate.toString('latin1'), key)
      }
    })
  }
}
