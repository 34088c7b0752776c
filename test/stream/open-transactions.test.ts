import { expect, test } from 'vitest'
import { OpenTransactions } from '../../src/stream/open-transactions.ts'

test('if the readers’ end stays below the end of the log, a transaction stays open', async () => {
  let now = 1_000
  const ends = { end: 5n, highWatermark: 5n }
  const transactions = new OpenTransactions({
    topics: ['changes'],
    partitions: () => [2],
    reader: { range: async () => ({ start: 0n, ...ends }) },
    now: () => now,
  })
  await transactions.look()
  expect(transactions.open()).toEqual([])

  ends.highWatermark = 8n
  await transactions.look()
  now = 31_000
  // Seen once: it may have ended long ago.
  expect(transactions.open()).toEqual([{ topic: 'changes', partition: 2, forMs: 0 }])
  // More is appended after it.
  ends.highWatermark = 20n
  await transactions.look()
  expect(transactions.open()).toEqual([{ topic: 'changes', partition: 2, forMs: 30_000 }])

  // The end moves: another transaction.
  ends.end = 8n
  now = 32_000
  await transactions.look()
  expect(transactions.open()).toEqual([{ topic: 'changes', partition: 2, forMs: 0 }])

  ends.end = 20n
  await transactions.look()
  expect(transactions.open()).toEqual([])
})
