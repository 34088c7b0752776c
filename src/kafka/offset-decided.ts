import type { KafkaBroker } from './kafkajs-cluster.ts'
import { createErrorFromCode, type Decoder, DecoderClass, type Encoder, EncoderClass } from './kafkajs-protocol.ts'

const OFFSET_FETCH = 9
/** The first version that can request stable offsets (KIP-447); supported by brokers since Kafka 2.5. */
const VERSION = 7
const UNSTABLE_OFFSET_COMMIT = 88

interface Answer {
  readonly errorCode: number
  readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
}

/**
 * Whether the offset of a partition is decided: no transaction that is neither committed nor aborted yet has committed
 * one. kafkajs supports only older versions of this request, which answer with the previous offset. Rejects with
 * kafkajs's error.
 */
export async function isOffsetDecided(
  coordinator: KafkaBroker,
  group: string,
  topic: string,
  partition: number,
): Promise<boolean> {
  const { partitions } = await coordinator.connectionPool.send<Answer>({
    request: {
      apiKey: OFFSET_FETCH,
      apiVersion: VERSION,
      apiName: 'OffsetFetch',
      encode: async () => requestOf(group, topic, partition),
    },
    response: { decode: async (bytes) => answerOf(new DecoderClass(bytes)), parse: async (answer) => checked(answer) },
  })
  const found = partitions.find((one) => one.partition === partition)
  if (found === undefined) {
    throw new Error(`the coordinator's response for group ${group} does not include ${topic}[${partition}]`)
  }
  if (found.errorCode !== 0 && found.errorCode !== UNSTABLE_OFFSET_COMMIT) {
    throw createErrorFromCode(found.errorCode)
  }
  return found.errorCode === 0
}

function requestOf(group: string, topic: string, partition: number): Encoder {
  const asked = new EncoderClass()
    .writeUVarIntString(topic)
    .writeUVarIntArray([new EncoderClass().writeInt32(partition)])
    .writeUVarIntBytes()
  // The bytes before the group end the request's header.
  return new EncoderClass()
    .writeUVarIntBytes()
    .writeUVarIntString(group)
    .writeUVarIntArray([asked])
    .writeBoolean(true)
    .writeUVarIntBytes()
}

function answerOf(decoder: Decoder): Answer {
  decoder.readTaggedFields()
  // Throttle time.
  decoder.readInt32()
  const topics = decoder.readUVarIntArray(() => {
    decoder.readUVarIntString()
    const partitions = decoder.readUVarIntArray(() => {
      const partition = decoder.readInt32()
      // The offset, its leader epoch and its metadata are read elsewhere.
      decoder.readInt64()
      decoder.readInt32()
      decoder.readUVarIntString()
      const errorCode = decoder.readInt16()
      decoder.readTaggedFields()
      return { partition, errorCode }
    })
    decoder.readTaggedFields()
    return partitions ?? []
  })
  return { errorCode: decoder.readInt16(), partitions: (topics ?? []).flat() }
}

function checked(answer: Answer): Answer {
  if (answer.errorCode !== 0) {
    throw createErrorFromCode(answer.errorCode)
  }
  return answer
}
