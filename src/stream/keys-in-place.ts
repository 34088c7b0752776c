import { isOwnPartition } from './partition-of.ts'
import type { PartitionReader } from './partition-reader.ts'
import { DefinedStop } from './partition-task.ts'
import { readUntil } from './read-until.ts'
import type { TopicFacts } from './topic-logs.ts'

/**
 * Enough to be practically certain: in a topic whose partitions were doubled, each key is in the right partition with
 * probability one half.
 */
const RECORDS_LOOKED_AT = 200

/**
 * Checks that the records of a topic are in the partitions of their keys. If not, partitions were added after they were written.
 * The check uses only the data; no configuration can hide the problem.
 */
export class KeysInPlace {
  readonly #topic: string
  readonly #reader: PartitionReader
  readonly #isOwn: (key: Buffer, partition: number, partitions: number) => boolean
  /** Topics that passed: each is checked once. */
  readonly #passed = new Set<string>()

  constructor(
    topic: string,
    reader: PartitionReader,
    isOwn: (key: Buffer, partition: number, partitions: number) => boolean = isOwnPartition,
  ) {
    this.#topic = topic
    this.#reader = reader
    this.#isOwn = isOwn
  }

  /** Throws DefinedStop if a key does not belong to the partition it was found in. */
  assert(key: Buffer, topic: string, partition: number, offset: bigint, partitions: number): void {
    if (!this.#isOwn(key, partition, partitions)) {
      throw keyOutOfPlace(topic, partition, offset)
    }
  }

  /** Checks the first records of every partition. Rejects with DefinedStop if a key is in the wrong partition. */
  async assertAll({ id, partitions }: TopicFacts): Promise<void> {
    const name = `${id} ${partitions}`
    if (this.#passed.has(name)) {
      return
    }
    for (let partition = 0; partition < partitions; partition += 1) {
      await this.#assertFirst(partition, partitions)
    }
    this.#passed.add(name)
  }

  async #assertFirst(partition: number, partitions: number): Promise<void> {
    let looked = 0
    await readUntil(this.#reader, this.#topic, partition, 0n, (records) => {
      for (const { key, offset } of records) {
        if (key !== null) {
          this.assert(key, this.#topic, partition, offset, partitions)
        }
      }
      looked += records.length
      return looked >= RECORDS_LOOKED_AT
    })
  }
}

function keyOutOfPlace(topic: string, partition: number, offset: bigint): DefinedStop {
  return new DefinedStop(
    'PARTITIONS_CHANGED',
    `the key of ${topic}[${partition}] offset ${offset} belongs in another partition: partitions were added to the topic after this record was written, or another program writes to it with a different partitioner. A payment must stay in one partition, or a late callback would undo a newer status. Nothing was processed or skipped. ` +
      'If partitions were added, this installation must stay stopped: create a new one with another kafka.topicPrefix and the new kafka.partitions, and carry the payments over with `paystatus topics carry-over`. Do not change kafka.partitions here.',
  )
}
