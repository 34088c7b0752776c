import type { InRecord } from './record.ts'

/** What tells a topic from another one of the same name, and from itself before it was grown. */
export interface TopicFacts {
  /** Changes when a topic is deleted and made anew. */
  readonly id: string
  readonly partitions: number
}

/**
 * A place in the log of a partition: an offset, and the epoch of the leader that wrote the record before it (KIP-320).
 *
 * Epochs never fall along a log and rise with every election, so a log that lost its end and grew again has, before the
 * same offset, a record of a later epoch.
 */
export interface LogPlace {
  readonly offset: bigint
  readonly leaderEpoch: number
}

/** Where a record ends; null if its leader's epoch is not known, or there is none. */
export function endOf(record: Pick<InRecord, 'offset' | 'leaderEpoch'> | undefined): LogPlace | null {
  return record?.leaderEpoch === undefined ? null : { offset: record.offset + 1n, leaderEpoch: record.leaderEpoch }
}

/** What the brokers know about topics and their logs, beyond what can be read from them. */
export interface TopicLogs {
  /** Rejects if one of the topics does not exist. */
  facts(topics: readonly string[]): Promise<ReadonlyMap<string, TopicFacts>>
  /**
   * The greatest epoch of the log that is not greater than this one, and the offset at which its records end; null if the
   * log has no epoch like that, as after it was emptied.
   */
  endOfEpoch(topic: string, partition: number, leaderEpoch: number): Promise<LogPlace | null>
}
