import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { encodeRecordBatch } from '../../src/kafka/client/encode-record-batch.ts'
import { FETCH, OFFSET_COMMIT } from '../../src/kafka/client/requests.ts'
import type { TopicsOfGroup } from '../../src/kafka/group-topics.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { KafkaGroupConsumer } from '../../src/kafka/kafka-group-consumer.ts'
import type { FetchedBatch } from '../../src/stream/group-consumer.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'
import { ScriptedGroup } from './client/scripted-group.ts'

let scripted: ScriptedBroker
let group: ScriptedGroup
let consumer: KafkaGroupConsumer
/** Error code of the next fetches. */
let fetchError: number
/** `partition@offset` of every fetch. */
let fetched: string[]
let damaged: boolean
const crashes: Error[] = []
const outOfRange: number[] = []
const assigned: (readonly number[])[] = []
const batches: FetchedBatch[] = []
let accept: (batch: FetchedBatch) => boolean

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  scripted.partitions = 2
  group = new ScriptedGroup()
  group.serveOn(scripted)
  fetchError = 0
  fetched = []
  damaged = false
  accept = () => true
  for (const list of [crashes, outOfRange, assigned, batches]) {
    list.length = 0
  }
  // Ten records, one per fetch.
  scripted.on(FETCH, ({ topics }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    topics: topics.map(({ id, partitions }) => ({
      id,
      partitions: partitions.map(({ partition, offset }) => ({
        partition: fetched.push(`${partition}@${offset}`) && partition,
        errorCode: fetchError,
        highWatermark: 10n,
        lastStableOffset: 10n,
        logStartOffset: 0n,
        abortedTransactions: null,
        preferredReadReplica: -1,
        records: offset < 10n && fetchError === 0 ? batchAt(offset) : null,
      })),
    })),
  }))
})

afterEach(async () => {
  await consumer.stop()
  scripted.close()
})

function batchAt(offset: bigint): Buffer {
  const batch = encodeRecordBatch([{ key: 'k', value: Buffer.from(`value ${offset}`) }], {
    timestamp: 0,
    transactional: false,
    producerId: -1n,
    producerEpoch: -1,
    firstSequence: -1,
  })
  batch.writeBigInt64BE(offset, 0)
  if (damaged) {
    batch[70] = (batch[70] as number) ^ 1
  }
  return batch
}

async function start(topicsOfGroup: TopicsOfGroup = async () => new Set(['raw'])): Promise<void> {
  const kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
  consumer = new KafkaGroupConsumer(kafka, { group: 'g', topic: 'raw', sessionTimeoutMs: 6_000, topicsOfGroup })
  await consumer.start({
    onAssigned: (partitions) => assigned.push(partitions),
    onHeartbeat: () => {},
    onBatch: (batch) => {
      batches.push(batch)
      return accept(batch)
    },
    onSkipped: () => {},
    onOutOfRange: (partition) => outOfRange.push(partition),
    onCrashed: (error) => crashes.push(error),
  })
}

const joined = (times = 1) => eventually(() => expect(assigned.length).toBeGreaterThanOrEqual(times))
const offsetsOf = (partition: number) =>
  batches.filter((batch) => batch.partition === partition).map(({ fetchedOffset }) => Number(fetchedOffset))

test('fetches nothing before it is told where, then everything from there, in order', async () => {
  await start()
  await joined()
  await new Promise((resolve) => setImmediate(resolve))
  expect(scripted.requests).not.toContain('Fetch')
  consumer.seek(1, 6n)
  await eventually(() => expect(offsetsOf(1)).toEqual([6, 7, 8, 9]))
  expect(batches[0]).toMatchObject({
    partition: 1,
    fetchedOffset: 6n,
    lastOffset: 6n,
    highWatermark: 10n,
    end: { offset: 7n, leaderEpoch: 0 },
  })
  expect(String(batches[0]?.records[0]?.value)).toBe('value 6')
  expect(offsetsOf(0)).toEqual([])
})

test('a batch that is not accepted is delivered again', async () => {
  let refusals = 2
  accept = () => refusals-- <= 0
  await start()
  await joined()
  consumer.seek(0, 8n)
  await eventually(() => expect(offsetsOf(0)).toEqual([8, 8, 8, 9]))
})

test('pauses, also from within a delivery, and goes on where it was', async () => {
  accept = ({ partition, fetchedOffset }) => {
    if (fetchedOffset === 3n) {
      consumer.pause(partition)
    }
    return true
  }
  await start()
  await joined()
  consumer.seek(0, 2n)
  await eventually(() => expect(offsetsOf(0)).toEqual([2, 3]))
  consumer.seek(1, 8n)
  await eventually(() => expect(offsetsOf(1)).toEqual([8, 9]))
  expect(offsetsOf(0)).toEqual([2, 3])
  expect(fetched).not.toContain('0@4')
  consumer.resume(0)
  await eventually(() => expect(offsetsOf(0)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]))
})

