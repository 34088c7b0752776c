import { setTimeout as delay } from 'node:timers/promises'
import { CRASH_POINTS, type CrashPoint } from '../../../src/crash-point.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { createKafkaJs } from '../harness/kafkajs-client.ts'
import { until } from '../stack/run-command.ts'
import type { Slot } from './cluster.ts'
import type { Fault } from './fault.ts'
import { insistently } from './insistently.ts'
import { API_KEYS } from './kafka-frames.ts'
import { type Lab, type Role, roleOf, slotsOf } from './lab.ts'

/** Faults that chance would rarely produce. Each is designed to expose one kind of bug (mutants/mutants.ts). */

/** Likelihood that a chunk is the last of its process. High, because a busy machine processes few chunks. */
const LIKELIHOOD = 0.3
const DEATHS_MIN = 5
const DEATHS_MAX_MS = 60_000

/** The processes of a role crash at one point, restart and crash there again until it is healed. */
function dieAt(point: CrashPoint): Fault {
  const role = point.slice(0, point.indexOf(':')) as Role
  const slots = slotsOf(role)
  const restart = async (lab: Lab, environment: Readonly<Record<string, string>>) => {
    await Promise.all(slots.map((slot) => lab.restart(slot, () => environment)))
  }
  return {
    name: `die-${point}`,
    area: 'role',
    onDemand: true,
    lastsMs: [13_000, 14_000],
    async inject(lab) {
      await restart(lab, { PAYSTATUS_CRASH_POINTS: `${point}=${LIKELIHOOD}` })
      return {
        what: `${slots.join(', ')} crash at ${point} repeatedly`,
        heal: async () => {
          // On a busy machine a new process may take longer to get a partition than the schedule allows.
          const deaths = () => lab.crashes.get(point) ?? 0
          await until(`deaths at ${point}`, DEATHS_MAX_MS, async () => deaths() >= DEATHS_MIN).catch(() => {})
          lab.say(`${deaths()} crashes at ${point}`)
          await restart(lab, {})
        },
      }
    },
  }
}

/** No broker answers one process; what both sides sent meanwhile arrives when it is healed. */
function isolate(slot: Slot, lastsMs: readonly [number, number]): Fault {
  return {
    name: `isolate-${roleOf(slot)}`,
    area: 'network',
    onDemand: true,
    lastsMs,
    async inject(lab) {
      const links = lab.linksOf(slot)
      for (const { proxy } of links) {
        proxy.freeze()
      }
      return {
        what: `no broker answers ${slot}`,
        heal: async () => {
          for (const { proxy } of links) {
            proxy.thaw()
          }
        },
      }
    },
  }
}

/** Long enough for the leader to take some callbacks, short enough that the frozen brokers are not considered dead. */
const ALONE_MS = 2_000

/** A leader takes records that no other broker replicates, then loses its leadership. */
const leaderDiesAlone: Fault = {
  name: 'leader-dies-alone',
  area: 'broker',
  lastsMs: [14_000, 15_000],
  async inject(lab, random) {
    const leader = await lab.leaderOf(lab.deployment.topics.raw, random.integer(0, lab.partitions - 1))
    const others = lab.cluster.brokers.filter((broker) => broker !== leader)
    await Promise.all(others.map(({ server }) => server.pause()))
    await delay(ALONE_MS)
    await leader.server.kill()
    await Promise.all(others.map(({ server }) => server.resume()))
    return {
      what: `broker ${leader.id} was alone for ${ALONE_MS} ms, then killed`,
      heal: () => leader.server.start(),
    }
  },
}

/** Like a group that was idle for longer than the offset retention. */
const forgetOffsets: Fault = {
  name: 'forget-processor-offsets',
  area: 'operation',
  history: 'rereads',
  lastsMs: [2_000, 3_000],
  async inject(lab) {
    await lab.rest('processor')
    lab.offsetsMoved = true
    // A process that was killed shortly before stays a member until its session ends.
    await insistently(() => lab.admin.deleteGroups([lab.deployment.config.processor.group]))
    return {
      what: 'the processors are stopped, and their group is deleted',
      heal: () => lab.wake('processor'),
    }
  },
}

/** Every leader of raw and events moves repeatedly, mostly to a broker that leads a neighbouring partition. */
const shuffleLeaders: Fault = {
  name: 'shuffle-leaders',
  area: 'broker',
  lastsMs: [14_000, 15_000],
  async inject(lab, random) {
    const { raw, events } = lab.deployment.topics
    const ids = lab.cluster.brokers.map(({ id }) => id)
    const reassign = (topic: string, partition: number, replicas: number[]) =>
      lab.admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment: [{ partition, replicas }] }] })
    const each = async (move: (topic: string, partition: number) => Promise<unknown>) => {
      for (const topic of [raw, events]) {
        for (let partition = 0; partition < lab.partitions; partition += 1) {
          await move(topic, partition)
        }
      }
    }
    const healed = new AbortController()
    const shuffled = (async () => {
      while (!healed.signal.aborted) {
        await each(async (topic, partition) => {
          if (!healed.signal.aborted) {
            const { id } = await lab.leaderOf(topic, partition)
            // A leader that is no longer a replica hands over at once.
            await reassign(topic, partition, random.shuffle(ids.filter((other) => other !== id)))
            await delay(150)
          }
        })
        await delay(500)
      }
    })()
    shuffled.catch(() => {})
    return {
      what: `the leaders of ${raw} and ${events} move repeatedly`,
      heal: async () => {
        healed.abort()
        await shuffled
        await each((topic, partition) => reassign(topic, partition, random.shuffle(ids)))
      },
    }
  },
}

