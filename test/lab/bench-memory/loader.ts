import { createKafkaAppendLog } from '../../../src/kafka/kafka-append-log.ts'
import type { KafkaClient } from '../../../src/kafka/kafka-client.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { OutRecord } from '../../../src/stream/record.ts'

/** Appends to a topic, at most 50 records in flight. */
export class Loader {
  readonly #log: ReturnType<typeof createKafkaAppendLog>
  readonly #partitions: number
  #waiting: Promise<void>[] = []

  constructor(kafka: KafkaClient, topic: string, partitions: number) {
    this.#partitions = partitions
    this.#log = createKafkaAppendLog(kafka, {
      topic,
      partitions,
      waitingRecordsMax: 10_000,
      waitingBytesMax: 256 << 20,
      retryForMs: 30_000,
    })
  }

  async add(record: OutRecord): Promise<void> {
    this.#waiting.push(this.#log.log.append(partitionOf(Buffer.from(record.key), this.#partitions), [record]))
    if (this.#waiting.length >= 50) {
      await this.#settled()
    }
  }

  async close(): Promise<void> {
    await this.#settled()
    await this.#log.close()
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#waiting)
    this.#waiting = []
  }
}
