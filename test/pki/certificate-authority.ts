import {
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  type KeyPairKeyObjectResult,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificateList,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  RevokedCertificate,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  TBSCertList,
  Time,
  Validity,
  Version,
} from '@peculiar/asn1-x509'

/** A certificate and its key, made for one test. Encoded here and signed by Node, so that it can be invalid in any way. */
export interface Issued {
  readonly der: Buffer
  readonly pem: string
  readonly keyPem: string
  readonly keys: KeyPairKeyObjectResult
  readonly subject: string
  readonly serial: Buffer
}

export interface CertificateOptions {
  readonly ca?: boolean
  readonly pathLength?: number
  readonly notBefore?: Date
  readonly notAfter?: Date
  readonly keyUsage?: number | null
  readonly extendedKeyUsage?: readonly string[] | null
  readonly names?: readonly ConstructorParameters<typeof GeneralName>[0][]
  readonly keys?: KeyPairKeyObjectResult
  /** The issuer's signature hash; SHA-256 by default. */
  readonly hash?: 'sha256' | 'sha1'
  /** Additional extensions. */
  readonly extensions?: readonly Extension[]
}

const DAY_MS = 86_400_000
const SIGNATURE_ALGORITHMS: Readonly<Record<string, string>> = {
  'ec sha256': '1.2.840.10045.4.3.2',
  'ec sha1': '1.2.840.10045.4.1',
  'rsa sha256': '1.2.840.113549.1.1.11',
  'rsa sha1': '1.2.840.113549.1.1.5',
}

export function ecKeys(): KeyPairKeyObjectResult {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

export function rsaKeys(modulusLength: number): KeyPairKeyObjectResult {
  return generateKeyPairSync('rsa', { modulusLength })
}

/** A self-signed CA. */
export function rootCa(name: string, options: CertificateOptions = {}): Issued {
  return certificate(name, null, { ca: true, ...options })
}

/** A client's certificate, unless the options say otherwise; a null issuer: signed by its own key. */
export function certificate(name: string, issuer: Issued | null, options: CertificateOptions = {}): Issued {
  const keys = options.keys ?? ecKeys()
  const signer = issuer?.keys ?? keys
  const signerName = issuer?.subject ?? name
  const isCa = options.ca ?? false
  const serial = Buffer.concat([Buffer.from([0x4a]), randomBytes(8)])
  const algorithm = algorithmOf(signer.privateKey, options.hash ?? 'sha256')
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: bufferOf(serial),
    signature: algorithm,
    issuer: nameOf(signerName),
    validity: new Validity({
      notBefore: options.notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: options.notAfter ?? new Date(Date.now() + 60 * DAY_MS),
    }),
    subject: nameOf(name),
    subjectPublicKeyInfo: AsnConvert.parse(spkiOf(keys.publicKey), SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(bufferOf(keyIdOf(keys.publicKey)))),
      extension(
        id_ce_authorityKeyIdentifier,
        false,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(bufferOf(keyIdOf(signer.publicKey))) }),
      ),
      ...(isCa || options.pathLength !== undefined
        ? [
            extension(
              id_ce_basicConstraints,
              true,
              new BasicConstraints({
                cA: isCa,
                ...(options.pathLength !== undefined && { pathLenConstraint: options.pathLength }),
              }),
            ),
          ]
        : []),
      ...optional(
        options.keyUsage === undefined
          ? isCa
            ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign
            : KeyUsageFlags.digitalSignature
          : options.keyUsage,
        (flags) => extension(id_ce_keyUsage, true, new KeyUsage(flags)),
      ),
      ...optional(
        options.extendedKeyUsage === undefined ? (isCa ? null : [id_kp_clientAuth]) : options.extendedKeyUsage,
        (purposes) => extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([...purposes])),
      ),
      ...optional(options.names ?? null, (names) =>
        extension(id_ce_subjectAltName, false, new SubjectAlternativeName(names.map((one) => new GeneralName(one)))),
      ),
      ...(options.extensions ?? []),
    ]),
  })
  const signature = signed(AsnConvert.serialize(tbs), signer.privateKey, options.hash ?? 'sha256')
  const der = Buffer.from(
    AsnConvert.serialize(
      new Certificate({ tbsCertificate: tbs, signatureAlgorithm: algorithm, signatureValue: bufferOf(signature) }),
    ),
  )
  return {
    der,
    pem: new X509Certificate(der).toString(),
    keyPem: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    keys,
    subject: name,
    serial,
  }
}

