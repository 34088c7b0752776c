import { setTimeout as delay } from 'node:timers/promises'
import { CRASH_POINTS, type CrashPoint } from '../../../src/crash-point.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { eventually } from '../harness/eventually.ts'
import { until } from '../stack/run-command.ts'
import { INTERNAL_PARTITIONS } from '../stack/specs.ts'
import { type Broker, deleteDisk } from './cluster.ts'
import { controllerOf } from './controller-of.ts'
import { type Fault, LONG_MS, OUTLIVED_MS, ROLES, SHORT_MS } from './fault.ts'
import { API_KEYS, type Fate } from './kafka-frames.ts'
import { readPartition } from './keep-events.ts'
import { type Lab, type Role, slotsOf } from './lab.ts'
import { leaderlessForeignTopic } from './leaderless-foreign-topic.ts'
import { LOST_RECORD_FAULTS } from './lost-record-faults.ts'
import { OPERATION_FAULTS } from './operation-faults.ts'
import { POINTED_FAULTS } from './pointed-faults.ts'
import { READING_AGAIN_FAULTS } from './reading-again-faults.ts'
import { REDIS_FAULTS } from './redis-faults.ts'
import type { RedisKind } from './redis-kind.ts'
import { repeatedly } from './repeatedly.ts'
import { restartStaticProcessors } from './static-restart.ts'

function killRole(role: Role): Fault {
  return {
    name: `kill-${role}`,
    area: 'role',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      await lab.kill(slot)
      return { what: `kill -9 of ${slot}`, heal: () => lab.start(slot) }
    },
  }
}

function killAll(role: Role): Fault {
  return {
    name: `kill-all-${role}s`,
    area: 'role',
    lastsMs: SHORT_MS,
    async inject(lab) {
      const slots = slotsOf(role)
      await Promise.all(slots.map((slot) => lab.kill(slot)))
      return {
        what: `kill -9 of ${slots.join(', ')}`,
        heal: async () => {
          await Promise.all(slots.map((slot) => lab.start(slot)))
        },
      }
    },
  }
}

/** Pauses for longer than its session, then continues unaware of the pause. */
function freezeRole(role: Role): Fault {
  return {
    name: `freeze-${role}`,
    area: 'role',
    lastsMs: LONG_MS,
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      lab.freeze(slot)
      return { what: `SIGSTOP of ${slot}`, heal: async () => lab.thaw(slot) }
    },
  }
}

/** Rolling deploy: SIGTERM to one process at a time; its successor starts once it has exited. */
function deployRole(role: Role): Fault {
  return {
    name: `deploy-${role}`,
    area: 'role',
    lastsMs: [6_000, 8_000],
    unnoticed: true,
    async inject(lab) {
      const deployed = (async () => {
        for (const slot of slotsOf(role)) {
          await lab.deploy(slot)
        }
      })()
      deployed.catch(() => {})
      return { what: `SIGTERM and a new process, for each of ${slotsOf(role).join(', ')}`, heal: () => deployed }
    },
  }
}

type ChooseBroker = (lab: Lab, random: Random) => Promise<readonly [broker: Broker, why: string]>

const CHOICES = {
  broker: async (lab, random) => [random.pick(lab.cluster.brokers), 'any'],
  /** Not the controller: without one, Kafka itself takes 5 to 7 s here to elect new leaders. */
  leader: async (lab, random) => {
    const topics = (['raw', 'events', 'changes', 'current'] as const).map((name) => lab.deployment.topics[name])
    const places = topics.flatMap((topic) => Array.from({ length: lab.partitions }, (_, at) => [topic, at] as const))
    const controller = await controllerOf(lab.cluster.directBrokers).catch(() => undefined)
    for (;;) {
      const place = random.pick(places)
      places.splice(places.indexOf(place), 1)
      const [leader, why] = await leads(lab, ...place)
      if (leader.id !== controller || places.length === 0) {
        return [leader, why]
      }
    }
  },
  'transaction-coordinator': (lab, random) => {
    const { config, topics } = lab.deployment
    const partition = random.integer(0, lab.partitions - 1)
    const id = `${config.environment}.${config.processor.group}.${topics.events}.${partition}`
    return leads(lab, '__transaction_state', javaHash(id) % INTERNAL_PARTITIONS.__transaction_state)
  },
  'group-coordinator': (lab, random) => {
    const { group } = lab.deployment.config[random.pick(['normalizer', 'processor'] as const)]
    return leads(lab, '__consumer_offsets', javaHash(group) % INTERNAL_PARTITIONS.__consumer_offsets)
  },
  controller: async (lab) => [lab.cluster.broker(await controllerOf(lab.cluster.directBrokers)), 'the controller'],
} satisfies Readonly<Record<string, ChooseBroker>>

