import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { foldPayment } from '../../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { readingThatCounts, saysTheSame } from '../../../src/payment/reading.ts'
import { totalsDifference } from '../../../src/payment/totals.ts'
import { dueAt } from '../../../src/processor/due.ts'
import type { StatusTask } from '../../../src/processor/status-task.ts'
import { DefinedStop, type PartitionTask } from '../../../src/stream/partition-task.ts'
import type { InRecord, OutRecord } from '../../../src/stream/record.ts'
import type { LogPlace } from '../../../src/stream/topic-logs.ts'
import { arrivalsOf, distinctEvents, readingsOf } from '../../payment/arbitrary-events.ts'
import { DAY_MS, DUE_POLICY, GROUP, PARTITION, StatusWorld, TOPICS } from '../../processor/status-world.ts'
import { envNumber } from '../harness/env-number.ts'
import { Interleaver } from './interleaver.ts'
import {
  callbackOf,
  eventsOf,
  NORMALIZER_GROUP,
  normalizerTask,
  RAW_PARTITION,
  RELEASES,
  type Release,
  remediesOf,
} from './normalizer-side.ts'

/**
 * A seeded simulation of the real stage code: callbacks in any order, with repeats, pass through the normalizer and the
 * status processor of one partition, while at any step processes crash, freeze and are replaced, brokers leave transactions
 * half-ended, and Redis loses data. Processes also run concurrently, interleaved in any order: the two stages, and the owner
 * of a partition with its former owner. Two releases of the normalizer, whose mappings differ, take turns, and callbacks that the
 * old one read are reprocessed with the new one. Kafka, Redis and the clock are in memory.
 *
 * A failure prints its seed, its path and its shortest story. `SCHEDULES` is the number of stories (`make simulate-long`: a
 * million); `STORY=<seed>/<path>` replays one.
 */
const SCHEDULES = envNumber('SCHEDULES', 20_000)
const STORY = process.env['STORY']?.split('/')

/** The fault that hits a process at its n-th step, counted from the start of an act. */
type Fault =
  | { readonly kind: 'none' }
  /** The process dies. */
  | { readonly kind: 'crash'; readonly step: number }
  /** A broker dies and leaves the act's transactions half-ended: these places get no marker. */
  | { readonly kind: 'half-end'; readonly places: readonly string[]; readonly step: number }
  /** The process freezes, long enough for another one to take over, and then resumes. */
  | { readonly kind: 'pause'; readonly step: number }
  /** Redis is flushed, or rolled back to an earlier state, while the process runs. */
  | { readonly kind: 'flush'; readonly step: number }
  | { readonly kind: 'roll back'; readonly step: number; readonly by: number }
  /** One key of the view is deleted; the marker stays. */
  | { readonly kind: 'lose'; readonly step: number; readonly index: 'due' | 'refs' }

/** The work of one process. */
type Solo =
  | { readonly act: 'normalize'; readonly release: Release; readonly batch: number; readonly fault: Fault }
  | { readonly act: 'process'; readonly batch: number; readonly fault: Fault }
  /** A new assignment, with or without a reason. */
  | { readonly act: 'reassign'; readonly fault: Fault }
  | { readonly act: 'wait'; readonly days: number; readonly fault: Fault }

type Act =
  | Solo
  /** All concurrently; `choices` decide whose step is next. The second process at a seat takes it over. */
  | { readonly act: 'together'; readonly acts: readonly Solo[]; readonly choices: readonly number[] }
  | { readonly act: 'compact' }
  /** Another broker becomes leader of an input. It may lack the last records, which are then sent again in another order. */
  | { readonly act: 'elect'; readonly input: 'raw' | 'events'; readonly lost: number; readonly repeats: number }
  /** No process runs, and the offsets of the processor's group are deleted. */
  | { readonly act: 'forget' }
  /** An operator reprocesses everything with the new release. The tool is killed after so many events. */
  | { readonly act: 'reprocess'; readonly published: number }

