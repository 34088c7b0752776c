import { RAW_HEADERS } from '../raw/raw-headers.ts'
import { headerText } from '../stream/header-text.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import { readUntil } from '../stream/read-until.ts'
import { changed, type InRecord } from '../stream/record.ts'
import { bodyBinding, decrypt, METHOD } from './cipher.ts'
import { partsOfDataKeyId } from './data-key-id.ts'
import { keyPartition } from './data-keys.ts'
import type { ForgottenKeys } from './forgotten-keys.ts'
import { type KeyEncryptionKeys, toWrappedDataKey, type WrappedDataKey } from './key-encryption-keys.ts'

/** A record with its decrypted body, or why there is none: its data key was forgotten, or decryption failed. */
export type OpenedRecord = InRecord | 'forgotten' | 'undecryptable'

/** Decrypts bodies that the gateway encrypted. */
export interface OpensBodies {
  /** One result per record, in order. If it cannot decide now, it rejects with DefinedStop or with a temporary error. */
  open(records: readonly InRecord[], signal?: AbortSignal): Promise<readonly OpenedRecord[]>
}

export interface BodyOpenerOptions {
  readonly keks: Pick<KeyEncryptionKeys, 'unwrap'>
  readonly reader: TimedPartitionReader
  /** `payments.keys`, and its number of partitions. */
  readonly keysTopic: string
  readonly partitions: number
  readonly notes: Pick<ForgottenKeys, 'refresh' | 'of'>
  /** `payments.callbacks.raw`: bodies are bound to it, including those in its dead letters. */
  readonly rawTopic: string
  /** A monotonic clock, ms. */
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Called before every wait for a data key that has not arrived yet. */
  readonly onWaiting?: (dataKeyId: string, waited: number) => void
  readonly keysMax?: number
  readonly waitMaxMs?: number
}

/** Wrapped data keys kept in memory, about 300 bytes each (I10). */
const KEYS_MAX = 50_000
/** A key is appended before the first record that uses it, so waiting only helps while a partition leader changes. */
const WAIT_MAX_MS = 30_000
/** A forgotten key takes effect here within this time. */
const NOTES_AGE_MAX_MS = 1_000
/** How long before the time in its name a key is searched for, by attempt: clocks step. The last one reads everything. */
const LOOK_BACK_MS = [1_000, 60_000, 3_600_000, Number.POSITIVE_INFINITY]
const PAUSE_MS = 250

/** Whether a record of raw, or of its dead letters, has an encrypted body. */
export function isEncrypted(record: Pick<InRecord, 'headers'>): boolean {
  return record.headers[RAW_HEADERS.encryption] !== undefined
}

/**
 * Looks up data keys as they are needed. A key's name says when it was made, so `payments.keys` is read from that time on
 * until the key is found. Other keys read on the way are kept, because the next records need them.
 */
export class BodyOpener implements OpensBodies {
  readonly #options: BodyOpenerOptions
  readonly #known = new Map<string, WrappedDataKey>()

  constructor(options: BodyOpenerOptions) {
    this.#options = options
  }

  async open(records: readonly InRecord[], signal?: AbortSignal): Promise<readonly OpenedRecord[]> {
    const wanted = new Set<string>()
    for (const record of records) {
      if (isEncrypted(record)) {
        wanted.add(headerText(record, RAW_HEADERS.dataKey))
      }
    }
    if (wanted.size === 0) {
      return records
    }
    const keys = await this.#keysFor(wanted, signal)
    return records.map((record) => (isEncrypted(record) ? this.#open(record, keys) : record))
  }

  #open(record: InRecord, keys: ReadonlyMap<string, WrappedDataKey | 'forgotten'>): OpenedRecord {
    const found = keys.get(headerText(record, RAW_HEADERS.dataKey))
    if (found === 'forgotten') {
      return 'forgotten'
    }
    if (found === undefined || headerText(record, RAW_HEADERS.encryption) !== METHOD) {
      return 'undecryptable'
    }
    const dataKey = this.#options.keks.unwrap(found)
    const binding = bodyBinding(this.#options.rawTopic, record.key ?? Buffer.alloc(0))
    const value = decrypt(dataKey, binding, record.value ?? Buffer.alloc(0))
    return value === null ? 'undecryptable' : changed(record, { value })
  }

  /** Skips ids that are not names of data keys: their records cannot be decrypted. */
  async #keysFor(ids: ReadonlySet<string>, signal: AbortSignal | undefined) {
    const { notes, now, sleep, onWaiting, keysTopic } = this.#options
    const began = now()
    const keys = new Map<string, WrappedDataKey | 'forgotten'>()
    const missing = new Set([...ids].filter((id) => partsOfDataKeyId(id) !== null))
    for (let attempt = 0; ; attempt += 1) {
      await notes.refresh(NOTES_AGE_MAX_MS)
      for (const id of missing) {
        const known = this.#known.get(id)
        if (notes.of(id) === 'forgotten') {
          keys.set(id, 'forgotten')
          this.#known.delete(id)
          missing.delete(id)
        } else if (known !== undefined) {
          keys.set(id, known)
          this.#remember(known)
          missing.delete(id)
        }
      }
      await this.#find(missing, keys, LOOK_BACK_MS[Math.min(attempt, LOOK_BACK_MS.length - 1)] as number, signal)
      const [first] = missing
      if (first === undefined) {
        return keys
      }
      const waited = now() - began
      if (waited > (this.#options.waitMaxMs ?? WAIT_MAX_MS)) {
        const keysText =
          missing.size === 1 ? `data key ${first} is` : `${missing.size} data keys, such as ${first}, are`
        throw new DefinedStop(
          'DATA_KEY_MISSING',
          `${keysText} not in ${keysTopic}: the topic lost records or was recreated. Bodies encrypted with them cannot be read. Nothing was skipped. Restore the topic; or, to give up these bodies, run \`paystatus forget --force --data-key ${first}\`.`,
        )
      }
      onWaiting?.(first, waited)
      await sleep(PAUSE_MS, signal)
    }
  }

  /** Moves the keys it finds from `missing` to `keys`. */
  async #find(
    missing: Set<string>,
    keys: Map<string, WrappedDataKey | 'forgotten'>,
    lookBackMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { reader, keysTopic, partitions } = this.#options
    const byPartition = Map.groupBy(missing, (id) => keyPartition(partsOfDataKeyId(id)?.scope ?? '', partitions))
    for (const [partition, ids] of byPartition) {
      const madeAt = Math.min(...ids.map((id) => partsOfDataKeyId(id)?.madeAt ?? 0))
      const since = madeAt - lookBackMs
      const from = since > 0 ? await reader.offsetAt(keysTopic, partition, since) : 0n
      const left = new Set(ids)
      const foundAll = (records: readonly InRecord[]) => {
        for (const record of records) {
          const id = String(record.key)
          const key = toWrappedDataKey(record)
          if (key === null) {
            this.#known.delete(id)
          } else {
            this.#remember(key)
          }
          if (left.has(id) || keys.has(id)) {
            // A tombstone, whoever wrote it, means that the key was deleted on purpose.
            keys.set(id, key ?? 'forgotten')
            missing.delete(id)
            left.delete(id)
          }
        }
        return left.size === 0
      }
      await readUntil(reader, keysTopic, partition, from, foundAll, signal)
    }
  }

  #remember(key: WrappedDataKey): void {
    this.#known.delete(key.id)
    this.#known.set(key.id, key)
    if (this.#known.size > (this.#options.keysMax ?? KEYS_MAX)) {
      const [oldest] = this.#known.keys()
      this.#known.delete(oldest as string)
    }
  }
}
