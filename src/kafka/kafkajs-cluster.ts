import type { Kafka, KafkaMessage, Message } from 'kafkajs'
import { NoLeaderError } from './errors.ts'
import { NO_LEADER } from './kafkajs-metadata.ts'

/**
 * The layer of kafkajs below its clients: connections, metadata and single requests. It has no public interface; these
 * are the parts that we use. The version is pinned exactly.
 */
export interface KafkaCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadata(): Promise<void>
  removeBroker(address: { readonly host: string; readonly port: number }): void
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[]
  findBroker(node: { readonly nodeId: number }): Promise<KafkaBroker>
  findControllerBroker(): Promise<KafkaBroker>
  findGroupCoordinator(of: { readonly groupId: string; readonly coordinatorType: number }): Promise<KafkaBroker>
}

export const COORDINATOR_OF = { group: 0, transaction: 1 } as const

export interface ProducerIdentity {
  readonly transactionalId: string
  readonly producerId: string
  readonly producerEpoch: number
}

export interface KafkaBroker {
  /** For requests of our own; connects on demand. */
  readonly connectionPool: Connection & { getConnection(index: number): Promise<Connection> }
  isConnected(): boolean
  fetch(request: {
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    isolationLevel: number
    rackId: string
    topics: TopicPartitions<{ fetchOffset: string; maxBytes: number }>[]
  }): Promise<{ responses: { partitions: FetchedPartition[] }[] }>
  listOffsets(request: {
    replicaId: number
    isolationLevel: number
    topics: TopicPartitions<{ timestamp: string }>[]
  }): Promise<{ responses: { partitions: { partition: number; offset: string }[] }[] }>
  initProducerId(request: { transactionalId: string; transactionTimeout: number }): Promise<{
    producerId: string
    producerEpoch: number
  }>
  addPartitionsToTxn(
    request: ProducerIdentity & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>
  addOffsetsToTxn(request: ProducerIdentity & { groupId: string }): Promise<unknown>
  txnOffsetCommit(
    request: ProducerIdentity & { groupId: string; topics: TopicPartitions<{ offset: string; metadata: string }>[] },
  ): Promise<unknown>
  endTxn(request: ProducerIdentity & { transactionResult: boolean }): Promise<unknown>
}

interface Connection {
  send<T>(protocol: RequestProtocol<T>): Promise<T>
}

/** The record batches of a produce request for one topic. */
export type TopicBatches = TopicPartitions<{ readonly firstSequence: number; readonly messages: readonly Message[] }>

interface RequestProtocol<T> {
  readonly request: {
    readonly apiKey: number
    readonly apiVersion: number
    readonly apiName: string
    encode(): Promise<object>
  }
  readonly response: { decode(bytes: Buffer): Promise<T>; parse(answer: T): Promise<T> }
}

interface TopicPartitions<T> {
  topic: string
  partitions: ({ partition: number } & T)[]
}

export interface FetchedPartition {
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: unknown
  readonly messages: FetchedMessage[]
}

export type FetchedMessage = KafkaMessage & {
  readonly isControlRecord?: boolean
  readonly batchContext: {
    readonly firstOffset: string
    readonly lastOffsetDelta: number
    readonly partitionLeaderEpoch: number
  }
}

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

/** A cluster with its own connections; the caller connects and disconnects it. */
export function createCluster(kafka: Kafka): KafkaCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find((s) => s.description === 'private:Kafka:createCluster')
  const create = (kafka as unknown as Record<symbol, ((options: object) => KafkaCluster) | undefined>)[symbol as symbol]
  if (symbol === undefined || create === undefined) {
    throw new Error('this version of kafkajs has no createCluster: pin kafkajs 2.2.4')
  }
  return create({ isolationLevel: READ_COMMITTED, metadataMaxAge: 300_000, allowAutoTopicCreation: false })
}

export async function leaderOf(cluster: KafkaCluster, topic: string, partition: number): Promise<KafkaBroker> {
  const found = cluster.findTopicPartitionMetadata(topic).find((metadata) => metadata.partitionId === partition)
  if (found === undefined) {
    throw new Error(`${topic} has no partition ${partition}`)
  }
  if (found.leader === NO_LEADER) {
    throw new NoLeaderError(topic, partition)
  }
  return cluster.findBroker({ nodeId: found.leader })
}

/** Called after a failed request: discards a closed connection and refreshes the partition leaders. */
export async function recoverCluster(cluster: KafkaCluster, error: unknown): Promise<void> {
  const { name, host, port } = error as { name?: string; host?: string; port?: number }
  if (name === 'KafkaJSConnectionClosedError' && host !== undefined && port !== undefined) {
    cluster.removeBroker({ host, port })
  }
  if (!cluster.isConnected()) {
    await cluster.connect()
  }
  await cluster.refreshMetadata()
}
