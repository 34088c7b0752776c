import { RAW_HEADERS } from '../raw/raw-headers.ts'
import { headerText } from '../stream/header-text.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import { readUntil } from '../stream/read-until.ts'
import type { InRecord } from '../stream/record.ts'
import { bodyBinding, decrypt, METHOD } from './cipher.ts'
import { partsOfDataKeyId } from './data-key-id.ts'
import { keyPartition } from './data-keys.ts'
import type { ForgottenKeys } from './forgotten-keys.ts'
import { type KeyEncryptionKeys, toWrappedDataKey, type WrappedDataKey } from './key-encryption-keys.ts'

/** A record whose value is the body; or why there is none: its data key was forgotten, or it does not open. */
export type OpenedRecord = InRecord | 'forgotten' | 'undecryptable'

/** Opens what the gateway encrypted. */
export interface OpensBodies {
  /** One answer for each record, in their order. Rejects, with DefinedStop or for a while, if that cannot be told now. */
  open(records: readonly InRecord[], signal?: AbortSignal): Promise<readonly OpenedRecord[]>
}

export interface BodyOpenerOptions {
  readonly keks: Pick<KeyEncryptionKeys, 'unwrap'>
  readonly reader: TimedPartitionReader
  /** `payments.keys`, and its partitions. */
  readonly keysTopic: string
  readonly partitions: number
  readonly notes: Pick<ForgottenKeys, 'refresh' | 'of'>
  /** `payments.callbacks.raw`: bodies are bound to it, also those that stand in its dead letters. */
  readonly rawTopic: string
  /** A clock that does not go back, ms. */
  readonly now: () => number
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** Told before every wait for a data key that is not there yet. */
  readonly onWaiting?: (dataKeyId: string, waited: number) => void
  readonly keysMax?: number
  readonly waitMaxMs?: number
}

/** Wrapped data keys that are kept, about 300 bytes each (I10). */
const KEYS_MAX = 50_000
/** A key is appended before the first record that uses it, so that waiting is for a leader that has just changed. */
const WAIT_MAX_MS = 30_000
/** What was forgotten is heard of within this time. */
const NOTES_AGE_MAX_MS = 1_000
/** How far before its name's time a key is looked for: clocks step, and then everything is read. */
const LOOK_BACK_MS = [1_000, 60_000, 3_600_000, Number.POSITIVE_INFINITY]
const PAUSE_MS = 250

/** Whether a body stands encrypted in raw, or in its dead letters. */
export function isEncrypted(record: Pick<InRecord, 'headers'>): boolean {
  return record.headers[RAW_HEADERS.encryption] !== undefined
}

/**
 * Looks data keys up when they are met. A name says when its key was made, so `payments.keys` is read from that time on
 * until what is wanted is found; what comes along is kept, because the next records want it.
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
    return value === null ? 'undecryptable' : { ...record, value }
  }

  /** Without the ids that name no data key: what carries one cannot be opened. */
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
        throw new DefinedStop(
          'DATA_KEY_MISSING',
          `data key ${first}, and ${missing.size - 1} others, are not in ${keysTopic}: the topic lost records or was created anew. Bodies under them cannot be read, and nothing was skipped. Restore the topic; or, to give these bodies up, run \`paystatus forget --data-key ${first}\`.`,
        )
      }
      onWaiting?.(first, waited)
      await sleep(PAUSE_MS, signal)
    }
  }

  /** Moves what it finds from `missing` to `keys`. */
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
            // A tombstone, whoever wrote it, says that somebody wanted the key gone.
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
