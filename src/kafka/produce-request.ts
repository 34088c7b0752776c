import type { KafkaBroker, ProducerIdentity, TopicBatches } from './kafkajs-cluster.ts'
import { require } from './replace-module.ts'

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
  readonly topicData: readonly TopicBatches[]
}

/** A broker has two connections. The second is for fetches; where nothing is fetched it is free. */
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

/** Supported by brokers since Kafka 2.1. */
const requestOf = require('kafkajs/src/protocol/requests/produce/v7/request.js') as (of: object) => Request
const { decode } = require('kafkajs/src/protocol/requests/produce/v7/response.js') as {
  decode: (bytes: Buffer) => Promise<Answer>
}
const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
  createErrorFromCode: (code: number) => Error
}

/**
 * Sends record batches to the leader of their partitions, with acks from all in-sync replicas, and returns the leader's
 * result for each partition. Rejects if there is no response; then the outcome is unknown. kafkajs's own call throws
 * the first partition's error and discards the results of the others.
 */
export async function produceTo(
  broker: KafkaBroker,
  { identity, timeoutMs, topicData }: ProduceRequest,
  on: ProduceConnection,
): Promise<readonly ProducedPartition[]> {
  const request = requestOf({
    ...identity,
    // All in-sync replicas: an append that the loss of one broker can undo must not be reported as a success.
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
