import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cluster } from '../../../src/kafka/client/cluster.ts'
import { Fetcher, type FetchPlace } from '../../../src/kafka/client/fetcher.ts'
import { FETCH, METADATA } from '../../../src/kafka/client/requests.ts'
import type { ValueOf } from '../../../src/kafka/client/wire-types.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { SILENT } from '../../lab/harness/silent-logger.ts'
import { recordsAt } from './records-at.ts'
import { ScriptedBroker } from './scripted-broker.ts'

let scripted: ScriptedBroker
let cluster: Cluster
let fetcher: Fetcher
/** `partition@offset` of each, one line per request. */
let asked: string[]
/** The leader epoch that each request gave as the last one read. */
let epochs: number[]

type Answered = ValueOf<typeof FETCH.response>['topics'][number]['partitions'][number]

const NEVER = new AbortController().signal

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  scripted.partitions = 3
  cluster = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT }).cluster()
  fetcher = new Fetcher(cluster, { maxWaitMs: 10, maxBytes: 1_000, partitionBytesMax: 100 })
  asked = []
  epochs = []
  answering(() => ({}))
})

afterEach(async () => {
  await cluster.close()
  scripted.close()
})

/** Scripts the answer for each partition; by default nothing new. */
function answering(of: (partition: number, offset: bigint) => Partial<Answered> | Promise<Partial<Answered>>): void {
  scripted.on(FETCH, async ({ topics }) => {
    asked.push(topics.flatMap(({ partitions }) => partitions.map((one) => `${one.partition}@${one.offset}`)).join(' '))
    epochs.push(...topics.flatMap(({ partitions }) => partitions.map(({ lastFetchedEpoch }) => lastFetchedEpoch)))
    const [topic] = topics
    const [one] = topic?.partitions ?? []
    const { partition, offset } = one as NonNullable<typeof one>
    return {
      throttleTimeMs: 0,
      errorCode: 0,
      sessionId: 0,
      topics: [
        {
          id: topic?.id as string,
          partitions: [
            {
              partition,
              errorCode: 0,
              highWatermark: 10n,
              lastStableOffset: 9n,
              logStartOffset: 0n,
              abortedTransactions: null,
              preferredReadReplica: -1,
              records: null,
              ...(await of(partition, offset)),
            },
          ],
        },
      ],
    }
  })
}

const place = (partition: number, offset = 0n, more: Partial<FetchPlace> = {}): FetchPlace => ({
  topic: 'raw',
  partition,
  offset,
  topicId: scripted.topicId,
  ...more,
})

function records(baseOffset: bigint, ...values: readonly string[]): Buffer {
  return recordsAt(
    baseOffset,
    values.map((value) => ({ key: 'k', value: Buffer.from(value) })),
  )
}

test('returns the records, the next offset, and the ends of the log', async () => {
  answering(() => ({ records: records(4n, 'a', 'b') }))
  const fetched = await fetcher.fetch(place(0, 4n), NEVER)
  expect(fetched).toMatchObject({
    kind: 'records',
    next: 6n,
    end: { offset: 6n, leaderEpoch: 0 },
    highWatermark: 10n,
    lastStableOffset: 9n,
  })
  expect(fetched.kind === 'records' && fetched.records.map(({ value }) => String(value))).toEqual(['a', 'b'])
})

test('returns without records if there are none', async () => {
  expect(await fetcher.fetch(place(0, 4n), NEVER)).toMatchObject({ kind: 'records', records: [], next: 4n, end: null })
})

test('a partition without records does not delay others: each has its own connection', async () => {
  const waiting = Promise.withResolvers<void>()
  answering((partition) => (partition === 0 ? waiting.promise.then(() => ({})) : {}))
  const first = fetcher.fetch(place(0), NEVER)
  await expect(fetcher.fetch(place(1, 5n), NEVER)).resolves.toMatchObject({ next: 5n })
  waiting.resolve()
  await expect(first).resolves.toMatchObject({ next: 0n })
})

test('an offset that the log does not have is reported, not corrected', async () => {
  answering(() => ({ errorCode: 1 }))
  expect(await fetcher.fetch(place(0, 99n), NEVER)).toEqual({ kind: 'out-of-range' })
  expect(asked).toEqual(['0@99'])
})