/** Most acts end after about twenty steps; rebuilding a view takes more. */
const step = fc.oneof({ weight: 5, arbitrary: fc.nat({ max: 24 }) }, { weight: 1, arbitrary: fc.nat({ max: 80 }) })
const pause = { weight: 2, arbitrary: fc.record({ kind: fc.constant('pause' as const), step }) }
const otherFaults: fc.WeightedArbitrary<Fault>[] = [
  { weight: 2, arbitrary: fc.constant({ kind: 'none' } as const) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('crash' as const), step }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('half-end' as const),
      places: fc.subarray([TOPICS.current, TOPICS.changes, 'offsets'], { minLength: 1 }),
      step,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), step }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lose' as const),
      step,
      index: fc.constantFrom('due' as const, 'refs' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('roll back' as const), step, by: fc.nat({ max: 5 }) }) },
]

function soloWith(fault: fc.Arbitrary<Fault>): fc.Arbitrary<Solo> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('normalize' as const),
        release: fc.constantFrom(...RELEASES),
        batch: fc.integer({ min: 1, max: 5 }),
        fault,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ act: fc.constant('process' as const), batch: fc.integer({ min: 1, max: 5 }), fault }),
    },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('reassign' as const), fault }) },
    {
      weight: 1,
      arbitrary: fc.record({ act: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 5 }), fault }),
    },
  )
}

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: soloWith(fc.oneof(...otherFaults, pause)) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('together' as const),
      acts: fc.array(soloWith(fc.oneof(...otherFaults)), { minLength: 2, maxLength: 3 }),
      choices: fc.array(fc.nat({ max: 5 }), { maxLength: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('compact' as const, 'forget' as const) }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('reprocess' as const), published: fc.nat({ max: 8 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('elect' as const),
      input: fc.constantFrom('raw' as const, 'events' as const),
      lost: fc.nat({ max: 5 }),
      repeats: fc.nat({ max: 3 }),
    }),
  },
)

const inThreePayments = (events: readonly PaymentEvent[]) =>
  events.map((event, index): PaymentEvent => ({ ...event, paymentKey: `jpm:${'abc'[index % 3] as string}` }))

/**
 * Up to three payments with events of all kinds, in any order and with repeats, sometimes in several readings, that are in the
 * topic from the start, and callbacks of two more payments that the normalizer must translate first.
 */
const story = fc.record({
  arrivals: fc
    .oneof(
      { weight: 2, arbitrary: distinctEvents({ minLength: 1, maxLength: 10 }).map(inThreePayments) },
      { weight: 1, arbitrary: distinctEvents({ minLength: 1, maxLength: 5 }).map(inThreePayments).chain(readingsOf) },
    )
    .chain(arrivalsOf),
  callbacks: fc.array(
    fc.record({
      payment: fc.constantFrom('x', 'y'),
      status: fc.constantFrom('PENDING', 'COMPLETED', 'REJECTED', 'RETURNED', 'SOMETHING_NEW'),
      minute: fc.integer({ min: 10, max: 14 }),
      malformed: fc.nat({ max: 9 }).map((n) => n === 0),
    }),
    { maxLength: 8 },
  ),
  acts: fc.array(act, { maxLength: 16 }),
})

class Crash extends Error {}

/** Whether the end of a transaction writes no marker in a place because a broker died. */
function skips(fault: Fault | undefined, place: string): boolean {
  return fault?.kind === 'half-end' && fault.places.some((of) => of === place || place === `${of}/${PARTITION}`)
}

/** A simulated process and its fault. */
interface Worker {
  readonly fault: Fault
  steps: number
  /** Once dead, all its further steps fail, including those requested concurrently with the fatal one. */
  dead: boolean
}

/** One stage's partition and its current owner. */
interface Seat {
  readonly newTask: () => PartitionTask
  readonly batch: (from: bigint, max?: number) => ReturnType<StatusWorld['batch']>
  task: PartitionTask | undefined
}

