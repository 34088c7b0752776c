import { beforeEach, describe, expect, test, vi } from 'vitest'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { totalsDifference, totalsFrom } from '../../src/payment/totals.ts'
import { ByteBudget } from '../../src/processor/byte-budget.ts'
import { ViewLostError } from '../../src/processor/owned-view.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import { sampleEvent } from '../avro/samples.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { FencedError } from '../lab/harness/memory-kafka.ts'
import { CODECS, codecsOf, DAY_MS, GROUP, PARTITION, StatusWorld, TOPICS } from './status-world.ts'

const ACCEPTED = sampleEvent({ eventId: 'accepted', paymentKey: 'jpm:a', status: 'ACCEPTED', naturalKey: '1' })
const COMPLETED = sampleEvent({ eventId: 'completed', paymentKey: 'jpm:a', status: 'COMPLETED', naturalKey: '2' })
const OTHER = sampleEvent({ eventId: 'other', paymentKey: 'jpm:b', status: 'ON_HOLD', naturalKey: '3' })

const { signal } = new AbortController()
let world: StatusWorld

beforeEach(() => {
  world = new StatusWorld()
})

describe('a batch', () => {
  test('becomes changes, current states, the offset with its metadata, and the view, in one step each', async () => {
    world.arrive(ACCEPTED, COMPLETED, ACCEPTED, OTHER)
    await world.run()
    expect(world.changes().map(({ paymentKey, verdict, statusAfter }) => [paymentKey, verdict, statusAfter])).toEqual([
      ['jpm:a', 'APPLIED', 'ACCEPTED'],
      ['jpm:a', 'APPLIED', 'COMPLETED'],
      ['jpm:b', 'APPLIED', 'ON_HOLD'],
    ])
    // One record of `current` per payment and transaction: states in between are not published.
    expect(world.kafka.records(TOPICS.current, PARTITION)).toHaveLength(2)
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
    expect(world.kafka.committed(GROUP, TOPICS.events, PARTITION).offset).toBe(4n)
    expect(world.totals()).toMatchObject({ events: 4, applied: 3, duplicate: 1 })
    expect(world.reported).toMatchObject({ events: 4, applied: 3, duplicate: 1 })
    expect(world.unaccounted).toBe(0)
  })

  test('that passes an offset without a record is told (I8)', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    const task = world.task()
    await task.open(signal)
    const records = world.batch(0n)?.records ?? []
    await task.process(records.slice(0, 1), 2n, signal)
    expect(world.unaccounted).toBe(1)
  })

  test('of repeats only advances the offset and publishes nothing (I3)', async () => {
    world.arrive(ACCEPTED)
    const task = await world.run()
    world.arrive(ACCEPTED, ACCEPTED)
    const { changes, current } = world.published()
    await task.process(world.batch(1n)?.records ?? [], 3n, signal)
    expect(world.published()).toMatchObject({ changes, current, committed: { offset: 3n } })
  })

  test('without records only advances the offset', async () => {
    const task = world.task()
    await task.open(signal)
    await task.process([], 0n, signal)
    expect(world.published()).toMatchObject({ changes: 0, current: 0, committed: { offset: 0n } })
  })

  test('whose states exceed the memory limit is split into several transactions (I10)', async () => {
    const ofAll = (changes: Partial<PaymentEvent>) =>
      Array.from({ length: 250 }, (_, at) =>
        sampleEvent({ ...changes, paymentKey: `jpm:${at}`, eventId: `${changes.status}-${at}` }),
      )
    world.arrive(...ofAll({ status: 'ACCEPTED' }))
    await world.run()
    world.arrive(...ofAll({ status: 'COMPLETED' }))
    const committed: number[] = []
    const sizes = [...world.kafka.latest(TOPICS.current, PARTITION).values()].map(({ length }) => length)
    const used: number[] = []
    const budget = new ByteBudget(1_000_000)
    world.view.onStep = (step) => {
      if (step === 'view-read.before') {
        used.push(budget.used)
      }
    }
    const task = world.task({
      portionBytesMax: 100_000,
      budget,
      onCommitted: ({ totals }) => committed.push(totals.events),
    })
    await world.run(task)
    // The bytes are known and held before they are read.
    const needed = sizes.reduce((sum, size) => sum + size, 0) + 250 * (1_024 + 300)
    expect(committed.length).toBeGreaterThanOrEqual(needed / 100_000)
    expect(committed.length).toBeLessThan(250)
    expect(used.slice(1).every((bytes) => bytes > 0 && bytes <= 100_000)).toBe(true)
    expect(world.published()).toMatchObject({ changes: 500, current: 500, committed: { offset: 500n } })
    expect([...world.current().values()].every(({ status }) => status === 'COMPLETED')).toBe(true)
    expect(budget.used).toBe(0)
  })

  test('reads a few small states together with their sizes, in one call', async () => {
    world.arrive(ACCEPTED)
    await world.run()
    const read = vi.spyOn(world.view, 'read')
    world.arrive(COMPLETED)
    await world.run()
    expect(world.changes()).toHaveLength(2)
    expect(world.current().get('jpm:a')?.status).toBe('COMPLETED')
    expect(read.mock.calls.filter(([, keys]) => keys.length > 0)).toEqual([])
  })

  test('accounts for states that grow within the batch (I10)', async () => {
    const grown = Array.from({ length: 40 }, (_, at) => sampleEvent({ paymentKey: 'jpm:a', eventId: `grown-${at}` }))
    world.arrive(...grown)
    const budget = new ByteBudget(1_000_000)
    const shares: [used: number, read: number][] = []
    world.view.onStep = async (step) => {
      if (step === 'view-read.before' && budget.used > 0) {
        for await (const [, state] of world.view.scan(PARTITION)) {
          shares.push([budget.used, state.length])
        }
      }
    }
    await world.run(world.task({ portionBytesMax: 5_000, budget }))
    expect(world.changes()).toHaveLength(40)
    expect(Math.max(...shares.map(([, read]) => read))).toBeGreaterThan(10_000)
    expect(shares.every(([used, read]) => used > read)).toBe(true)
  })

  test('waits until other partitions of the process release memory, then continues (I10)', async () => {
    world.arrive(ACCEPTED)
    const budget = new ByteBudget(1_000)
    const other = Promise.withResolvers<void>()
    const holding = budget.use(PARTITION + 1, 1_000, signal, () => other.promise)
    const running = world.run(world.task({ budget }))
    await eventually(() => expect(budget.isWaiting(PARTITION)).toBe(true))
    expect(world.changes()).toEqual([])
    other.resolve()
    await Promise.all([holding, running])
    expect(world.changes()).toHaveLength(1)
  })

  test('releases its share when it fails', async () => {
    world.arrive(ACCEPTED)
    const budget = new ByteBudget(1_000)
    const task = world.task({ budget })
    await task.open(signal)
    world.kafka.onStep = (step) => {
      if (step === 'append.before') {
        throw new Error('broker')
      }
    }
    await expect(task.process(world.batch(0n)?.records ?? [], 1n, signal)).rejects.toThrow('broker')
    expect(budget.used).toBe(0)
  })

  test('recognises a repeat after any number of restarts and an empty Redis (I3, I6)', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    await world.run()
    world.view.flush()
    world.arrive(ACCEPTED)
    await world.run()
    expect(world.changes()).toHaveLength(2)
    expect(world.restored).toEqual(['rebuild', 'rebuild'])
  })
})

