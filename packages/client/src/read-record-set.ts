import {
  type AbortedTransaction,
  Decoder,
  decodeRecordBatch,
  type InternalMessage,
  withoutAborted,
} from './kafkajs-internals.ts'

export interface RecordSet {
  /** What a read_committed reader sees, from the asked offset on. */
  readonly messages: readonly InternalMessage[]
  /** Where to go on. */
  readonly next: bigint
}

const LENGTH_AT = 8
const LENGTH_ENDS = 12
const LAST_OFFSET_DELTA_AT = 23
const BATCH_HEADER_BYTES = 61

/**
 * The records of a fetched partition, and where its batches end.
 *
 * The end is that of the last batch, not of the last record: compaction and transactions leave batches without any record for us,
 * and kafkajs, which looks at records only, fetches such a batch again for ever.
 *
 * @param from The offset that was asked for; the first batch may begin before it.
 */
export async function readRecordSet(
  bytes: Buffer,
  from: bigint,
  abortedTransactions: readonly AbortedTransaction[],
): Promise<RecordSet> {
  const messages: InternalMessage[] = []
  let next = from
  let at = 0
  while (at + BATCH_HEADER_BYTES <= bytes.length) {
    const end = at + LENGTH_ENDS + bytes.readInt32BE(at + LENGTH_AT)
    if (end > bytes.length) {
      // Cut off by the size that was asked for.
      break
    }
    const { records } = await decodeRecordBatch(new Decoder(bytes.subarray(at, end)))
    for (const record of records) {
      messages.push(record)
    }
    next = bytes.readBigInt64BE(at) + BigInt(bytes.readInt32BE(at + LAST_OFFSET_DELTA_AT)) + 1n
    at = end
  }
  const visible = withoutAborted({ messages, abortedTransactions }).filter(
    ({ offset, isControlRecord }) => !isControlRecord && BigInt(offset) >= from,
  )
  return { messages: visible, next: next > from ? next : from }
}