class Simulation {
  readonly world = new StatusWorld()
  readonly zombies: StatusTask[] = []
  /** Whether events were read and counted again. */
  forgotten = false
  readonly #signal = new AbortController().signal
  #areOthersRunning = false
  /** Where the last record read by each task ended, as its lane would know it. */
  readonly #reads = new WeakMap<PartitionTask, LogPlace | null>()
  /** The next offset of each task, whether or not it still owns the partition. */
  readonly #positions = new WeakMap<PartitionTask, bigint>()
  /** Of the normalizer that runs, or that starts next. */
  #release: Release = 'old'
  readonly #normalizer: Seat = {
    newTask: () =>
      normalizerTask(
        this.world.kafka,
        this.#release,
        (task) => this.#normalizer.task === task,
        (callbacks) => {
          this.world.unaccounted += callbacks
        },
      ),
    batch: (from, max) => this.world.batchOf(TOPICS.raw, RAW_PARTITION, from, max),
    task: undefined,
  }
  readonly #processor: Seat = {
    newTask: () => this.world.task(),
    batch: (from, max) => this.world.batch(from, max),
    task: undefined,
  }

  async play(acts: readonly Act[]): Promise<void> {
    for (const next of acts) {
      if (next.act === 'together') {
        await this.#together(next.acts, next.choices)
      } else if (next.act === 'compact') {
        this.world.kafka.compact(TOPICS.current, PARTITION)
      } else if (next.act === 'elect') {
        await this.#elect(next)
      } else if (next.act === 'forget') {
        await this.#forget()
      } else if (next.act === 'reprocess') {
        this.world.arrive(...remediesOf(this.world).slice(0, next.published))
      } else {
        const { seat, work } = this.#jobOf(next)
        await this.#with(seat, next.fault, work)
      }
    }
  }

  /**
   * Lost records are sent again, newest first: a task that resumed at the old offset would skip unprocessed records. As a lane
   * does on records of another leader, the task verifies that the log is still the same.
   */
  async #elect({ input, lost, repeats }: Extract<Act, { act: 'elect' }>): Promise<void> {
    const { kafka } = this.world
    const [seat, group, partition] =
      input === 'raw'
        ? ([this.#normalizer, NORMALIZER_GROUP, RAW_PARTITION] as const)
        : ([this.#processor, GROUP, PARTITION] as const)
    const { offset: moved, metadata } = kafka.committed(group, TOPICS[input], partition)
    // What was read is unknown once an operator has moved the offset, until the next commit. That an election then loses records
    // below it cannot be noticed: a known limit of the product (docs/internals/processor.md).
    const records = kafka.records(TOPICS[input], partition).filter(({ offset }) => metadata !== '' || offset >= moved)
    const again = records.slice(Math.max(0, records.length - lost)).toReversed()
    if (again.length === 0) {
      kafka.elect(TOPICS[input], partition)
    } else {
      kafka.truncate(TOPICS[input], partition, (again.at(-1) as InRecord).offset)
    }
    for (const { key, value, headers } of [...again, ...again.slice(0, repeats)]) {
      kafka.produce(TOPICS[input], partition, {
        key: key as Buffer,
        value,
        headers: headers as OutRecord['headers'] & {},
      })
    }
    if (seat.task !== undefined) {
      const { task } = seat
      await this.#remedied(task.verify(this.#positionOf(task), this.#reads.get(task) ?? null)).catch(() =>
        this.#abandon(seat),
      )
    }
  }

  /**
   * Does exactly what a defined stop tells the operator to do. Does nothing while other processes of the group run, because
   * Kafka refuses to move the offsets of an active group; the next process that opens the partition then stops again.
   */
  async #remedied<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      if (error instanceof DefinedStop) {
        const [, group, topic, partition, target] =
          /--group (\S+) --topic (\S+):(\d+) --reset-offsets --to-(offset \d+|earliest)/.exec(error.message) ?? []
        expectSame(error.code, 'LOG_TRUNCATED')
        const offset = target === 'earliest' ? 0n : BigInt(target?.split(' ')[1] ?? '')
        if (!this.#areOthersRunning) {
          this.world.kafka.moveGroup(group as string, topic as string, Number(partition), offset)
          this.forgotten ||= group === GROUP
        }
      }
      throw error
    }
  }

  /**
   * The first transaction after an operator moved the offset is never left half-ended: the promise that settling needs was
   * removed with the former offset, which is a known limit of the product (docs/internals/processor.md).
   */
  #skips(fault: Fault | undefined, place: string): boolean {
    const wasMoved = this.world.kafka.committed(GROUP, TOPICS.events, PARTITION).metadata === ''
    return !wasMoved && skips(fault, place)
  }

  /** Deletes the group's offsets, as an operator or retention does, once its last transaction is complete. */
  async #forget(): Promise<void> {
    this.#abandon(this.#processor)
    await this.#with(this.#processor, { kind: 'none' }, async () => {})
    this.#abandon(this.#processor)
    this.world.kafka.forgetGroup(GROUP, TOPICS.events, PARTITION)
    this.forgotten = true
  }

  /** The seat and the work of an act. Effects outside the process (the clock, the reassignment) happen at once. */
  #jobOf(solo: Solo): { readonly seat: Seat; readonly work: (task: PartitionTask) => Promise<void> } {
    switch (solo.act) {
      case 'normalize':
        if (solo.release !== this.#release) {
          this.#abandon(this.#normalizer)
          this.#release = solo.release
        }
        return { seat: this.#normalizer, work: (task) => this.#processOne(this.#normalizer, task, solo.batch) }
      case 'process':
        return { seat: this.#processor, work: (task) => this.#processOne(this.#processor, task, solo.batch) }
      case 'reassign':
        this.#abandon(this.#processor)
        return { seat: this.#processor, work: async () => {} }
      case 'wait':
        this.world.now += solo.days * DAY_MS
        return { seat: this.#processor, work: (task) => this.#idleWhenCaughtUp(this.#processor, task) }
      default:
        return solo satisfies never
    }
  }

  /**
   * Runs several processes concurrently. A process that comes to an occupied seat takes it over, and the former owner
   * continues unaware for as long as it can.
   */
  async #together(acts: readonly Solo[], choices: readonly number[]): Promise<void> {
    const { kafka, view } = this.world
    const interleaver = new Interleaver<Worker>()
    const begun = new Set<Seat>()
    const takenOver = new Set<Seat>()
    const onStep = async () => {
      const worker = interleaver.actor as Worker
      await interleaver.turn()
      await this.#suffer(worker)
    }
    kafka.onStep = onStep
    view.onStep = onStep
    kafka.skipsMarker = (place) => this.#skips(interleaver.actor?.fault, place)
    let choice = 0
    this.#areOthersRunning = true
    await interleaver.run(
      acts.map((solo) => ({
        actor: { fault: solo.fault, steps: 0, dead: false },
        work: async () => {
          const { seat, work } = this.#jobOf(solo)
          if (begun.has(seat)) {
            takenOver.add(seat)
            this.#abandon(seat)
          }
          begun.add(seat)
          const isNew = seat.task === undefined
          const owner = seat.task ?? seat.newTask()
          seat.task = owner
          try {
            await this.#openAndWork(owner, isNew, work)
          } catch (error) {
            if (seat.task === owner) {
              this.#abandon(seat)
            }
            throw error
          }
        },
      })),
      (of) => (choices[choice++ % Math.max(1, choices.length)] ?? 0) % of,
    )
    this.#areOthersRunning = false
    kafka.onStep = () => {}
    view.onStep = () => {}
    kafka.skipsMarker = () => false
    // The former owner may have opened after its successor and fenced it; the group then reassigns the partition.
    for (const seat of takenOver) {
      this.#abandon(seat)
    }
  }

  /** Applies a process's fault if it is due at this step. */
  async #suffer(worker: Worker): Promise<void> {
    const { view } = this.world
    const { fault } = worker
    const isIt = fault.kind !== 'none' && worker.steps === fault.step
    worker.steps += 1
    worker.dead ||= isIt && (fault.kind === 'crash' || fault.kind === 'half-end')
    if (worker.dead) {
      throw new Crash('crash')
    }
    if (isIt && fault.kind === 'flush') {
      view.flush()
    } else if (isIt && fault.kind === 'roll back') {
      await view.rollBack(Math.max(0, view.writes - fault.by))
    } else if (isIt && fault.kind === 'lose') {
      view.lose(PARTITION, fault.index)
    }
  }

  /** Processes the rest without faults. A loss at the very end may require a few reopenings. */
  async finish(): Promise<void> {
    for (const seat of [this.#normalizer, this.#processor]) {
      await this.#finishOne(seat)
    }
  }

  async #finishOne(seat: Seat): Promise<void> {
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const failed = await this.#with(seat, { kind: 'none' }, async (task) => {
        while (seat.batch(this.#positionOf(task)) !== undefined) {
          await this.#processOne(seat, task, 100)
        }
        // Late enough to detect that a commit had no effect.
        this.world.now += 10_000
        await task.idle(this.#signal)
        await task.drained(this.#signal)
      })
      if (failed === undefined) {
        return
      }
    }
    throw new Error('did not finish, although there were no more faults')
  }

  async #processOne(seat: Seat, task: PartitionTask, max: number): Promise<void> {
    const batch = seat.batch(this.#positionOf(task), max)
    if (batch !== undefined) {
      await task.process(batch.records, batch.next, this.#signal)
      this.#positions.set(task, batch.next)
      this.#reads.set(task, { offset: batch.next, leaderEpoch: batch.records.at(-1)?.leaderEpoch ?? -1 })
    }
  }

  #positionOf(task: PartitionTask): bigint {
    return this.#positions.get(task) as bigint
  }

  async #idleWhenCaughtUp(seat: Seat, task: PartitionTask): Promise<void> {
    if (seat.batch(this.#positionOf(task)) === undefined) {
      await task.idle(this.#signal)
    }
  }

  /** Runs the task under a fault. As in a lane, an error ends this task, and the next one opens again. */
  async #with(seat: Seat, fault: Fault, work: (task: PartitionTask) => Promise<void>): Promise<unknown> {
    const { kafka, view } = this.world
    const owner = seat.task ?? seat.newTask()
    const isNew = seat.task === undefined
    seat.task = owner
    const worker: Worker = { fault, steps: 0, dead: false }
    let resume = () => {}
    const paused = Promise.withResolvers<void>()
    let pausedAt = ''
    const onStep = async (name: string) => {
      if (fault.kind === 'pause' && worker.steps === fault.step) {
        worker.steps += 1
        const gate = Promise.withResolvers<void>()
        resume = gate.resolve
        pausedAt = name
        paused.resolve()
        await gate.promise
      } else {
        await this.#suffer(worker)
      }
    }
    kafka.onStep = onStep
    view.onStep = onStep
    kafka.skipsMarker = (place) => this.#skips(fault, place)
    const working = this.#openAndWork(owner, isNew, work).then(
      () => undefined,
      (error: unknown) => error ?? new Error('rejected with nothing'),
    )
    const ended = await Promise.race([
      working.then((error) => ({ error })),
      paused.promise.then(() => 'paused' as const),
    ])
    kafka.onStep = () => {}
    view.onStep = () => {}
    kafka.skipsMarker = () => false
    if (ended !== 'paused') {
      if (ended.error !== undefined) {
        this.#abandon(seat)
      }
      return ended.error
    }

    // Another process takes over and does some work; then the former owner resumes where it froze.
    this.#abandon(seat)
    await this.#with(seat, { kind: 'none' }, (task) => this.#processOne(seat, task, 2))
    const published = this.world.published()
    resume()
    await working
    if (pausedAt === 'init.before') {
      // It had not fenced anyone yet: now it becomes the newer owner, and the other one is the former.
      this.#abandon(seat)
    } else {
      // I7: nothing it still does becomes visible.
      expectSame(this.world.published(), published)
    }
    return undefined
  }

  async #openAndWork(
    owner: PartitionTask,
    isNew: boolean,
    work: (task: PartitionTask) => Promise<void>,
  ): Promise<void> {
    if (isNew) {
      const { offset, read } = await this.#remedied(owner.open(this.#signal, () => {}))
      this.#positions.set(owner, offset)
      this.#reads.set(owner, read)
    }
    await work(owner)
  }

  /** Does not close the task, as after a crash or in a process that the group has dropped. */
  #abandon(seat: Seat): void {
    if (seat.task !== undefined && seat === this.#processor) {
      this.zombies.push(seat.task as StatusTask)
    }
    seat.task = undefined
  }
}