describe('a record that is not an event', () => {
  test.each([
    ['undecodable', { key: 'jpm:a', value: Buffer.from('no Avro') }],
    ['undecodable', { key: 'jpm:a', value: null }],
    ['key-mismatch', { key: 'jpm:z', value: CODECS.event.encode(ACCEPTED) }],
    ['too-large', { key: 'jpm:a', value: CODECS.event.encode({ ...ACCEPTED, sourceStatus: 'x'.repeat(7_001) }) }],
  ])('goes to the dead letters as %s, byte for byte, and the rest is processed (I8)', async (reason, record) => {
    world.arriveRaw(record)
    world.arrive(ACCEPTED)
    await world.run()
    const [deadLetter] = world.deadLetters()
    expect([String(deadLetter?.key), deadLetter?.value]).toEqual([record.key, record.value])
    expect(deadLetter?.headers).toMatchObject({
      dlq_reason: reason,
      dlq_stage: 'processor',
      dlq_topic: TOPICS.events,
      dlq_partition: '3',
      dlq_offset: '0',
    })
    expect(world.changes()).toHaveLength(1)
    expect(world.totals()).toMatchObject({ events: 2, applied: 1, deadLetter: 1 })
  })

  test('is not assumed when its schema cannot be fetched: the task waits', async () => {
    const unknownSchema = CODECS.event.encode(ACCEPTED)
    unknownSchema.writeInt32BE(99, 1)
    world.arriveRaw({ key: 'jpm:a', value: unknownSchema })
    const codecs = codecsOf(() => {
      throw new Error('the registry is away')
    })
    await expect(world.run(world.task({ codecs }))).rejects.toThrow('the registry is away')
    expect(world.published()).toMatchObject({ deadLetters: 0, committed: { offset: -1n } })
  })

  test('is not assumed for bytes with our own schema id before the registry confirms the id', async () => {
    world.arrive(ACCEPTED)
    world.arriveRaw({ key: 'jpm:a', value: CODECS.event.encode(COMPLETED).subarray(0, 20) })
    const codecs = codecsOf(() => {
      throw new Error('the registry is away')
    })
    await expect(world.run(world.task({ codecs }))).rejects.toThrow('the registry is away')
    expect(world.published()).toMatchObject({ changes: 0, deadLetters: 0, committed: { offset: -1n } })
  })

  test.each([
    ['that the registry does not know', 99],
    ["that is another topic's", 2],
  ])('is not assumed for a schema id %s: the task stops and skips nothing', async (_, schemaId) => {
    const foreign = CODECS.event.encode(ACCEPTED)
    foreign.writeInt32BE(schemaId, 1)
    world.arrive(ACCEPTED)
    world.arriveRaw({ key: 'jpm:a', value: foreign })
    const stopped = world.run()
    await expect(stopped).rejects.toBeInstanceOf(DefinedStop)
    await expect(stopped).rejects.toThrow(`${TOPICS.events}[${PARTITION}] at offset 1: schema id ${schemaId} `)
    expect(world.published()).toMatchObject({ deadLetters: 0, committed: { offset: -1n } })
  })
})

