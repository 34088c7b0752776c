import { beforeEach, describe, expect, test, vi } from 'vitest'
import { fromMetadataText, type OutputEnds } from '../../src/processor/view-marker.ts'
import { KeysInPlace } from '../../src/stream/keys-in-place.ts'
import { originIn } from '../../src/stream/origin.ts'
import { OpenAgain } from '../../src/stream/partition-task.ts'
import { SeenTopics } from '../../src/stream/seen-topics.ts'
import { sampleEvent } from '../avro/samples.ts'
import { gate } from '../stream/scripted-task.ts'
import { CODECS, GROUP, PARTITION, StatusWorld, TOPICS } from './status-world.ts'

/** I3, I4, I7: the status processor when topics lost records, were recreated or grown, or settings changed. */

const { signal } = new AbortController()
const eventOf = (index: number) =>
  sampleEvent({ eventId: `event-${index}`, paymentKey: `jpm:${index}`, status: 'ACCEPTED', naturalKey: `${index}` })

let world: StatusWorld

beforeEach(() => {
  world = new StatusWorld()
})

const committed = () => world.kafka.committed(GROUP, TOPICS.events, PARTITION)

describe('an output that lost its last records', () => {
  const outputs = [
    ['current', 'CURRENT_TRUNCATED'],
    ['changes', 'CHANGES_TRUNCATED'],
    ['eventDeadLetters', 'EVENT_DEAD_LETTERS_TRUNCATED'],
  ] as const satisfies [keyof OutputEnds, string][]

  /** Fills every output: with events, and with a record that is not an event. */
  function arrive(from: number, count: number): void {
    for (let index = from; index < from + count; index += 1) {
      world.arrive(eventOf(index))
      world.arriveRaw({ key: 'x', value: Buffer.from('not Avro') })
    }
  }

  test.each(outputs)('%s is detected from the produce response, before the commit', async (id, code) => {
    arrive(0, 4)
    const task = await world.run()
    const before = world.published()
    world.kafka.truncate(TOPICS[id], PARTITION, world.kafka.range(TOPICS[id], PARTITION).end - 3n)
    arrive(4, 1)
    const batch = world.batch(8n)
    await expect(task.process(batch?.records ?? [], batch?.next ?? 0n, signal)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/Nothing was skipped, and nothing has been committed since.*`paystatus repair`/),
    })
    expect(committed()).toEqual(before.committed)
  })

  test.each(outputs)('%s is detected on opening, before anything is written', async (id, code) => {
    arrive(0, 4)
    await world.run()
    const { end } = world.kafka.range(TOPICS[id], PARTITION)
    world.kafka.truncate(TOPICS[id], PARTITION, end - 3n)
    const ends = Object.values(TOPICS).map((topic) => world.kafka.range(topic, PARTITION).highWatermark)
    await expect(world.task().open(signal)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`${TOPICS[id]}[${PARTITION}] lost records: the last commit reaches`),
    })
    expect(Object.values(TOPICS).map((topic) => world.kafka.range(topic, PARTITION).highWatermark)).toEqual(ends)
  })

  test.each(outputs)('%s is detected although aborted records have taken its place', async (id, code) => {
    arrive(0, 4)
    const task = await world.run()
    const { end } = world.kafka.range(TOPICS[id], PARTITION)
    // The last record and its control record are lost; as many records are appended again and aborted.
    world.kafka.truncate(TOPICS[id], PARTITION, end - 2n)
    arrive(4, 1)
    const batch = world.batch(8n)
    await expect(task.process(batch?.records ?? [], batch?.next ?? 0n, signal)).rejects.toMatchObject({ code })
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(world.task().open(signal)).rejects.toMatchObject({ code })
    }
    expect(world.kafka.range(TOPICS[id], PARTITION).end).toBe(end)
  })

  test.each(outputs)('%s is detected although no event follows', async (id, code) => {
    arrive(0, 4)
    const task = await world.run()
    world.kafka.truncate(TOPICS[id], PARTITION, 1n)
    await task.idle(signal)
    world.now += 10_000
    await expect(task.idle(signal)).rejects.toMatchObject({ code })
  })

  test('is not confused with one shortened by retention or compaction', async () => {
    arrive(0, 4)
    await world.run()
    world.kafka.deleteBefore(TOPICS.changes, PARTITION, world.kafka.range(TOPICS.changes, PARTITION).end)
    world.kafka.deleteBefore(TOPICS.eventDeadLetters, PARTITION, 3n)
    world.kafka.compact(TOPICS.current, PARTITION)
    arrive(4, 1)
    await world.run()
    expect(world.current().size).toBe(5)
  })

  test('cannot be distinguished from one that ends with control records after an operator removed the promise', async () => {
    arrive(0, 2)
    await world.run()
    const { offset } = committed()
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, offset)
    arrive(2, 1)
    // Only the dead letter is new: for the other outputs the promise is just the end of the topic.
    world.kafka.deleteBefore(TOPICS.events, PARTITION, offset + 1n)
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, offset + 1n)
    await world.run()
    expect(fromMetadataText(committed().metadata)?.inexact).toEqual(['current', 'changes'])
    arrive(3, 1)
    await world.run()
    expect(fromMetadataText(committed().metadata)?.inexact).toEqual([])
  })
})

