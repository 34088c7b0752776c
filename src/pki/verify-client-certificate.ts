import { id_kp_clientAuth } from '@peculiar/asn1-x509'
import { type Certificate, parseCertificates } from './certificate.ts'
import { PkiError } from './pki-error.ts'
import type { RevocationList } from './revocation-list.ts'
import { hashOfSignature } from './signature-algorithms.ts'

/** The CAs that one source trusts to certify its callers. */
export interface Trust {
  /** Where a chain may end. */
  readonly anchors: readonly Certificate[]
  /** CAs of the bundle below an anchor, in case the caller does not send them. */
  readonly intermediates: readonly Certificate[]
  /** Null: revocation is not checked. */
  readonly revocationLists: readonly RevocationList[] | null
}

/** Why a certificate was refused. For logs and metrics, never for the caller. */
export type CertificateRefusal =
  | 'self-signed'
  | 'unknown-issuer'
  | 'bad-signature'
  | 'not-yet-valid'
  | 'expired'
  | 'weak-key'
  | 'weak-signature'
  | 'unknown-critical-extension'
  | 'is-a-ca'
  | 'not-for-client-authentication'
  | 'issuer-is-no-ca'
  | 'path-too-long'
  | 'no-revocation-list'
  | 'stale-revocation-list'
  | 'revoked'

export type CertificateVerdict = ValidPath | { readonly ok: false; readonly reason: CertificateRefusal }

export interface ValidPath {
  readonly ok: true
  /** Valid until then (ms since the epoch), unless the trust changes. */
  readonly until: number
  readonly anchor: Certificate
}

/** The most CAs between a caller's certificate and the anchor. */
const INTERMEDIATES_MAX = 6
/** Limits the work that a caller can cause. */
const SIGNATURE_CHECKS_MAX = 64
const RSA_BITS_MIN = 2_048
const CURVES: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1'])

/**
 * The trust defined by a CA bundle. A CA of the bundle is an anchor unless its issuer is in the bundle, too; then it is
 * checked like any other link of the chain.
 *
 * Throws PkiError if the bundle contains a certificate that is not a CA.
 */
export function toTrust(bundlePem: string, revocationLists: readonly RevocationList[] | null): Trust {
  const bundle = parseCertificates(bundlePem)
  const noCa = bundle.find(({ isCa }) => !isCa)
  if (noCa !== undefined) {
    throw new PkiError(`contains a certificate that is not a CA (${noCa.subject}): pin it instead, and put its CA here`)
  }
  const hasIssuer = (one: Certificate) => bundle.some((other) => other !== one && isIssuedBy(one, other))
  const isSelfSigned = (one: Certificate) => isIssuedBy(one, one)
  const anchors = bundle.filter((one) => isSelfSigned(one) || !hasIssuer(one))
  return { anchors, intermediates: bundle.filter((one) => !anchors.includes(one)), revocationLists }
}

/**
 * Whether a client certificate is valid under this trust now (RFC 5280, without policies and name constraints: a certificate
 * that makes these critical is refused). `sent` are the other certificates the caller presented, in any order.
 *
 * Stricter than RFC 5280: a CA cannot be a client; no SHA-1; only RSA of at least 2,048 bits and the usual curves. If there
 * are revocation lists, each link needs a current one; if it is missing or stale, the certificate is refused.
 */
export function verifyClientCertificate(
  leaf: Certificate,
  sent: readonly Certificate[],
  trust: Trust,
  now: number,
): CertificateVerdict {
  const candidates = [...trust.intermediates, ...sent]
  let checks = 0
  let brokenSignature = false
  let refusal: CertificateRefusal | null = null

  function issued(issuer: Certificate, subject: Certificate): boolean {
    if (checks >= SIGNATURE_CHECKS_MAX || !subject.x509.checkIssued(issuer.x509)) {
      return false
    }
    checks += 1
    const signed = subject.x509.verify(issuer.x509.publicKey)
    brokenSignature ||= !signed
    return signed
  }

  /** Tries every path from its last certificate to an anchor. Returns the first valid one; null if none is. */
  function follow(path: readonly Certificate[]): ValidPath | null {
    const end = path.at(-1) as Certificate
    for (const anchor of trust.anchors) {
      if (issued(anchor, end)) {
        const whole = [...path, anchor]
        const reason = refusalOf(whole, trust, now)
        if (reason === null) {
          return { ok: true, until: goodUntil(whole, trust), anchor }
        }
        refusal ??= reason
      }
    }
    if (path.length <= INTERMEDIATES_MAX) {
      for (const candidate of candidates) {
        const isNew = path.every(({ fingerprint }) => fingerprint !== candidate.fingerprint)
        const valid = isNew && issued(candidate, end) ? follow([...path, candidate]) : null
        if (valid !== null) {
          return valid
        }
      }
    }
    return null
  }

  return follow([leaf]) ?? { ok: false, reason: refusal ?? reasonWithoutPath(leaf, brokenSignature) }
}

