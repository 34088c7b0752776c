import { require } from './replace-module.ts'

interface PartitionMetadata {
  readonly partitionErrorCode: number
  readonly partitionId: number
  readonly leader: number
}

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number
    readonly topic: string
    readonly partitionMetadata: readonly PartitionMetadata[]
  }[]
}

interface Broker {
  readonly allowAutoTopicCreation: boolean
  readonly connectionPool: { send(protocol: object): Promise<Metadata> }
  disconnect(): Promise<void>
  metadata(topics?: readonly string[]): Promise<Metadata>
}

interface BrokerPool {
  readonly metadata: Metadata | null
  metadataExpireAt: number | null
  refreshMetadata(topics: readonly string[]): Promise<void>
}

interface AskedTopic {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number }[]
}

interface Cluster {
  findTopicPartitionMetadata(topic: string): readonly PartitionMetadata[]
  fetchTopicsOffset(topics: readonly AskedTopic[]): Promise<readonly { topic: string; partitions: readonly object[] }[]>
}

interface Encoder {
  writeArray(of: readonly string[]): Encoder
  writeBoolean(value: boolean): Encoder
}

const METADATA = 3
/** Supported by brokers since Kafka 2.0. */
const VERSION = 6
/** The value we use as the leader of a partition that has none. */
export const NO_LEADER = -1
/** How soon a missing leader is looked up again, ms. kafkajs refreshes every five minutes. */
const LOOK_AGAIN_MS = 1_000
/** The partition has a leader; only a replica is unavailable. */
const REPLICA_NOT_AVAILABLE = 9

/**
 * Makes kafkajs request metadata only for the topics it was given, and judge each partition separately. The original
 *
 * - requests all topics of the cluster while it has been given none, which every client does once and some always;
 * - throws when any partition in the response has no leader, so that one leaderless partition of another team's topic
 *   stopped everything: no partition could be opened, no process could start, no gateway could connect;
 * - requests the offsets of all partitions together, and gets none if one has no leader.
 *
 * Here an empty list requests no topics (so `listTopics` is not usable), and a partition without a leader has the
 * leader NO_LEADER: only its users wait, and the lookup is repeated soon.
 */
export function askForOurTopicsOnly(): void {
  askByName()
  lookForLeadersSoon()
  askLeadersOnly()
}

function askByName(): void {
  const { prototype } = require('kafkajs/src/broker/index.js') as { prototype: Broker }
  const EncoderClass = require('kafkajs/src/protocol/encoder.js') as new () => Encoder
  const { decode } = require('kafkajs/src/protocol/requests/metadata/v6/response.js') as {
    decode: (bytes: Buffer) => Promise<Metadata>
  }
  const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
    createErrorFromCode: (code: number) => Error
  }
  const parse = async (metadata: Metadata): Promise<Metadata> => {
    const failed = metadata.topicMetadata.find(({ topicErrorCode }) => topicErrorCode !== 0)
    if (failed !== undefined) {
      throw createErrorFromCode(failed.topicErrorCode)
    }
    return { ...metadata, topicMetadata: metadata.topicMetadata.map(withoutLostLeaders) }
  }
  prototype.metadata = async function (this: Broker, topics = []) {
    const { allowAutoTopicCreation } = this
    const encode = async () => new EncoderClass().writeArray(topics).writeBoolean(allowAutoTopicCreation)
    const request = { apiKey: METADATA, apiVersion: VERSION, apiName: 'Metadata', encode }
    try {
      return await this.connectionPool.send({ request, response: { decode, parse } })
    } catch (error) {
      // As kafkajs does for all of its requests.
      if ((error as Error).name === 'KafkaJSConnectionClosedError') {
        await this.disconnect()
      }
      throw error
    }
  }
}

function withoutLostLeaders(topic: Metadata['topicMetadata'][number]): Metadata['topicMetadata'][number] {
  return {
    ...topic,
    partitionMetadata: topic.partitionMetadata.map((partition) =>
      [0, REPLICA_NOT_AVAILABLE].includes(partition.partitionErrorCode)
        ? partition
        : { ...partition, leader: NO_LEADER },
    ),
  }
}

function lookForLeadersSoon(): void {
  const { prototype } = require('kafkajs/src/cluster/brokerPool.js') as { prototype: BrokerPool }
  const { refreshMetadata } = prototype
  prototype.refreshMetadata = async function (this: BrokerPool, topics: readonly string[]) {
    await refreshMetadata.call(this, topics)
    const partitions = this.metadata?.topicMetadata.flatMap(({ partitionMetadata }) => partitionMetadata) ?? []
    if (partitions.some(({ leader }) => leader === NO_LEADER)) {
      this.metadataExpireAt = Date.now() + LOOK_AGAIN_MS
    }
  }
}

/** Returns the offsets of the partitions that have a leader; the others are missing from the result. */
function askLeadersOnly(): void {
  const { prototype } = require('kafkajs/src/cluster/index.js') as { prototype: Cluster }
  const { fetchTopicsOffset } = prototype
  prototype.fetchTopicsOffset = async function (this: Cluster, topics: readonly AskedTopic[]) {
    const asked = topics.map((one) => {
      const lost = new Set(
        this.findTopicPartitionMetadata(one.topic)
          .filter(({ leader }) => leader === NO_LEADER)
          .map(({ partitionId }) => partitionId),
      )
      return { ...one, partitions: one.partitions.filter(({ partition }) => !lost.has(partition)) }
    })
    const found = await fetchTopicsOffset.call(this, asked)
    return topics.map(({ topic }) => found.find((one) => one.topic === topic) ?? { topic, partitions: [] })
  }
}
