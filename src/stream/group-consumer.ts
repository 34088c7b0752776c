import type { Fetched, FetchFrom } from './fetched.ts'

/** Events of a consumer. All calls are synchronous: no handler may wait. */
export interface GroupConsumerEvents {
  /** The group has (re)joined; these partitions are assigned to us in this generation. */
  onAssigned(partitions: readonly number[]): void
  /** The group coordinator still counts us as a member of the current generation. */
  onHeartbeat(): void
  /** The group did not admit us, and no later request alone will change that. The consumer tries again anyway. */
  onRejected(error: unknown): void
  /** The consumer has failed and will not recover by itself. */
  onCrashed(error: Error): void
}

/** A consumer that only handles group membership by itself: lanes ask for records, and the stage commits offsets. */
export interface GroupConsumer {
  start(events: GroupConsumerEvents): Promise<void>
  /**
   * Waits briefly if there are no records yet. Retries transient failures until the signal aborts, then rejects with the
   * signal's reason. Rejects with DefinedStop if an operator must decide.
   */
  fetch(partition: number, from: FetchFrom, signal: AbortSignal): Promise<Fetched>
  /** Commits the next offset of a partition with a metadata text, for stages that process at least once. */
  commit(partition: number, next: bigint, metadata: string): Promise<void>
  /** Leaves the group, so that its partitions are reassigned at once, and closes the connections. */
  stop(): Promise<void>
}
