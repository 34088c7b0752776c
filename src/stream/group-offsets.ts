/** What the brokers know about a group's progress. */
export interface GroupOffsets {
  /** Committed next offset of a partition; -1 if the group never committed it. */
  committed(group: string, topic: string, partition: number): Promise<CommittedOffset>
  /** The same for every partition of a topic for which the group has committed one, also of partitions that are gone. */
  committedAll(group: string, topic: string): Promise<ReadonlyMap<number, CommittedOffset>>
  /** Offset after the last record, per partition. */
  highWatermarks(topic: string): Promise<ReadonlyMap<number, bigint>>
  clusterId(): Promise<string>
}

export interface CommittedOffset {
  readonly offset: bigint
  /** The text that was committed with the offset; null or empty if none was. */
  readonly metadata: string | null
}
