import { AppendError, type AppendErrorCode } from '../stream/append-error.ts'
import type { AppendLog, AppendOptions } from '../stream/append-log.ts'
import { type OutRecord, recordBytes } from '../stream/record.ts'

/**
 * Sends records to one partition. Fulfils once all in-sync replicas have them; rejects when that is not certain. It
 * must settle eventually: until then its records count towards the limits.
 */
export type SendBatch = (partition: number, records: readonly OutRecord[]) => Promise<void>

export interface BatchingAppendLogOptions {
  readonly topic: string
  readonly partitions: number
  readonly send: SendBatch
  /** Limits on records appended but not yet settled, across all partitions and including those being sent. */
  readonly waitingRecordsMax: number
  readonly waitingBytesMax: number
  /** Limit of one send. */
  readonly batchRecordsMax?: number
  /** A send becomes one record batch, and the broker rejects a batch above the topic's `max.message.bytes`. */
  readonly batchBytesMax?: number
}

const BATCH_RECORDS_MAX = 1_000
const BATCH_BYTES_MAX = 800_000

/**
 * An append log that sends one batch per partition at a time; records appended meanwhile form the next batch. Batches
 * thus grow with load and broker latency, and a single record is sent without delay.
 *
 * - Records of a partition are sent in append order. A failed send rejects its own appends and does not hold back later
 *   ones: a caller that needs more must await each append before the next.
 * - The records of one append go in one send, unless they alone exceed its limits.
 * - At the limits an append is rejected immediately (APPEND_QUEUE_FULL); it never waits for space.
 * - An append whose signal aborts before it becomes part of a send leaves the queue immediately; after that the signal
 *   has no effect.
 */
export class BatchingAppendLog implements AppendLog {
  readonly topic: string
  readonly partitions: number
  readonly #send: SendBatch
  readonly #waitingRecordsMax: number
  readonly #waitingBytesMax: number
  readonly #queues: readonly PartitionQueue[]
  readonly #waiting: Waiting = { records: 0, bytes: 0, drained: [] }
  #closed = false

  constructor(options: BatchingAppendLogOptions) {
    this.topic = options.topic
    this.partitions = options.partitions
    this.#send = options.send
    this.#waitingRecordsMax = options.waitingRecordsMax
    this.#waitingBytesMax = options.waitingBytesMax
    const recordsMax = options.batchRecordsMax ?? BATCH_RECORDS_MAX
    const bytesMax = options.batchBytesMax ?? BATCH_BYTES_MAX
    this.#queues = Array.from(
      { length: options.partitions },
      (_, partition) => new PartitionQueue(partition, this.#waiting, recordsMax, bytesMax),
    )
  }

  /** Records appended and not yet settled. */
  get waitingRecords(): number {
    return this.#waiting.records
  }

  /** Approximate size of these records on the wire. */
  get waitingBytes(): number {
    return this.#waiting.bytes
  }

  append(partition: number, records: readonly OutRecord[], options?: AppendOptions): Promise<void> {
    const queue = this.#queues[partition]
    if (queue === undefined) {
      return Promise.reject(new RangeError(`${this.topic} has no partition ${partition}`))
    }
    if (this.#closed) {
      return this.#refuse('APPEND_CLOSED', 'the log is closed')
    }
    if (options?.signal?.aborted) {
      return this.#refuse('APPEND_ABORTED', 'aborted by the caller')
    }
    if (records.length === 0) {
      return Promise.resolve()
    }
    let bytes = 0
    for (const record of records) {
      bytes += recordBytes(record)
    }
    if (records.length > this.#waitingRecordsMax || bytes > this.#waitingBytesMax) {
      return this.#refuse('APPEND_TOO_LARGE', `${records.length} records of ${bytes} bytes can never fit`)
    }
    if (
      this.#waiting.records + records.length > this.#waitingRecordsMax ||
      this.#waiting.bytes + bytes > this.#waitingBytesMax
    ) {
      return this.#refuse(
        'APPEND_QUEUE_FULL',
        `${this.#waiting.records} records of ${this.#waiting.bytes} bytes are queued`,
      )
    }
    const append = new PendingAppend(queue, records, bytes, options?.signal)
    queue.push(append)
    if (!queue.sending) {
      void this.#sendAll(queue)
    }
    return append.promise
  }

  /** Fulfils once nothing is queued or being sent, immediately if that is already so. Appends remain possible. */
  drain(): Promise<void> {
    if (this.#waiting.records === 0) {
      return Promise.resolve()
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.drained.push(resolve)
    return promise
  }

  /** Refuses later appends and rejects queued ones (APPEND_CLOSED). Batches being sent still settle. */
  close(): void {
    this.#closed = true
    for (const queue of this.#queues) {
      queue.rejectWaiting(new AppendError('APPEND_CLOSED', `${this.topic}: the log was closed`))
    }
  }

  /** Never rejects: each batch's failure goes to its appends. */
  async #sendAll(queue: PartitionQueue): Promise<void> {
    queue.sending = true
    for (let batch = queue.take(); batch !== null; batch = queue.take()) {
      try {
        await this.#send(queue.partition, batch.records)
        queue.settle(batch, null)
      } catch (cause) {
        const message = `${this.topic}-${queue.partition}: sending ${batch.records.length} records failed`
        queue.settle(batch, new AppendError('APPEND_FAILED', message, { cause }))
      }
    }
    queue.sending = false
  }

  #refuse(code: AppendErrorCode, message: string): Promise<void> {
    return Promise.reject(new AppendError(code, `${this.topic}: ${message}`))
  }
}

