import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  END_TXN_RENEWING,
  INIT_PRODUCER_ID,
  PRODUCE,
  PRODUCE_ADDING,
  TXN_OFFSET_COMMIT,
  TXN_OFFSET_COMMIT_ADDING,
} from '../../src/kafka/client/requests.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { openKafkaTransactions } from '../../src/kafka/kafka-transactions.ts'
import type { PartitionTransactions } from '../../src/stream/transactions.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'

let scripted: ScriptedBroker
let transactions: PartitionTransactions
/** Requests with their producer epoch. */
let log: string[]
/** Error codes of the next offset commits and ends, each used once, in order. */
let commitErrors: number[]
let endErrors: number[]

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  log = []
  commitErrors = []
  endErrors = []
  scripted.on(INIT_PRODUCER_ID, () => ({ throttleTimeMs: 0, errorCode: 0, producerId: 5n, producerEpoch: 3 }))
  scripted.on(ADD_PARTITIONS_TO_TXN, ({ producerEpoch, topics }) => {
    log.push(`add ${topics.map(({ name, partitions }) => `${name}/${partitions}`).join(' ')} @${producerEpoch}`)
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map((partition) => ({ partition, errorCode: 0 })),
      })),
    }
  })
  scripted.on(ADD_OFFSETS_TO_TXN, ({ producerEpoch }) => {
    log.push(`add offsets @${producerEpoch}`)
    return { throttleTimeMs: 0, errorCode: 0 }
  })
  for (const type of [PRODUCE, PRODUCE_ADDING]) {
    scripted.on(type, ({ topics }) => {
      const written = topics.flatMap(({ name, partitions }) =>
        partitions.map(({ partition, batch }) => {
          const bytes = batch as Buffer
          log.push(`produce ${type.version} ${name}/${partition} @${bytes.readInt16BE(51)}#${bytes.readInt32BE(53)}`)
          return { name, partition }
        }),
      )
      return {
        topics: written.map(({ name, partition }) => ({
          name,
          partitions: [
            {
              partition,
              errorCode: 0,
              baseOffset: 0n,
              logAppendTimeMs: -1n,
              logStartOffset: 0n,
              recordErrors: [],
              errorMessage: null,
            },
          ],
        })),
        throttleTimeMs: 0,
      }
    })
  }
  for (const type of [TXN_OFFSET_COMMIT, TXN_OFFSET_COMMIT_ADDING]) {
    scripted.on(type, ({ producerEpoch, topics }) => {
      const errorCode = commitErrors.shift() ?? 0
      log.push(`offset ${type.version} @${producerEpoch}${errorCode === 0 ? '' : ` -> ${errorCode}`}`)
      return {
        throttleTimeMs: 0,
        topics: topics.map(({ name }) => ({ name, partitions: [{ partition: 0, errorCode }] })),
      }
    })
  }
  scripted.on(END_TXN, ({ producerEpoch }) => {
    log.push(`end 3 @${producerEpoch}`)
    return { throttleTimeMs: 0, errorCode: endErrors.shift() ?? 0 }
  })
  scripted.on(END_TXN_RENEWING, ({ producerEpoch }) => {
    log.push(`end 5 @${producerEpoch}`)
    return {
      throttleTimeMs: 0,
      errorCode: endErrors.shift() ?? 0,
      producerId: 5n,
      producerEpoch: producerEpoch + 1,
    }
  })
})

afterEach(async () => {
  await transactions.close()
  scripted.close()
})

async function open(transactionVersion: number, signal?: AbortSignal): Promise<void> {
  if (transactionVersion > 0) {
    scripted.features = [{ name: 'transaction.version', maxLevel: transactionVersion, minLevel: transactionVersion }]
  }
  const kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
  transactions = await openKafkaTransactions(kafka, {
    transactionalId: 'id',
    transactionTimeoutMs: 2_000,
    group: 'g',
    inputTopic: 'in',
    inputPartition: 0,
    requestBytesMax: 1_000_000,
    ...(signal && { signal }),
  })
}

const one = () =>
  transactions.run(async (scope) => {
    const record = { key: 'k', value: Buffer.from('v') }
    await Promise.all([scope.append('a', 0, [record]), scope.append('b', 0, [record])])
    await scope.commitOffset(7n, 'seven')
  })