/** How often a partition may be in doubt because of a change of owners. */
const DOUBTS_MAX = 3

const MEMBERSHIP: ReadonlySet<number> = new Set([API_KEYS.heartbeat, API_KEYS.joinGroup, API_KEYS.syncGroup])

/**
 * One processor can do everything except take part in its group, so it does not learn that the group has reassigned its
 * partitions. It must not disturb the new owner.
 */
const deafToGroup: Fault = {
  name: 'deaf-to-group',
  area: 'network',
  lastsMs: [22_000, 23_000],
  async inject(lab) {
    const deaf: Slot = 'processor-1'
    const heir: Slot = 'processor-2'
    const before = doubtsOf(lab.outputOf(heir))
    for (const link of lab.linksOf(deaf)) {
      link.refuse((apiKey) => MEMBERSHIP.has(apiKey))
    }
    return {
      what: `no heartbeat or join of ${deaf} reaches its group`,
      heal: async () => {
        const doubts = doubtsOf(lab.outputOf(heir))
        for (const link of lab.linksOf(deaf)) {
          link.refuse(undefined)
        }
        const most = Math.max(0, ...[...doubts].map(([partition, count]) => count - (before.get(partition) ?? 0)))
        lab.say(`${heir} had to reopen a partition at most ${most} times`)
        if (most > DOUBTS_MAX) {
          throw new Error(`${heir}, the rightful owner, had to reopen one partition ${most} times`)
        }
      },
    }
  },
}

/** How often each partition was in doubt, according to the log of its process. */
function doubtsOf(output: string): ReadonlyMap<number, number> {
  const doubts = new Map<number, number>()
  for (const line of output.split('\n').filter((one) => one.includes('lane in doubt'))) {
    const partition = Number(/"partition":(\d+)/.exec(line)?.[1])
    doubts.set(partition, (doubts.get(partition) ?? 0) + 1)
  }
  return doubts
}

/** Aborted transactions on events leave offsets that a read_committed reader never sees. */
const holesInEvents: Fault = {
  name: 'holes-in-events',
  area: 'operation',
  lastsMs: [6_000, 8_000],
  async inject(lab, random: Random) {
    const { topics } = lab.deployment
    const producer = createKafkaJs({ brokers: lab.cluster.directBrokers }).producer({
      transactionalId: `holes-${random.hex(8)}`,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    const healed = new AbortController()
    const dug = (async () => {
      while (!healed.signal.aborted) {
        const transaction = await producer.transaction()
        for (let partition = 0; partition < lab.partitions; partition += 1) {
          const messages = [{ partition, key: 'hole', value: random.hex(16) }]
          await transaction.send({ topic: topics.events, messages })
        }
        await transaction.abort()
        await delay(100)
      }
      await producer.disconnect()
    })()
    dug.catch(() => {})
    return {
      what: `aborted transactions leave holes in ${topics.events}`,
      heal: () => {
        healed.abort()
        return dug
      },
    }
  },
}

/** JSON bodies that differ from the output of JSON.stringify. Raw must hold them byte for byte. */
const oddSpelling: Fault = {
  name: 'odd-spelling',
  area: 'operation',
  lastsMs: [1_000, 2_000],
  async inject(lab, random: Random) {
    const count = await lab.postJson('odd-spelling', lab.sources, () => [
      `{ "odd" : "${random.hex(16)}" }`,
      `{"odd":"${random.hex(16)}","amount":10.50,"exponent":1E2}`,
      `{"odd":"${random.hex(16)}","escaped":"\\u00e4\\/"}`,
      `{"odd":"${random.hex(16)}","twice":1,"twice":2}\n`,
    ])
    return { what: `${count} JSON bodies in unusual spelling`, heal: async () => {} }
  },
}

/** Normalizers read callbacks but cannot append the events, then die with all of them queued. */
const dieWithFullQueues: Fault = {
  name: 'die-with-full-queues',
  area: 'role',
  lastsMs: [4_000, 5_000],
  async inject(lab) {
    const slots = slotsOf('normalizer')
    const links = slots.flatMap((slot) => lab.linksOf(slot))
    for (const link of links) {
      link.refuse((apiKey) => apiKey === API_KEYS.produce)
    }
    return {
      what: `no append of ${slots.join(', ')} arrives, then they are killed`,
      heal: async () => {
        await Promise.all(slots.map((slot) => lab.kill(slot)))
        for (const link of links) {
          link.refuse(undefined)
        }
        await Promise.all(slots.map((slot) => lab.start(slot)))
      },
    }
  },
}

export const POINTED_FAULTS: readonly Fault[] = [
  ...CRASH_POINTS.map(dieAt),
  // Longer than the gateway tries to append a callback.
  isolate('gateway-1', [12_000, 13_000]),
  // Longer than the group session, shorter than a request may take.
  isolate('processor-1', [8_800, 9_200]),
  leaderDiesAlone,
  forgetOffsets,
  dieWithFullQueues,
  shuffleLeaders,
  deafToGroup,
  oddSpelling,
  holesInEvents,
]
