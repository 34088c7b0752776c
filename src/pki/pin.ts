import type { Certificate } from './certificate.ts'
import { PkiError } from './pki-error.ts'

/** What a caller's own certificate must match in addition to being issued by a trusted CA. */
export interface Pin {
  readonly kind: 'subject' | 'san' | 'spki-sha256'
  readonly value: string
}

const PIN_HINT =
  'must be subject:<name as in RFC 2253>, san:DNS:<name>, san:URI:<uri>, san:email:<address>, san:IP:<address> or spki-sha256:<base64>'

/** Parses a pin of the configuration; throws PkiError. */
export function parsePin(text: string): Pin {
  const [, kind, value = ''] = /^(subject|san|spki-sha256):\s*(.+)$/.exec(text.trim()) ?? []
  switch (kind) {
    case 'subject':
      return { kind, value }
    case 'san':
      if (/^(DNS|URI|email|IP):.+$/.test(value)) {
        return { kind, value: value.startsWith('DNS:') ? `DNS:${value.slice(4).toLowerCase()}` : value }
      }
      break
    case 'spki-sha256':
      if (/^[A-Za-z0-9+/]{43}=$/.test(value)) {
        return { kind, value }
      }
      break
    default:
      break
  }
  throw new PkiError(PIN_HINT)
}

/** Whether the certificate matches one of the pins. Names are compared whole; a wildcard matches only itself. */
export function matchesPin(certificate: Certificate, pins: readonly Pin[]): boolean {
  return pins.some(({ kind, value }) => {
    switch (kind) {
      case 'subject':
        return certificate.subject === value
      case 'san':
        return certificate.names.includes(value)
      case 'spki-sha256':
        return certificate.spkiSha256 === value
      default:
        return kind satisfies never
    }
  })
}
