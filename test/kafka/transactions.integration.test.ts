import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { assertNoError } from '../../src/kafka/client/client-errors.ts'
import type { Cluster } from '../../src/kafka/client/cluster.ts'
import { INIT_PRODUCER_ID, TXN_OFFSET_COMMIT } from '../../src/kafka/client/requests.ts'
import { kafkaErrorType } from '../../src/kafka/errors.ts'
import { createGroupOffsets } from '../../src/kafka/group-offsets.ts'
import { produceTo } from '../../src/kafka/produce-request.ts'
import type { CommittedOffset } from '../../src/stream/group-offsets.ts'
import type { OutRecord } from '../../src/stream/record.ts'
import type { PartitionTransactions, TransactionScope } from '../../src/stream/transactions.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { TopicBench } from '../lab/harness/topic-bench.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/** This file briefly disables a safeguard of the broker, so it uses its own broker. */
let stack: Stack
let bench: TopicBench
let input: string
let output: string
let rounds = 0

beforeAll(async () => {
  stack = await startStack({ only: ['kafka'] })
  bench = await TopicBench.create(stack)
  input = await bench.createTopic('input')
  output = await bench.createTopic('output', { 'max.message.bytes': '2097152' })
})

afterAll(async () => {
  await bench?.close()
  await stack?.stop()
})