export interface RevocationOptions {
  readonly thisUpdate?: Date
  /** Null: the list does not say. */
  readonly nextUpdate?: Date | null
  readonly extensions?: readonly Extension[]
  /** Signs instead of the issuer. */
  readonly signer?: Issued
}

/** A CRL of this CA, in PEM. */
export function revocationList(issuer: Issued, revoked: readonly Issued[], options: RevocationOptions = {}): string {
  const key = (options.signer ?? issuer).keys.privateKey
  const algorithm = algorithmOf(key, 'sha256')
  const nextUpdate = options.nextUpdate === undefined ? new Date(Date.now() + DAY_MS) : options.nextUpdate
  const list = new TBSCertList({
    version: Version.v2,
    signature: algorithm,
    issuer: nameOf(issuer.subject),
    thisUpdate: new Time(options.thisUpdate ?? new Date(Date.now() - DAY_MS)),
    ...(nextUpdate !== null && { nextUpdate: new Time(nextUpdate) }),
    ...(revoked.length > 0 && {
      revokedCertificates: revoked.map(
        ({ serial }) =>
          new RevokedCertificate({ userCertificate: bufferOf(serial), revocationDate: new Time(new Date()) }),
      ),
    }),
    ...(options.extensions !== undefined && { crlExtensions: [...options.extensions] }),
  })
  const der = AsnConvert.serialize(
    new CertificateList({
      tbsCertList: list,
      signatureAlgorithm: algorithm,
      signature: bufferOf(signed(AsnConvert.serialize(list), key, 'sha256')),
    }),
  )
  return pemOf('X509 CRL', Buffer.from(der))
}

/** The same certificate with its last byte, part of the signature, changed. */
export function tampered(issued: Issued): Issued {
  const der = Buffer.from(issued.der)
  const last = der.length - 1
  der[last] = (der[last] ?? 0) ^ 1
  return { ...issued, der, pem: pemOf('CERTIFICATE', der) }
}

export function spkiPin({ keys }: Issued): string {
  return `spki-sha256:${hash('sha256', Buffer.from(spkiOf(keys.publicKey)), 'base64')}`
}

/** An extension; null for an unreadable value. */
export function extension(id: string, critical: boolean, value: object | null): Extension {
  const encoded = value === null ? bufferOf(Buffer.from([5, 0])) : AsnConvert.serialize(value)
  return new Extension({ extnID: id, critical, extnValue: new OctetString(encoded) })
}

function optional<T, R>(value: T | null, make: (value: T) => R): R[] {
  return value === null ? [] : [make(value)]
}

function algorithmOf(key: KeyObject, digest: 'sha256' | 'sha1'): AlgorithmIdentifier {
  const type = key.asymmetricKeyType as string
  return new AlgorithmIdentifier({
    algorithm: SIGNATURE_ALGORITHMS[`${type} ${digest}`] as string,
    ...(type === 'rsa' && { parameters: null }),
  })
}

function signed(data: ArrayBuffer, key: KeyObject, digest: 'sha256' | 'sha1'): Buffer {
  return sign(digest, Buffer.from(data), key)
}

/** `O=Bank,CN=caller`: in the order in which it is encoded, without escapes. */
function nameOf(text: string): Name {
  const types: Readonly<Record<string, string>> = { CN: '2.5.4.3', O: '2.5.4.10' }
  return new Name(
    text.split(',').map((part) => {
      const [type = '', value = ''] = part.split('=')
      return new RelativeDistinguishedName([
        new AttributeTypeAndValue({
          type: types[type] as string,
          value: new AttributeValue({ utf8String: value }),
        }),
      ])
    }),
  )
}

function spkiOf(key: KeyObject): ArrayBuffer {
  return bufferOf((key.type === 'public' ? key : createPublicKey(key)).export({ type: 'spki', format: 'der' }))
}

function keyIdOf(key: KeyObject): Buffer {
  return hash('sha1', Buffer.from(spkiOf(key)), 'buffer')
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
