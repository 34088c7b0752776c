import type { InRecord } from './record.ts'
import type { LogPlace } from './topic-logs.ts'

/**
 * What a stage does for one partition. The lane calls these one at a time.
 *
 * Any of them may reject. A DefinedStop ends the process with its message; everything else means doubt: the lane waits
 * until the group confirms that the partition is still ours and begins again with `open`.
 */
export interface PartitionTask {
  /** Next offset that is committed, if `process` may resolve before that; else what was processed is committed. */
  readonly committed?: bigint | undefined
  /** Takes ownership before any output and says at which offset to go on. Calls `onProgress` now and then if it is long. */
  open(signal: AbortSignal, onProgress: () => void): Promise<PartitionStart>
  /** Processes records and commits `next`, at once or soon. May get no records: then only the offset moves. */
  process(records: readonly InRecord[], next: bigint, signal: AbortSignal): Promise<void>
  /**
   * Whether the topic and its log are still those that `open` found and that were read up to `next`. Called when something
   * says that they may not be: another leader's epoch, a log that seems shorter, a join. Rejects with DefinedStop if not, or with OpenAgain if `open` is
   * to say so.
   */
  verify(next: bigint, read: LogPlace | null): Promise<void>
  /** Called now and then while the lane has caught up with its input. */
  idle(signal: AbortSignal): Promise<void>
  /** Called once after the last chunk when the lane stops by request, while the partition is still ours. */
  drained(signal: AbortSignal): Promise<void>
  /** Releases what `open` took. Called before every further `open` and at the end. */
  close(): Promise<void>
}

export interface PartitionStart {
  /** First offset to process. */
  readonly offset: bigint
  /** End of the partition when it was opened. */
  readonly highWatermark: bigint
  /** Where the last record before `offset` that was read ended; null if that is not known. */
  readonly read: LogPlace | null
}

/** Nothing is known to be wrong; the task has to begin again with `open`, as after any other error. */
export class OpenAgain extends Error {
  readonly retriable = true
}

/** The DefinedStop that an error is, or that somewhere below it is the cause. */
export function definedStopOf(error: unknown): DefinedStop | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    if (current instanceof DefinedStop) {
      return current
    }
  }
  return undefined
}

/** The work cannot go on and a restart will not help: an operator must decide. Ends the process with this message. */
export class DefinedStop extends Error {
  readonly code: string
  readonly retriable = false

  constructor(code: string, message: string) {
    super(message)
    this.name = 'DefinedStop'
    this.code = code
  }
}