describe('opening', () => {
  test('fences the former owner before it reads what was committed (I7)', async () => {
    const steps: string[] = []
    world.kafka.onStep = (step) => void steps.push(step)
    await world.task().open(signal)
    expect(steps.indexOf('init.after')).toBeLessThan(steps.indexOf('committed.before'))
    expect(steps.filter((step) => step.startsWith('append') || step.startsWith('commit.'))).toEqual([])
  })

  test('starts at the committed offset, or at the start of the topic', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    expect(await world.task().open(signal)).toEqual({ offset: 0n, highWatermark: 2n, read: null })
    await world.run()
    expect(await world.task().open(signal)).toEqual({
      offset: 2n,
      highWatermark: 2n,
      read: { offset: 2n, leaderEpoch: 0 },
    })
  })

  test('stops and changes nothing when the committed offset is not in the topic', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    world.kafka.deleteBefore(TOPICS.events, PARTITION, 2n)
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, 1n)
    await expect(world.task().open(signal)).rejects.toThrow(DefinedStop)
    expect(await world.view.marker(PARTITION)).toBeNull()
  })

  test('after an operator moved the group back publishes nothing again and restarts the totals (I3)', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    await world.run()
    world.kafka.moveGroup(GROUP, TOPICS.events, PARTITION, 1n)
    await world.run()
    expect(world.changes()).toHaveLength(2)
    expect(world.totals()).toEqual({ ...totalsFrom(1n), events: 1, duplicate: 1 })
  })

  test('never folds events again: what was published is the truth, even if the events are gone', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    await world.run()
    world.kafka.deleteBefore(TOPICS.events, PARTITION, 2n)
    world.view.flush()
    world.arrive(OTHER)
    await world.run()
    expect(world.current().get('jpm:a')).toMatchObject({ status: 'COMPLETED', statusVersion: 2 })
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
  })
})

