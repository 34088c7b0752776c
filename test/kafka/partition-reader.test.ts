import { afterEach, beforeEach, expect, test } from 'vitest'
import { FETCH, LIST_OFFSETS } from '../../src/kafka/client/requests.ts'
import { createKafka, type KafkaClient } from '../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../src/kafka/partition-reader.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { recordsAt } from './client/records-at.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'

const END = 3n
let scripted: ScriptedBroker
let kafka: KafkaClient
/** How many fetches are answered without records first. */
let empty: number
/** Offsets of the records that there are. */
let present: bigint[]

beforeEach(async () => {
  empty = 0
  present = [0n, 1n, 2n]
  scripted = await ScriptedBroker.start()
  scripted.on(LIST_OFFSETS, ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition, timestamp }) => ({
        partition,
        errorCode: 0,
        timestamp: -1n,
        offset: timestamp === -2n ? 0n : END,
        leaderEpoch: 0,
      })),
    })),
  }))
  scripted.on(FETCH, ({ topics }) => ({
    throttleTimeMs: 0,
    errorCode: 0,
    sessionId: 0,
    topics: topics.map(({ id, partitions }) => ({
      id,
      partitions: partitions.map(({ partition, offset }) => {
        empty -= 1
        const next = present.find((one) => one >= offset)
        return {
          partition,
          errorCode: 0,
          highWatermark: END,
          lastStableOffset: END,
          logStartOffset: 0n,
          abortedTransactions: null,
          preferredReadReplica: -1,
          records: empty >= 0 || next === undefined ? null : recordsAt(next, [{ key: 'k', value: null }]),
        }
      }),
    })),
  }))
  kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
})

afterEach(async () => {
  await kafka.queries.close()
  scripted.close()
})

async function read(isCompacted: boolean): Promise<readonly bigint[]> {
  const offsets: bigint[] = []
  const { end } = await createPartitionReader(kafka, () => isCompacted).read('raw', 0, 0n, (records) => {
    offsets.push(...records.map(({ offset }) => offset))
  })
  expect(end).toBe(END)
  return offsets
}

test('an answer without records before the end skips nothing: a broker with slow remote storage gives it (I2)', async () => {
  empty = 3
  expect(await read(false)).toEqual([0n, 1n, 2n])
})

test('what compaction removed up to the end is stepped over', async () => {
  present = [0n]
  expect(await read(true)).toEqual([0n])
})
