import { beforeEach, describe, expect, test } from 'vitest'
import { RAW_HEADERS } from '../../../src/raw/raw-headers.ts'
import type { TimedPartitionReader } from '../../../src/stream/partition-reader.ts'
import { findRaw } from '../../../src/tools/why/find-raw.ts'
import { MemoryKafka } from '../../lab/harness/memory-kafka.ts'

/** How much of raw is read to find the callbacks of a payment. */

const RAW = 'raw'
const PARTITIONS = [0, 1, 2]
const HOUR_MS = 3_600_000
/** ms since the epoch of an hour. */
const hour = (number: number) => Date.parse('2026-03-01T00:00:00Z') + number * HOUR_MS

let kafka: MemoryKafka
/** `partition@offset` of the records that were read, after the first one of each partition. */
let read: string[]

beforeEach(() => {
  kafka = new MemoryKafka('cluster', PARTITIONS.length)
  read = []
})

function add(partition: number, id: string, receivedAt: number): void {
  const time = new Date(receivedAt).toISOString()
  const headers = { [RAW_HEADERS.id]: Buffer.from(id), [RAW_HEADERS.time]: Buffer.from(time) }
  kafka.produce(RAW, partition, { key: id, value: Buffer.from(id), headers })
}

const reader: () => TimedPartitionReader = () => ({
  ...kafka.reader,
  offsetAt: async (topic, partition, since) =>
    kafka.records(topic, partition).find(({ headers }) => timeIn(headers) >= since)?.offset ??
    kafka.range(topic, partition).end,
  read: (topic, partition, from, onRecords, signal) =>
    kafka.reader.read(
      topic,
      partition,
      from,
      async (records) => {
        await onRecords(records)
        read.push(...records.map(({ offset }) => `${partition}@${offset}`))
      },
      signal,
    ),
})

const timeIn = (headers: Readonly<Record<string, unknown>>) => Date.parse(String(headers[RAW_HEADERS.time]))

async function find(callbacks: Readonly<Record<string, number>>, homes: readonly number[]) {
  const bodies = { open: async (records: readonly { readonly value: Buffer | null }[]) => records } as never
  const ports = { reader: reader(), bodies, topics: { raw: RAW }, signal: undefined }
  const partitions = [...new Set([...homes, ...PARTITIONS])]
  const { raw, rawReachesBackTo } = await findRaw(ports, new Map(Object.entries(callbacks)), partitions, new Set(homes))
  return { places: [...raw].map(([id, place]) => `${id} ${place.partition}@${place.offset}`), rawReachesBackTo }
}

/** Hours 10 to 20, one callback each. */
function fill(partition: number): void {
  for (let number = 10; number <= 20; number += 1) {
    add(partition, `p${partition}-${number}`, hour(number))
  }
}

describe('findRaw', () => {
  beforeEach(() => PARTITIONS.forEach(fill))

  test('reads a home from the time of its oldest callback, and no other partition if nothing is missing', async () => {
    const { places } = await find({ 'p1-17': hour(17), 'p1-19': hour(19) }, [1])
    expect(places).toEqual(['p1-17 1@7', 'p1-19 1@9'])
    expect(read).toEqual(['1@6', '1@7', '1@8', '1@9', '1@10'])
  })

  test('reads the others for what is missing, from its time', async () => {
    const { places } = await find({ 'p1-12': hour(12), 'p2-19': hour(19) }, [1])
    expect(places).toEqual(['p1-12 1@2', 'p2-19 2@9'])
    expect(read.filter((place) => !place.startsWith('1@'))).toEqual(['0@8', '0@9', '0@10', '2@8', '2@9', '2@10'])
  })

  test('does not look for a callback that is older than raw', async () => {
    const { places } = await find({ gone: hour(2), 'p1-19': hour(19) }, [1])
    expect(places).toEqual(['p1-19 1@9'])
    expect(read).toEqual(['1@8', '1@9', '1@10'])
  })

  test('finds what is out of order, and repeats', async () => {
    add(2, 'late', hour(18) + 1_000)
    add(2, 'late', hour(18) + 1_000)
    add(0, 'early', hour(10) - 1_000)
    const { places } = await find({ late: hour(18) + 1_000, early: hour(10) - 1_000 }, [2])
    expect(places.toSorted()).toEqual(['early 0@11', 'late 2@11'])
  })
})

test('says how far raw reaches back, from the partition that lost most', async () => {
  for (const partition of PARTITIONS) {
    fill(partition)
  }
  kafka.deleteBefore(RAW, 1, 4n)
  const { places, rawReachesBackTo } = await find({ 'p1-12': hour(12) }, [1])
  expect([places, rawReachesBackTo]).toEqual([[], hour(14)])
})