function reasonWithoutPath(leaf: Certificate, brokenSignature: boolean): CertificateRefusal {
  if (brokenSignature) {
    return 'bad-signature'
  }
  // `checkIssued` cannot be used: it returns false for every issuer that may not sign certificates.
  const isOwn = leaf.subjectName === leaf.issuerName && leaf.x509.verify(leaf.x509.publicKey)
  return isOwn ? 'self-signed' : 'unknown-issuer'
}

function isIssuedBy(subject: Certificate, issuer: Certificate): boolean {
  return subject.x509.checkIssued(issuer.x509) && subject.x509.verify(issuer.x509.publicKey)
}

/** What is wrong with a path from the client to the anchor whose signatures are valid. */
function refusalOf(path: readonly Certificate[], trust: Trust, now: number): CertificateRefusal | null {
  const [leaf, ...cas] = path as [Certificate, ...Certificate[]]
  const links = path.slice(0, -1)
  return (
    first(path, (one) => refusalOfAny(one, now)) ??
    first(links, (one) => (hashOfSignature(one.signatureAlgorithm) === undefined ? 'weak-signature' : null)) ??
    refusalOfClient(leaf) ??
    first(cas, refusalOfCa) ??
    first(links, (one, index) => refusalByRevocation(one, path[index + 1] as Certificate, trust, now))
  )
}

function first(
  path: readonly Certificate[],
  check: (one: Certificate, index: number) => CertificateRefusal | null,
): CertificateRefusal | null {
  for (const [index, one] of path.entries()) {
    const reason = check(one, index)
    if (reason !== null) {
      return reason
    }
  }
  return null
}

function refusalOfAny(one: Certificate, now: number): CertificateRefusal | null {
  if (now < one.notBefore) {
    return 'not-yet-valid'
  }
  if (now > one.notAfter) {
    return 'expired'
  }
  if (one.unknownCritical.length > 0) {
    return 'unknown-critical-extension'
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = one.x509.publicKey
  const isStrong =
    type === 'rsa'
      ? (details?.modulusLength ?? 0) >= RSA_BITS_MIN
      : type === 'ec'
        ? CURVES.has(details?.namedCurve)
        : type === 'ed25519' || type === 'ed448'
  return isStrong ? null : 'weak-key'
}

function refusalOfClient(leaf: Certificate): CertificateRefusal | null {
  if (leaf.isCa || leaf.keyUsage?.has('keyCertSign')) {
    return 'is-a-ca'
  }
  const isForClients =
    (leaf.extendedKeyUsage?.has(id_kp_clientAuth) ?? true) && (leaf.keyUsage?.has('digitalSignature') ?? true)
  return isForClients ? null : 'not-for-client-authentication'
}

/** `index` is the number of CAs between this one and the client. */
function refusalOfCa(ca: Certificate, index: number): CertificateRefusal | null {
  if (!ca.isCa || !(ca.keyUsage?.has('keyCertSign') ?? true)) {
    return 'issuer-is-no-ca'
  }
  if (!(ca.extendedKeyUsage?.has(id_kp_clientAuth) ?? true)) {
    return 'not-for-client-authentication'
  }
  return ca.pathLength !== null && index > ca.pathLength ? 'path-too-long' : null
}

function refusalByRevocation(
  one: Certificate,
  issuer: Certificate,
  { revocationLists }: Trust,
  now: number,
): CertificateRefusal | null {
  if (revocationLists === null) {
    return null
  }
  const lists = listsOf(issuer, revocationLists)
  // Also if the list is stale: revocation is permanent, except for "hold", which is refused to be safe.
  if (lists.some(({ revoked }) => revoked.has(one.serial))) {
    return 'revoked'
  }
  if (lists.some(({ thisUpdate, nextUpdate }) => thisUpdate <= now && now <= nextUpdate)) {
    return null
  }
  return lists.length === 0 ? 'no-revocation-list' : 'stale-revocation-list'
}

function listsOf(issuer: Certificate, lists: readonly RevocationList[]): RevocationList[] {
  return (issuer.keyUsage?.has('crlSign') ?? true)
    ? lists.filter((list) => list.issuerName === issuer.subjectName && list.isSignedBy(issuer.x509.publicKey))
    : []
}

function goodUntil(path: readonly Certificate[], { revocationLists }: Trust): number {
  const ends = path.map(({ notAfter }) => notAfter)
  if (revocationLists !== null) {
    for (const issuer of path.slice(1)) {
      ends.push(Math.max(...listsOf(issuer, revocationLists).map(({ nextUpdate }) => nextUpdate)))
    }
  }
  return Math.min(...ends)
}
