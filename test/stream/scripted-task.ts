import type { FetchedBatch } from '../../src/stream/group-consumer.ts'
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
  readonly partition?: number
  /** Where the fetch began, if not at the first record. */
  readonly from?: number
  /** Where it ended, if not at the last record. */
  readonly last?: number
  readonly bytes?: number
  readonly highWatermark?: number
  /** Epoch of the leader that wrote it; unknown if not given. */
  readonly leaderEpoch?: number
}

/** A fetched batch with visible records at these offsets. */
export function batchOf(offsets: readonly number[], shape: BatchShape = {}): FetchedBatch {
  const from = shape.from ?? offsets[0] ?? 0
  const last = shape.last ?? offsets.at(-1) ?? from
  return {
    partition: shape.partition ?? 0,
    fetchedOffset: BigInt(from),
    lastOffset: BigInt(last),
    highWatermark: BigInt(shape.highWatermark ?? last + 1),
    end: shape.leaderEpoch === undefined ? null : { offset: BigInt(last + 1), leaderEpoch: shape.leaderEpoch },
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

/** The offsets from `from` to `to`, exclusive. */
export function span(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}
