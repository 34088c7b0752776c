import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import { within } from '../../../src/kafka/within.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { uuidLike } from '../../../src/tools/simulate/script-payment.ts'
import { cutLogIn } from '../harness/cut-log.ts'
import { eventually } from '../harness/eventually.ts'
import { until } from '../stack/run-command.ts'
import { type Fault, LONG_MS, SHORT_MS } from './fault.ts'
import { type Lab, slotsOf } from './lab.ts'

/** What an operator does while nobody consumes. */
function resetOffsets(role: 'normalizer' | 'processor'): Fault {
  return {
    name: `reset-${role}-offsets`,
    area: 'operation',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const group = await GroupAtRest.of(lab, role)
      // Not to where records were deleted: that is another fault.
      const ranges = await group.ranges()
      const offsets = group.committed.map((committed, partition) => {
        const start = ranges[partition]?.start ?? 0n
        return start + BigInt(Math.floor(Math.max(0, Number(committed - start)) * random.next()))
      })
      await group.moveTo(offsets)
      return {
        what: `the ${role}s are stopped and their offsets set back to ${offsets.join(', ')}`,
        heal: () => group.startAgain(),
      }
    },
  }
}

/** Events are skipped, until somebody notices and sets the offsets back. */
const skipEvents: Fault = {
  name: 'skip-events',
  area: 'operation',
  lastsMs: LONG_MS,
  async inject(lab) {
    const group = await GroupAtRest.of(lab, 'processor')
    // Something has to be there to skip.
    await delay(2_000)
    const ends = (await group.ranges()).map(({ end }) => end)
    await group.moveTo(ends)
    await group.startAgain()
    return {
      what: `offsets of the processors set forward to the end, past ${ends.map((end, at) => end - (group.committed[at] ?? 0n)).join(', ')} events`,
      heal: async () => {
        await group.stop()
        await group.moveTo(group.committed)
        await group.startAgain()
      },
    }
  },
}

/**
 * Offsets below the start of the topic: nothing may go on somewhere else by itself. The processors have to say so and to
 * end, again and again, until an operator sets the offsets to what is there.
 */
const offsetsBelowStart: Fault = {
  name: 'offsets-below-start',
  area: 'operation',
  lastsMs: [4_000, 6_000],
  async inject(lab) {
    const group = await GroupAtRest.of(lab, 'processor')
    await keepEvents(lab)
    const partitions = group.committed.map((offset, partition) => ({ partition, offset: String(offset) }))
    // Only what was processed: deleting what was not would lose it.
    await insistently(() => lab.admin.deleteTopicRecords({ topic: group.topic, partitions }))
    await group.moveTo(group.committed.map(() => 0n))
    const outOfRange = group.committed.some((offset) => offset > 0n)
    const stops = lab.definedStops
    lab.definedStopsWanted = true
    await group.startAgain()
    return {
      what: `events up to ${group.committed.join(', ')} are deleted and the offsets set to 0`,
      heal: async () => {
        await until('a processor says that its offset is below the start of the topic', INSIST_MS, async () => {
          return !outOfRange || lab.definedStops > stops
        })
        await group.stop()
        await group.moveTo(group.committed)
        await group.startAgain()
      },
    }
  },
}

/**
 * The end of a partition of events is gone on every broker, as after a power failure: records that were processed, and
 * some that were not. What comes now stands below what was read, or at the same offsets. The processors have to say so
 * and to end, again and again, until an operator sets the offset to where the log was cut, and the normalizers back.
 */
const cutEvents: Fault = {
  name: 'cut-events',
  area: 'broker',
  lastsMs: [5_000, 8_000],
  async inject(lab, random) {
    const normalizers = await GroupAtRest.of(lab, 'normalizer')
    const processors = await GroupAtRest.of(lab, 'processor')
    await keepEvents(lab)
    const offsets = [...processors.committed]
    const read = offsets.toSorted(ascending).at(-1) as bigint
    const partition = offsets.indexOf(read)
    const { brokers } = lab.cluster
    await Promise.all(brokers.map(({ server }) => server.kill()))
    const wanted = read - BigInt(random.integer(1, 20))
    const ends = await Promise.all(
      brokers.map(({ server }) =>
        cutLogIn(join(server.directory, 'data', `${processors.topic}-${partition}`), wanted < 0n ? 0n : wanted),
      ),
    )
    await Promise.all(brokers.map(({ server }) => server.start()))
    const [end] = ends.toSorted(ascending) as [bigint]
    const stops = lab.definedStops
    lab.definedStopsWanted = true
    await processors.startAgain()
    return {
      what: `${processors.topic}[${partition}] is cut to ${ends.join(', ')} on the brokers; it was processed up to ${read}`,
      heal: async () => {
        await until('a processor says that the log lost records', INSIST_MS, async () => lab.definedStops > stops)
        await processors.stop()
        await processors.moveTo(offsets.with(partition, end))
        // What was not processed is published again; the rest are repeats.
        await normalizers.moveTo(normalizers.committed.map(() => 0n))
        await normalizers.startAgain()
        await processors.startAgain()
      },
    }
  },
}

