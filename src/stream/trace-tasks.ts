import { type PartitionTask, wrapTask } from './partition-task.ts'
import type { InRecord } from './record.ts'

/** What a batch is about, for its span. */
export interface TracedBatch {
  readonly stage: string
  readonly topic: string
  readonly partition: number
  /** Not empty. */
  readonly records: readonly InRecord[]
}

/** Runs the work within a span, which ends with it. */
export type TraceBatch = (batch: TracedBatch, work: () => Promise<void>) => Promise<void>

/** The same task with a span for each batch; the task itself if there is no tracing. */
export function traced(
  task: PartitionTask,
  batch: Omit<TracedBatch, 'records'>,
  trace: TraceBatch | undefined,
): PartitionTask {
  if (trace === undefined) {
    return task
  }
  return wrapTask(task, {
    process: (records, next, signal) => {
      const work = () => task.process(records, next, signal)
      return records.length === 0 ? work() : trace({ ...batch, records }, work)
    },
  })
}