describe(`under any faults of processes, brokers and Redis, in ${SCHEDULES} schedules,`, () => {
  // Most stories contain errors, and their stack traces cost a sixth of the time. A replayed story has them.
  const { stackTraceLimit } = Error
  beforeAll(() => {
    Error.stackTraceLimit = STORY === undefined ? 0 : stackTraceLimit
  })
  afterAll(() => {
    Error.stackTraceLimit = stackTraceLimit
  })

  test(
    'the topics are complete and correct, and the view and the totals agree with them (I2, I3, I4, I5, I6, I7, I8)',
    async () => {
      await fc.assert(
        fc.asyncProperty(story, async ({ arrivals, callbacks, acts }) => {
          const simulation = new Simulation()
          const { world } = simulation
          world.arrive(...arrivals)
          for (const [index, callback] of callbacks.entries()) {
            world.kafka.produce(TOPICS.raw, RAW_PARTITION, callbackOf(index, callback))
          }
          await simulation.play(acts)
          await simulation.finish()
          // In the end everything is as the new release reads it, whichever release read it first.
          const remedies = remediesOf(world)
          if (remedies.length > 0) {
            world.arrive(...remedies)
            await simulation.finish()
            expectSame(remediesOf(world), [])
          }
          const said = eventsOf(world.kafka, 'new')
          const all = world.events()
          // I2: every callback's events are in the topic, possibly repeated. All other events are readings of the old release.
          const ids = new Set(all.map(({ eventId }) => eventId))
          const wanted = new Set([...arrivals, ...said.events].map(({ eventId }) => eventId))
          const formerly = new Set(eventsOf(world.kafka, 'old').events.map(({ eventId }) => eventId))
          expectSame(
            [...wanted].filter((id) => !ids.has(id)),
            [],
          )
          expectSame(
            [...ids].filter((id) => !wanted.has(id) && !formerly.has(id)),
            [],
          )
          expectReadAnew(world, said.events)
          const deadLetters = world.kafka.records(TOPICS.rawDeadLetters, RAW_PARTITION).map(deadLetterName)
          expectSame(new Set(deadLetters), said.deadLetters)
          expectSame(
            world.kafka.committed(NORMALIZER_GROUP, TOPICS.raw, RAW_PARTITION).offset,
            callbacks.length === 0 ? -1n : world.kafka.range(TOPICS.raw, RAW_PARTITION).end,
          )
          await expectOneTrueStory(world, all, simulation)
          if (simulation.zombies.length > 0) {
            await expectPowerless(simulation.zombies, world)
            await expectOneTrueStory(world, all, simulation)
          }
        }),
        { numRuns: SCHEDULES, ...(STORY !== undefined && { seed: Number(STORY[0]), path: STORY[1] ?? '' }) },
      )
    },
    60_000 + 20 * SCHEDULES,
  )
})

