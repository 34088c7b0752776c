import type { Kafka } from 'kafkajs'
import { expect, test, vi } from 'vitest'
import type { TopicsOfGroup } from '../../src/kafka/group-topics.ts'
import { KafkaGroupConsumer } from '../../src/kafka/kafka-group-consumer.ts'
import { OffsetOutOfRangeError } from '../../src/kafka/kafkajs-offsets.ts'
import { require } from '../../src/kafka/replace-module.ts'
import { eventually } from '../lab/harness/eventually.ts'

const Long = require('kafkajs/src/utils/long.js') as { fromValue(value: string): { toString(): string } }

type Listener = (event: { payload: unknown }) => void

/** The parts of kafkajs's consumer that a commit needs. */
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

  /** The last committed metadata. */
  metadata = ''

  join(partitions: readonly number[]): void {
    this.#listeners.get('consumer.group_join')?.({ payload: { memberAssignment: { raw: partitions } } })
  }

  crash(error: Error): void {
    this.#listeners.get('consumer.crash')?.({ payload: { error, restart: false } })
  }

  /** kafkajs resolves a commit of a consumer that is not running, without doing anything. */
  async commitOffsets(
    offsets: { topic: string; partition: number; offset: string; metadata: string }[],
  ): Promise<void> {
    if (this.running) {
      this.metadata = offsets[0]?.metadata ?? ''
      const topics = offsets.map(({ topic, partition, offset }) => ({
        topic,
        // As kafkajs emits it, whatever its types say.
        partitions: [{ partition, offset: Long.fromValue(offset), metadata: null }],
      }))
      this.#listeners.get('consumer.commit_offsets')?.({ payload: { topics } })
    }
  }
}

/** A running consumer of ours on a fake kafkajs consumer, and the errors it ended with. */
async function started(topicsOfGroup: TopicsOfGroup = async () => new Set(['raw'])) {
  const fake = new FakeConsumer()
  const kafka = { consumer: () => fake } as unknown as Kafka
  const consumer = new KafkaGroupConsumer(kafka, { group: 'g', topic: 'raw', sessionTimeoutMs: 6_000, topicsOfGroup })
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

test('a commit that kafkajs drops because it is restarting is a failure', async () => {
  const { fake, consumer } = await started()
  await consumer.commit(1, 5n, '')
  fake.running = false
  await expect(consumer.commit(1, 6n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT', retriable: true })
  // The same offset again fails, too.
  await expect(consumer.commit(1, 5n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT' })
  fake.running = true
  await consumer.commit(1, 6n, '')
})

test('a crash that kafkajs does not call retriable restarts the consumer; a refusal by Kafka ends the process', async () => {
  const { fake, crashes } = await started()
  fake.crash(new TypeError("Cannot destructure property 'topicMetadata' of null"))
  await eventually(() => expect(fake.runs).toBe(2))
  expect(crashes).toEqual([])
  fake.crash(Object.assign(new Error('not for you'), { type: 'GROUP_AUTHORIZATION_FAILED' }))
  expect(crashes).toMatchObject([{ code: 'KAFKA_REFUSED' }])
})

test('an offset out of range is reported with its partition, and the consumer restarts (I2)', async () => {
  const { fake, crashes, outOfRange } = await started()
  const cause = new OffsetOutOfRangeError({ topic: 'raw', partition: 3 })
  fake.crash(new Error('kafkajs wraps it', { cause }))
  expect(outOfRange).toEqual([3])
  await eventually(() => expect(fake.runs).toBe(2))
  fake.crash(new Error('of another', { cause: new OffsetOutOfRangeError({ topic: 'other', partition: 3 }) }))
  expect([outOfRange, crashes]).toEqual([[3], []])
})

test('a commit carries the metadata that is read back at the next start', async () => {
  const { fake, consumer } = await started()
  await consumer.commit(1, 5n, 'where it was read')
  expect(fake.metadata).toBe('where it was read')
})

test('a group whose members read other topics is not joined; dead members are waited for until their session expires', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    let asked = 0
    const shared = expect(
      started(async () => {
        asked += 1
        return new Set(['raw', 'other.raw'])
      }),
    ).rejects.toMatchObject({ code: 'GROUP_SHARED', message: expect.stringContaining('other.raw but not raw') })
    await vi.advanceTimersByTimeAsync(10_000)
    await shared
    expect(asked).toBeGreaterThan(10)
    let topics = new Set(['other.raw'])
    const starting = started(async () => topics)
    await vi.advanceTimersByTimeAsync(3_000)
    topics = new Set()
    await vi.advanceTimersByTimeAsync(1_000)
    const { fake, crashes } = await starting
    expect([fake.runs, crashes]).toEqual([1, []])
  } finally {
    vi.useRealTimers()
  }
})

test('a group that other readers joined meanwhile ends the process, and a rebalancing one is checked again later', async () => {
  let topics: ReadonlySet<string> | null = new Set(['raw'])
  const { fake, crashes } = await started(async () => topics)
  topics = null
  fake.join([0])
  await Promise.resolve()
  expect(crashes).toEqual([])
  topics = new Set(['raw', 'other.raw'])
  fake.join([0])
  await eventually(() => expect(crashes).toMatchObject([{ code: 'GROUP_SHARED' }]))
})

test('brokers that do not list the group’s members do not prevent joining, unless they refuse us', async () => {
  const { fake } = await started(async () => {
    throw new Error('the coordinator is away')
  })
  expect(fake.runs).toBe(1)
  const refused = Object.assign(new Error('Not authorized'), { type: 'GROUP_AUTHORIZATION_FAILED' })
  await expect(started(() => Promise.reject(refused))).rejects.toMatchObject({ code: 'KAFKA_REFUSED' })
})
