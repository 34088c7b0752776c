/** What the brokers know about a group's progress. */
export interface GroupOffsets {
  /** Committed next offset of a partition; -1 if the group never committed it. */
  committed(group: string, topic: string, partition: number): Promise<CommittedOffset>
  /** The committed offsets of all partitions of a topic, including partitions that no longer exist. */
  committedAll(group: string, topic: string): Promise<ReadonlyMap<number, CommittedOffset>>
  /** Offset after the last record, by partition, without partitions that have no leader. */
  highWatermarks(topic: string): Promise<ReadonlyMap<number, bigint>>
  clusterId(): Promise<string>
}

export interface CommittedOffset {
  readonly offset: bigint
  /** The metadata text committed with the offset; null or empty if there is none. */
  readonly metadata: string | null
}
