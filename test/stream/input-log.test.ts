import { beforeEach, describe, expect, test } from 'vitest'
import { assertLogHolds, type InputLog, openInputLog } from '../../src/stream/input-log.ts'
import { toOriginJson } from '../../src/stream/origin.ts'
import type { LogPlace } from '../../src/stream/topic-logs.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

/** I2, I3: an offset is a position in one log; a log that lost its end is no longer the same log. */

let kafka: MemoryKafka
let input: InputLog

beforeEach(() => {
  kafka = new MemoryKafka()
  input = { group: 'g', topic: 't', partition: 0, reader: kafka.reader, logs: kafka.logs, facts: factsOf('t') }
})

function append(count: number): void {
  for (let index = 0; index < count; index += 1) {
    kafka.produce('t', 0, { key: 'k', value: Buffer.from('v') })
  }
}

const factsOf = (topic: string) => new Map([[topic, kafka.factsOf(topic)]])
const readTo = (offset: bigint, leaderEpoch: number): LogPlace => ({ offset, leaderEpoch })

function committedAt(offset: bigint, read: LogPlace | null) {
  const origin = { environment: 'e', topics: new Map(), read, transactionalId: null, namespaces: new Map() }
  return { offset, metadata: JSON.stringify({ origin: toOriginJson(origin) }) }
}

describe('a log', () => {
  test('that grew under new leaders is the same log', async () => {
    append(5)
    kafka.elect('t', 0)
    append(5)
    kafka.elect('t', 0)
    await expect(assertLogHolds(input, 5n, readTo(5n, 0), 5n)).resolves.toMatchObject({ highWatermark: 10n })
    await expect(assertLogHolds(input, 10n, readTo(10n, 1), 10n)).resolves.toBeDefined()
  })

  test('that ends before what was read has lost records', async () => {
    append(10)
    kafka.truncate('t', 0, 6n)
    const lost = {
      code: 'LOG_TRUNCATED',
      message: expect.stringMatching(/--group g --topic t:0 .*--to-offset 6 --execute/),
    }
    await expect(assertLogHolds(input, 10n, readTo(10n, 0), 10n)).rejects.toMatchObject(lost)
    await expect(assertLogHolds(input, 10n, null, 10n)).rejects.toMatchObject(lost)
    await expect(assertLogHolds(input, 6n, readTo(6n, 0), 6n)).resolves.toBeDefined()
  })

  test('that lost its end and grew beyond what was read is detected by the leader epoch only', async () => {
    append(10)
    kafka.truncate('t', 0, 6n)
    append(20)
    await expect(assertLogHolds(input, 10n, null, 10n)).resolves.toBeDefined()
    await expect(assertLogHolds(input, 10n, readTo(10n, 0), 10n)).rejects.toMatchObject({
      code: 'LOG_TRUNCATED',
      message: expect.stringMatching(/read up to offset 10, but the log matches what was read only up to offset 6/),
    })
  })

  test('without the leader epoch of the records read is another log: all its records are new', async () => {
    append(10)
    const unknown = { code: 'LOG_TRUNCATED', message: expect.stringContaining('--to-earliest') }
    await expect(assertLogHolds(input, 5n, readTo(5n, 3), 5n)).rejects.toMatchObject(unknown)
    // No record of epoch 1 is left, and epoch 0 ends beyond what was read.
    kafka.elect('t', 0)
    kafka.truncate('t', 0, 10n)
    append(1)
    await expect(assertLogHolds(input, 5n, readTo(5n, 1), 5n)).rejects.toMatchObject(unknown)
  })

  test('whose start was deleted before it was read stops with OFFSET_OUT_OF_RANGE', async () => {
    append(10)
    kafka.deleteBefore('t', 0, 6n)
    await expect(assertLogHolds(input, 5n, readTo(5n, 0), 5n)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await expect(assertLogHolds(input, 6n, readTo(6n, 0), 6n)).resolves.toBeDefined()
  })
})

describe('opening the log', () => {
  test('resumes where the group committed, with the position that was read', async () => {
    append(10)
    const read = readTo(7n, 0)
    await expect(openInputLog(input, committedAt(7n, read))).resolves.toMatchObject({ next: 7n, read })
    await expect(openInputLog(input, { offset: -1n, metadata: null })).resolves.toMatchObject({ next: 0n, read: null })
  })

  test('stops if a person or an older release committed an offset that the log does not have', async () => {
    append(10)
    await expect(openInputLog(input, { offset: 11n, metadata: '' })).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
    })
  })

  test('stops if the log lost its end and grew again', async () => {
    append(10)
    const committed = committedAt(10n, readTo(10n, 0))
    kafka.truncate('t', 0, 3n)
    append(9)
    await expect(openInputLog(input, committed)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' })
  })
})

/** A broker answers about the log; only then is asked which topic the log belongs to. */
describe('a topic recreated between the questions', () => {
  beforeEach(() => {
    append(10)
    kafka.onStep = async (step) => {
      if (step === 'range.before') {
        kafka.recreate('t')
      }
    }
  })

  test.each([readTo(10n, 0), null])('is recreated, and has not lost records; read: %o', async (read) => {
    const recreated = { code: 'TOPIC_RECREATED', message: expect.stringContaining('topic id t-1,') }
    await expect(openInputLog(input, committedAt(10n, read))).rejects.toMatchObject(recreated)
    kafka.onStep = async () => {}
    await expect(assertLogHolds(input, 10n, read, 10n)).rejects.toMatchObject(recreated)
  })

  test('is recreated even if its new log could be the old one', async () => {
    const committed = committedAt(0n, null)
    await expect(openInputLog(input, committed)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
  })
})
