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

/**
 * The certificates that a trusted proxy passed on; null if there are none or they cannot be parsed.
 *
 * A proxy may add to a header that its caller sent. Then `xfcc` reads what the proxy added; the other formats cannot tell who
 * wrote what, so such a value is refused.
 */
export function certificatesOf(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  format: ClientCertificateFormat,
): CertificateDers | null {
  const [value = '', chain = ''] = names.map((name) => String(headers[name] ?? ''))
  switch (format) {
    case 'pem':
      // Values of several lines are joined by commas, which PEM and its URL encoding do not contain.
      return limited(value.includes(',') ? [] : pemCertificates(value))
    case 'rfc9440':
      return ONE_BYTE_SEQUENCE.test(value) ? limited([...byteSequences(value), ...byteSequences(chain)]) : null
    case 'xfcc':
      return limited(certificatesOfElement(lastElement(value)))
    default:
      return format satisfies never
  }
}

function limited(ders: readonly Buffer[]): CertificateDers | null {
  const [leaf, ...sent] = ders
  return leaf === undefined || ders.length > CERTIFICATES_MAX ? null : [leaf, ...sent]
}

/** The certificates of a URL-encoded PEM text. */
function pemCertificates(value: string): Buffer[] {
  try {
    return pemBlocks(decodeURIComponent(value), 'CERTIFICATE')
  } catch {
    return []
  }
}

const ONE_BYTE_SEQUENCE = /^:[A-Za-z0-9+/=]+:$/

/** RFC 8941 byte sequences: base64 between colons. */
function byteSequences(value: string): Buffer[] {
  return [...value.matchAll(/:([A-Za-z0-9+/=]+):/g)].map(([, base64]) => Buffer.from(base64 ?? '', 'base64'))
}

/**
 * One field of X-Forwarded-Client-Cert and what ends it. A quote begins after the equals sign and ends before a separator, or
 * the value is refused: otherwise a caller could open a quote that swallows the comma before the proxy's element.
 */
const FIELD = /(?<key>[A-Za-z]+)=(?:"(?<quoted>(?:\\.|[^"\\])*)"|(?<plain>[^",;]*))(?<end>[;,]\s*|$)/gy

interface Field {
  /** In lower case. */
  readonly key: string
  readonly text: string
}

/**
 * The fields of the last element: each proxy appends its own, so only the last was written by the trusted proxy. Empty if
 * anything in the value, wherever it is, is not well-formed.
 */
function lastElement(value: string): readonly Field[] {
  const fields = [...value.matchAll(FIELD)].map(({ groups }) => {
    const { key = '', quoted, plain = '', end = '' }: Partial<Record<string, string>> = groups ?? {}
    return { key: key.toLowerCase(), text: quoted?.replace(/\\(.)/g, '$1') ?? plain, end }
  })
  // Only the end of the value ends a field with nothing.
  return fields.at(-1)?.end === '' ? fields.slice(fields.findLastIndex(({ end }) => end.startsWith(',')) + 1) : []
}

/**
 * None if `cert` and `chain` are ambiguous. A proxy may write names of the caller's certificate without quotes, and the caller
 * may have put fields into such a name.
 */
function certificatesOfElement(fields: readonly Field[]): readonly Buffer[] {
  const allOf = (name: string) => fields.filter(({ key }) => key === name).map(({ text }) => pemCertificates(text))
  const [certs, chains] = [allOf('cert'), allOf('chain')]
  const [cert = []] = certs
  const [chain = cert] = chains
  const isClear = certs.length <= 1 && chains.length <= 1 && chain[0]?.equals(cert[0] ?? chain[0])
  return isClear ? chain : []
}
