/** A record to write. The caller always chooses the partition: a retry must never move a record to another one. */
export interface OutRecord {
  readonly key: Buffer | string
  /** Null is a tombstone. */
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, string | Buffer>>
}

/** A record that was read. */
export interface InRecord {
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** May be a getter that parses them on first access. Spreading a record would lose it; use `changed`. */
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>
  /** Broker or producer time, ms since the epoch. */
  readonly timestamp: number
  /** Epoch of the leader that wrote it (see LogPlace); absent if the reader does not provide it. */
  readonly leaderEpoch?: number
}

/** A copy of a record with some fields changed. */
export function changed(record: InRecord, changes: Partial<InRecord>): InRecord {
  return { ...record, headers: record.headers, ...changes }
}

/** Rough size on the wire, for bounds: key, value and headers plus the record's own fields. */
export function recordBytes(record: Pick<OutRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = 24 + record.key.length + (record.value?.length ?? 0)
  for (const name in record.headers) {
    bytes += name.length + (record.headers[name]?.length ?? 0) + 4
  }
  return bytes
}
