import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { FETCH, OFFSET_COMMIT } from '../../src/kafka/client/requests.ts'
import type { TopicsOfGroup } from '../../src/kafka/group-topics.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { KafkaGroupConsumer } from '../../src/kafka/kafka-group-consumer.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import type { LogPlace } from '../../src/stream/topic-logs.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { recordsAt } from './client/records-at.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'
import { ScriptedGroup } from './client/scripted-group.ts'

let scripted: ScriptedBroker
let group: ScriptedGroup
let consumer: KafkaGroupConsumer
/** Error code of all following fetches. */
let fetchError: number
/** `partition@offset` of every fetch, with its leader epoch. */
let fetched: string[]
let damaged: boolean
const crashes: Error[] = []
const rejections: unknown[] = []
const assigned: (readonly number[])[] = []

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  scripted.partitions = 2
  group = new ScriptedGroup()
  group.serveOn(scripted)
  fetchError = 0
  fetched = []
  damaged = false
  crashes.length = 0
  rejections.length = 0
  assigned.length = 0
  // Ten records, one per fetch.
  scripted.on(FETCH, ({ topics }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    topics: topics.map(({ id, partitions }) => ({
      id,
      partitions: partitions.map(({ partition, offset, lastFetchedEpoch }) => ({
        partition: fetched.push(`${partition}@${offset} ${lastFetchedEpoch}`) && partition,
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
  const batch = recordsAt(offset, [{ key: 'k', value: Buffer.from(`value ${offset}`) }])
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
    onRejected: (error) => rejections.push(error),
    onCrashed: (error) => crashes.push(error),
  })
}

const joined = (times = 1) => eventually(() => expect(assigned.length).toBeGreaterThanOrEqual(times))
const fetch = (partition: number, offset: bigint, read: LogPlace | null = null) =>
  consumer.fetch(partition, { offset, read }, new AbortController().signal)

test('a join that the group refuses for good is reported and tried again', async () => {
  const INVALID_SESSION_TIMEOUT = 26
  group.failures.join = [INVALID_SESSION_TIMEOUT]
  await start()
  await joined()
  expect(rejections).toMatchObject([{ type: 'INVALID_SESSION_TIMEOUT' }])
})

test('fetches nothing by itself', async () => {
  await start()
  await joined()
  await new Promise((resolve) => setImmediate(resolve))
  expect(scripted.requests).not.toContain('Fetch')
})

test('fetches from the requested offset, with the leader epoch of the record directly before it', async () => {
  await start()
  await joined()
  expect(await fetch(1, 6n)).toMatchObject({
    kind: 'records',
    next: 7n,
    highWatermark: 10n,
    end: { offset: 7n, leaderEpoch: 0 },
    records: [{ offset: 6n, value: Buffer.from('value 6') }],
  })
  await fetch(1, 7n, { offset: 7n, leaderEpoch: 4 })
  // An epoch that ended before the offset would make the log look truncated.
  await fetch(1, 8n, { offset: 7n, leaderEpoch: 4 })
  expect(fetched).toEqual(['1@6 -1', '1@7 4', '1@8 -1'])
})

test('an aborted fetch ends at once', async () => {
  await start()
  await joined()
  scripted.on(FETCH, () => undefined)
  const unwanted = new AbortController()
  const fetching = consumer.fetch(0, { offset: 0n, read: null }, unwanted.signal)
  await eventually(() => expect(scripted.requests).toContain('Fetch'))
  unwanted.abort(new Error('revoked'))
  await expect(fetching).rejects.toThrow('revoked')
})

test('an offset out of range is reported, and nothing is committed or skipped (I2)', async () => {
  fetchError = 1
  await start()
  await joined()
  expect(await fetch(1, 3n)).toEqual({ kind: 'out-of-range' })
  expect(scripted.requests).not.toContain('OffsetCommit')
  fetchError = 0
  expect(await fetch(1, 3n)).toMatchObject({ kind: 'records', next: 4n })
})

test('a recreated topic is reported (I2)', async () => {
  await start()
  await joined()
  fetchError = 100
  scripted.topicId = Buffer.alloc(16, 9).toString('base64url')
  expect(await fetch(0, 3n)).toEqual({ kind: 'other-topic', topicId: scripted.topicId })
})

test('a batch that cannot be read is a defined stop with its location, and nothing is skipped (I2)', async () => {
  damaged = true
  await start()
  await joined()
  const fetching = fetch(0, 3n)
  await expect(fetching).rejects.toBeInstanceOf(DefinedStop)
  await expect(fetching).rejects.toMatchObject({
    code: 'BATCH_UNREADABLE',
    message: expect.stringContaining('the record batch at offset 3'),
  })
})

test('a refusal ends the process; an unknown error is waited out', async () => {
  group.failures.join.push(-1)
  await start()
  await joined()
  expect(crashes).toEqual([])
  group.failures.heartbeat.push(30)
  await eventually(() => expect(crashes).toMatchObject([{ code: 'KAFKA_REFUSED' }]))
})

test('a commit contains the metadata that is read back at the next start', async () => {
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

test('a group whose members read other topics is not joined; dead members are tolerated until their session expires', async () => {
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

test('a group that readers of other topics have joined ends the process; a rebalancing group is checked again later', async () => {
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
