import { beforeEach, describe, expect, test } from 'vitest'
import { type OutputFacts, outcomeOfHalfEnded } from '../../src/processor/settle-outputs.ts'
import { sampleEvent } from '../avro/samples.ts'
import { DAY_MS, PARTITION, StatusWorld, TOPICS } from './status-world.ts'

const FIRST = sampleEvent({ eventId: 'first', paymentKey: 'jpm:a', status: 'ACCEPTED', naturalKey: '1' })
const SECOND = sampleEvent({ eventId: 'second', paymentKey: 'jpm:a', status: 'COMPLETED', naturalKey: '2' })
const { signal } = new AbortController()

describe('a half-ended transaction', () => {
  const whole: OutputFacts = {
    promised: 5n,
    visibleEnd: 6n,
    highWatermark: 6n,
    publishedMore: false,
    lastPromised: null,
  }
  const undecided: OutputFacts = {
    promised: 6n,
    visibleEnd: 6n,
    highWatermark: 8n,
    publishedMore: false,
    lastPromised: null,
  }

  test.each<[string, OutputFacts[], 'commit' | 'abort' | null]>([
    ['needs no outcome if everything is decided', [whole, whole, whole], null],
    ['needs no outcome if nothing was ever committed', [{ ...whole, promised: null }], null],
    ['is aborted if no reader has seen it', [whole, undecided], 'abort'],
    ['is aborted if its offset is unknown and no reader has seen it', [{ ...undecided, promised: null }], 'abort'],
    ['is committed if the committed offset relies on it', [whole, { ...undecided, promised: 7n }], 'commit'],
    ['is committed if readers can see part of it', [undecided, { ...whole, publishedMore: true }], 'commit'],
    ['is committed if only its offset is missing', [{ ...whole, publishedMore: true }], 'commit'],
    ['is not assumed for a topic that lost its end', [{ ...whole, promised: 9n }], null],
  ])('%s', (_what, outputs, outcome) => {
    expect(outcomeOfHalfEnded(outputs)).toBe(outcome)
  })
})

/** Every way to leave a transaction half-ended: which of its four partitions get no marker. */
const PLACES = [TOPICS.current, TOPICS.changes, TOPICS.eventDeadLetters, 'offsets']
const SUBSETS = Array.from({ length: 2 ** PLACES.length - 1 }, (_, index) =>
  PLACES.filter((_place, bit) => ((index + 1) & (1 << bit)) !== 0),
)

describe.each(SUBSETS.map((skipped) => [skipped.join(', '), skipped] as const))(
  'without markers in %s',
  (_name, skipped) => {
    let world: StatusWorld

    beforeEach(() => {
      world = new StatusWorld()
    })

    function skip(): void {
      world.kafka.skipsMarker = (place) => skipped.some((of) => of === place || place === `${of}/${PARTITION}`)
    }

    function expectOnce(): void {
      expect(world.changes().map(({ statusVersion, event }) => [statusVersion, event?.eventId])).toEqual([
        [1, 'first'],
        [2, 'second'],
      ])
      expect(world.totals()).toMatchObject({ events: 3, applied: 2, duplicate: 0, deadLetter: 1 })
      expect(world.deadLetters()).toHaveLength(1)
    }

    test.each([
      ['at once', async () => {}],
      [
        'from an owner that died before it wrote the view',
        async () => {
          world.view.flush()
        },
      ],
    ])(
      'an acknowledged commit is in `changes` once and counted once (I3, I4, I8), taken over %s',
      async (_how, before) => {
        world.arrive(FIRST)
        const task = await world.run()
        world.arriveRaw({ key: 'x', value: Buffer.from('no event') })
        world.arrive(SECOND)
        skip()
        const batch = world.batch(1n)
        await task.process(batch?.records ?? [], 3n, signal)
        world.kafka.skipsMarker = () => false
        await before()
        await world.run()
        expectOnce()
        expect(await world.view.content(PARTITION)).toEqual(world.kafka.latest(TOPICS.current, PARTITION))
      },
    )

    test('an abort leaves nothing behind that a later commit would publish (I3)', async () => {
      world.arrive(FIRST)
      const task = await world.run()
      world.arriveRaw({ key: 'x', value: Buffer.from('no event') })
      world.arrive(SECOND)
      world.kafka.onStep = (step) => {
        if (step === 'commit.before') {
          throw new Error('crash')
        }
      }
      await expect(task.process(world.batch(1n)?.records ?? [], 3n, signal)).rejects.toThrow('crash')
      world.kafka.onStep = () => {}
      skip()
      const next = world.task()
      // The markers of the abort are skipped, too; opening settles it once markers are written again.
      world.kafka.onStep = (step) => {
        if (step === 'init.after') {
          world.kafka.skipsMarker = () => false
        }
      }
      await world.run(next)
      expectOnce()
    })

    test('an owner that continues checks its last commit first', async () => {
      world.arrive(FIRST)
      world.arriveRaw({ key: 'x', value: Buffer.from('no event') })
      const task = world.task()
      await task.open(signal)
      skip()
      await task.process(world.batch(0n)?.records ?? [], 2n, signal)
      world.kafka.skipsMarker = () => false
      world.arrive(SECOND)
      await expect(task.process(world.batch(2n)?.records ?? [], 3n, signal)).rejects.toThrow()
      await world.run(task)
      expectOnce()
    })
  },
)

test('a commit that stays invisible and is followed by no other is detected while idle', async () => {
  const world = new StatusWorld()
  world.arrive(FIRST)
  const task = world.task()
  await task.open(signal)
  world.kafka.skipsMarker = (place) => place.startsWith(TOPICS.changes)
  await task.process(world.batch(0n)?.records ?? [], 1n, signal)
  world.kafka.skipsMarker = () => false
  await task.idle(signal)
  expect(world.changes()).toEqual([])
  world.now += 10_000
  await expect(task.idle(signal)).rejects.toThrow('still not visible')
  await world.run(task)
  expect(world.changes()).toHaveLength(1)
  world.now += 10_000
  await task.idle(signal)
})

test('so is that of a timer, whose offset is the same as before (I8)', async () => {
  const world = new StatusWorld()
  world.arrive({ ...FIRST, requestedExecutionDate: null })
  const task = world.task()
  await world.run(task)
  world.now += 5 * DAY_MS
  world.kafka.skipsMarker = (place) => place === 'offsets'
  await task.idle(signal)
  world.kafka.skipsMarker = () => false
  expect([world.changes().at(-1)?.verdict, world.totals()?.overdue]).toEqual(['OVERDUE', 0])
  world.now += 10_000
  await expect(task.idle(signal)).rejects.toThrow('still not visible')
  await world.run(task)
  expect([world.changes().length, world.totals()?.overdue]).toEqual([2, 1])
})