async function expectOneTrueStory(
  world: StatusWorld,
  arrivals: readonly PaymentEvent[],
  { forgotten }: Pick<Simulation, 'forgotten'>,
): Promise<void> {
  const changes = world.changes()
  const current = world.current()
  const byId = Map.groupBy(arrivals, ({ eventId }) => eventId)
  const distinct = [...byId.values()].map((readings) => readings.reduce(readingThatCounts))
  const withEvent = changes.filter(({ event }) => event !== null)

  for (const paymentKey of new Set(arrivals.map((event) => event.paymentKey))) {
    const steps = changes.filter((change) => change.paymentKey === paymentKey)
    // I4: versions are 1, 2, 3 …, and `current` holds the last one.
    expectSame(
      steps.map(({ statusVersion }) => statusVersion),
      steps.map((_, index) => index + 1),
    )
    expectSame(current.get(paymentKey)?.statusVersion, steps.length)
    // I5: each step has the status of the fold of the events so far; the last step has that of all events, in any order.
    const known = new Map<string, PaymentEvent>()
    let before: string | null = null
    for (const { event, statusBefore, statusAfter, verdict } of steps) {
      if (event !== null) {
        // I3: one record for every reading that differs from the previous one, none for a repeat.
        const replaced = known.get(event.eventId)
        if (replaced !== undefined) {
          expectSame([event.mappingVersion < replaced.mappingVersion, saysTheSame(event, replaced)], [false, false])
        }
        expectSame(
          [verdict === 'WITHDRAWN', verdict === 'RESTATED'],
          [event.withdrawn, replaced !== undefined && !event.withdrawn],
        )
        known.set(event.eventId, event)
      }
      expectSame([statusBefore, statusAfter], [before, foldPayment([...known.values()]).status])
      before = statusAfter
    }
    const all = distinct.filter((event) => event.paymentKey === paymentKey)
    expectSame(new Set(known.keys()), new Set(all.map(({ eventId }) => eventId)))
    expectSame(
      all.filter((event) => !saysTheSame(event, known.get(event.eventId) as PaymentEvent)),
      [],
    )
    const { status, decidedBy, attention } = foldPayment(all)
    const last = current.get(paymentKey)
    expectSame([last?.status, last?.decidedBy, last?.attention], [status, decidedBy, attention])
    // Both orders of upgrade: the newest mapping that read an event counts, whenever it did.
    for (const { event } of last?.events ?? []) {
      const readings = byId.get(event.eventId) ?? []
      const newest = Math.max(...readings.map(({ mappingVersion }) => mappingVersion))
      const isGone = readings.every(({ mappingVersion, withdrawn }) => mappingVersion < newest || withdrawn)
      expectSame([event.mappingVersion, event.withdrawn], [newest, isGone])
    }
  }

  // I6: at rest the view equals `current`, byte for byte.
  expectSame(await world.view.content(PARTITION), world.kafka.latest(TOPICS.current, PARTITION))
  expectSame(
    await world.view.indexes(PARTITION),
    new Map([...current].map(([key, state]) => [key, [dueAt(state, DUE_POLICY), state.details.endToEndId]])),
  )

  // I8: every event was counted exactly once, and the totals in the view equal those in Kafka.
  const totals = world.totals()
  if (totals === undefined) {
    throw new Error('the committed offset carries no totals')
  }
  expectSame(world.kafka.committed(GROUP, TOPICS.events, PARTITION).offset, BigInt(arrivals.length))
  const { since, events, deadLetter, duplicate, overdue } = totals
  // After an offset reset, counting starts there.
  expectSame({ events, deadLetter }, { events: arrivals.length - Number(since), deadLetter: 0 })
  if (!forgotten) {
    expectSame(since, '0')
  }
  if (!forgotten) {
    expectSame(
      { duplicate, overdue },
      { duplicate: arrivals.length - withEvent.length, overdue: changes.length - withEvent.length },
    )
  }
  expectSame(totalsDifference(totals), 0)
  expectSame(await world.markerTotals(), totals)
  // Whatever died or was read again, no commit seemed to pass a record without an outcome (I2, I8).
  expectSame(world.unaccounted, 0)
}

