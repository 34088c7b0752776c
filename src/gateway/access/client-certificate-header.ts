import type { IncomingHttpHeaders } from 'node:http'
import type { ClientCertificateFormat } from '../../config/gateway-access.ts'
import { pemBlocks } from '../../pki/certificate.ts'

/** Certificates in DER, the caller's own first. */
export type CertificateDers = readonly [leaf: Buffer, ...sent: Buffer[]]

/** More certificates are not parsed. */
const CERTIFICATES_MAX = 10

/** The header names of a format, in lower case. */
export function certificateHeaders({ header, format }: { header: string; format: ClientCertificateFormat }): string[] {
  const name = header.toLowerCase()
  return format === 'rfc9440' ? [name, `${name}-chain`] : [name]
}

/** The certificates that a trusted proxy passed on; null if there are none or they cannot be parsed. */
export function certificatesOf(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  format: ClientCertificateFormat,
): CertificateDers | null {
  const [value = '', chain = ''] = names.map((name) => String(headers[name] ?? ''))
  switch (format) {
    case 'pem':
      return limited(pemBlocks(decoded(value), 'CERTIFICATE'))
    case 'rfc9440':
      return limited([...byteSequences(value).slice(0, 1), ...byteSequences(chain)])
    case 'xfcc': {
      const fields = lastElement(value)
      const chainOrCert = fields.get('chain') ?? fields.get('cert') ?? ''
      return limited(pemBlocks(decoded(chainOrCert), 'CERTIFICATE'))
    }
    default:
      return format satisfies never
  }
}

function limited(ders: readonly Buffer[]): CertificateDers | null {
  const [leaf, ...sent] = ders
  return leaf === undefined || ders.length > CERTIFICATES_MAX ? null : [leaf, ...sent]
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}

/** RFC 8941 byte sequences: base64 between colons. */
function byteSequences(value: string): Buffer[] {
  return [...value.matchAll(/:([A-Za-z0-9+/=]+):/g)].map(([, base64]) => Buffer.from(base64 ?? '', 'base64'))
}

/**
 * The fields of the last element of X-Forwarded-Client-Cert: each proxy appends its own, so only the last was written by
 * the trusted proxy. Commas and semicolons inside quotes do not separate.
 */
function lastElement(value: string): ReadonlyMap<string, string> {
  const elements = value.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? []
  const fields = (elements.at(-1) ?? '').match(/(?:"(?:\\.|[^"\\])*"|[^;"])+/g) ?? []
  return new Map(
    fields.map((field) => {
      const equals = field.indexOf('=')
      const text = field.slice(equals + 1).trim()
      return [
        field.slice(0, Math.max(equals, 0)).trim().toLowerCase(),
        text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text,
      ]
    }),
  )
}
