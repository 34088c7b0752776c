import { createHmac, hkdfSync } from 'node:crypto'
import { headerText } from '../stream/header-text.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import { decrypt, encrypt, KEY_BYTES } from './cipher.ts'

/** Which key-encryption key a data key is wrapped by. */
const KEK_HEADER = 'paystatus_kek'

/** A data key as `payments.keys` holds it. */
export interface WrappedDataKey {
  readonly id: string
  readonly kekId: string
  readonly wrapped: Buffer
}

/** The key-encryption keys of the configuration: one wraps new data keys, all open old ones. */
export class KeyEncryptionKeys {
  readonly #keys: ReadonlyMap<string, Buffer>
  readonly #activeId: string | null

  /** Without an active one, what is encrypted can be opened and nothing is encrypted. */
  constructor(keys: ReadonlyMap<string, Buffer>, activeId: string | null) {
    this.#keys = keys
    this.#activeId = activeId
  }

  /** The record of `payments.keys` for a new data key. Throws if no key is active. */
  wrap(id: string, dataKey: Buffer): OutRecord {
    const [kekId, kek] = this.#active()
    return { key: id, value: encrypt(kek, binding(kekId, id), dataKey), headers: { [KEK_HEADER]: kekId } }
  }

  /** Throws DefinedStop if the key-encryption key is not here or holds other bytes. */
  unwrap({ id, kekId, wrapped }: WrappedDataKey): Buffer {
    const kek = this.#keys.get(kekId)
    if (kek === undefined) {
      throw new DefinedStop(
        'KEK_UNKNOWN',
        `data key ${id} is wrapped by the key-encryption key "${kekId}", which is not configured: add it to encryption.keys (it need not be active), with the file that it had. Nothing was skipped.`,
      )
    }
    const dataKey = decrypt(kek, binding(kekId, id), wrapped)
    if (dataKey?.length !== KEY_BYTES) {
      throw new DefinedStop(
        'KEK_WRONG',
        `the key-encryption key "${kekId}" does not open data key ${id}: its file holds other bytes than those it was wrapped with. Configure the right file under encryption.keys; a new key-encryption key needs a new id. Nothing was skipped.`,
      )
    }
    return dataKey
  }

  /** What takes the place of a body's SHA-256 where it would be written down: nobody without the key can search by it. */
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

/** Null for a tombstone: the key was forgotten. The bytes are copied out of what was fetched. */
export function toWrappedDataKey(record: InRecord): WrappedDataKey | null {
  return record.value === null
    ? null
    : { id: String(record.key), kekId: headerText(record, KEK_HEADER), wrapped: Buffer.from(record.value) }
}

function binding(kekId: string, id: string): Buffer {
  return Buffer.from(`paystatus data key\0${kekId}\0${id}`)
}