describe('a view that is not what the task left there (I6)', () => {
  test.each(['process', 'idle'] as const)('is detected by %s before anything is written', async (how) => {
    world.arrive(ACCEPTED)
    const task = await world.run()
    world.view.flush()
    world.arrive(COMPLETED)
    const published = world.published()
    const batch = world.batch(1n)
    const work = how === 'idle' ? task.idle(signal) : task.process(batch?.records ?? [], 2n, signal)
    await expect(work).rejects.toThrow(ViewLostError)
    expect(world.published()).toEqual(published)
  })

  test('after the commit is not overwritten; the next opening replays what it lacks', async () => {
    world.arrive(ACCEPTED)
    const task = await world.run()
    world.arrive(COMPLETED)
    world.view.onStep = (step) => {
      if (step === 'view-write.before') {
        world.view.onStep = () => {}
        world.view.flush()
      }
    }
    await expect(task.process(world.batch(1n)?.records ?? [], 2n, signal)).rejects.toThrow(ViewLostError)
    expect(world.changes()).toHaveLength(2)
    await world.run(task)
    expect(world.changes()).toHaveLength(2)
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
  })

  test('that lacks the last transaction is replayed, not rebuilt', async () => {
    world.arrive(ACCEPTED)
    await world.run()
    const writes = world.view.writes
    world.arrive(COMPLETED)
    await world.run()
    await world.view.rollBack(writes)
    await world.run()
    expect(world.restored).toEqual(['rebuild', 'keep', 'replay'])
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
  })

  test('with bytes that cannot be decoded as a state is rebuilt from `current`', async () => {
    world.arrive(ACCEPTED)
    const task = await world.run()
    const marker = await world.view.marker(PARTITION)
    await world.view.write(PARTITION, marker, 'x', [
      { paymentKey: 'jpm:a', state: Buffer.from('damaged'), dueAt: 0, endToEndId: null },
    ])
    await world.view.write(PARTITION, 'x', marker as string, [])
    world.arrive(COMPLETED)
    await expect(task.process(world.batch(1n)?.records ?? [], 2n, signal)).rejects.toThrow(ViewLostError)
    await world.run(task)
    expect(world.restored).toEqual(['rebuild', 'rebuild'])
    expect(world.changes().map(({ statusVersion }) => statusVersion)).toEqual([1, 2])
  })
})

describe('an acknowledged commit that was aborted (KAFKA-20734)', () => {
  test('does not survive in a view that Redis rolls back to, whatever was committed since (I3, I6)', async () => {
    world.arrive(OTHER)
    const former = await world.run()
    world.arrive(ACCEPTED, { ...COMPLETED, paymentKey: 'jpm:c' })
    world.kafka.skipsMarker = () => true
    await former.process(world.batch(1n)?.records ?? [], 3n, signal)
    const withLostCommit = world.view.writes
    world.kafka.skipsMarker = () => false
    const next = world.task()
    const { offset } = await next.open(signal)
    const batch = world.batch(offset, 1)
    await next.process(batch?.records ?? [], batch?.next ?? 0n, signal)
    await world.view.rollBack(withLostCommit)
    await world.run()
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['other', 'accepted', 'completed'])
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
  })

  test('is settled again before anything is counted if settling left the offset undecided, too (I8)', async () => {
    world.arrive(ACCEPTED)
    world.kafka.skipsMarker = (place) => place === 'offsets'
    await world.run()
    await expect(world.task().open(signal)).rejects.toThrow(/the input offset of partition 3 stays undecided/)
    world.kafka.skipsMarker = () => false
    await world.run()
    expect(world.changes()).toHaveLength(1)
    expect(world.totals()).toMatchObject({ events: 1, applied: 1, duplicate: 0 })
  })
})

