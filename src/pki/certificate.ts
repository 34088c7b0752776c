import { hash, X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  Certificate as AsnCertificate,
  BasicConstraints,
  ExtendedKeyUsage,
  type Extension,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  KeyUsage,
  type KeyUsageType,
  SubjectAlternativeName,
} from '@peculiar/asn1-x509'
import { PkiError } from './pki-error.ts'

/** A certificate with everything needed to verify it, parsed once. Parsing does not imply trust. */
export interface Certificate {
  readonly x509: X509Certificate
  /** SHA-256 of the whole certificate, hex. */
  readonly fingerprint: string
  /** ms since the epoch. */
  readonly notBefore: number
  /** ms since the epoch. */
  readonly notAfter: number
  readonly isCa: boolean
  /** How many CAs may follow below this one; null for no limit. */
  readonly pathLength: number | null
  /** Null if the certificate does not restrict it. */
  readonly keyUsage: ReadonlySet<KeyUsageType> | null
  /** Object ids; null if the certificate does not restrict it. */
  readonly extendedKeyUsage: ReadonlySet<string> | null
  /** Object ids of critical extensions that this code does not support: RFC 5280 requires refusing such a certificate. */
  readonly unknownCritical: readonly string[]
  /** Object id. */
  readonly signatureAlgorithm: string
  /** Hex, without a sign or leading zeros. */
  readonly serial: string
  /** As printed by `openssl x509 -subject -nameopt RFC2253,-esc_msb`. */
  readonly subject: string
  /** Subject alternative names, such as `DNS:callbacks.example.com` (DNS in lower case) or `URI:spiffe://a/b`. */
  readonly names: readonly string[]
  /** SHA-256 of the public key (SubjectPublicKeyInfo), base64. */
  readonly spkiSha256: string
  /** Encoded names, for comparison. */
  readonly issuerName: string
  readonly subjectName: string
}

/** Parses one certificate; throws PkiError for anything else. */
export function parseCertificate(der: Buffer): Certificate {
  try {
    const x509 = new X509Certificate(der)
    const { tbsCertificate, signatureAlgorithm } = AsnConvert.parse(x509.raw, AsnCertificate)
    const extensions = extensionsOf(tbsCertificate.extensions ?? [])
    const basicConstraints = read(extensions, id_ce_basicConstraints, BasicConstraints)
    const keyUsage = read(extensions, id_ce_keyUsage, KeyUsage)
    const extendedKeyUsage = read(extensions, id_ce_extKeyUsage, ExtendedKeyUsage)
    return {
      x509,
      fingerprint: hash('sha256', x509.raw, 'hex'),
      notBefore: x509.validFromDate.getTime(),
      notAfter: x509.validToDate.getTime(),
      isCa: basicConstraints?.cA ?? false,
      pathLength: basicConstraints?.pathLenConstraint ?? null,
      keyUsage: keyUsage === null ? null : new Set(keyUsage.toJSON()),
      extendedKeyUsage: extendedKeyUsage === null ? null : new Set(extendedKeyUsage),
      unknownCritical: [...extensions.values()]
        .filter(({ extnID, critical }) => critical && !UNDERSTOOD.has(extnID))
        .map(({ extnID }) => extnID),
      signatureAlgorithm: signatureAlgorithm.algorithm,
      serial: serialOf(tbsCertificate.serialNumber),
      subject: x509.subject === undefined ? '' : x509.subject.split('\n').reverse().join(','),
      names: namesOf(read(extensions, id_ce_subjectAltName, SubjectAlternativeName)),
      spkiSha256: hash('sha256', x509.publicKey.export({ type: 'spki', format: 'der' }), 'base64'),
      issuerName: encodedName(tbsCertificate.issuer),
      subjectName: encodedName(tbsCertificate.subject),
    }
  } catch (error) {
    throw error instanceof PkiError ? error : new PkiError('is not an X.509 certificate', { cause: error })
  }
}

/** Every certificate of a PEM text; throws PkiError if one cannot be parsed or there is none. */
export function parseCertificates(pem: string): Certificate[] {
  const ders = pemBlocks(pem, 'CERTIFICATE')
  if (ders.length === 0) {
    throw new PkiError('contains no PEM certificate')
  }
  return ders.map((der, index) => {
    try {
      return parseCertificate(der)
    } catch (error) {
      throw new PkiError(`certificate ${index + 1} of ${ders.length} ${(error as Error).message}`, { cause: error })
    }
  })
}

/** The decoded contents of all PEM blocks with this label. Text between blocks is ignored. */
export function pemBlocks(pem: string, label: string): Buffer[] {
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g')
  return [...pem.matchAll(block)].map(([, base64]) => Buffer.from(base64 ?? '', 'base64'))
}

/** Bytes of a serial number as hex without leading zeros. */
export function serialOf(bytes: ArrayBuffer): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^0+(?=.)/, '')
}

export function encodedName(name: unknown): string {
  return Buffer.from(AsnConvert.serialize(name)).toString('base64')
}

const UNDERSTOOD: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
])

function extensionsOf(extensions: Iterable<Extension>): ReadonlyMap<string, Extension> {
  const byId = new Map<string, Extension>()
  for (const extension of extensions) {
    if (byId.has(extension.extnID)) {
      throw new PkiError(`contains the extension ${extension.extnID} twice`)
    }
    byId.set(extension.extnID, extension)
  }
  return byId
}

function read<T>(extensions: ReadonlyMap<string, Extension>, id: string, type: new () => T): T | null {
  const extension = extensions.get(id)
  return extension === undefined ? null : AsnConvert.parse(extension.extnValue.buffer, type)
}

function namesOf(names: SubjectAlternativeName | null): string[] {
  return [...(names ?? [])].flatMap((name) => {
    if (name.dNSName !== undefined) {
      return [`DNS:${name.dNSName.toLowerCase()}`]
    }
    if (name.uniformResourceIdentifier !== undefined) {
      return [`URI:${name.uniformResourceIdentifier}`]
    }
    if (name.rfc822Name !== undefined) {
      return [`email:${name.rfc822Name}`]
    }
    return name.iPAddress === undefined ? [] : [`IP:${name.iPAddress}`]
  })
}