describe('an input that lost its last records', () => {
  test('and grew beyond the processed offset is not opened; after a reset to the truncation point, new records are processed', async () => {
    world.arrive(eventOf(0), eventOf(1), eventOf(2))
    await world.run()
    expect(originIn(committed().metadata)?.read).toEqual({ offset: 3n, leaderEpoch: 0 })
    world.kafka.truncate(TOPICS.events, PARTITION, 1n)
    world.arrive(eventOf(3), eventOf(4), eventOf(5))
    const before = world.published()
    await expect(world.task().open(signal)).rejects.toMatchObject({
      code: 'LOG_TRUNCATED',
      message: expect.stringContaining('--to-offset 1 '),
    })
    expect(world.published()).toEqual(before)
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, 1n)
    await world.run()
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual([0, 1, 2, 3, 4, 5].map((n) => `event-${n}`))
  })

  test('stops a running task when it verifies its log', async () => {
    world.arrive(eventOf(0), eventOf(1))
    const task = await world.run()
    await task.verify(2n, { offset: 2n, leaderEpoch: 0 })
    world.kafka.elect(TOPICS.events, PARTITION)
    await task.verify(2n, { offset: 2n, leaderEpoch: 0 })
    world.kafka.truncate(TOPICS.events, PARTITION, 1n)
    world.arrive(eventOf(2), eventOf(3))
    // Only after settling: an operator who then sets the offset removes the promise.
    await expect(task.verify(2n, { offset: 2n, leaderEpoch: 0 })).rejects.toThrow(OpenAgain)
    await expect(task.open(signal)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' })
  })

  test('beyond the processed offset also stops the task, although a restart needs no reset', async () => {
    world.arrive(eventOf(0))
    const task = await world.run()
    world.arrive(eventOf(1), eventOf(2))
    world.kafka.truncate(TOPICS.events, PARTITION, 2n)
    await expect(task.verify(3n, { offset: 3n, leaderEpoch: 0 })).rejects.toThrow(OpenAgain)
    await expect(task.open(signal)).rejects.toMatchObject({
      code: 'LOG_TRUNCATED',
      message: expect.stringMatching(/Start again: group processor resumes at offset 1\./),
    })
    await world.run()
    expect(world.changes()).toHaveLength(2)
  })

  test('does not prevent a half-ended transaction from being settled first (I3)', async () => {
    world.arrive(eventOf(0))
    world.kafka.skipsMarker = (place) => place.startsWith(TOPICS.current)
    await world.run()
    world.kafka.skipsMarker = () => false
    world.kafka.truncate(TOPICS.events, PARTITION, 0n)
    world.arrive(eventOf(1))
    await expect(world.task().open(signal)).rejects.toMatchObject({ code: 'LOG_TRUNCATED' })
    expect(world.kafka.records(TOPICS.current, PARTITION)).toHaveLength(1)
  })
})

