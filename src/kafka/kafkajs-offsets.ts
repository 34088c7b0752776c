import { require } from './replace-module.ts'

interface ConsumerGroup {
  recoverFromOffsetOutOfRange(error: { readonly topic: string; readonly partition: number }): Promise<void>
}

interface OffsetManager {
  setDefaultOffset(of: { readonly topic: string; readonly partition: number }): Promise<void>
}

/** The log of a partition has no record at the offset that the consumer asked for. */
export class OffsetOutOfRangeError extends Error {
  readonly code = 'OFFSET_OUT_OF_RANGE'
  /** For kafkajs, which otherwise asks again at once: the consumer ends and is started anew (KafkaGroupConsumer). */
  readonly retriable = false
  readonly topic: string
  readonly partition: number

  constructor({ topic, partition }: { readonly topic: string; readonly partition: number }) {
    super(`${topic}[${partition}] has no record at the offset that was asked for`)
    this.name = 'OffsetOutOfRangeError'
    this.topic = topic
    this.partition = partition
  }
}

/**
 * Makes a consumer tell when an offset is out of range. The original commits -2 in its place, whatever `autoCommit` says:
 * over our offset and over the text beside it, so that nobody knows any more how far the work was done, and goes on at the
 * beginning, where what is new in a log that was made anew looks like what was seen before.
 */
export function leaveOffsetsAlone(): void {
  const group = (require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup }).prototype
  group.recoverFromOffsetOutOfRange = async (error) => {
    throw new OffsetOutOfRangeError(error)
  }
  const manager = (require('kafkajs/src/consumer/offsetManager/index.js') as { prototype: OffsetManager }).prototype
  // Nothing else calls it, and nothing may.
  manager.setDefaultOffset = async (of) => {
    throw new OffsetOutOfRangeError(of)
  }
}
