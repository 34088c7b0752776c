import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { KEY_BYTES } from './cipher.ts'
import type { DataKeyPer } from './data-key-id.ts'

const kekId = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be lower-case letters, digits, dots and dashes')

export const ENCRYPTION_SCHEMA = z.strictObject({
  /** Id of the key-encryption key for new data keys; `none` stops encrypting and still decrypts. */
  active: kekId,
  dataKeyPer: z.enum(['payment', 'source-and-day']).default('payment'),
  keys: z.array(z.strictObject({ id: kekId, file: z.string() })).min(1),
})

/** Null in the configuration: bodies are written as received. */
export interface EncryptionConfig {
  /** Null stops encrypting. */
  readonly activeKey: string | null
  readonly dataKeyPer: DataKeyPer
  /** Key-encryption keys by id. */
  readonly keys: ReadonlyMap<string, Buffer>
}

/** Reads the key files. Adds what is wrong to `problems`, without a byte of a key. */
export function resolveEncryption(parsed: z.infer<typeof ENCRYPTION_SCHEMA>, problems: string[]): EncryptionConfig {
  const keys = new Map<string, Buffer>()
  for (const [index, { id, file }] of parsed.keys.entries()) {
    const where = `encryption.keys.${index}`
    if (keys.has(id)) {
      problems.push(`${where}.id: ${id} is already used; a new key needs a new id`)
    }
    let text = ''
    try {
      text = readFileSync(file, 'utf8').trim()
    } catch (error) {
      problems.push(`${where}.file: cannot be read (${(error as NodeJS.ErrnoException).code})`)
      continue
    }
    const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64')
    if (key.length !== KEY_BYTES || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) {
      problems.push(
        `${where}.file: must hold ${KEY_BYTES} random bytes as base64 or hex, as \`openssl rand -base64 32\` prints them`,
      )
    }
    keys.set(id, key)
  }
  if (parsed.active !== 'none' && !parsed.keys.some(({ id }) => id === parsed.active)) {
    problems.push(`encryption.active: encryption.keys has no key ${parsed.active}; "none" stops encrypting`)
  }
  return { activeKey: parsed.active === 'none' ? null : parsed.active, dataKeyPer: parsed.dataKeyPer, keys }
}
