import type { InRecord } from './record.ts'

/** Distinguishes a topic from another one of the same name, and from itself before partitions were added. */
export interface TopicFacts {
  /** Changes when a topic is deleted and recreated. */
  readonly id: string
  readonly partitions: number
}

/**
 * A position in the log of a partition: an offset, and the epoch of the leader that wrote the record before it (KIP-320).
 *
 * Epochs never decrease along a log and increase with every election. So a log that lost its end and grew again has a record of
 * a later epoch before the same offset.
 */
export interface LogPlace {
  readonly offset: bigint
  readonly leaderEpoch: number
}

/** Where a record ends; null if there is no record or its leader epoch is unknown. */
export function endOf(record: Pick<InRecord, 'offset' | 'leaderEpoch'> | undefined): LogPlace | null {
  return record?.leaderEpoch === undefined ? null : { offset: record.offset + 1n, leaderEpoch: record.leaderEpoch }
}

/** What brokers know about topics and their logs beyond the records. */
export interface TopicLogs {
  /**
   * Rejects if one of the topics does not exist.
   *
   * @param log Whose leader to ask. A broker learns of a topic before it opens a log of it. So what it says after it answered
   * about the log is true of the topic of that log; another broker may not know yet that the topic was recreated.
   */
  facts(
    topics: readonly string[],
    log?: { readonly topic: string; readonly partition: number },
  ): Promise<ReadonlyMap<string, TopicFacts>>
  /**
   * The greatest epoch of the log up to this one, and the offset at which its records end; null if the log has no such epoch,
   * for example because it was emptied.
   */
  endOfEpoch(topic: string, partition: number, leaderEpoch: number): Promise<LogPlace | null>
}
