import { createPrivateKey, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Certificate, parseCertificates } from './certificate.ts'
import { PkiError } from './pki-error.ts'

/** What a TLS server shows of itself. */
export interface ServerIdentity {
  /** The server's own certificate first, then the CAs that lead to it. */
  readonly chain: readonly Certificate[]
  readonly certificatePem: string
  readonly keyPem: string
}

/** Reads a certificate chain and its key, and checks that they belong together; throws PkiError. */
export function toServerIdentity(certificatePem: string, keyPem: string): ServerIdentity {
  const chain = parseCertificates(certificatePem)
  let key: KeyObject
  try {
    key = createPrivateKey(keyPem)
  } catch (error) {
    throw new PkiError('the key is no PEM private key without a passphrase', { cause: error })
  }
  if (!chain[0]?.x509.checkPrivateKey(key)) {
    throw new PkiError('the key is not that of the first certificate')
  }
  try {
    createSecureContext({ cert: certificatePem, key: keyPem })
  } catch (error) {
    throw new PkiError('TLS cannot work with this certificate and key; too weak?', { cause: error })
  }
  return { chain, certificatePem, keyPem }
}