function ascending(a: bigint, b: bigint): number {
  return Number(a - b)
}

/** All that was deleted from the topic must be known to the judges. */
async function keepEvents(lab: Lab): Promise<void> {
  const { topics, config, logger } = lab.deployment
  const reader = createPartitionReader(createKafka({ connection: config.kafka, clientId: 'laboratory', logger }))
  const kept = new Set(lab.deletedEvents.map(({ partition, offset }) => `${partition}/${offset}`))
  for (let partition = 0; partition < lab.partitions; partition += 1) {
    await insistently(() =>
      reader.read(topics.events, partition, 0n, (records) => {
        const fresh = records.filter(({ offset }) => !kept.has(`${partition}/${offset}`))
        for (const record of fresh) {
          kept.add(`${partition}/${record.offset}`)
          lab.deletedEvents.push({ ...record, partition })
        }
      }),
    )
  }
}

/** A consumer group whose members are all stopped. */
class GroupAtRest {
  readonly topic: string
  /** Per partition; 0 where nothing was committed. */
  readonly committed: readonly bigint[]
  readonly #lab: Lab
  readonly #role: 'normalizer' | 'processor'
  readonly #groupId: string

  private constructor(
    lab: Lab,
    role: 'normalizer' | 'processor',
    topic: string,
    groupId: string,
    committed: readonly bigint[],
  ) {
    this.topic = topic
    this.committed = committed
    this.#lab = lab
    this.#role = role
    this.#groupId = groupId
  }

  static async of(lab: Lab, role: 'normalizer' | 'processor'): Promise<GroupAtRest> {
    const { config, topics } = lab.deployment
    const topic = role === 'normalizer' ? topics.raw : topics.events
    const groupId = config[role].group
    await lab.rest(role)
    const [found] = await insistently(() => lab.admin.fetchOffsets({ groupId, topics: [topic] }))
    const committed = Array.from({ length: lab.partitions }, () => 0n)
    for (const { partition, offset } of found?.partitions ?? []) {
      committed[partition] = BigInt(offset) < 0n ? 0n : BigInt(offset)
    }
    return new GroupAtRest(lab, role, topic, groupId, committed)
  }

  /** What the topic holds, by partition. */
  async ranges(): Promise<readonly { readonly start: bigint; readonly end: bigint }[]> {
    const found = await insistently(() => this.#lab.admin.fetchTopicOffsets(this.topic))
    return found
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ low, high }) => ({ start: BigInt(low), end: BigInt(high) }))
  }

  async moveTo(offsets: readonly bigint[]): Promise<void> {
    const partitions = offsets.map((offset, partition) => ({ partition, offset: String(offset) }))
    // Whoever normalizes again only repeats events.
    this.#lab.offsetsMoved ||= this.#role === 'processor'
    await insistently(() => this.#lab.admin.setOffsets({ groupId: this.#groupId, topic: this.topic, partitions }))
  }

  async startAgain(): Promise<void> {
    await this.#lab.wake(this.#role)
  }

  async stop(): Promise<void> {
    await this.#lab.rest(this.#role)
  }
}

/** An operator tries again: another fault may be going on at the same time. */
export function insistently<T>(action: () => Promise<T>): Promise<T> {
  return eventually(() => within(INSIST_EACH_MS, action()), { timeoutMs: INSIST_MS, everyMs: 1_000 })
}

const INSIST_EACH_MS = 10_000
const INSIST_MS = 40_000

