import type { Kafka } from 'kafkajs'
import { expect, test } from 'vitest'
import { KafkaGroupConsumer } from '../../src/kafka/kafka-group-consumer.ts'
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

  crash(error: Error): void {
    this.#listeners.get('consumer.crash')?.({ payload: { error, restart: false } })
  }

  /** kafkajs resolves a commit of a consumer that is not running, and does nothing. */
  async commitOffsets(offsets: { topic: string; partition: number; offset: string }[]): Promise<void> {
    if (this.running) {
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
  const nothing = () => {}
  await consumer.start({
    onAssigned: nothing,
    onHeartbeat: nothing,
    onBatch: () => true,
    onSkipped: nothing,
    onCrashed: (error) => crashes.push(error),
  })
  return { fake, consumer, crashes }
}

test('a commit that kafkajs swallows, because it is starting anew, is a failure', async () => {
  const { fake, consumer } = await started()
  await consumer.commit(1, 5n)
  fake.running = false
  await expect(consumer.commit(1, 6n)).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT', retriable: true })
  // Not even when it is the same offset again.
  await expect(consumer.commit(1, 5n)).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT' })
  fake.running = true
  await consumer.commit(1, 6n)
})

test('a crash that kafkajs does not call retriable starts it anew; a refusal of Kafka ends the process', async () => {
  const { fake, crashes } = await started()
  fake.crash(new TypeError("Cannot destructure property 'topicMetadata' of null"))
  await eventually(() => expect(fake.runs).toBe(2))
  expect(crashes).toEqual([])
  fake.crash(Object.assign(new Error('not for you'), { type: 'GROUP_AUTHORIZATION_FAILED' }))
  expect(crashes).toMatchObject([{ code: 'KAFKA_REFUSED' }])
})
