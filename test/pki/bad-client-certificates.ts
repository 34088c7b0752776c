import { id_kp_serverAuth } from '@peculiar/asn1-x509'
import {
  type CertificateOptions,
  certificate,
  type Issued,
  rootCa,
  rsaKeys,
  tampered,
} from './certificate-authority.ts'

const DAY_MS = 86_400_000
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS)

export interface BadClientCertificate {
  readonly what: string
  /** Null: the caller presents none. */
  readonly client: Issued | null
  /** The CAs that it sends along. */
  readonly sent: readonly Issued[]
}

/** A caller's bank: the CA that a source trusts, and the name that it pins. */
export interface Bank {
  readonly ca: Issued
  readonly pinnedName: string
}

/** The bank's certificate for its caller, valid unless the options make it invalid. */
export function clientOf(
  { ca, pinnedName }: Bank,
  options: CertificateOptions = {},
  issuer: Issued | null = ca,
): Issued {
  return certificate('CN=caller', issuer, { names: [{ dNSName: pinnedName }], ...options })
}

/** Every known kind of bad certificate; each must be refused by a source that trusts only `bank`. */
export function badClientCertificates(bank: Bank, caOfAnotherSource: Issued): readonly BadClientCertificate[] {
  const { ca, pinnedName } = bank
  const client = (options: CertificateOptions = {}, issuer: Issued | null = ca) => clientOf(bank, options, issuer)
  const issuing = certificate('CN=Bank issuing', ca, { ca: true })
  const noCa = certificate('CN=No CA', ca, { keyUsage: null })
  const otherClient = client()
  const bad: readonly (readonly [what: string, client: Issued | null, sent?: readonly Issued[]])[] = [
    ['none at all', null],
    ['expired', client({ notAfter: daysFromNow(-1) })],
    ['not valid yet', client({ notBefore: daysFromNow(1) })],
    ['of an untrusted CA', client({}, rootCa('CN=Nobody'))],
    ['of a CA with the trusted name', client({}, rootCa(ca.subject))],
    ['signed by itself', client({}, null)],
    ['of the CA of another source', client({}, caOfAnotherSource)],
    ['without the pinned name', client({ names: [{ dNSName: 'example.test' }] })],
    ['with the pinned name as its subject alone', certificate(`CN=${pinnedName}`, ca)],
    ['for servers only', client({ extendedKeyUsage: [id_kp_serverAuth] })],
    ['without its intermediate CA', client({}, issuing)],
    ['below what is no CA', client({}, noCa), [noCa]],
    ['below another client', client({}, otherClient), [otherClient]],
    ['with a short RSA key', client({ keys: rsaKeys(1_024) })],
    ['signed with SHA-1', client({ hash: 'sha1' })],
    ['changed after it was signed', tampered(client())],
    ['of the CA itself', ca],
    ['without a revocation list of its issuer', client({}, issuing), [issuing]],
  ]
  return bad.map(([what, certificateShown, sent = []]) => ({ what, client: certificateShown, sent }))
}

/** TLS options of a client: its certificate with the CAs that it sends along; empty if it has no certificate. */
export function shownBy(client: Issued | null, sent: readonly Issued[] = []): { cert?: string; key?: string } {
  return client === null ? {} : { cert: [client, ...sent].map(({ pem }) => pem).join(''), key: client.keyPem }
}
