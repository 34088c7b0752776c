import type { InRecord } from './record.ts'
import type { LogPlace } from './topic-logs.ts'

/**
 * What a stage does for one partition. The lane calls these one at a time.
 *
 * Any of them may reject. A DefinedStop ends the process with its message. After any other error the lane waits until the group
 * confirms that the partition is still ours and starts again with `open`.
 */
export interface PartitionTask {
  /** The committed next offset, if `process` may resolve before the commit; otherwise everything processed is committed. */
  readonly committed?: bigint | undefined
  /** Takes ownership before any output and returns the offset to resume at. Calls `onProgress` regularly if it takes long. */
  open(signal: AbortSignal, onProgress: () => void): Promise<PartitionStart>
  /** Processes records and commits `next`, at once or soon. Without records, only the offset advances. */
  process(records: readonly InRecord[], next: bigint, signal: AbortSignal): Promise<void>
  /**
   * Checks that the topic and its log are still those that `open` found and that were read up to `next`. Called when this is in
   * doubt: a new leader epoch, a log that seems shorter, a changed topic. Rejects with DefinedStop if they are not, or with OpenAgain
   * if `open` must decide.
   */
  verify(next: bigint, read: LogPlace | null): Promise<void>
  /** Called at intervals while the lane has caught up with its input. */
  idle(signal: AbortSignal): Promise<void>
  /** Called once after the last chunk when the lane is asked to stop, while the partition is still ours. */
  drained(signal: AbortSignal): Promise<void>
  /** Releases what `open` acquired. Called before every further `open` and at the end. */
  close(): Promise<void>
}

/** The same task with some methods of its own. */
export function wrapTask(task: PartitionTask, methods: Partial<Omit<PartitionTask, 'committed'>>): PartitionTask {
  return {
    get committed() {
      return task.committed
    },
    open: (signal, onProgress) => task.open(signal, onProgress),
    process: (records, next, signal) => task.process(records, next, signal),
    verify: (next, read) => task.verify(next, read),
    idle: (signal) => task.idle(signal),
    drained: (signal) => task.drained(signal),
    close: () => task.close(),
    ...methods,
  }
}

export interface PartitionStart {
  /** First offset to process. */
  readonly offset: bigint
  /** End of the partition when it was opened. */
  readonly highWatermark: bigint
  /** Where the last record read before `offset` ended; null if unknown. */
  readonly read: LogPlace | null
}

/** No problem is known; the task must start again with `open`, as after any other error. */
export class OpenAgain extends Error {
  readonly retriable = true
}

/** The DefinedStop in the chain of causes of an error, the error itself included. */
export function definedStopOf(error: unknown): DefinedStop | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof DefinedStop) {
      return current
    }
  }
  return undefined
}

/** The work cannot continue and a restart will not help: an operator must decide. Ends the process with this message. */
export class DefinedStop extends Error {
  readonly code: string
  readonly retriable = false

  constructor(code: string, message: string) {
    super(message)
    this.name = 'DefinedStop'
    this.code = code
  }
}