/**
 * State shared by all partitions: the totals that the limits apply to, and the callers waiting for them to reach zero.
 */
interface Waiting {
  records: number
  bytes: number
  drained: (() => void)[]
}

interface Batch {
  readonly records: readonly OutRecord[]
  /** The appends that these records complete or belong to. */
  readonly appends: readonly PendingAppend[]
}

const ONCE = { once: true } as const

/** One call of `append`. It is its own abort listener, which saves a closure per append. */
class PendingAppend {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: AppendError) => void
  readonly queue: PartitionQueue
  readonly records: readonly OutRecord[]
  readonly bytes: number
  readonly signal: AbortSignal | undefined
  /** Records already passed to a send; strictly between zero and all only for an append larger than one send. */
  handedOver = 0

  constructor(queue: PartitionQueue, records: readonly OutRecord[], bytes: number, signal: AbortSignal | undefined) {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.promise = promise
    this.resolve = resolve
    this.reject = reject
    this.queue = queue
    this.records = records
    this.bytes = bytes
    this.signal = signal
    signal?.addEventListener('abort', this, ONCE)
  }

  /** Called when the signal aborts. */
  handleEvent(): void {
    this.queue.abort(this)
  }
}

/** The queue of one partition. */
class PartitionQueue {
  readonly partition: number
  sending = false
  readonly #waiting: Waiting
  readonly #recordsMax: number
  readonly #bytesMax: number
  /** In order; an aborted append leaves from any position. */
  readonly #appends = new Set<PendingAppend>()

  constructor(partition: number, waiting: Waiting, recordsMax: number, bytesMax: number) {
    this.partition = partition
    this.#waiting = waiting
    this.#recordsMax = recordsMax
    this.#bytesMax = bytesMax
  }

  push(append: PendingAppend): void {
    this.#appends.add(append)
    this.#waiting.records += append.records.length
    this.#waiting.bytes += append.bytes
  }

  /** The next batch, in order; its appends can no longer be aborted. Null if the queue is empty. */
  take(): Batch | null {
    const records: OutRecord[] = []
    const appends: PendingAppend[] = []
    let bytes = 0
    for (const append of this.#appends) {
      bytes += append.bytes
      if (records.length + append.records.length > this.#recordsMax || bytes > this.#bytesMax) {
        if (appends.length === 0) {
          return this.#takePart(append)
        }
        break
      }
      this.#remove(append)
      appends.push(append)
      for (const record of append.records) {
        records.push(record)
      }
    }
    return appends.length === 0 ? null : { records, appends }
  }

  /** Settles a batch: its appends fulfil, or all reject with the error. */
  settle(batch: Batch, error: AppendError | null): void {
    for (const append of batch.appends) {
      if (error !== null) {
        // If part of a large append failed, the rest of it is not sent.
        this.#remove(append)
        append.reject(error)
        this.#release(append)
      } else if (!this.#appends.has(append)) {
        append.resolve()
        this.#release(append)
      }
    }
  }

  abort(append: PendingAppend): void {
    this.#remove(append)
    append.reject(new AppendError('APPEND_ABORTED', 'aborted by the caller', { cause: append.signal?.reason }))
    this.#release(append)
  }

  /** Rejects appends that have not begun to be sent; a partly sent append is sent to its end. */
  rejectWaiting(error: AppendError): void {
    for (const append of this.#appends) {
      if (append.handedOver === 0) {
        this.#remove(append)
        append.reject(error)
        this.#release(append)
      }
    }
  }

  /** As much of an append as one send allows, at least one record. The append stays in the queue until its last part. */
  #takePart(append: PendingAppend): Batch {
    append.signal?.removeEventListener('abort', append)
    const from = append.handedOver
    let to = from
    let bytes = 0
    while (to < append.records.length && to - from < this.#recordsMax) {
      bytes += recordBytes(append.records[to] as OutRecord)
      if (bytes > this.#bytesMax && to > from) {
        break
      }
      to += 1
    }
    append.handedOver = to
    if (to === append.records.length) {
      this.#remove(append)
    }
    return { records: append.records.slice(from, to), appends: [append] }
  }

  #remove(append: PendingAppend): void {
    append.signal?.removeEventListener('abort', append)
    this.#appends.delete(append)
  }

  /** Called after the append is settled, so that callers awaiting `drain` run after those awaiting the append. */
  #release(append: PendingAppend): void {
    this.#waiting.records -= append.records.length
    this.#waiting.bytes -= append.bytes
    if (this.#waiting.records === 0 && this.#waiting.drained.length > 0) {
      const drained = this.#waiting.drained
      this.#waiting.drained = []
      for (const resolve of drained) {
        resolve()
      }
    }
  }
}