async function leads(lab: Lab, topic: string, partition: number): Promise<readonly [Broker, string]> {
  return [await lab.leaderOf(topic, partition), `leads ${topic}[${partition}]`]
}

/** String.hashCode without its sign, which Kafka uses to choose a coordinator's partition. */
function javaHash(text: string): number {
  let hash = 0
  for (let i = 0; i < text.length; i += 1) {
    hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0
  }
  return hash & 0x7fffffff
}

function partitionsOf(topic: string, lab: Lab): number {
  return topic in INTERNAL_PARTITIONS ? INTERNAL_PARTITIONS[topic as keyof typeof INTERNAL_PARTITIONS] : lab.partitions
}

function killBroker(which: string, choose: ChooseBroker): Fault {
  return {
    name: `kill-${which}`,
    area: 'broker',
    lastsMs: OUTLIVED_MS,
    async inject(lab, random) {
      const [{ id, server }, why] = await choose(lab, random)
      await server.kill()
      return { what: `kill -9 of broker ${id} (${why})`, heal: () => server.start() }
    },
  }
}

/** Controlled shutdown: the broker first hands over its leaderships and coordinators. */
function stopBroker(which: string, choose: ChooseBroker): Fault {
  return {
    name: `stop-${which}`,
    area: 'broker',
    lastsMs: OUTLIVED_MS,
    async inject(lab, random) {
      const [{ id, server }, why] = await choose(lab, random)
      await server.stop()
      return { what: `SIGTERM of broker ${id} (${why})`, heal: () => server.start() }
    },
  }
}

function freezeBroker(which: string, choose: ChooseBroker, other: Partial<Fault> = {}): Fault {
  return {
    name: `freeze-${which}`,
    area: 'broker',
    lastsMs: OUTLIVED_MS,
    ...other,
    async inject(lab, random) {
      const [{ id, server }, why] = await choose(lab, random)
      await server.pause()
      return { what: `SIGSTOP of broker ${id} (${why})`, heal: () => server.resume() }
    },
  }
}

const BROKER_FAULTS: readonly Fault[] = [
  ...Object.entries(CHOICES).flatMap(([which, choose]) => [
    killBroker(which, choose),
    stopBroker(which, choose),
    freezeBroker(which, choose),
  ]),
  // Tells whether payments resume because of the other brokers, or only because it is back.
  freezeBroker('leader', CHOICES.leader, {
    name: 'freeze-leader-for-long',
    lastsMs: [75_000, 80_000],
    onDemand: true,
    outlived: true,
  }),
  {
    name: 'kill-all-brokers',
    area: 'broker',
    lastsMs: SHORT_MS,
    async inject({ cluster }) {
      await Promise.all(cluster.brokers.map(({ server }) => server.kill()))
      return {
        what: 'kill -9 of all brokers',
        heal: async () => {
          await Promise.all(cluster.brokers.map(({ server }) => server.start()))
        },
      }
    },
  },
  {
    name: 'roll-brokers',
    area: 'broker',
    lastsMs: [20_000, 25_000],
    async inject({ cluster }, random) {
      const order = random.shuffle(cluster.brokers)
      const rolled = (async () => {
        for (const { server } of order) {
          await server.stop()
          await server.start()
          await delay(1_000)
        }
      })()
      rolled.catch(() => {})
      return { what: `rolling restart of brokers ${order.map(({ id }) => id).join(', ')}`, heal: () => rolled }
    },
  },
  {
    name: 'lose-disk',
    area: 'broker',
    lastsMs: [5_000, 8_000],
    async inject({ cluster }, random) {
      const broker = random.pick(cluster.brokers)
      await broker.server.stop()
      await deleteDisk(broker)
      return { what: `broker ${broker.id} stopped and its disk deleted`, heal: () => broker.server.start() }
    },
  },
  {
    name: 'move-leaders',
    area: 'broker',
    lastsMs: LONG_MS,
    async inject(lab, random) {
      const { topics } = lab.deployment
      const ids = lab.cluster.brokers.map(({ id }) => id)
      const places = random
        .shuffle([
          ...(['raw', 'events', 'changes', 'current'] as const).map((topic) => topics[topic]),
          '__consumer_offsets',
          '__transaction_state',
        ])
        .map((topic) => ({ topic, partition: random.integer(0, partitionsOf(topic, lab) - 1) }))
      const reassign = async (topic: string, partition: number, replicas: number[]) => {
        const assignment = { topic, partitionAssignment: [{ partition, replicas }] }
        await lab.admin.alterPartitionReassignments({ topics: [assignment] })
      }
      const moved = (async () => {
        for (const { topic, partition } of places) {
          const { id } = await lab.leaderOf(topic, partition)
          // A leader that is no longer a replica hands over at once.
          await reassign(topic, partition, random.shuffle(ids.filter((other) => other !== id)))
          await delay(1_000)
        }
      })()
      moved.catch(() => {})
      return {
        what: `the leaders of ${places.map(({ topic, partition }) => `${topic}[${partition}]`).join(', ')} move`,
        heal: async () => {
          await moved
          for (const { topic, partition } of places) {
            await reassign(topic, partition, random.shuffle(ids))
          }
        },
      }
    },
  },
]

