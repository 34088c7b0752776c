import type { Kafka } from 'kafkajs'
import { expect, test } from 'vitest'
import { KafkaGroupConsumer } from '../../src/kafka/kafka-group-consumer.ts'
import { OffsetOutOfRangeError } from '../../src/kafka/kafkajs-offsets.ts'
import { require } from '../../src/kafka/replace-module.ts'
import { eventually } from '../harness/eventually.ts'

const Long = require('kafkajs/src/utils/long.js') as { fromValue(value: string): { toString(): string } }

type Listener = (event: { payload: unknown }) => void

/** As much of kafkajs's consumer as a commit needs. */
class FakeConsumer {
  running = true
  runs = 0
  readonly #listeners = new Map<string, Listener>()

  on(name: string, listener: Listener): void {
    this.#listeners.set(name, listener)
  }
  async connect(): Promise<void> {}
  async subscribe(): Promise<void> {}
  async run(): Promise<void> {
    this.runs += 1
  }

  /** The text that was committed last. */
  metadata = ''

  crash(error: Error): void {
    this.#listeners.get('consumer.crash')?.({ payload: { error, restart: false } })
  }

  /** kafkajs resolves a commit of a consumer that is not running, and does nothing. */
  async commitOffsets(
    offsets: { topic: string; partition: number; offset: string; metadata: string }[],
  ): Promise<void> {
    if (this.running) {
      this.metadata = offsets[0]?.metadata ?? ''
      const topics = offsets.map(({ topic, partition, offset }) => ({
        topic,
        // As kafkajs tells it, whatever its types say.
        partitions: [{ partition, offset: Long.fromValue(offset), metadata: null }],
      }))
      this.#listeners.get('consumer.commit_offsets')?.({ payload: { topics } })
    }
  }
}

/** A running consumer of ours on a fake one of kafkajs, and the errors that it ended with. */
async function started() {
  const fake = new FakeConsumer()
  const kafka = { consumer: () => fake } as unknown as Kafka
  const consumer = new KafkaGroupConsumer(kafka, { group: 'g', topic: 'raw', sessionTimeoutMs: 6_000 })
  const crashes: Error[] = []
  const outOfRange: number[] = []
  const nothing = () => {}
  await consumer.start({
    onAssigned: nothing,
    onHeartbeat: nothing,
    onBatch: () => true,
    onSkipped: nothing,
    onOutOfRange: (partition) => outOfRange.push(partition),
    onCrashed: (error) => crashes.push(error),
  })
  return { fake, consumer, crashes, outOfRange }
}

test('a commit that kafkajs swallows, because it is starting anew, is a failure', async () => {
  const { fake, consumer } = await started()
  await consumer.commit(1, 5n, '')
  fake.running = false
  await expect(consumer.commit(1, 6n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT', retriable: true })
  // Not even when it is the same offset again.
  await expect(consumer.commit(1, 5n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT' })
  fake.running = true
  await consumer.commit(1, 6n, '')
})

test('a crash that kafkajs does not call retriable starts it anew; a refusal of Kafka ends the process', async () => {
  const { fake, crashes } = await started()
  fake.crash(new TypeError("Cannot destructure property 'topicMetadata' of null"))
  await eventually(() => expect(fake.runs).toBe(2))
  expect(crashes).toEqual([])
  fake.crash(Object.assign(new Error('not for you'), { type: 'GROUP_AUTHORIZATION_FAILED' }))
  expect(crashes).toMatchObject([{ code: 'KAFKA_REFUSED' }])
})

test('an offset out of range is told, with its partition, and the consumer starts anew (I2)', async () => {
  const { fake, crashes, outOfRange } = await started()
  const cause = new OffsetOutOfRangeError({ topic: 'raw', partition: 3 })
  fake.crash(new Error('kafkajs wraps it', { cause }))
  expect(outOfRange).toEqual([3])
  await eventually(() => expect(fake.runs).toBe(2))
  fake.crash(new Error('of another', { cause: new OffsetOutOfRangeError({ topic: 'other', partition: 3 }) }))
  expect([outOfRange, crashes]).toEqual([[3], []])
})

test('a commit carries the text that is read back at the next start', async () => {
  const { fake, consumer } = await started()
  await consumer.commit(1, 5n, 'where it was read')
  expect(fake.metadata).toBe('where it was read')
})
