import { require } from './replace-module.ts'

interface ConsumerGroup {
  recoverFromOffsetOutOfRange(error: { readonly topic: string; readonly partition: number }): Promise<void>
}

interface OffsetManager {
  setDefaultOffset(of: { readonly topic: string; readonly partition: number }): Promise<void>
}

/** The log of a partition has no record at the offset that the consumer requested. */
export class OffsetOutOfRangeError extends Error {
  readonly code = 'OFFSET_OUT_OF_RANGE'
  /** Keeps kafkajs from retrying at once: the consumer ends, and KafkaGroupConsumer restarts it. */
  readonly retriable = false
  readonly topic: string
  readonly partition: number

  constructor({ topic, partition }: { readonly topic: string; readonly partition: number }) {
    super(`${topic}[${partition}] has no record at the requested offset`)
    this.name = 'OffsetOutOfRangeError'
    this.topic = topic
    this.partition = partition
  }
}

/**
 * Makes a consumer report an offset that is out of range. The original commits -2 instead, whatever `autoCommit` says.
 * That overwrites our offset and its metadata, so the position of the work is lost. It then continues at the beginning,
 * where the new records of a recreated log look like records already processed.
 */
export function leaveOffsetsAlone(): void {
  const group = (require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup }).prototype
  group.recoverFromOffsetOutOfRange = async (error) => {
    throw new OffsetOutOfRangeError(error)
  }
  const manager = (require('kafkajs/src/consumer/offsetManager/index.js') as { prototype: OffsetManager }).prototype
  // Nothing else calls it, and nothing else may.
  manager.setDefaultOffset = async (of) => {
    throw new OffsetOutOfRangeError(of)
  }
}