function cutBrokers(role: Role): Fault {
  return {
    name: `cut-${role}`,
    area: 'network',
    lastsMs: [3_000, 6_000],
    async inject(lab, random) {
      const links = slotsOf(role).flatMap((slot) => lab.linksOf(slot))
      return repeatedly(random, `${role} connections to a broker break`, () => random.pick(links).proxy.cut())
    },
  }
}

function blackHole(role: Role): Fault {
  return {
    name: `black-hole-${role}`,
    area: 'network',
    lastsMs: LONG_MS,
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      const links = lab.linksOf(slot)
      const brokers = random.chance(0.5) ? links : [random.pick(links)]
      for (const { proxy } of brokers) {
        proxy.freeze()
      }
      return {
        what: `${brokers.length === links.length ? 'no broker answers' : 'one broker does not answer'} ${slot}`,
        heal: async () => {
          for (const { proxy } of brokers) {
            proxy.thaw()
          }
        },
      }
    },
  }
}

/** The broker did the work, but the connection is cut instead of delivering the response. */
function loseResponses(role: Role, api: keyof typeof API_KEYS): Fault {
  return tamperWith(role, api, 'lose', () => 'lose')
}

/** The broker did the work, but the response arrives around or after the client's timeout. */
function delayResponses(role: Role, api: keyof typeof API_KEYS): Fault {
  return tamperWith(role, api, 'delay', (random) => ({ delayMs: random.integer(300, 5_000) }))
}

function tamperWith(role: Role, api: keyof typeof API_KEYS, how: string, fate: (random: Random) => Fate): Fault {
  return {
    name: `${how}-${role}-${api}`,
    area: 'network',
    lastsMs: [4_000, 8_000],
    async inject(lab, random) {
      const slots = slotsOf(role)
      const links = slots.flatMap((slot) => lab.linksOf(slot))
      const seldom = SELDOM.has(api)
      const oneIn = seldom ? random.integer(1, 2) : random.integer(3, 8)
      let times = 0
      for (const link of links) {
        link.tamper((apiKey) => {
          if (apiKey !== API_KEYS[api] || random.integer(1, oneIn) !== 1) {
            return 'pass'
          }
          times += 1
          return fate(random)
        })
      }
      if (seldom) {
        // A member that leaves and rejoins triggers a rebalance for all.
        const slot = random.pick(slots)
        await lab.stop(slot)
        await lab.start(slot)
      }
      return {
        what: `${how}: one in ${oneIn} ${api} responses to the ${role}s`,
        heal: async () => {
          await until(`${how}: a ${api} response`, BITES_MAX_MS, async () => times > 0).catch(() => {})
          for (const link of links) {
            link.tamper(undefined)
          }
          lab.say(`${how}: ${times} ${api} responses to the ${role}s`)
        },
        bit: () => times > 0,
      }
    },
  }
}

/** Requests sent only on assignment, or every few seconds. */
const SELDOM: ReadonlySet<keyof typeof API_KEYS> = new Set(['initProducerId', 'joinGroup', 'heartbeat'])
/** How long a fault waits for its first affected response. */
const BITES_MAX_MS = 15_000

/** Crashes at one crash point, restarts, crashes at the next one, and so on. */
function crashRole(role: Role): Fault {
  return {
    name: `crash-${role}`,
    area: 'role',
    lastsMs: [14_000, 18_000],
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      const places = random.shuffle(CRASH_POINTS.filter((point) => point.startsWith(role)))
      let lives = 0
      await lab.restart(slot, () => {
        const place = places[lives++ % places.length] as CrashPoint
        // A point that is passed once per partition needs a higher likelihood than one passed with every chunk.
        const likelihood = /after-(init|settle|restore)$/.test(place) ? 1 : 0.2
        return { PAYSTATUS_CRASH_POINTS: `${place}=${likelihood}` }
      })
      return {
        what: `${slot} crashes at ${places[0]}, then at each of ${places.length - 1} other points`,
        heal: () => lab.restart(slot),
      }
    },
  }
}

/** Skews the wall clock of a process; its monotonic clock is unaffected. */
function skewClock(role: Role): Fault {
  return {
    name: `skew-clock-${role}`,
    area: 'operation',
    lastsMs: [6_000, 10_000],
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      const skewMs = random.pick([-1, 1]) * HOUR_MS
      await lab.restart(slot, () => skewedBy(skewMs))
      return {
        what: `the clock of ${slot} is an hour ${skewMs > 0 ? 'ahead' : 'behind'}`,
        heal: () => lab.restart(slot),
      }
    },
  }
}

