import type { Fetched, FetchedRecords, FetchFrom } from '../../src/stream/fetched.ts'
import type { PartitionStart, PartitionTask } from '../../src/stream/partition-task.ts'
import type { InRecord } from '../../src/stream/record.ts'
import type { LogPlace } from '../../src/stream/topic-logs.ts'

/** A partition task that records its calls and behaves as the test scripts it. */
export class ScriptedTask implements PartitionTask {
  /** `open`, `process 3,4 -> 5`, `idle`, `close`, in order. */
  readonly calls: string[] = []
  drainedCount = 0
  start: PartitionStart = { offset: 0n, highWatermark: 0n, read: null }
  /** Replace these to wait or to fail. */
  onOpen: (signal: AbortSignal) => Promise<void> = async () => {}
  onProcess: (signal: AbortSignal) => Promise<void> = async () => {}
  onIdle: (signal: AbortSignal) => Promise<void> = async () => {}
  onVerify: (next: bigint, read: LogPlace | null) => Promise<void> = async () => {}

  async open(signal: AbortSignal): Promise<PartitionStart> {
    this.calls.push('open')
    await this.onOpen(signal)
    return this.start
  }

  async process(records: readonly InRecord[], next: bigint, signal: AbortSignal): Promise<void> {
    this.calls.push(`process ${records.map(({ offset }) => offset).join(',')} -> ${next}`)
    await this.onProcess(signal)
  }

  async verify(next: bigint, read: LogPlace | null): Promise<void> {
    this.calls.push(`verify ${next}`)
    await this.onVerify(next, read)
  }

  async idle(signal: AbortSignal): Promise<void> {
    this.calls.push('idle')
    await this.onIdle(signal)
  }

  async drained(): Promise<void> {
    this.drainedCount += 1
  }

  async close(): Promise<void> {
    this.calls.push('close')
  }

  /** The process calls only. */
  get processed(): string[] {
    return this.calls.flatMap((call) => (call.startsWith('process ') ? [call.slice('process '.length)] : []))
  }
}

/** A promise that the test settles. */
export function gate() {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  return { promise, open: () => resolve(), fail: reject }
}

/** Blocks a task until the promise settles or the lane aborts it. */
export function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return Promise.race([
    promise,
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  ])
}

export interface BatchShape {
  /** Last offset of the fetch, if not that of the last record. */
  readonly last?: number
  readonly bytes?: number
  readonly highWatermark?: number
  /** Epoch of the leader that wrote it; unknown by default. */
  readonly leaderEpoch?: number
}

/** Fetched records, visible at these offsets. */
export function batchOf(offsets: readonly number[], shape: BatchShape = {}): FetchedRecords {
  const next = BigInt((shape.last ?? offsets.at(-1) ?? -1) + 1)
  const highWatermark = shape.highWatermark === undefined ? next : BigInt(shape.highWatermark)
  return {
    kind: 'records',
    next,
    highWatermark,
    lastStableOffset: highWatermark,
    end: shape.leaderEpoch === undefined ? null : { offset: next, leaderEpoch: shape.leaderEpoch },
    records: offsets.map((offset) => ({
      offset: BigInt(offset),
      key: Buffer.from('key'),
      value: Buffer.from('value'),
      headers: {},
      timestamp: 0,
    })),
    pinnedBytes: shape.bytes ?? 0,
  }
}

/** The fetches of a lane, each answered by the test. */
export class ScriptedFetches {
  /** The offset of every fetch, in order. */
  readonly asked: bigint[] = []
  /** The fetch that is waiting for its answer. */
  pending: FetchFrom | null = null
  #settle: { resolve: (fetched: Fetched) => void; reject: (error: Error) => void } | null = null

  fetch(from: FetchFrom, signal: AbortSignal): Promise<Fetched> {
    this.asked.push(from.offset)
    const { promise, resolve, reject } = Promise.withResolvers<Fetched>()
    this.pending = from
    this.#settle = { resolve, reject }
    signal.addEventListener('abort', () => {
      this.pending = null
      reject(signal.reason as Error)
    })
    return promise
  }

  answer(fetched: Fetched): void {
    this.#take().resolve(fetched)
  }

  fail(error: Error): void {
    this.#take().reject(error)
  }

  #take() {
    if (this.pending === null || this.#settle === null) {
      throw new Error('nothing is being fetched')
    }
    this.pending = null
    return this.#settle
  }
}

/** The offsets from `from` to `to`, exclusive. */
export function span(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}
