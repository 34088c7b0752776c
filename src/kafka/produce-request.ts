import type { KafkaBroker, ProducerIdentity, TopicBatches } from './kafkajs-cluster.ts'
import { require } from './replace-module.ts'

/** What a leader says of one partition of a produce request. */
export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  /** Null if the records were appended and are where they were asked to be. */
  readonly error: Error | null
  /** Offset of the first record; -1 if there is none. */
  readonly baseOffset: bigint
}

export interface ProduceRequest {
  readonly identity: ProducerIdentity | null
  /** How long the leader may wait for the other replicas, ms. */
  readonly timeoutMs: number
  readonly topicData: readonly TopicBatches[]
}

/** A broker has two connections, the second one for fetches: where nothing is fetched it is free. */
export type ProduceConnection = 'first' | 'second'

interface Answer {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly {
      readonly partition: number
      readonly errorCode: number
      readonly baseOffset: string
    }[]
  }[]
}

type Request = Parameters<KafkaBroker['connectionPool']['send']>[0]['request']

/** Brokers since Kafka 2.1 know it. */
const requestOf = require('kafkajs/src/protocol/requests/produce/v7/request.js') as (of: object) => Request
const { decode } = require('kafkajs/src/protocol/requests/produce/v7/response.js') as {
  decode: (bytes: Buffer) => Promise<Answer>
}
const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
  createErrorFromCode: (code: number) => Error
}

/**
 * Sends record batches to the leader of their partitions, with acks of all in-sync replicas, and tells of each partition
 * what the leader says of it. Rejects if there is no answer; then the outcome is unknown. kafkajs's own call throws the first
 * partition's error, and what the leader says of the others is gone.
 */
export async function produceTo(
  broker: KafkaBroker,
  { identity, timeoutMs, topicData }: ProduceRequest,
  on: ProduceConnection,
): Promise<readonly ProducedPartition[]> {
  const request = requestOf({
    ...identity,
    // All in-sync replicas: a success that one broker's death can undo is no success.
    acks: -1,
    timeout: timeoutMs,
    compression: 0,
    topicData,
  })
  const connection = on === 'first' ? broker.connectionPool : await broker.connectionPool.getConnection(1)
  const { topics } = await connection.send({ request, response: { decode, parse: async (answer: Answer) => answer } })
  return topics.flatMap(({ topicName, partitions }) =>
    partitions.map(({ partition, errorCode, baseOffset }) => ({
      topic: topicName,
      partition,
      error: errorCode === 0 ? null : createErrorFromCode(errorCode),
      baseOffset: BigInt(baseOffset),
    })),
  )
}