/** A clock so far ahead that Kafka refuses the process's records. */
function refusedClock(role: Role): Fault {
  return {
    name: `refused-clock-${role}`,
    area: 'operation',
    lastsMs: LONG_MS,
    async inject(lab, random) {
      const slot = random.pick(slotsOf(role))
      const hours = random.integer(2, 30)
      await lab.restart(slot, () => skewedBy(hours * HOUR_MS))
      return {
        what: `the clock of ${slot} is ${hours} hours ahead, which Kafka refuses`,
        heal: () => lab.restart(slot),
      }
    },
  }
}

/**
 * The processors' clocks lag by more than the retention. Payments recorded meanwhile expire once the clocks are right:
 * this produces tombstones and new lives of payments without waiting 90 days, and without a special limit for tests.
 */
const forgetPayments: Fault = {
  name: 'forget-payments',
  area: 'operation',
  history: 'forgets',
  lastsMs: [4_000, 7_000],
  async inject(lab, random) {
    const days = random.integer(91, 400)
    const slots = slotsOf('processor')
    const restart = async (environment: Readonly<Record<string, string>>) => {
      // Killed processors would keep their partitions until their sessions end.
      await lab.rest('processor')
      await Promise.all(slots.map((slot) => lab.restart(slot, () => environment)))
      await lab.wake('processor')
    }
    const before = await tombstonesIn(lab)
    await restart(skewedBy(-days * DAY_MS))
    await Promise.all(slots.map((slot) => lab.ready(slot, SKEWED_READY_MAX_MS)))
    let forgotten = 0
    return {
      what: `the clocks of ${slots.join(', ')} are ${days} days behind`,
      heal: async () => {
        await restart({})
        const look = async () => {
          forgotten = (await tombstonesIn(lab)) - before
          if (forgotten === 0) {
            throw new Error('no payment is forgotten yet')
          }
        }
        await eventually(look, { timeoutMs: FORGET_MAX_MS, everyMs: 500 }).catch((error: Error) =>
          lab.say(error.message),
        )
        lab.say(`${forgotten} payments are forgotten so far`)
      },
      bit: () => forgotten > 0,
    }
  },
}

/** Another fault may keep the processors from opening their partitions meanwhile. */
const SKEWED_READY_MAX_MS = 60_000
/** From the start of processors with a right clock to the first tombstone: they forget only once they have caught up. */
const FORGET_MAX_MS = 60_000

/** Number of payments that were removed from `current`. */
async function tombstonesIn(lab: Lab): Promise<number> {
  const partitions = Array.from({ length: lab.partitions }, (_, partition) => partition)
  const records = await Promise.all(partitions.map((at) => readPartition(lab, lab.deployment.topics.current, at)))
  return records.flat().filter(({ value }) => value === null).length
}

function skewedBy(ms: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${SKEWED_CLOCK}`, CLOCK_SKEW_MS: String(ms) }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const SKEWED_CLOCK = new URL('skewed-clock.ts', import.meta.url).href

/** All faults, in the order of the table in docs/faults.md. */
export const FAULTS: readonly Fault[] = [
  ...ROLES.map(killRole),
  killAll('processor'),
  ...ROLES.map(freezeRole),
  ...ROLES.map(deployRole),
  restartStaticProcessors,
  ...ROLES.map(crashRole),
  ...BROKER_FAULTS,
  ...REDIS_FAULTS,
  ...ROLES.map(cutBrokers),
  ...ROLES.map(blackHole),
  ...ROLES.map((role) => loseResponses(role, 'produce')),
  ...(['endTxn', 'txnOffsetCommit', 'addPartitionsToTxn', 'initProducerId'] as const).map((api) =>
    loseResponses('processor', api),
  ),
  loseResponses('normalizer', 'offsetCommit'),
  loseResponses('processor', 'joinGroup'),
  loseResponses('processor', 'heartbeat'),
  ...ROLES.map((role) => delayResponses(role, 'produce')),
  delayResponses('processor', 'endTxn'),
  ...ROLES.map(skewClock),
  ...ROLES.map(refusedClock),
  forgetPayments,
  ...OPERATION_FAULTS,
  ...LOST_RECORD_FAULTS,
  leaderlessForeignTopic,
  ...READING_AGAIN_FAULTS,
  ...POINTED_FAULTS,
]

/** The faults that can be injected on a kind of Redis. */
export function faultsOn(kind: RedisKind): readonly Fault[] {
  return FAULTS.filter(({ notOn }) => notOn?.[kind] === undefined)
}

/** The others, each with the reason. */
export function leftOutOn(kind: RedisKind): readonly string[] {
  return FAULTS.flatMap(({ name, notOn }) => (notOn?.[kind] === undefined ? [] : [`${name} (${notOn[kind]})`]))
}
