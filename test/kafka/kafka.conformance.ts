import { beforeEach, describe, expect, test } from 'vitest'
import type { GroupOffsets } from '../../src/stream/group-offsets.ts'
import type { PartitionReader } from '../../src/stream/partition-reader.ts'
import type { InRecord, OutRecord } from '../../src/stream/record.ts'
import type { TopicLogs } from '../../src/stream/topic-logs.ts'
import type { PartitionTransactions } from '../../src/stream/transactions.ts'
import { eventually } from '../lab/harness/eventually.ts'

/** A Kafka with an empty input topic and an empty output topic, of one partition each. */
export interface EmptyKafka {
  readonly input: string
  readonly output: string
  readonly group: string
  readonly reader: PartitionReader
  readonly offsets: GroupOffsets
  readonly logs: TopicLogs
  /** Opens the transactions of the input's partition and fences the former ones. */
  open(): Promise<PartitionTransactions>
}

/** What stages rely on. Holds for the real brokers and for the twin that replaces them in unit tests and simulations. */
export function describeKafka(name: string, create: () => Promise<EmptyKafka>): void {
  describe(name, () => {
    let kafka: EmptyKafka

    beforeEach(async () => {
      kafka = await create()
    })

    const record = (value: string): OutRecord => ({ key: 'key', value: Buffer.from(value), headers: { h: value } })
    const append = (transactions: PartitionTransactions, ...values: readonly string[]) =>
      transactions.run(async (scope) => {
        await scope.append(kafka.output, 0, values.map(record))
      })

    async function values(from = 0n): Promise<string[]> {
      const records: InRecord[] = []
      await kafka.reader.read(kafka.output, 0, from, (portion) => {
        records.push(...portion)
      })
      return records.map(({ offset, value }) => `${offset} ${value}`)
    }

    test('a committed transaction is visible, and its commit takes an offset, too', async () => {
      const transactions = await kafka.open()
      await append(transactions, 'a', 'b')
      await append(transactions, 'c')
      await eventually(async () => expect(await values()).toEqual(['0 a', '1 b', '3 c']))
      expect(await kafka.reader.range(kafka.output, 0)).toEqual({ start: 0n, end: 5n, highWatermark: 5n })
      expect(await values(1n)).toEqual(['1 b', '3 c'])
      expect(await values(5n)).toEqual([])
    })

    test('an append returns the offsets of its records', async () => {
      const transactions = await kafka.open()
      await append(transactions, 'a')
      let range: unknown
      await transactions.run(async (scope) => {
        range = await scope.append(kafka.output, 0, [record('b'), record('c')])
      })
      expect(range).toEqual({ first: 2n, next: 4n })
    })

    test('a failed transaction is never visible, and blocks readers until the next open ends it', async () => {
      const first = await kafka.open()
      await append(first, 'before')
      await eventually(async () => expect(await values()).toEqual(['0 before']))
      const failed = first.run(async (scope) => {
        await scope.append(kafka.output, 0, [record('failed')])
        throw new Error('on purpose')
      })
      await expect(failed).rejects.toThrow('on purpose')
      const held = await kafka.reader.range(kafka.output, 0)
      expect([held.end, held.highWatermark]).toEqual([2n, 3n])
      await append(await kafka.open(), 'after')
      await eventually(async () => expect(await values()).toEqual(['0 before', '4 after']))
    })

    test('an offset holds a visible record, a hidden one, or nothing', async () => {
      const first = await kafka.open()
      await append(first, 'a')
      const failed = first.run(async (scope) => {
        await scope.append(kafka.output, 0, [record('failed')])
        throw new Error('on purpose')
      })
      await expect(failed).rejects.toThrow('on purpose')
      await append(await kafka.open(), 'b')
      await eventually(async () => {
        const standings = await Promise.all([0n, 1n, 2n, 4n].map((at) => kafka.reader.at(kafka.output, 0, at)))
        expect(standings).toEqual(['visible', 'hidden', 'hidden', 'visible'])
      })
    })

    test('I7 an older producer can neither append nor commit', async () => {
      const older = await kafka.open()
      await append(older, 'before')
      const newer = await kafka.open()
      await expect(append(older, 'from the fenced')).rejects.toThrow()
      await append(newer, 'after')
      await eventually(async () => {
        const seen = await values()
        expect(seen.map((line) => line.split(' ')[1])).toEqual(['before', 'after'])
      })
    })

    test('an offset and its metadata are committed with the records of the transaction, or not at all', async () => {
      const { group, input, offsets } = kafka
      expect(await offsets.committed(group, input, 0)).toMatchObject({ offset: -1n })
      const transactions = await kafka.open()
      await transactions.run(async (scope) => {
        await scope.append(kafka.output, 0, [record('a')])
        await scope.commitOffset(7n, 'seven')
      })
      await eventually(async () =>
        expect(await offsets.committed(group, input, 0)).toEqual({ offset: 7n, metadata: 'seven' }),
      )
      expect(await offsets.committedAll(group, input)).toEqual(new Map([[0, { offset: 7n, metadata: 'seven' }]]))
      await eventually(async () => expect(await transactions.offsetDecided()).toBe(true))
      const failed = transactions.run(async (scope) => {
        await scope.commitOffset(8n, 'eight')
        throw new Error('on purpose')
      })
      await expect(failed).rejects.toThrow('on purpose')
      await kafka.open()
      expect(await offsets.committed(group, input, 0)).toEqual({ offset: 7n, metadata: 'seven' })
    })

    test('the log of a topic ends where its leader’s epoch ends, and has no later epoch', async () => {
      await append(await kafka.open(), 'a', 'b')
      await eventually(async () => {
        const { highWatermark } = await kafka.reader.range(kafka.output, 0)
        const found: InRecord[] = []
        await kafka.reader.read(kafka.output, 0, 0n, (records) => {
          found.push(...records)
        })
        const leaderEpoch = found[0]?.leaderEpoch as number
        expect(await kafka.logs.endOfEpoch(kafka.output, 0, leaderEpoch)).toEqual({
          leaderEpoch,
          offset: highWatermark,
        })
        expect((await kafka.logs.endOfEpoch(kafka.output, 0, leaderEpoch + 5))?.leaderEpoch).not.toBe(leaderEpoch + 5)
      })
    })

    test('a topic has a stable id and a number of partitions', async () => {
      const first = (await kafka.logs.facts([kafka.output])).get(kafka.output)
      const again = (await kafka.logs.facts([kafka.output, kafka.input])).get(kafka.output)
      expect(first).toEqual(again)
      const log = { topic: kafka.input, partition: 0 }
      expect((await kafka.logs.facts([kafka.output], log)).get(kafka.output)).toEqual(first)
      expect(first?.partitions).toBe(1)
      expect((await kafka.offsets.highWatermarks(kafka.output)).get(0) ?? 0n).toBe(0n)
    })
  })
}