const FENCED = ['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'UNKNOWN', 'CONCURRENT_TRANSACTIONS', 'INVALID_TXN_STATE']

describe('I7 an older producer with the same id', () => {
  const append = (scope: TransactionScope) => scope.append(output, 0, [recordOf('from the fenced')])
  const offset = (scope: TransactionScope) => scope.commitOffset(1_000_000n, 'from the fenced')

  test.each([
    ['appending', async (scope: TransactionScope) => void (await append(scope))],
    ['committing an offset', offset],
    ['doing both', (scope: TransactionScope) => append(scope).then(() => offset(scope))],
  ])('is refused when it is %s', async (_what, work) => {
    const id = nextId()
    const older = await bench.transactions(id, { inputTopic: input })
    await older.run((scope) => scope.commitOffset(1n, 'before'))
    await bench.transactions(id, { inputTopic: input })
    await refused(() => older.run(work))
    expect(await committed()).toEqual({ offset: 1n, metadata: 'before' })
    await seesNothingOf('from the fenced')
  })

  test('cannot commit a transaction that it began before it was fenced', async () => {
    const id = nextId()
    const older = await bench.transactions(id, { inputTopic: input })
    await older.run((scope) => scope.commitOffset(2n, 'before'))
    let newer: PartitionTransactions | undefined
    const run = older.run(async (scope) => {
      await append(scope)
      await offset(scope)
      newer = await bench.transactions(id, { inputTopic: input })
    })
    await refused(() => run)
    expect(await committed()).toEqual({ offset: 2n, metadata: 'before' })
    await newer?.run((scope) => scope.commitOffset(3n, 'the rightful'))
    await eventually(async () => expect(await committed()).toEqual({ offset: 3n, metadata: 'the rightful' }))
    await seesNothingOf('from the fenced')
  })
})

describe('I7 a producer with another id that is fenced, too', () => {
  test('is rejected, and its open transaction is ended', async () => {
    const id = nextId()
    const older = await bench.transactions(id, { inputTopic: input })
    await older.run((scope) => scope.commitOffset(5n, 'before'))
    const { promise: appended, resolve } = Promise.withResolvers<void>()
    const { promise: awake, resolve: wakeUp } = Promise.withResolvers<void>()
    const late = older.run(async (scope) => {
      await scope.append(output, 0, [recordOf('from the fenced')])
      resolve()
      await awake
      await scope.commitOffset(1_000_000n, 'from the fenced')
    })
    const ended = refused(() => late)
    await appended
    const newer = await bench.transactions(nextId(), { inputTopic: input })
    await newer.fence(bench.name(id))
    expect(await committed()).toEqual({ offset: 5n, metadata: 'before' })
    await eventually(async () => {
      const { end, highWatermark } = await bench.reader.range(output, 0)
      expect(end).toBe(highWatermark)
    })
    wakeUp()
    await ended
    await newer.run((scope) => scope.commitOffset(6n, 'the rightful'))
    await eventually(async () => expect(await committed()).toEqual({ offset: 6n, metadata: 'the rightful' }))
    await seesNothingOf('from the fenced')
  })
})

test('a dead producer’s open transaction is ended by the next open, long before it times out', async () => {
  const id = nextId()
  const dead = await bench.transactions(id, { inputTopic: input })
  const { promise: appended, resolve } = Promise.withResolvers<void>()
  void dead.run(async (scope) => {
    await scope.append(output, 0, [recordOf('never committed')])
    resolve()
    await new Promise(() => {})
  })
  await appended
  const next = await bench.transactions(id, { inputTopic: input })
  await next.run(async (scope) => {
    await scope.append(output, 0, [recordOf('after the death')])
  })
  // The broker answers a commit before it has written the markers.
  await eventually(async () => expect(await valuesOf(output)).toContain('after the death'))
  await seesNothingOf('never committed')
})

test('a committed offset and its metadata, read after an open, are final whatever the older producer did', async () => {
  for (let round = 1; round <= 15; round += 1) {
    const id = `race-${round}`
    const older = await bench.transactions(id, { inputTopic: input })
    const next = BigInt(1_000 + round)
    const [outcome, { read }] = await Promise.all([
      older
        .run((scope) => scope.commitOffset(next, `round ${round}`))
        .then(
          () => 'committed' as const,
          () => 'unknown' as const,
        ),
      bench.transactions(id, { inputTopic: input }).then(async () => ({ read: await committed() })),
    ])
    expect(await committed()).toEqual(read)
    if (outcome === 'committed') {
      expect(read).toEqual({ offset: next, metadata: `round ${round}` })
    }
  }
})

test('an offset is committed together with the records of its transaction, or not at all', async () => {
  const id = nextId()
  const transactions = await bench.transactions(id, { inputTopic: input })
  await transactions.run((scope) => scope.commitOffset(10n, 'ten'))
  const failing = transactions.run(async (scope) => {
    await scope.append(output, 0, [recordOf('of a failed work')])
    await scope.commitOffset(11n, 'eleven')
    throw new Error('the work failed')
  })
  await expect(failing).rejects.toThrow('the work failed')
  await bench.transactions(id, { inputTopic: input })
  expect(await committed()).toEqual({ offset: 10n, metadata: 'ten' })
  await seesNothingOf('of a failed work')
})

test('transactions that only commit an offset succeed in immediate succession', async () => {
  const transactions = await bench.transactions(nextId(), { inputTopic: input })
  for (let next = 1; next <= 60; next += 1) {
    await transactions.run((scope) => scope.commitOffset(BigInt(next), `next ${next}`))
  }
  await eventually(async () => expect(await committed()).toEqual({ offset: 60n, metadata: 'next 60' }))
})

describe('a transaction its coordinator left half-ended (KAFKA-20734)', () => {
  /**
   * Leaves the state that the real coordinator leaves: the records and the offset exist without a marker, and the
   * coordinator does not know of them. The records are written without announcing them, which the broker rejects by
   * default.
   */
  async function leaveHalfEnded(id: string, value: string, offset: bigint): Promise<void> {
    const cluster = bench.kafka.cluster()
    try {
      await appendUnannounced(cluster, bench.name(id), value, offset)
    } finally {
      await cluster.close()
    }
  }

  async function appendUnannounced(
    cluster: Cluster,
    transactionalId: string,
    value: string,
    offset: bigint,
  ): Promise<void> {
    const transactions = await cluster.coordinatorOf('transaction', transactionalId)
    const init = { transactionalId, transactionTimeoutMs: 30_000, producerId: -1n, producerEpoch: -1 }
    const { errorCode, producerId, producerEpoch } = await transactions.send(INIT_PRODUCER_ID, init)
    assertNoError(errorCode)
    // As in version 1 of the protocol, in which nothing joins a transaction implicitly.
    const identity = { transactionalId, producerId, producerEpoch, addsPartitions: false }
    const batches = [{ topic: output, partition: 0, firstSequence: 0, records: [recordOf(value)] }]
    const leader = await cluster.leaderOf(output, 0)
    const { partitions } = await produceTo(leader, { identity, timeoutMs: 10_000, batches }, 'main')
    for (const { error } of partitions) {
      if (error !== null) {
        throw error
      }
    }
    const group = bench.name('group')
    const answer = await (await cluster.coordinatorOf('group', group)).send(TXN_OFFSET_COMMIT, {
      ...identity,
      group,
      topics: [{ name: input, partitions: [{ partition: 0, offset, metadata: value }] }],
    })
    assertNoError(answer.topics[0]?.partitions[0]?.errorCode ?? -1)
  }

  async function setVerification(enabled: boolean): Promise<void> {
    const configEntries = [{ name: 'transaction.partition.verification.enable', value: String(enabled) }]
    await bench.admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: kafkajs.ConfigResourceTypes.BROKER, name: '1', configEntries }],
    })
  }

  test.each(['commit', 'abort'] as const)(
    'is settled by a producer with another id that fenced the original one: %s',
    async (outcome) => {
      const id = nextId()
      const value = `left by another before a ${outcome}`
      const before = await committed()
      await setVerification(false)
      await eventually(() => leaveHalfEnded(id, value, 78n))
      await setVerification(true)
      const next = await bench.transactions(nextId(), { inputTopic: input })
      await next.fence(bench.name(id))
      await next.settle([output], outcome)
      const after = await bench.reader.range(output, 0)
      expect(after.end).toBe(after.highWatermark)
      expect(await committed()).toEqual(outcome === 'commit' ? { offset: 78n, metadata: value } : before)
      expect((await valuesOf(output)).includes(value)).toBe(outcome === 'commit')
      await next.run(async (scope) => {
        await scope.append(output, 0, [recordOf(`after another and the ${outcome}`)])
      })
      await eventually(async () => expect(await valuesOf(output)).toContain(`after another and the ${outcome}`))
    },
  )

  test.each(['commit', 'abort'] as const)(
    'stays undecided across an open, until it is settled: %s',
    async (outcome) => {
      const id = nextId()
      const value = `forgotten before a ${outcome}`
      const before = await committed()
      await setVerification(false)
      // The broker applies its new setting with a delay.
      await eventually(() => leaveHalfEnded(id, value, 77n))
      await setVerification(true)
      const next = await bench.transactions(id, { inputTopic: input })
      const range = await bench.reader.range(output, 0)
      expect(range.end).toBeLessThan(range.highWatermark)
      expect(await committed()).toEqual(before)

      await next.settle([output], outcome)
      const after = await bench.reader.range(output, 0)
      expect(after.end).toBe(after.highWatermark)
      expect(await committed()).toEqual(outcome === 'commit' ? { offset: 77n, metadata: value } : before)
      expect((await valuesOf(output)).includes(value)).toBe(outcome === 'commit')

      // The producer then continues normally.
      await next.run(async (scope) => {
        await scope.append(output, 0, [recordOf(`after the ${outcome}`)])
        await scope.commitOffset(78n, 'after')
      })
      await eventually(async () => expect(await valuesOf(output)).toContain(`after the ${outcome}`))
      expect((await valuesOf(output)).includes(value)).toBe(outcome === 'commit')
    },
  )

  test('does not share the outcome of the next transaction, even if the producer lost its connection', async () => {
    const id = nextId()
    const transactions = await bench.transactions(id, { inputTopic: input })
    await transactions.run(async (scope) => void (await scope.append(output, 0, [recordOf('before')])))
    await transactions.close()
    const work = vi.fn()
    await expect(transactions.run(work)).rejects.toMatchObject({ code: 'TRANSACTION_CONNECTION_LOST' })
    expect(work).not.toHaveBeenCalled()
  })
})

