import type { Kafka } from 'kafkajs'
import type { LogPlace, TopicFacts, TopicLogs } from '../stream/topic-logs.ts'
import { stopIfRefused } from './errors.ts'
import { type KafkaBroker, leaderOf } from './kafkajs-cluster.ts'
import { createErrorFromCode, type Decoder, DecoderClass, type Encoder, EncoderClass } from './kafkajs-protocol.ts'
import { SharedCluster } from './shared-cluster.ts'
import { within } from './within.ts'

const REQUEST_MAX_MS = 12_000

/**
 * TopicLogs over two requests of our own on kafkajs's connections: kafkajs supports only older versions of them, or
 * none.
 */
export function createTopicLogs(kafka: Kafka): TopicLogs {
  const shared = new SharedCluster(kafka)
  return {
    facts: (topics) =>
      refusedAsStop(topics.join(', '), () =>
        shared.with(async (cluster) => {
          await cluster.addMultipleTargetTopics(topics)
          return factsOf(await cluster.findControllerBroker(), topics)
        }),
      ),
    endOfEpoch: (topic, partition, leaderEpoch) =>
      refusedAsStop(topic, () =>
        shared.with(async (cluster) => {
          await cluster.addMultipleTargetTopics([topic])
          // Always refresh: a former leader that has just resumed would answer with outdated values.
          await cluster.refreshMetadata()
          return endOfEpoch(await leaderOf(cluster, topic, partition), topic, partition, leaderEpoch)
        }),
      ),
  }
}

async function refusedAsStop<T>(topic: string, work: () => Promise<T>): Promise<T> {
  try {
    return await within(REQUEST_MAX_MS, work())
  } catch (error) {
    throw stopIfRefused(error, `describing ${topic}`)
  }
}

const METADATA = 3
/** The first version with topic ids; supported by brokers since Kafka 2.8. */
const METADATA_VERSION = 10
const UUID_BYTES = 16

/**
 * Metadata v10:
 *
 *     request  => topics: COMPACT_ARRAY of (topic_id UUID, name COMPACT_STRING, TAGS)
 *                 allow_auto_topic_creation BOOLEAN, include_cluster_authorized_operations BOOLEAN,
 *                 include_topic_authorized_operations BOOLEAN, TAGS
 *     response => throttle_time_ms INT32
 *                 brokers: COMPACT_ARRAY of (node_id INT32, host COMPACT_STRING, port INT32, rack COMPACT_STRING, TAGS)
 *                 cluster_id COMPACT_STRING, controller_id INT32
 *                 topics: COMPACT_ARRAY of (error_code INT16, name COMPACT_STRING, topic_id UUID, is_internal BOOLEAN,
 *                   partitions: COMPACT_ARRAY of (error_code INT16, partition INT32, leader INT32, leader_epoch INT32,
 *                     replicas, isr, offline: each COMPACT_ARRAY of INT32, TAGS),
 *                   topic_authorized_operations INT32, TAGS)
 *                 cluster_authorized_operations INT32, TAGS
 */
async function factsOf(broker: KafkaBroker, topics: readonly string[]): Promise<ReadonlyMap<string, TopicFacts>> {
  const found = await broker.connectionPool.send<readonly FoundTopic[]>({
    request: {
      apiKey: METADATA,
      apiVersion: METADATA_VERSION,
      apiName: 'Metadata',
      encode: async () => metadataRequest(topics),
    },
    response: {
      decode: async (bytes) => metadataAnswer(new DecoderClass(bytes)),
      parse: async (answer) => answer,
    },
  })
  return new Map(
    topics.map((name) => {
      const topic = found.find((one) => one.name === name)
      if (topic === undefined) {
        throw new Error(`the broker's response does not include ${name}`)
      }
      // Errors of single partitions, such as a missing leader, do not matter here.
      if (topic.errorCode !== 0) {
        throw createErrorFromCode(topic.errorCode)
      }
      return [name, { id: topic.id, partitions: topic.partitions }]
    }),
  )
}

interface FoundTopic extends TopicFacts {
  readonly name: string | null
  readonly errorCode: number
}

