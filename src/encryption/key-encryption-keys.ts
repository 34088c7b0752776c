import { createHmac, hkdfSync } from 'node:crypto'
import { headerText } from '../stream/header-text.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import { decrypt, encrypt, KEY_BYTES } from './cipher.ts'

/** The header that names the key-encryption key a data key is wrapped with. */
const KEK_HEADER = 'paystatus_kek'

/** A data key as stored in `payments.keys`. */
export interface WrappedDataKey {
  readonly id: string
  readonly kekId: string
  readonly wrapped: Buffer
}

/** The configured key-encryption keys: the active one wraps new data keys, all unwrap existing ones. */
export class KeyEncryptionKeys {
  readonly #keys: ReadonlyMap<string, Buffer>
  readonly #activeId: string | null

  /** Without an active key, bodies are decrypted but not encrypted. */
  constructor(keys: ReadonlyMap<string, Buffer>, activeId: string | null) {
    this.#keys = keys
    this.#activeId = activeId
  }

  /** The record for `payments.keys` of a new data key. Throws if no key is active. */
  wrap(id: string, dataKey: Buffer): OutRecord {
    const [kekId, kek] = this.#active()
    return { key: id, value: encrypt(kek, binding(kekId, id), dataKey), headers: { [KEK_HEADER]: kekId } }
  }

  /** Throws DefinedStop if the key-encryption key is not configured or holds other bytes. */
  unwrap({ id, kekId, wrapped }: WrappedDataKey): Buffer {
    const kek = this.#keys.get(kekId)
    if (kek === undefined) {
      throw new DefinedStop(
        'KEK_UNKNOWN',
        `data key ${id} is wrapped with the key-encryption key "${kekId}", which is not configured: add it to encryption.keys with its former file; it need not be active. Nothing was skipped.`,
      )
    }
    const dataKey = decrypt(kek, binding(kekId, id), wrapped)
    if (dataKey?.length !== KEY_BYTES) {
      throw new DefinedStop(
        'KEK_WRONG',
        `the key-encryption key "${kekId}" does not unwrap data key ${id}: its file is not the one the data key was wrapped with. Configure the right file under encryption.keys; a new key-encryption key needs a new id. Nothing was skipped.`,
      )
    }
    return dataKey
  }

  /** Replaces a body's SHA-256 wherever it is recorded: without the key, nobody can search by it. */
  digestOf(): (body: Buffer) => string {
    const key = Buffer.from(hkdfSync('sha256', this.#active()[1], Buffer.alloc(0), 'paystatus body digest', KEY_BYTES))
    return (body) => createHmac('sha256', key).update(body).digest('hex')
  }

  #active(): readonly [id: string, key: Buffer] {
    const key = this.#activeId === null ? undefined : this.#keys.get(this.#activeId)
    if (this.#activeId === null || key === undefined) {
      throw new TypeError('no key-encryption key is active')
    }
    return [this.#activeId, key]
  }
}

/** Null for a tombstone: the key was forgotten. The bytes are copied out of the fetched batch. */
export function toWrappedDataKey(record: InRecord): WrappedDataKey | null {
  return record.value === null
    ? null
    : { id: String(record.key), kekId: headerText(record, KEK_HEADER), wrapped: Buffer.from(record.value) }
}

function binding(kekId: string, id: string): Buffer {
  return Buffer.from(`paystatus data key\0${kekId}\0${id}`)
}
