import { type KeyObject, verify } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { CertificateList, type Extension, type Time } from '@peculiar/asn1-x509'
import { encodedName, pemBlocks, serialOf } from './certificate.ts'
import { PkiError } from './pki-error.ts'
import { hashOfSignature } from './signature-algorithms.ts'

/** A CRL: the revoked certificates of one issuer. Its signature is checked when it is used, with the issuer's key. */
export interface RevocationList {
  readonly issuerName: string
  /** ms since the epoch. */
  readonly thisUpdate: number
  /** ms since the epoch. */
  readonly nextUpdate: number
  /** Serial numbers, written as in Certificate. */
  readonly revoked: ReadonlySet<string>
  isSignedBy(issuerKey: KeyObject): boolean
}

/** Every CRL of a file: one or more in PEM, or one in DER. Throws PkiError if one cannot be used. */
export function parseRevocationLists(content: Buffer): RevocationList[] {
  const pem = pemBlocks(content.toString('latin1'), 'X509 CRL')
  return (pem.length === 0 ? [content] : pem).map(parseRevocationList)
}

function parseRevocationList(der: Buffer): RevocationList {
  let list: CertificateList
  try {
    list = AsnConvert.parse(der, CertificateList)
  } catch (error) {
    throw new PkiError('is not a CRL in PEM or DER', { cause: error })
  }
  const { tbsCertList, tbsCertListRaw, signature, signatureAlgorithm } = list
  const revoked = tbsCertList.revokedCertificates ?? []
  // A critical extension narrows a list's scope (a delta, some reasons, other issuers). Treating such a list as a full one
  // would let revoked certificates pass.
  const critical = [...(tbsCertList.crlExtensions ?? []), ...revoked.flatMap(entryExtensions)].find(isCritical)
  if (critical !== undefined) {
    throw new PkiError(`is a CRL with a critical extension (${critical.extnID}); only full CRLs are supported`)
  }
  if (tbsCertList.nextUpdate === undefined || tbsCertListRaw === undefined) {
    throw new PkiError('is a CRL without an expiry time (nextUpdate)')
  }
  const algorithm = hashOfSignature(signatureAlgorithm.algorithm)
  if (algorithm === undefined) {
    throw new PkiError(`is a CRL with the signature algorithm ${signatureAlgorithm.algorithm}, which is not accepted`)
  }
  const signed = Buffer.from(tbsCertListRaw)
  return {
    issuerName: encodedName(tbsCertList.issuer),
    thisUpdate: msOf(tbsCertList.thisUpdate),
    nextUpdate: msOf(tbsCertList.nextUpdate),
    revoked: new Set(revoked.map(({ userCertificate }) => serialOf(userCertificate))),
    isSignedBy: (issuerKey) => {
      try {
        return verify(algorithm, signed, issuerKey, Buffer.from(signature))
      } catch {
        return false
      }
    },
  }
}

function entryExtensions({ crlEntryExtensions }: { crlEntryExtensions?: Extension[] }): Extension[] {
  return crlEntryExtensions ?? []
}

function isCritical({ critical }: Extension): boolean {
  return critical
}

function msOf(time: Time): number {
  return time.getTime().getTime()
}