function metadataRequest(topics: readonly string[]): Encoder {
  const asked = topics.map((name) =>
    new EncoderClass().writeBuffer(Buffer.alloc(UUID_BYTES)).writeUVarIntString(name).writeUVarIntBytes(),
  )
  // The bytes before the topics end the request's header.
  return new EncoderClass()
    .writeUVarIntBytes()
    .writeUVarIntArray(asked)
    .writeBoolean(false)
    .writeBoolean(false)
    .writeBoolean(false)
    .writeUVarIntBytes()
}

function metadataAnswer(decoder: Decoder): readonly FoundTopic[] {
  decoder.readTaggedFields()
  decoder.readInt32()
  decoder.readUVarIntArray(() => {
    decoder.readInt32()
    decoder.readUVarIntString()
    decoder.readInt32()
    decoder.readUVarIntString()
    decoder.readTaggedFields()
  })
  decoder.readUVarIntString()
  decoder.readInt32()
  const topics = decoder.readUVarIntArray(() => {
    const errorCode = decoder.readInt16()
    const name = decoder.readUVarIntString()
    const id = decoder.readBytes(UUID_BYTES).toString('base64url')
    decoder.readBoolean()
    const partitions = decoder.readUVarIntArray(() => {
      decoder.readInt16()
      decoder.readInt32()
      decoder.readInt32()
      decoder.readInt32()
      for (let list = 0; list < 3; list += 1) {
        decoder.readUVarIntArray(() => decoder.readInt32())
      }
      decoder.readTaggedFields()
    })
    decoder.readInt32()
    decoder.readTaggedFields()
    return { errorCode, name, id, partitions: partitions?.length ?? 0 }
  })
  return topics ?? []
}

const OFFSET_FOR_LEADER_EPOCH = 23
/** Supported by brokers since Kafka 2.3. */
const OFFSET_FOR_LEADER_EPOCH_VERSION = 3
const ANY = -1

/**
 * OffsetForLeaderEpoch v3, sent to the leader of the partition:
 *
 *     request  => replica_id INT32 (-1: a consumer)
 *                 topics: ARRAY of (topic STRING, partitions: ARRAY of (partition INT32, current_leader_epoch INT32 (-1: any),
 *                   leader_epoch INT32))
 *     response => throttle_time_ms INT32
 *                 topics: ARRAY of (topic STRING, partitions: ARRAY of (error_code INT16, partition INT32, leader_epoch INT32,
 *                   end_offset INT64))
 *
 * An epoch of -1 in the response: the log has no epoch up to the requested one, or no information about epochs.
 */
async function endOfEpoch(
  leader: KafkaBroker,
  topic: string,
  partition: number,
  leaderEpoch: number,
): Promise<LogPlace | null> {
  const found = await leader.connectionPool.send<LogPlace & { readonly errorCode: number }>({
    request: {
      apiKey: OFFSET_FOR_LEADER_EPOCH,
      apiVersion: OFFSET_FOR_LEADER_EPOCH_VERSION,
      apiName: 'OffsetForLeaderEpoch',
      encode: async () => {
        const asked = new EncoderClass().writeInt32(partition).writeInt32(ANY).writeInt32(leaderEpoch)
        return new EncoderClass()
          .writeInt32(ANY)
          .writeArray([new EncoderClass().writeString(topic).writeArray([asked])])
      },
    },
    response: {
      decode: async (bytes) => epochAnswer(new DecoderClass(bytes)),
      parse: async (answer) => {
        if (answer.errorCode !== 0) {
          throw createErrorFromCode(answer.errorCode)
        }
        return answer
      },
    },
  })
  return found.leaderEpoch < 0 || found.offset < 0n ? null : { offset: found.offset, leaderEpoch: found.leaderEpoch }
}

function epochAnswer(decoder: Decoder): LogPlace & { readonly errorCode: number } {
  decoder.readInt32()
  const [found] = decoder
    .readArray(() => {
      decoder.readString()
      return decoder.readArray(() => {
        const errorCode = decoder.readInt16()
        decoder.readInt32()
        const leaderEpoch = decoder.readInt32()
        return { errorCode, leaderEpoch, offset: BigInt(String(decoder.readInt64())) }
      })
    })
    .flat()
  if (found === undefined) {
    throw new Error("the leader's response does not include the partition")
  }
  return found
}
