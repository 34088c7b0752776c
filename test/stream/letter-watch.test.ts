import { afterEach, beforeEach, expect, test } from 'vitest'
import { toDeadLetter } from '../../src/stream/dead-letter.ts'
import { type LetterCounts, LetterWatch } from '../../src/stream/letter-watch.ts'
import { type ResolvedLetter, toResolvedRecord } from '../../src/stream/resolved-letter.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

const [LETTERS, RESOLVED] = ['letters', 'resolved']
let kafka: MemoryKafka
let ours: readonly number[]
let counted: LetterCounts[]
let troubles: string[]
let watch: LetterWatch

beforeEach(() => {
  kafka = new MemoryKafka()
  ours = [0, 1]
  counted = []
  troubles = []
  watch = watching(kafka)
})

afterEach(() => watch.stop())

function watching({ reader, logs }: Pick<MemoryKafka, 'reader' | 'logs'>): LetterWatch {
  return new LetterWatch({
    reader,
    logs,
    letters: LETTERS as string,
    resolved: RESOLVED as string,
    reasons: ['empty-body', 'invalid-json'],
    partitions: () => ours,
    onCounted: (counts) => counted.push(counts),
    onTrouble: ({ message }) => troubles.push(message),
    sleep: () => new Promise((resolve) => setImmediate(resolve)),
  })
}

function letter(partition: number, reason: string): bigint {
  const record = { offset: 0n, key: null, value: null, headers: {}, timestamp: 0 }
  const note = {
    reason,
    message: '',
    stage: 'normalizer',
    topic: 'raw',
    partition,
    offset: 0n,
    element: null,
    at: 0,
  } as const
  return kafka.produce(LETTERS as string, partition, toDeadLetter(record, note))
}

function decide(partition: number, offset: bigint, how: ResolvedLetter['how'], topicId?: string): void {
  const position = { topicId: topicId ?? kafka.factsOf(LETTERS as string).id, partition, offset }
  const newReason = how === 'stays' ? 'invalid-json' : null
  const decided = { how, at: 0, by: 'operator', reason: 'mended', redrives: 1, newReason }
  kafka.produce(RESOLVED as string, partition, toResolvedRecord(position, decided))
}

async function open(): Promise<Record<string, number>> {
  return Object.fromEntries((await watch.round()).open)
}

test('counts by reason the dead letters that are not redriven or closed; one that stays has its new reason', async () => {
  const places = ['empty-body', 'empty-body', 'empty-body', 'empty-body'].map((reason) => letter(0, reason))
  letter(1, 'invalid-json')
  letter(1, 'of another release')
  expect(await open()).toEqual({ 'empty-body': 4, 'invalid-json': 1, other: 1 })
  decide(0, places[0] as bigint, 'redriven')
  decide(0, places[1] as bigint, 'closed')
  decide(0, places[2] as bigint, 'stays')
  expect(await open()).toEqual({ 'empty-body': 1, 'invalid-json': 2, other: 1 })
  letter(0, 'empty-body')
  expect(await open()).toEqual({ 'empty-body': 2, 'invalid-json': 2, other: 1 })
})

test('counts only our partitions, and from the beginning when a partition returns', async () => {
  letter(0, 'empty-body')
  letter(1, 'empty-body')
  letter(2, 'empty-body')
  expect(await open()).toEqual({ 'empty-body': 2 })
  ours = [1]
  expect(await open()).toEqual({ 'empty-body': 1 })
  ours = []
  expect(await open()).toEqual({})
  ours = [0, 1, 2]
  expect(await open()).toEqual({ 'empty-body': 3 })
})

test('a decision about the former topic does not hide a dead letter of the recreated topic', async () => {
  const before = kafka.factsOf(LETTERS as string).id
  decide(0, letter(0, 'empty-body'), 'closed')
  expect(await open()).toEqual({})
  kafka.recreate(LETTERS as string)
  letter(0, 'invalid-json')
  expect(await open()).toEqual({ 'invalid-json': 1 })
  decide(0, 0n, 'closed', before)
  expect(await open()).toEqual({ 'invalid-json': 1 })
})

test('reads existing records in steps, and reports incomplete counts until all are read', async () => {
  // The reader gives portions of two, and a round reads two of them.
  for (let count = 0; count < 9; count += 1) {
    letter(0, 'empty-body')
  }
  const rounds = [await watch.round(), await watch.round(), await watch.round()]
  expect(rounds.map(({ open: of, complete }) => [of.get('empty-body'), complete])).toEqual([
    [4, false],
    [8, false],
    [9, true],
  ])
})

test('counts only dead letters of committed transactions, and is complete once only markers are left', async () => {
  const inTransaction = async (commit: boolean) => {
    const transactions = await kafka.openTransactions('t', 'group', 'events', 0)
    const run = transactions.run(async ({ append }) => {
      await append(LETTERS as string, 0, [{ key: '', value: null, headers: { dlq_reason: 'empty-body' } }])
      if (!commit) {
        throw new Error('aborted')
      }
    })
    await run.catch(() => {})
  }
  await inTransaction(true)
  await inTransaction(false)
  await inTransaction(true)
  expect(await watch.round()).toEqual({ open: new Map([['empty-body', 2]]), complete: true })
})

test('reports a failure and continues', async () => {
  letter(0, 'empty-body')
  let fails = true
  const range: MemoryKafka['reader']['range'] = (...args) =>
    fails ? Promise.reject(new Error('away')) : kafka.reader.range(...args)
  watch = watching({ logs: kafka.logs, reader: { ...kafka.reader, range } })
  watch.start()
  await eventually(() => expect(troubles).toContain('away'))
  expect(counted).toEqual([])
  fails = false
  await eventually(() => expect(counted.at(-1)).toEqual({ open: new Map([['empty-body', 1]]), complete: true }))
})