test('version 2: nothing is announced, and every commit gives a new epoch, which restarts the sequences (I7)', async () => {
  await open(2)
  await one()
  await one()
  expect(log).toEqual([
    'produce 12 a/0 @3#0',
    'produce 12 b/0 @3#0',
    'offset 5 @3',
    'end 5 @3',
    'produce 12 a/0 @4#0',
    'produce 12 b/0 @4#0',
    'offset 5 @4',
    'end 5 @4',
  ])
})

test.each([0, 1])('version %i: one request announces all partitions, in parallel with the offsets', async (version) => {
  await open(version)
  await one()
  await one()
  const [first = [], second = []] = [log.slice(0, 6), log.slice(6)]
  expect(first.slice(0, 2).toSorted()).toEqual(['add a/0 b/0 @3', 'add offsets @3'])
  expect(first.slice(2)).toEqual(['produce 9 a/0 @3#0', 'produce 9 b/0 @3#0', 'offset 3 @3', 'end 3 @3'])
  // The same epoch, so sequences continue.
  expect(second.slice(2)).toEqual(['produce 9 a/0 @3#1', 'produce 9 b/0 @3#1', 'offset 3 @3', 'end 3 @3'])
})

describe.each([1, 2])('version %i', (version) => {
  test('an empty transaction is not ended, because the brokers know nothing of it', async () => {
    await open(version)
    await transactions.run(async () => {})
    expect(log).toEqual([])
  })

  test('waits while the former transaction is ending', async () => {
    await open(version)
    commitErrors.push(51, 51)
    await one()
    expect(log.filter((line) => line.startsWith('offset'))).toHaveLength(3)
  })

  test('a coordinator that has just moved is looked up again, because the request had no effect', async () => {
    await open(version)
    commitErrors.push(16)
    await one()
    expect(log.filter((line) => line.startsWith('offset'))).toHaveLength(2)
  })

  test('an end without a clear answer is never repeated (I3)', async () => {
    await open(version)
    endErrors.push(7)
    await expect(one()).rejects.toMatchObject({ type: 'REQUEST_TIMED_OUT' })
    expect(log.filter((line) => line.startsWith('end'))).toHaveLength(1)
  })

  test('no transaction begins after a broker of the last one was lost (I3)', async () => {
    await open(version)
    await one()
    for (const socket of scripted.sockets) {
      socket.destroy()
    }
    await eventually(async () =>
      expect(await transactions.run(async () => {}).catch((error: { code: string }) => error.code)).toBe(
        'TRANSACTION_CONNECTION_LOST',
      ),
    )
  })

  test.each([
    ['a leader', [PRODUCE, PRODUCE_ADDING]],
    ["the group's coordinator", [TXN_OFFSET_COMMIT, TXN_OFFSET_COMMIT_ADDING]],
  ])('fails as soon as its coordinator is gone, although %s still waits for it', async (_who, types) => {
    const other = await ScriptedBroker.start(2)
    scripted.brokers = [scripted, other]
    scripted.leader = 2
    scripted.coordinatorOf = (keyType) => (keyType === 0 ? 2 : 1)
    other.answerLike(scripted)
    let waiting = 0
    for (const type of types) {
      other.on(type as typeof PRODUCE, () => {
        waiting += 1
        return undefined
      })
    }
    await open(version)
    const failed = expect(one()).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      message: expect.stringContaining('the coordinator of the transaction is gone'),
    })
    await eventually(() => expect(waiting).toBe(1))
    for (const socket of scripted.sockets) {
      socket.destroy()
    }
    await failed
    other.close()
  })
})

describe('while the former transaction of the id is ending', () => {
  const CONCURRENT_TRANSACTIONS = 51
  let asked: number
  beforeEach(async () => {
    // `afterEach` closes what a test did not open.
    await open(2)
    asked = 0
    scripted.on(INIT_PRODUCER_ID, () => {
      asked += 1
      return { throttleTimeMs: 0, errorCode: CONCURRENT_TRANSACTIONS, producerId: -1n, producerEpoch: -1 }
    })
  })

  test('the coordinator is asked again at growing intervals', async () => {
    await expect(open(2)).rejects.toMatchObject({ type: 'CONCURRENT_TRANSACTIONS' })
    // Every 3 ms would be more than 600 times in 2 s.
    expect(asked).toBeLessThan(60)
  })

  test('a partition that was revoked fences nobody any more: it may have another owner (I7)', async () => {
    const revoked = new AbortController()
    const opening = expect(open(2, revoked.signal)).rejects.toThrow('revoked')
    await eventually(() => expect(asked).toBeGreaterThan(0))
    revoked.abort(new Error('revoked'))
    await opening
  })
})
