import { encodeRecordBatch } from '../../../src/kafka/client/encode-record-batch.ts'
import type { OutRecord } from '../../../src/stream/record.ts'

/** A batch as a broker returns it: the records from an offset on, written without a transaction. */
export function recordsAt(baseOffset: bigint, records: readonly OutRecord[]): Buffer {
  const fields = { timestamp: 0, transactional: false, producerId: -1n, producerEpoch: -1, firstSequence: -1 }
  const batch = encodeRecordBatch(records, fields)
  batch.writeBigInt64BE(baseOffset, 0)
  return batch
}
