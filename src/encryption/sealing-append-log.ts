import { RAW_HEADERS } from '../raw/raw-headers.ts'
import { AppendError } from '../stream/append-error.ts'
import type { AppendLog, AppendOptions } from '../stream/append-log.ts'
import { type OutRecord, recordBytes } from '../stream/record.ts'
import { bodyBinding, encrypt, METHOD } from './cipher.ts'
import { type DataKeyPer, dayScope, paymentScope } from './data-key-id.ts'
import type { DataKeys } from './data-keys.ts'

export interface SealingAppendLogOptions {
  /** `payments.callbacks.raw`. */
  readonly raw: DrainableLog
  readonly dataKeys: Pick<DataKeys, 'keyFor'>
  readonly dataKeyPer: DataKeyPer
  /** Limits of what waits here and in `raw` together (I10). */
  readonly waitingRecordsMax: number
  readonly waitingBytesMax: number
  /** ms since the epoch. */
  readonly now: () => number
}

interface DrainableLog extends AppendLog {
  readonly waitingRecords: number
  readonly waitingBytes: number
  drain(): Promise<void>
}

/**
 * An append log for raw that encrypts every body first. To the gateway, it is like any other: records that wait for a data key
 * count as waiting, the caller's deadline ends the wait, and a body that cannot be encrypted is not accepted.
 */
export class SealingAppendLog implements DrainableLog {
  readonly topic: string
  readonly partitions: number
  readonly #options: SealingAppendLogOptions
  readonly #sealing = new Set<Promise<unknown>>()
  #records = 0
  #bytes = 0

  constructor(options: SealingAppendLogOptions) {
    this.#options = options
    this.topic = options.raw.topic
    this.partitions = options.raw.partitions
  }

  get waitingRecords(): number {
    return this.#records + this.#options.raw.waitingRecords
  }

  get waitingBytes(): number {
    return this.#bytes + this.#options.raw.waitingBytes
  }

  async append(partition: number, records: readonly OutRecord[], options?: AppendOptions): Promise<void> {
    const { raw, waitingRecordsMax, waitingBytesMax } = this.#options
    const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0)
    if (this.waitingRecords + records.length > waitingRecordsMax || this.waitingBytes + bytes > waitingBytesMax) {
      throw new AppendError('APPEND_QUEUE_FULL', `${this.topic}: ${this.waitingRecords} records are waiting`)
    }
    this.#records += records.length
    this.#bytes += bytes
    const sealing = Promise.all(records.map((record) => this.#seal(record)))
    this.#sealing.add(sealing)
    let sealed: readonly OutRecord[]
    try {
      sealed = await unlessAborted(sealing, this.topic, options?.signal)
    } finally {
      this.#sealing.delete(sealing)
      this.#records -= records.length
      this.#bytes -= bytes
    }
    await raw.append(partition, sealed, options)
  }

  async drain(): Promise<void> {
    await Promise.allSettled(this.#sealing)
    await this.#options.raw.drain()
  }

  async #seal(record: OutRecord): Promise<OutRecord> {
    const { dataKeys } = this.#options
    const { id, key } = await dataKeys.keyFor(this.#scopeOf(record))
    const recordKey = Buffer.from(record.key)
    return {
      key: record.key,
      value: encrypt(key, bodyBinding(this.topic, recordKey), record.value ?? Buffer.alloc(0)),
      headers: { ...record.headers, [RAW_HEADERS.encryption]: METHOD, [RAW_HEADERS.dataKey]: id },
    }
  }

  /** A payment key contains a colon. The digest that is used instead if a body names no payment does not. */
  #scopeOf({ key, headers }: OutRecord): string {
    const { dataKeyPer, now } = this.#options
    const text = String(key)
    return dataKeyPer === 'payment' && text.includes(':')
      ? paymentScope(text)
      : dayScope(String(headers?.[RAW_HEADERS.source]), now())
  }
}

/** Aborting ends only this wait; the work continues for other callers that wait for the same data key. */
function unlessAborted<T>(work: Promise<T>, topic: string, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return work
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(new AppendError('APPEND_ABORTED', `${topic}: aborted by the caller`))
    if (signal.aborted) {
      abort()
    }
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