/** The callbacks' payments are as if the new release had read everything from the start. */
function expectReadAnew(world: StatusWorld, said: readonly PaymentEvent[]): void {
  const current = world.current()
  const countingIn = (key: string) =>
    (current.get(key)?.events ?? []).filter(({ event }) => !event.withdrawn).map(({ event }) => event.eventId)
  const distinct = new Map(said.map((event) => [event.eventId, event]))
  for (const [paymentKey, events] of Map.groupBy(distinct.values(), ({ paymentKey: key }) => key)) {
    const { status, attention, kind, children } = foldPayment(events)
    const state = current.get(paymentKey)
    expectSame([state?.status, state?.attention, state?.kind, state?.children], [status, attention, kind, children])
    expectSame(new Set(countingIn(paymentKey)), new Set(events.map(({ eventId }) => eventId)))
    // A separate payment that only the old release read remains, but none of its events counts.
    const taken = current.get(`${paymentKey}-return`)
    expectSame([taken?.status ?? 'UNKNOWN', countingIn(`${paymentKey}-return`)], ['UNKNOWN', []])
  }
}

const outcomeOf = (work: Promise<void>): Promise<'resolved' | 'rejected'> =>
  work.then(
    () => 'resolved',
    () => 'rejected',
  )

/** Like `toEqual`, which is slow even if the values are equal. */
function expectSame<T>(actual: T, expected: T): void {
  if (!isDeepStrictEqual(actual, expected)) {
    expect(actual).toEqual(expected)
    throw new Error('equal for toEqual, but not deeply strict equal')
  }
}

function deadLetterName({ headers }: { headers: InRecord['headers'] }): string {
  return String(headers['ce_id'])
}

/** I7: no former owner can publish, commit or change the view. */
async function expectPowerless(zombies: readonly StatusTask[], world: StatusWorld): Promise<void> {
  const { signal } = new AbortController()
  const batch = world.batch(0n)
  const published = world.published()
  const marker = await world.view.marker(PARTITION)
  for (const zombie of zombies) {
    if (batch !== undefined) {
      expectSame(await outcomeOf(zombie.process(batch.records, batch.next, signal)), 'rejected')
    }
  }
  expectSame(world.published(), published)
  expectSame(await world.view.marker(PARTITION), marker)
}