describe('a group whose offsets were deleted', () => {
  beforeEach(async () => {
    world.arrive(ACCEPTED)
    await world.run()
    world.kafka.forgetGroup(GROUP, TOPICS.events, PARTITION)
    world.arrive(COMPLETED)
  })

  test('reads everything again, and publishes nothing twice (I3)', async () => {
    await world.run()
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['accepted', 'completed'])
    expect(world.totals()).toMatchObject({ events: 2, applied: 1, duplicate: 1 })
  })

  test('does not mistake earlier records for those of a half-ended transaction (I3)', async () => {
    const task = world.task()
    await task.open(signal)
    world.kafka.onStep = (step) => {
      if (step === 'commit.before') {
        throw new Error('dies')
      }
    }
    await expect(task.process(world.batch(0n)?.records ?? [], 2n, signal)).rejects.toThrow('dies')
    world.kafka.onStep = () => {}
    // Records aborted now stay undecided in `changes`.
    world.kafka.skipsMarker = (place) => place.startsWith(TOPICS.changes)
    await expect(world.task().open(signal)).rejects.toThrow(/stay undecided/)
    world.kafka.skipsMarker = () => false
    await world.run()
    expect(world.changes().map(({ event }) => event?.eventId)).toEqual(['accepted', 'completed'])
  })
})

describe('a crash', () => {
  const steps = [
    'append.before',
    'append.after',
    'offset.before',
    'offset.after',
    'commit.before',
    'commit.after',
    'view-read.before',
    'view-write.before',
    'view-write.after',
  ]

  test.each(steps)('at %s loses and repeats nothing (I3, I4, I6, I8)', async (place) => {
    world.arrive(ACCEPTED, OTHER)
    const task = await world.run()
    world.arrive(COMPLETED, COMPLETED)
    const crash = (step: string) => {
      if (step === place) {
        throw new Error('crash')
      }
    }
    world.kafka.onStep = crash
    world.view.onStep = crash
    await expect(task.process(world.batch(2n)?.records ?? [], 4n, signal)).rejects.toThrow('crash')
    world.kafka.onStep = () => {}
    world.view.onStep = () => {}

    await world.run()
    const ofA = world.changes().filter(({ paymentKey }) => paymentKey === 'jpm:a')
    expect(ofA.map(({ statusVersion, event }) => [statusVersion, event?.eventId])).toEqual([
      [1, 'accepted'],
      [2, 'completed'],
    ])
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
    expect(world.totals()).toMatchObject({ events: 4, applied: 3, duplicate: 1 })
  })
})

describe('a former owner (I7)', () => {
  test('can neither publish nor commit once a new one has opened', async () => {
    world.arrive(ACCEPTED)
    const former = world.task()
    await former.open(signal)
    await world.task().open(signal)
    const batch = world.batch(0n)
    // It does not even trust its view.
    await expect(former.process(batch?.records ?? [], 1n, signal)).rejects.toThrow(ViewLostError)
    expect(world.published()).toMatchObject({ changes: 0, committed: { offset: -1n } })
  })

  test('that had already read the view is stopped by Kafka itself', async () => {
    world.arrive(ACCEPTED)
    const former = world.task()
    await former.open(signal)
    world.kafka.onStep = async (step) => {
      if (step === 'append.before') {
        world.kafka.onStep = () => {}
        await world.run()
      }
    }
    await expect(former.process(world.batch(0n)?.records ?? [], 1n, signal)).rejects.toThrow(FencedError)
    expect(world.changes()).toHaveLength(1)
  })

  test('that was closed has released its producer and can do nothing', async () => {
    const task = await world.run()
    await task.close()
    await expect(task.process([], 0n, signal)).rejects.toThrow('not open')
    await expect(task.idle(signal)).rejects.toThrow('not open')
    await task.close()
  })
})

