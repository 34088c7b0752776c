import { createPrivateKey, type KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { type Certificate, parseCertificates } from './certificate.ts'
import { PkiError } from './pki-error.ts'

/** What a TLS server presents. */
export interface ServerIdentity {
  /** The server's own certificate first, then the CAs above it. */
  readonly chain: readonly Certificate[]
  readonly certificatePem: string
  readonly keyPem: string
}

/** Parses a certificate chain and its key, and checks that they match; throws PkiError. */
export function toServerIdentity(certificatePem: string, keyPem: string): ServerIdentity {
  const chain = parseCertificates(certificatePem)
  let key: KeyObject
  try {
    key = createPrivateKey(keyPem)
  } catch (error) {
    throw new PkiError('the key is not a PEM private key without a passphrase', { cause: error })
  }
  if (!chain[0]?.x509.checkPrivateKey(key)) {
    throw new PkiError('the key does not match the first certificate')
  }
  try {
    createSecureContext({ cert: certificatePem, key: keyPem })
  } catch (error) {
    throw new PkiError('TLS cannot use this certificate and key; they may be too weak', { cause: error })
  }
  return { chain, certificatePem, keyPem }
}
