import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchingAppendLog } from '../../src/kafka/batching-append-log.ts'
import type { OutRecord } from '../../src/stream/record.ts'

const BATCH_RECORDS_MAX = 4

const step = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    partition: fc.nat(1),
    size: fc.integer({ min: 1, max: 6 }),
    abort: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('settle' as const), partition: fc.nat(1), fail: fc.boolean() }),
)

test('order, completeness and limits hold for any mix of appends, aborts, acknowledgements and failures (I1, I10)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const inFlight: (((fail: boolean) => void) | null)[] = [null, null]
      const acknowledged: string[][] = [[], []]
      const log = new BatchingAppendLog({
        topic: 't',
        partitions: 2,
        waitingRecordsMax: 15,
        waitingBytesMax: 100_000,
        batchRecordsMax: BATCH_RECORDS_MAX,
        send: (partition: number, records: readonly OutRecord[]) => {
          expect(inFlight[partition]).toBeNull()
          expect(records.length).toBeLessThanOrEqual(BATCH_RECORDS_MAX)
          const { promise, resolve, reject } = Promise.withResolvers<void>()
          inFlight[partition] = (fail) => {
            inFlight[partition] = null
            if (fail) {
              reject(new Error('lost'))
            } else {
              acknowledged[partition]?.push(...records.map((record) => String(record.key)))
              resolve()
            }
          }
          return promise
        },
      })
      const ends: { partition: number; keys: string[]; fulfilled: boolean; code: string | null }[] = []
      let number = 0
      const appends: Promise<void>[] = []
      for (const each of steps) {
        if (each.kind === 'settle') {
          inFlight[each.partition]?.(each.fail)
          await new Promise(setImmediate)
          continue
        }
        const keys = Array.from({ length: each.size }, (_, n) => `${number}.${n}`)
        number += 1
        const end = { partition: each.partition, keys, fulfilled: false, code: null as string | null }
        ends.push(end)
        const aborter = new AbortController()
        const append = log.append(
          each.partition,
          keys.map((key) => ({ key, value: null })),
          { signal: aborter.signal },
        )
        appends.push(
          append.then(
            () => {
              end.fulfilled = true
            },
            (error: { code: string }) => {
              end.code = error.code
            },
          ),
        )
        expect(log.waitingRecords).toBeLessThanOrEqual(15)
        if (each.abort) {
          aborter.abort()
        }
      }
      const drained = log.drain()
      for (let open = true; open; ) {
        await new Promise(setImmediate)
        open = inFlight.some((settle) => settle !== null)
        for (const settle of inFlight) {
          settle?.(false)
        }
      }
      await drained
      await Promise.all(appends)

      expect(log.waitingRecords).toBe(0)
      expect(log.waitingBytes).toBe(0)
      for (const partition of [0, 1]) {
        const got = acknowledged[partition] ?? []
        // Each fulfilled append is present completely and contiguously; one that was never sent is absent.
        for (const end of ends.filter((candidate) => candidate.partition === partition)) {
          const at = got.indexOf(end.keys[0] as string)
          if (end.fulfilled) {
            expect(got.slice(at, at + end.keys.length)).toEqual(end.keys)
          } else if (end.code !== 'APPEND_FAILED') {
            expect(got.filter((key) => end.keys.includes(key))).toEqual([])
          }
        }
        const numbers = got.map((key) => Number(key.split('.')[0]))
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
        expect(new Set(got).size).toBe(got.length)
      }
    }),
    { numRuns: 300 },
  )
})