test('a log that lost its end since it was read is reported, with the place where it diverges', async () => {
  // The leader answers with the divergence and no records.
  answering(() => ({ diverging: { leaderEpoch: 3, endOffset: 40n } }))
  const fetched = await fetcher.fetch(place(0, 50n, { leaderEpoch: 4 }), NEVER)
  expect(fetched).toEqual({ kind: 'truncated', at: { offset: 40n, leaderEpoch: 3 } })
  expect(asked).toEqual(['0@50'])
  await fetcher.fetch(place(0, 50n), NEVER)
  expect(epochs).toEqual([4, -1])
})

test('another topic of the same name is reported', async () => {
  const { topicId } = scripted
  answering(() => ({ errorCode: 100 }))
  const fetched = fetcher.fetch(place(0), NEVER)
  scripted.topicId = Buffer.alloc(16, 2).toString('base64url')
  expect(await fetched).toEqual({ kind: 'other-topic', topicId: scripted.topicId })
  expect(await fetcher.fetch(place(0, 0n, { topicId }), NEVER)).toMatchObject({ kind: 'other-topic' })
})

test('another topic is reported only if a broker that was just asked says so', async () => {
  const { topicId } = scripted
  // What a broker says that has not learned of the present topic yet.
  scripted.topicId = Buffer.alloc(16, 2).toString('base64url')
  await cluster.topic('raw')
  scripted.topicId = topicId
  expect(await fetcher.fetch(place(0), NEVER)).toMatchObject({ kind: 'records' })
})

test('a leader that moved is looked up again, and the fetch is repeated there', async () => {
  const other = await ScriptedBroker.start(2)
  try {
    other.topicId = scripted.topicId
    other.partitions = 3
    for (const broker of [scripted, other]) {
      broker.brokers = [scripted, other]
    }
    answering(() => {
      scripted.leader = 2
      other.leader = 2
      return { errorCode: 6 }
    })
    other.on(FETCH, ({ topics: [topic] }) => ({
      throttleTimeMs: 0,
      errorCode: 0,
      sessionId: 0,
      topics: [
        {
          id: topic?.id ?? '',
          partitions: [
            {
              partition: 0,
              errorCode: 0,
              highWatermark: 1n,
              lastStableOffset: 1n,
              logStartOffset: 0n,
              abortedTransactions: null,
              preferredReadReplica: -1,
              records: records(0n, 'from the new leader'),
            },
          ],
        },
      ],
    }))
    const fetched = await fetcher.fetch(place(0), NEVER)
    expect(fetched.kind === 'records' && String(fetched.records[0]?.value)).toBe('from the new leader')
  } finally {
    other.close()
  }
})

test('rejects at once after a refusal or for a batch that cannot be read', async () => {
  answering(() => ({ errorCode: 29 }))
  await expect(fetcher.fetch(place(0), NEVER)).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' })
  const damaged = records(0n, 'damaged')
  damaged[70] = (damaged[70] as number) ^ 1
  answering(() => ({ records: damaged }))
  await expect(fetcher.fetch(place(0), NEVER)).rejects.toMatchObject({ code: 'BATCH_UNREADABLE' })
  expect(asked).toHaveLength(2)
})

test('an aborted fetch rejects at once, and the next one does not wait for it', async () => {
  scripted.on(FETCH, () => undefined)
  const unwanted = new AbortController()
  const first = fetcher.fetch(place(0), unwanted.signal)
  await eventually(() => expect(scripted.requests).toContain('Fetch'))
  unwanted.abort(new Error('revoked'))
  await expect(first).rejects.toThrow('revoked')
  answering(() => ({}))
  await expect(fetcher.fetch(place(0), NEVER)).resolves.toMatchObject({ kind: 'records' })
})

test('a fetch can be aborted while its leader is looked up', async () => {
  scripted.on(METADATA, () => undefined)
  const unwanted = new AbortController()
  const fetching = fetcher.fetch(place(0), unwanted.signal)
  await eventually(() => expect(scripted.requests).toContain('Metadata'))
  unwanted.abort(new Error('revoked'))
  await expect(fetching).rejects.toThrow('revoked')
  cluster.disconnect('the test is over')
})

test('a lasting failure rejects once a time limit is reached', async () => {
  answering(() => ({ errorCode: 5 }))
  const limited = new Fetcher(cluster, {
    maxWaitMs: 10,
    maxBytes: 1,
    partitionBytesMax: 1,
    retryForMs: 100,
  })
  await expect(limited.fetch(place(0), NEVER)).rejects.toMatchObject({ type: 'LEADER_NOT_AVAILABLE' })
})
