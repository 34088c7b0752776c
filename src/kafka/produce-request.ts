import type { OutRecord } from '../stream/record.ts'
import type { Broker, Purpose } from './client/broker.ts'
import { protocolError } from './client/client-errors.ts'
import type { Connection } from './client/connection.ts'
import { encodeRecordBatch } from './client/encode-record-batch.ts'
import { PRODUCE, PRODUCE_ADDING } from './client/requests.ts'

/** Who appends within a transaction. */
export interface ProducerIdentity {
  readonly transactionalId: string
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Whether an append adds its partition to the transaction (version 2 of the protocol). */
  readonly addsPartitions: boolean
}

/** A leader's result for one partition of a produce request. */
export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  /** Null if the records were appended with the requested acks. */
  readonly error: Error | null
  /** Offset of the first record; -1 if there is none. */
  readonly baseOffset: bigint
}

export interface ProduceRequest {
  readonly identity: ProducerIdentity | null
  /** How long the leader may wait for the other replicas, ms. */
  readonly timeoutMs: number
  readonly batches: readonly {
    readonly topic: string
    readonly partition: number
    readonly firstSequence: number
    readonly records: readonly OutRecord[]
    readonly compressed?: boolean
  }[]
}

/**
 * Sends record batches to the leader of their partitions, with acks from all in-sync replicas, and returns the leader's
 * result for each partition. Rejects if there is no response; then the outcome is unknown.
 */
export async function produceTo(
  broker: Broker,
  { identity, timeoutMs, batches }: ProduceRequest,
  on: Purpose,
): Promise<{ readonly connection: Connection; readonly partitions: readonly ProducedPartition[] }> {
  const fields = {
    timestamp: Date.now(),
    transactional: identity !== null,
    producerId: identity?.producerId ?? -1n,
    producerEpoch: identity?.producerEpoch ?? -1,
  }
  const body = {
    transactionalId: identity?.transactionalId ?? null,
    timeoutMs,
    topics: [...Map.groupBy(batches, ({ topic }) => topic)].map(([name, ofTopic]) => ({
      name,
      partitions: ofTopic.map(({ partition, records, firstSequence, compressed }) => ({
        partition,
        batch: encodeRecordBatch(records, {
          ...fields,
          firstSequence: identity === null ? -1 : firstSequence,
          compressed: compressed === true,
        }),
      })),
    })),
  }
  const connection = await broker.connection(on)
  const { topics } = await broker.send(identity?.addsPartitions === true ? PRODUCE_ADDING : PRODUCE, body, { on })
  const partitions = topics.flatMap(({ name, partitions: answers }) =>
    answers.map(({ partition, errorCode, baseOffset }) => ({
      topic: name,
      partition,
      error: errorCode === 0 ? null : protocolError(errorCode),
      baseOffset,
    })),
  )
  return { connection, partitions }
}
