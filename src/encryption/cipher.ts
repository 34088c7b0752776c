import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/** AES-256-GCM, the only supported method. */
export const METHOD = 'aes-256-gcm'
export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Nonce, ciphertext and tag, in this order. The nonce is random, so a key must not encrypt more than 2^32 times. */
export function encrypt(key: Buffer, associated: Buffer, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(METHOD, key, nonce, { authTagLength: TAG_BYTES }).setAAD(associated)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** Null if the bytes, the key or the associated data are not those of the encryption. */
export function decrypt(key: Buffer, associated: Buffer, sealed: Buffer): Buffer | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) {
    return null
  }
  const decipher = createDecipheriv(METHOD, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
    .setAAD(associated)
    .setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()])
  } catch {
    return null
  }
}

/** Binds a body to its topic and its record's key. Topic names contain no NUL. */
export function bodyBinding(topic: string, key: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`paystatus body\0${topic}\0`), key])
}