test('a seek from within a delivery wins over what was delivered', async () => {
  accept = ({ partition, fetchedOffset }) => {
    if (fetchedOffset === 4n && offsetsOf(0).length === 1) {
      consumer.seek(partition, 8n)
      return false
    }
    return true
  }
  await start()
  await joined()
  consumer.seek(0, 4n)
  await eventually(() => expect(offsetsOf(0)).toEqual([4, 8, 9]))
})

test('a partition that is revoked is no longer fetched', async () => {
  await start()
  await joined()
  consumer.pause(1)
  consumer.seek(1, 0n)
  group.assignment = [0]
  group.failures.heartbeat.push(27)
  await joined(2)
  consumer.resume(1)
  consumer.seek(0, 9n)
  await eventually(() => expect(offsetsOf(0)).toEqual([9]))
  expect(offsetsOf(1)).toEqual([])
})

test('an offset out of range is reported with its partition, and nothing is committed or skipped (I2)', async () => {
  fetchError = 1
  await start()
  await joined()
  consumer.seek(1, 3n)
  await eventually(() => expect(outOfRange).toContain(1))
  expect(scripted.requests).not.toContain('OffsetCommit')
  fetchError = 0
  await eventually(() => expect(offsetsOf(1)[0]).toBe(3))
  expect(crashes).toEqual([])
})

test('a topic that was deleted and created again is reported like an offset out of range (I2)', async () => {
  await start()
  await joined()
  fetchError = 100
  scripted.topicId = Buffer.alloc(16, 9).toString('base64url')
  consumer.seek(0, 3n)
  await eventually(() => expect(outOfRange).toContain(0))
  expect(batches).toEqual([])
})

test('a batch that cannot be read ends the process with its location, and nothing is skipped (I2)', async () => {
  damaged = true
  await start()
  await joined()
  consumer.seek(0, 3n)
  await eventually(() => expect(crashes[0]).toMatchObject({ code: 'BATCH_UNREADABLE' }))
  expect(crashes[0]?.message).toContain('the record batch at offset 3')
  expect(batches).toEqual([])
})

test('a refusal ends the process; an error that nobody knows is waited out', async () => {
  group.failures.join.push(-1)
  await start()
  await joined()
  expect(crashes).toEqual([])
  group.failures.heartbeat.push(30)
  await eventually(() => expect(crashes).toMatchObject([{ code: 'KAFKA_REFUSED' }]))
})

test('a commit carries the metadata that is read back at the next start', async () => {
  await start()
  await joined()
  await consumer.commit(1, 5n, 'where it was read')
  expect(group.committed.get(1)).toEqual({ offset: 5n, metadata: 'where it was read' })
})

test('a commit that the coordinator does not confirm is a failure (I2)', async () => {
  await start()
  await joined()
  scripted.on(OFFSET_COMMIT, () => ({ throttleTimeMs: 0, topics: [] }))
  await expect(consumer.commit(1, 5n, '')).rejects.toThrow()
})

test('a group whose members read other topics is not joined; dead members are waited for until their session expires', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    let asked = 0
    const shared = expect(
      start(async () => {
        asked += 1
        return new Set(['raw', 'other.raw'])
      }),
    ).rejects.toMatchObject({ code: 'GROUP_SHARED', message: expect.stringContaining('other.raw but not raw') })
    await vi.advanceTimersByTimeAsync(10_000)
    await shared
    expect(asked).toBeGreaterThan(10)
  } finally {
    vi.useRealTimers()
  }
  expect(scripted.requests).not.toContain('JoinGroup')
  let topics = new Set(['other.raw'])
  let asked = 0
  await start(async () => {
    asked += 1
    topics = asked > 2 ? new Set() : topics
    return topics
  })
  await joined()
  expect(crashes).toEqual([])
})

test('a group that other readers joined meanwhile ends the process, and a rebalancing one is checked again later', async () => {
  let topics: ReadonlySet<string> | null = new Set(['raw'])
  await start(async () => topics)
  await joined()
  topics = null
  group.failures.heartbeat.push(27)
  await joined(2)
  expect(crashes).toEqual([])
  topics = new Set(['raw', 'other.raw'])
  group.failures.heartbeat.push(27)
  await eventually(() => expect(crashes).toMatchObject([{ code: 'GROUP_SHARED' }]))
})

test('brokers that do not list the group’s members do not prevent joining, unless they refuse us', async () => {
  await start(async () => {
    throw new Error('the coordinator is away')
  })
  await joined()
  await consumer.stop()
  const refused = Object.assign(new Error('Not authorized'), { type: 'GROUP_AUTHORIZATION_FAILED' })
  await expect(start(() => Promise.reject(refused))).rejects.toMatchObject({ code: 'KAFKA_REFUSED' })
})
