import type { TimedPartitionReader } from '../../stream/partition-reader.ts'
import { type ActName, type AuditRecord, fromAuditValue } from './audit-record.ts'

/** All records are in this partition of `payments.audit`, so that acts are in the order in which they began. */
export const AUDIT_PARTITION = 0

/** Acts listed; only the latest are kept in memory (I10). */
const ACTS_MAX = 10_000

export interface AuditOptions {
  /** Only acts with a record since then, ms since the epoch. */
  readonly since?: number
  readonly act?: ActName
  readonly signal?: AbortSignal
}

/** The result of `paystatus audit`; also printed as JSON. */
export interface AuditReport {
  /** Each with its last record, in the order in which they began. */
  readonly acts: readonly AuditRecord[]
  /** Earlier acts that were left out, because there are too many. */
  readonly leftOut: number
  /** Records in the topic that are not ours. */
  readonly unreadable: number
}

export async function listActs(
  reader: Pick<TimedPartitionReader, 'read' | 'offsetAt'>,
  topic: string,
  { since, act, signal }: AuditOptions = {},
  actsMax = ACTS_MAX,
): Promise<AuditReport> {
  const from = since === undefined ? 0n : await reader.offsetAt(topic, AUDIT_PARTITION, since)
  const acts = new Map<string, AuditRecord>()
  let leftOut = 0
  let unreadable = 0
  await reader.read(
    topic,
    AUDIT_PARTITION,
    from,
    (records) => {
      for (const { value } of records) {
        const record = fromAuditValue(value)
        if (record === null) {
          unreadable += 1
        } else if (act === undefined || record.act === act) {
          // A map keeps the place of a key that is set again.
          acts.set(record.id, record)
        }
        const [oldest] = acts.size > actsMax ? acts.keys() : []
        if (oldest !== undefined) {
          acts.delete(oldest)
          leftOut += 1
        }
      }
    },
    signal,
  )
  return { acts: [...acts.values()], leftOut, unreadable }
}