describe('timers', () => {
  const open = { ...OTHER, requestedExecutionDate: null }

  test('report an open payment overdue once: a version without an event (I4, I8)', async () => {
    world.arrive(open)
    const task = await world.run()
    world.now += 2 * DAY_MS
    await task.idle(signal)
    expect(world.changes()).toHaveLength(1)
    world.now += DAY_MS
    await task.idle(signal)
    world.now += DAY_MS
    await task.idle(signal)
    expect(world.changes().slice(1)).toMatchObject([
      { verdict: 'OVERDUE', statusVersion: 2, event: null, statusAfter: 'ON_HOLD', overdueSince: 1_003 * DAY_MS },
    ])
    expect(world.current().get('jpm:b')).toMatchObject({ statusVersion: 2, overdueSince: 1_003 * DAY_MS })
    const totals = world.totals() ?? totalsFrom(0n)
    expect([totals.overdue, totals.events, totalsDifference(totals)]).toEqual([1, 1, 0])
    expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
  })

  test('leave the committed offset unchanged', async () => {
    world.arrive(open)
    const task = await world.run()
    world.now += 3 * DAY_MS
    await task.idle(signal)
    expect(world.kafka.committed(GROUP, TOPICS.events, PARTITION).offset).toBe(1n)
  })

  test('do nothing while nothing is due: no transaction, no write', async () => {
    world.arrive(open)
    const task = await world.run()
    const [published, writes] = [world.published(), world.view.writes]
    await task.idle(signal)
    expect([world.published(), world.view.writes]).toEqual([published, writes])
  })

  test('forget a payment with a tombstone; if it returns, it restarts at version 1 with a later incarnation', async () => {
    world.arrive(ACCEPTED, COMPLETED)
    const task = await world.run()
    world.now += 400 * DAY_MS
    await task.idle(signal)
    expect(world.kafka.records(TOPICS.current, PARTITION).at(-1)).toMatchObject({ value: null })
    expect(await world.view.content(PARTITION)).toEqual(new Map())
    expect(world.totals()).toMatchObject({ forgotten: 1, events: 2 })

    world.arrive({ ...COMPLETED, receivedAt: COMPLETED.receivedAt + 400 * DAY_MS })
    await world.run()
    expect(world.changes().at(-1)).toMatchObject({ statusVersion: 1, incarnation: COMPLETED.receivedAt + 400 * DAY_MS })
    expect(COMPLETED.receivedAt).toBe(ACCEPTED.receivedAt)
  })

  test.each(['due', 'refs'] as const)(
    'detect that Redis lost :%s, and the next opening rebuilds the view (I6)',
    async (index) => {
      world.arrive(open)
      const task = await world.run()
      world.view.lose(PARTITION, index)
      await expect(task.idle(signal)).rejects.toThrow(ViewLostError)
      const again = await world.run()
      expect(world.restored.at(-1)).toBe('rebuild')
      world.now += 3 * DAY_MS
      await again.idle(signal)
      expect(world.totals()).toMatchObject({ overdue: 1 })
      expect(await world.view.findByEndToEndId(PARTITION, 'E2E-4711')).toEqual(['jpm:b'])
    },
  )

  test('forget the reference with the payment (I6)', async () => {
    world.arrive(ACCEPTED)
    const task = await world.run()
    expect(await world.view.findByEndToEndId(PARTITION, 'E2E-4711')).toEqual(['jpm:a'])
    world.now += 400 * DAY_MS
    await task.idle(signal)
    expect(await world.view.findByEndToEndId(PARTITION, 'E2E-4711')).toEqual([])
  })

  test('do not act twice after a crash that followed the commit', async () => {
    world.arrive(open)
    const task = await world.run()
    world.now += 3 * DAY_MS
    world.kafka.onStep = (step) => {
      if (step === 'commit.after') {
        throw new Error('the answer is lost')
      }
    }
    await expect(task.idle(signal)).rejects.toThrow('the answer is lost')
    world.kafka.onStep = () => {}
    await (await world.run()).idle(signal)
    expect(world.changes()).toHaveLength(2)
    expect(world.totals()).toMatchObject({ overdue: 1 })
  })

  test('correct a stale due time without publishing anything', async () => {
    world.arrive(open)
    const task = await world.run()
    const marker = await world.view.marker(PARTITION)
    const [[key, state] = ['', Buffer.alloc(0)]] = await world.view.content(PARTITION)
    await world.view.write(PARTITION, marker, 'x', [{ paymentKey: key, state, dueAt: 1, endToEndId: null }])
    await world.view.write(PARTITION, 'x', marker as string, [])
    const { changes, current } = world.published()
    await task.idle(signal)
    expect(world.published()).toMatchObject({ changes, current })
    expect(await world.view.due(PARTITION, world.now, 10)).toEqual([])
  })
})