describe('a topic that was replaced', () => {
  test.each(['events', 'current', 'changes', 'eventDeadLetters'] as const)('%s stops', async (id) => {
    world.arrive(eventOf(0))
    const task = await world.run()
    world.kafka.recreate(TOPICS[id])
    await expect(world.task().open(signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
    await expect(task.verify(1n, null)).rejects.toThrow(/was deleted and recreated/)
  })

  test('I2 stops a process that used the former input, even though the offsets of the group are gone, too', async () => {
    const seenTopics = new SeenTopics()
    world.arrive(eventOf(0))
    const task = await world.run(world.task({ seenTopics }))
    world.kafka.recreate(TOPICS.events)
    world.kafka.forgetGroup(GROUP, TOPICS.events, PARTITION)
    const before = world.published()
    await expect(task.open(signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
    // The same happens on a second attempt, also by another partition of the process.
    await expect(world.task({ seenTopics }).open(signal)).rejects.toMatchObject({ code: 'TOPIC_RECREATED' })
    expect(world.published()).toEqual(before)
    // A new process reads the new topic from its beginning.
    await expect(world.task().open(signal)).resolves.toMatchObject({ offset: 0n })
  })

  test('or got more partitions stops every partition, even one without a commit', async () => {
    world.arrive(eventOf(0))
    const task = await world.run()
    world.kafka.grow(TOPICS.events, 12)
    await expect(world.task().open(signal)).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' })
    await expect(world.task({ partition: 11 }).open(signal)).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' })
    await expect(task.verify(1n, null)).rejects.toThrow(/has 12 partitions/)
  })

  test('co-partitioned topics must have the same number of partitions from the start', async () => {
    world.kafka.grow(TOPICS.current, 12)
    await expect(world.task().open(signal)).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' })
  })
})

describe('a key in the wrong partition', () => {
  const noKeyOf = (topicOfKey: string) =>
    new KeysInPlace(TOPICS.current, world.kafka.reader, (key) => String(key) !== topicOfKey)

  test('in an event stops before the batch is processed; a record that is not our event is a dead letter', async () => {
    const keys = noKeyOf('jpm:1')
    world.arriveRaw({ key: 'jpm:1', value: Buffer.from('not Avro') })
    world.arrive(eventOf(0))
    await world.run(world.task({ keys }))
    expect(world.deadLetters()).toHaveLength(1)
    world.arrive(eventOf(2), eventOf(1))
    const before = world.published()
    await expect(world.run(world.task({ keys }))).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' })
    expect(world.published()).toEqual(before)
  })

  test('in current stops if no commit says how many partitions there were, whichever partition is opened', async () => {
    world.arrive(eventOf(1))
    await world.run()
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, 1n)
    await expect(world.task({ keys: noKeyOf('jpm:1'), partition: 5 }).open(signal)).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
    })
  })

  test('in current stops when the view is built from it', async () => {
    world.arrive(eventOf(1))
    await world.run()
    world.view.flush()
    await expect(world.task({ keys: noKeyOf('jpm:1') }).open(signal)).rejects.toMatchObject({
      code: 'PARTITIONS_CHANGED',
    })
  })
})

describe('who is fenced (I7)', () => {
  test('is determined by ownership: an owner with the id that committed last, whatever that id is', async () => {
    const other = () => world.kafka.openTransactions('other', GROUP, TOPICS.events, PARTITION)
    const zombie = world.task({ transactionalId: 'other', openTransactions: other, formerTransactionalIds: [] })
    world.arrive(eventOf(0))
    await world.run(zombie)
    expect(originIn(committed().metadata)?.transactionalId).toBe('other')
    world.arrive(eventOf(1))
    const frozen = gate()
    world.kafka.onStep = async (step) => {
      if (step === 'commit.before') {
        world.kafka.onStep = () => {}
        await frozen.promise
      }
    }
    const batch = world.batch(1n)
    const late = zombie.process(batch?.records ?? [], batch?.next ?? 0n, signal)
    await vi.waitFor(() => expect(world.kafka.range(TOPICS.changes, PARTITION).highWatermark).toBeGreaterThan(2n))
    await world.run()
    const before = world.published()
    frozen.open()
    await expect(late).rejects.toThrow(/newer producer/)
    expect(world.published()).toEqual(before)
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['event-0', 'event-1'])
  })

  test('includes an owner running the previous release that has not committed yet', async () => {
    const former = await world.kafka.openTransactions('former.t.p3', GROUP, TOPICS.events, PARTITION)
    world.arrive(eventOf(0))
    await world.run()
    await expect(
      former.run(async (scope) => {
        await scope.append(TOPICS.changes, PARTITION, [{ key: 'a', value: CODECS.event.encode(eventOf(0)) }])
      }),
    ).rejects.toThrow(/newer producer/)
  })

  test('a transaction such an owner left half-ended is settled, too (I3)', async () => {
    const other = () => world.kafka.openTransactions('other', GROUP, TOPICS.events, PARTITION)
    world.arrive(eventOf(0))
    await world.run(world.task({ transactionalId: 'other', openTransactions: other, formerTransactionalIds: [] }))
    world.arrive(eventOf(1))
    world.kafka.skipsMarker = (place) => place.startsWith(TOPICS.changes)
    await world.run(world.task({ transactionalId: 'other', openTransactions: other, formerTransactionalIds: [] }))
    world.kafka.skipsMarker = () => false
    world.arrive(eventOf(2))
    await world.run()
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['event-0', 'event-1', 'event-2'])
  })

  test('another environment stops, and continues where it was once an operator discards the recorded settings', async () => {
    world.arrive(eventOf(0))
    await world.run()
    const before = world.published()
    await expect(world.task({ environment: 'another' }).open(signal)).rejects.toMatchObject({
      code: 'SETTINGS_CHANGED',
      message: expect.stringContaining('environment is another, it was test'),
    })
    expect(world.published()).toEqual(before)
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, before.committed.offset)
    world.arrive(eventOf(1))
    await world.run(world.task({ environment: 'another' }))
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['event-0', 'event-1'])
  })
})

test('metadata of the previous release is accepted', async () => {
  world.arrive(eventOf(0))
  await world.run()
  const { offset, metadata } = committed()
  const { origin: _origin, inexact: _inexact, ...before } = JSON.parse(metadata ?? '{}')
  world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, offset, JSON.stringify(before))
  world.arrive(eventOf(1))
  await world.run(world.task({ environment: 'another' }))
  expect(world.totals()).toMatchObject({ events: 2, applied: 2 })
})
