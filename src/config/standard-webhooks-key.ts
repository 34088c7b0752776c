import { createPublicKey, type KeyObject } from 'node:crypto'

/** The key in a Standard Webhooks secret: a symmetric key (v1) or a sender's public key (v1a). */
export type StandardWebhooksKey =
  | { readonly version: 'v1'; readonly key: Buffer }
  | { readonly version: 'v1a'; readonly key: KeyObject }

/** RFC 8410: the bytes before the 32 bytes of an Ed25519 key. */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Reads `whsec_<base64>` or `whpk_<base64>` (Standard Webhooks 1.0.0); throws for anything else. */
export function standardWebhooksKey(text: string): StandardWebhooksKey {
  const [, prefix, base64 = ''] = /^(whsec|whpk)_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const bytes = Buffer.from(base64, 'base64')
  if (prefix === 'whsec' && bytes.length >= 24 && bytes.length <= 64) {
    return { version: 'v1', key: bytes }
  }
  if (prefix === 'whpk' && bytes.length === 32) {
    const der = Buffer.concat([ED25519_PREFIX, bytes])
    return { version: 'v1a', key: createPublicKey({ key: der, format: 'der', type: 'spki' }) }
  }
  throw new Error('must be whsec_ and 24 to 64 bytes in base64, or whpk_ and the 32 bytes of an Ed25519 public key')
}