test('an offset is undecided from its commit in a transaction until that transaction ends', async () => {
  const transactions = await bench.transactions(nextId(), { inputTopic: input })
  expect(await transactions.offsetDecided()).toBe(true)
  let inside: boolean | undefined
  await transactions.run(async (scope) => {
    await scope.commitOffset(7n, 'inside')
    inside = await transactions.offsetDecided()
  })
  expect(inside).toBe(false)
  await eventually(async () => expect(await transactions.offsetDecided()).toBe(true))
})

describe('a chunk that exceeds the record batch limit', () => {
  const records = Array.from({ length: 90 }, (_, index) => recordOf(`${index}:`.padEnd(60_000, 'x')))

  test('is split by bytes, in order and in one transaction, and the offsets span all of it', async () => {
    const topic = await bench.createTopic('large', { 'max.message.bytes': '2097152' })
    const transactions = await bench.transactions(nextId(), { inputTopic: input })
    await transactions.run(async (scope) => {
      expect(await scope.append(topic, 0, records)).toEqual({ first: 0n, next: 90n })
    })
    await eventually(async () => expect(await valuesOf(topic)).toEqual(records.map(({ value }) => String(value))))
    await transactions.run(async (scope) => {
      // The commit's control record takes an offset.
      expect(await scope.append(topic, 0, [recordOf('one more')])).toEqual({ first: 91n, next: 92n })
    })
  })

  test('would be rejected by the broker without the split', async () => {
    const transactions = await bench.transactions(nextId(), { inputTopic: input, requestBytesMax: 100_000_000 })
    const run = transactions.run(async (scope) => {
      await scope.append(output, 0, records)
    })
    expect(kafkaErrorType(await run.catch((error: unknown) => error))).toBe('MESSAGE_TOO_LARGE')
  })
})

function nextId(): string {
  rounds += 1
  return `producer-${rounds}`
}

function recordOf(value: string): OutRecord {
  return { key: 'key', value: Buffer.from(value) }
}

async function refused(run: () => Promise<void>): Promise<void> {
  const error: unknown = await run().then(
    () => 'it was not refused',
    (reason: unknown) => reason,
  )
  expect(FENCED).toContain(kafkaErrorType(error))
}

function committed(): Promise<CommittedOffset> {
  return createGroupOffsets(bench.kafka).committed(bench.name('group'), input, 0)
}

async function valuesOf(topic: string): Promise<readonly string[]> {
  return (await bench.read(topic)).records.map(({ value }) => String(value))
}

async function seesNothingOf(value: string): Promise<void> {
  expect(await valuesOf(output)).not.toContain(value)
}
