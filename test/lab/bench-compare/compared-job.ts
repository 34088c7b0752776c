import type { Stack } from '../stack/stack.ts'
import type { WorkloadCallback, WorkloadTotals } from './workload.ts'

/** What every part processes, and with which servers. */
export interface ComparedJob {
  readonly stack: Stack
  /** The processes of the servers, to measure them. */
  readonly pids: { readonly kafka: number; readonly redis: number }
  readonly partitions: number
  readonly callbacks: readonly WorkloadCallback[]
  readonly totals: WorkloadTotals
  /**
   * The topic of the callbacks that others than paystatus read: key is the payment's id, header `provider`. For paystatus,
   * every pass has topics of its own, as the gateway writes them.
   */
  readonly input: string
  /** A file with a line for each payment: its id, a blank, and the provider's word for its final status. */
  readonly expectedFile: string
}