export const OPERATION_FAULTS: readonly Fault[] = [
  resetOffsets('normalizer'),
  resetOffsets('processor'),
  skipEvents,
  offsetsBelowStart,
  cutEvents,
  {
    name: 'registry-away',
    area: 'operation',
    lastsMs: [4_000, 8_000],
    async inject(lab, random) {
      const slots = [random.pick(slotsOf('normalizer')), random.pick(slotsOf('processor'))]
      lab.registry.down()
      await Promise.all(slots.map((slot) => lab.kill(slot)))
      await Promise.all(slots.map((slot) => lab.start(slot)))
      return {
        what: `the registry is away while ${slots.join(', ')} start`,
        heal: async () => lab.registry.up(),
      }
    },
  },
  {
    name: 'rebalance-storm',
    area: 'operation',
    lastsMs: [10_000, 14_000],
    async inject(lab, random) {
      const healed = new AbortController()
      const stormed = (async () => {
        while (!healed.signal.aborted) {
          const extra = await lab.startExtra('processor-1')
          await delay(random.integer(500, 3_000), undefined, { signal: healed.signal }).catch(() => {})
          const signal = random.pick(['SIGTERM', 'SIGKILL'] as const)
          extra.signal(signal)
          const end = await extra.exited
          if (signal === 'SIGTERM' && end !== 0) {
            throw new Error(`the third processor ended with ${end} on SIGTERM`)
          }
        }
      })()
      stormed.catch(() => {})
      return {
        what: 'a third processor comes and goes',
        heal: () => {
          healed.abort()
          return stormed
        },
      }
    },
  },
  {
    name: 'poison',
    area: 'operation',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const { config } = lab.deployment
      const answers = new Map<string, number | null>()
      for (const source of lab.sources) {
        for (const [name, body, contentType] of poisons(random, config.gateway.bodyBytesMax)) {
          const code = await lab.post(`poison-${name}`, source, body, contentType)
          answers.set(`${source.id} ${name}`, code)
        }
      }
      const oversize = [...answers].filter(([name]) => name.endsWith('oversize'))
      if (oversize.some(([, code]) => code !== null && code !== 413 && code !== 503)) {
        throw new Error(`a body above the limit was answered with ${oversize.join('; ')}`)
      }
      return { what: `${answers.size} poisonous and oversize callbacks`, heal: async () => {} }
    },
  },
  {
    name: 'contradict',
    area: 'operation',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const sources = lab.sources.filter(({ provider }) => provider === 'jpm-global-payments-v1')
      const count = await lab.postJson('contradict', sources, () =>
        contradictions(random).map((body) => JSON.stringify(body)),
      )
      return { what: `${count} callbacks that contradict each other or themselves`, heal: async () => {} }
    },
  },
]

/** Final statuses of one payment that cannot all be true, some told twice; and one good element among many bad ones. */
function contradictions(random: Random): readonly object[] {
  const payment = { endToEndId: `E2E-${random.hex(12)}`, firmRootId: uuidLike(random) }
  const other = { endToEndId: `E2E-${random.hex(12)}`, firmRootId: uuidLike(random) }
  const createDateTime = (minute: number) => new Date(Date.now() - 3_600_000 + minute * 60_000).toISOString()
  const says = (status: string, minute: number) => ({ ...payment, status, createDateTime: createDateTime(minute) })
  const completed = says('COMPLETED', 2)
  const rejected = says('REJECTED', 4)
  return [
    { callbacks: [says('PENDING', 0)] },
    { callbacks: [rejected] },
    { callbacks: [completed, rejected] },
    { callbacks: [says('RETURNED', 6), says('COMPLETED', 8)] },
    {
      callbacks: [
        ...Array.from({ length: MANY_BAD }, (_, index) => index),
        { ...other, status: 'COMPLETED', createDateTime: createDateTime(0) },
      ],
    },
  ]
}

/** More than are told one by one. */
const MANY_BAD = 20

function poisons(random: Random, bodyBytesMax: number): readonly (readonly [string, Buffer, string])[] {
  const json = 'application/json'
  return [
    ['not-json', Buffer.from(`{"a": ${random.hex(16)}`), json],
    ['empty', Buffer.alloc(0), json],
    ['not-utf8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), json],
    ['deep', Buffer.from('['.repeat(20_000) + ']'.repeat(20_000)), json],
    ['wide', Buffer.from(JSON.stringify(Array.from({ length: 5_000 }, () => ({ id: random.hex(8) })))), json],
    ['entities', Buffer.from(`<!DOCTYPE a [<!ENTITY b "${'c'.repeat(1_000)}">]><a>&b;&b;</a>`), 'application/xml'],
    ['at-the-limit', Buffer.from(`{"a":"${'x'.repeat(bodyBytesMax - 8)}"}`), json],
    ['oversize', Buffer.alloc(bodyBytesMax + 1, 0x20), json],
  ]
}
