import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import kafkajs from 'kafkajs'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { createTopicLogs } from '../../../src/kafka/topic-logs.ts'
import { originIn } from '../../../src/stream/origin.ts'
import type { TopicFacts } from '../../../src/stream/topic-logs.ts'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { applyTopics } from '../../../src/tools/topics.ts'
import { cutLogIn, logEndIn } from '../harness/cut-log.ts'
import type { RoleProcess } from '../harness/deployment.ts'
import { eventually } from '../harness/eventually.ts'
import type { ReadRecord } from '../harness/observer.ts'
import { within } from '../harness/within.ts'
import { until } from '../stack/run-command.ts'
import type { Broker } from './cluster.ts'
import type { Fault } from './fault.ts'
import { GroupAtRest } from './group-at-rest.ts'
import { INSIST_MS, insistently } from './insistently.ts'
import { API_KEYS } from './kafka-frames.ts'
import { keepEvents, readPartition } from './keep-events.ts'
import { type DefinedStopSeen, type Lab, slotsOf } from './lab.ts'
import { remedyIn } from './remedy.ts'

/**
 * Faults that remove records for good. The product must stop with a defined stop; the fault then follows the instructions
 * in the stop's message. Removed raw records are named to the judges (`lab.removedRaw`): afterwards only the results of
 * those that had not been normalized may be missing.
 */

/** A cut removes 1 to this many records below the committed offset, or more if they share a batch. */
const CUT_RECORDS_MAX = 20
const REPAIR_MAX_MS = 90_000

/**
 * The end of a partition of events is lost on every broker, as after a power failure: records that were processed, and
 * some that were not. New records get offsets that were already read. The processors must stop until an operator resets the
 * offset to where the log was cut, and resets the normalizers so that they republish the lost events.
 */
const cutEvents: Fault = {
  name: 'cut-events',
  area: 'broker',
  also: 'operation',
  history: 'rereads',
  lastsMs: [5_000, 8_000],
  async inject(lab, random) {
    await enough(() => committedEvents(lab))
    const normalizers = await GroupAtRest.of(lab, 'normalizer')
    const processors = await GroupAtRest.of(lab, 'processor')
    await keepEvents(lab)
    const [partition, read] = furthest(processors.committed)
    const wanted = read - BigInt(random.integer(1, CUT_RECORDS_MAX))
    await killBrokers(lab)
    const ends = await cutAndStart(lab, processors.topic, partition, wanted)
    const stopped = lab.expectStop('LOG_TRUNCATED')
    await processors.startAgain()
    return {
      what: `${processors.topic}[${partition}] is cut to ${ends.join(', ')} on the brokers; it was processed up to ${read}`,
      heal: async () => {
        const stop = await stopped()
        await processors.stop()
        await followReset(lab, stop, processors, partition, least(ends))
        lab.wantedStops.delete('LOG_TRUNCATED')
        // Unprocessed events are published again; the others are repeats.
        await normalizers.moveTo(normalizers.committed.map(() => 0n))
        await normalizers.startAgain()
        await processors.startAgain()
      },
    }
  },
}

/**
 * The end of a partition of raw is lost on every broker, under running gateways and normalizers. Records that had not been
 * normalized are lost for good. The normalizers must stop until an operator resets the offset as their message says.
 */
const cutRaw: Fault = {
  name: 'cut-raw',
  area: 'broker',
  also: 'operation',
  lastsMs: [5_000, 8_000],
  async inject(lab, random) {
    const { raw } = lab.deployment.topics
    const [partition, committed] = await enough(() => committedRaw(lab))
    const wanted = committed - BigInt(random.integer(1, CUT_RECORDS_MAX))
    const stopped = lab.expectStop('LOG_TRUNCATED')
    const behind = await leaveBehindNormalizers(lab, random)
    const cut = await withoutAppendsToRaw(lab, async () => {
      const records = await readWholeLog(lab, raw, partition, () => killBrokers(lab), lab.cluster.brokers)
      const end = least(await cutAndStart(lab, raw, partition, wanted))
      return { end, removed: records.filter(({ offset }) => offset >= end) }
    }).finally(behind.thaw)
    return {
      what: `${raw}[${partition}] is cut to ${cut.end} on the brokers, and lost ${cut.removed.length} records; it was normalized up to ${committed} or further`,
      heal: () => recoverRaw(lab, partition, cut, stopped),
    }
  },
}

/**
 * The end of a partition of changes is lost on every broker, under running processors. They must stop until
 * `paystatus repair` has republished it; nothing may be missing afterwards.
 */
const cutChanges: Fault = {
  name: 'cut-changes',
  area: 'broker',
  also: 'operation',
  lastsMs: [5_000, 8_000],
  async inject(lab, random) {
    const { changes } = lab.deployment.topics
    const [partition, promised] = await enough(() => promisedChanges(lab))
    const wanted = promised - BigInt(random.integer(1, CUT_RECORDS_MAX))
    const stopped = lab.expectStop('CHANGES_TRUNCATED')
    await killBrokers(lab)
    const ends = await cutAndStart(lab, changes, partition, wanted)
    return {
      what: `${changes}[${partition}] is cut to ${ends.join(', ')} on the brokers; commits had promised ${promised} or more`,
      heal: async () => {
        const { output } = await stopped()
        if (!output.includes('paystatus repair')) {
          throw new Error('the message of CHANGES_TRUNCATED does not name `paystatus repair`')
        }
        await lab.rest('processor')
        lab.repaired = true
        await repair(lab)
        lab.wantedStops.delete('CHANGES_TRUNCATED')
        await lab.wake('processor')
      },
    }
  },
}

/** Records that a leader, as its only in-sync replica, acknowledges before it dies; a minimum. */
const ACCEPTED_ALONE_MIN = 20n

/**
 * A careless operator allows unclean elections on raw and one in-sync replica. A follower is down while its leader, alone
 * in sync, acknowledges callbacks; then the leader dies, and the follower is elected without them.
 */
const electUncleanly: Fault = {
  name: 'elect-uncleanly',
  area: 'broker',
  also: 'operation',
  lastsMs: [2_000, 4_000],
  async inject(lab, random) {
    const { raw } = lab.deployment.topics
    const partition = random.integer(0, lab.partitions - 1)
    // With another replica first, the leader would only change when Kafka next moves leaders to their preferred brokers.
    const leader = await insistently(() => lab.leaderOf(raw, partition))
    const others = lab.cluster.brokers.filter((broker) => broker !== leader)
    const [follower, third] = random.shuffle(others) as [Broker, Broker]
    await setTopicConfig(lab, raw, { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' })
    await assign(lab, raw, partition, [leader.id, follower.id])
    await leaderIs(lab, raw, partition, leader)
    await follower.server.stop()
    const known = await logEndIn(logOf(follower, raw, partition))
    await until(`the normalizers commit callbacks that only broker ${leader.id} has`, INSIST_MS, async () => {
      const committed = (await committedRaw(lab))[partition] ?? 0n
      return committed >= known + ACCEPTED_ALONE_MIN
    })
    const stopped = lab.expectStop('LOG_TRUNCATED')
    const behind = await leaveBehindNormalizers(lab, random)
    let removed: readonly ReadRecord[]
    try {
      removed = await withoutAppendsToRaw(lab, async () => {
        const records = await readWholeLog(lab, raw, partition, () => leader.server.kill(), [leader])
        await follower.server.start()
        await leaderIs(lab, raw, partition, follower)
        await leader.server.start()
        return records.filter(({ offset }) => offset >= known)
      })
      if (behind.frozen) {
        // Once the log is longer than what was read of it, only the leader epochs reveal that records are missing.
        const formerEnd = known + BigInt(removed.length)
        await until(`${raw}[${partition}] grows beyond its former end`, INSIST_MS, async () => {
          return (await highWatermarkOf(lab, raw, partition)) > formerEnd
        })
      }
    } finally {
      behind.thaw()
    }
    return {
      what: `broker ${follower.id} leads ${raw}[${partition}] after an unclean election, without ${removed.length} records that broker ${leader.id} had acknowledged`,
      heal: async () => {
        await setTopicConfig(lab, raw, { 'unclean.leader.election.enable': null, 'min.insync.replicas': '2' })
        await assign(lab, raw, partition, [follower.id, leader.id, third.id])
        await recoverRaw(lab, partition, { end: known, removed }, stopped)
      },
    }
  },
}

/**
 * The events topic is deleted and created again under running normalizers and processors. Kafka deletes the group's offsets
 * with it. Every processor that worked with the former topic must stop, and commit nothing for the new one. An operator
 * starts them again, as their message says, and resets the normalizers so that they publish everything again; otherwise the
 * events that were in the old topic and not processed would be missing.
 */
const recreateEvents: Fault = {
  name: 'recreate-events',
  area: 'operation',
  also: 'broker',
  history: 'rereads',
  lastsMs: [5_000, 8_000],
  async inject(lab) {
    const { config, logger, topics } = lab.deployment
    await keepEvents(lab)
    // Ready: each has opened its partitions.
    await Promise.all(slotsOf('processor').map((slot) => lab.ready(slot, INSIST_MS)))
    const former = slotsOf('processor').flatMap((slot) => lab.processOf(slot) ?? [])
    // Only processes that worked with the former topic can commit until they are gone.
    lab.startNone('processor')
    lab.wantedStops.add('TOPIC_RECREATED')
    // The processors count again from the beginning.
    lab.offsetsMoved = true
    await insistently(() => lab.admin.deleteTopics({ topics: [topics.events] }))
    await eventually(() => applyTopics(config, logger), { timeoutMs: INSIST_MS, everyMs: 500 })
    return {
      what: `${topics.events} is deleted and created again`,
      heal: async () => {
        const stops = await recreationStops(former)
        lab.say(`recreate-events: ${stops.length} of ${former.length} processors stopped with TOPIC_RECREATED`)
        await assertNothingCommittedFor(lab, topics.events)
        const processors = await GroupAtRest.of(lab, 'processor')
        if (processors.committed.some((offset) => offset > 0n)) {
          await followRecreated(lab, stops, processors)
        }
        const normalizers = await GroupAtRest.of(lab, 'normalizer')
        await normalizers.moveTo(normalizers.committed.map(() => 0n))
        lab.wantedStops.delete('TOPIC_RECREATED')
        await normalizers.startAgain()
        await processors.startAgain()
      },
    }
  },
}

/**
 * Outputs of the processes that stopped with TOPIC_RECREATED. Rejects unless every process does, except those that another
 * fault ended with a signal.
 */
async function recreationStops(former: readonly RoleProcess[]): Promise<readonly string[]> {
  const outputs: string[] = []
  for (const process of former) {
    const end = await within(INSIST_MS, process.exited).catch(() => 'still running')
    if (end === 1 && process.output.includes('TOPIC_RECREATED')) {
      outputs.push(process.output)
    } else if (end !== 0 && end !== 'SIGKILL') {
      throw new Error(`a processor that worked with the former topic did not stop with TOPIC_RECREATED: ${end}`)
    }
  }
  return outputs
}

/** Offsets that were committed for the former topic while it was being deleted may remain. */
async function assertNothingCommittedFor(lab: Lab, topic: string): Promise<void> {
  const { config, logger } = lab.deployment
  const kafka = createKafka({ connection: { brokers: lab.cluster.directBrokers }, clientId: 'laboratory', logger })
  const facts = await insistently(() => createTopicLogs(kafka).facts([topic]))
  const { id } = facts.get(topic) as TopicFacts
  const commits = await commitsOf(lab, config.processor.group, topic)
  const wrong = commits.filter(({ metadata }) => originIn(metadata ?? null)?.topics.get(topic)?.id === id)
  if (wrong.length > 0) {
    throw new Error(
      `processors that worked with the former ${topic} committed ${JSON.stringify(wrong)} for the new one`,
    )
  }
}

/** Follows the message of TOPIC_RECREATED after offsets for the former topic were left. Rejects if it does not say so. */
async function followRecreated(lab: Lab, outputs: readonly string[], group: GroupAtRest): Promise<void> {
  const resets = outputs.map(remedyIn)
  if (!resets.some((reset) => reset?.topic === group.topic && reset.to === 'earliest')) {
    throw new Error(`no message of TOPIC_RECREATED says that ${group.topic} is to be reset to its beginning`)
  }
  lab.say(`offsets ${group.committed.join(', ')} of the former ${group.topic} are left; the operator resets them`)
  await group.moveTo(group.committed.map(() => 0n))
}

export const LOST_RECORD_FAULTS: readonly Fault[] = [cutEvents, cutRaw, cutChanges, electUncleanly, recreateEvents]

interface RawCut {
  /** The end of the partition after the cut. */
  readonly end: bigint
  readonly removed: readonly ReadRecord[]
}

/** What an operator does after raw lost records. Tells the judges which records were removed. */
async function recoverRaw(
  lab: Lab,
  partition: number,
  { end, removed }: RawCut,
  stopped: () => Promise<DefinedStopSeen>,
): Promise<void> {
  const stop = await stopped()
  const normalizers = await GroupAtRest.of(lab, 'normalizer')
  const committed = normalizers.committed[partition] ?? 0n
  lab.removedRaw.push(...removed.map((record) => ({ ...record, normalized: record.offset < committed })))
  const unread = removed.filter(({ offset }) => offset >= committed).length
  lab.say(`${removed.length} records of raw are removed; ${unread} had not been normalized and are lost for good`)
  await followReset(lab, stop, normalizers, partition, end)
  lab.wantedStops.delete('LOG_TRUNCATED')
  await normalizers.startAgain()
}

/** Follows the message of LOG_TRUNCATED. Rejects if that would skip records. */
async function followReset(lab: Lab, { output }: DefinedStopSeen, group: GroupAtRest, partition: number, end: bigint) {
  const reset = remedyIn(output)
  if (reset === undefined || reset.topic !== group.topic || reset.partition !== partition || reset.to === 'current') {
    throw new Error(
      `the message of LOG_TRUNCATED names no offset for ${group.topic}[${partition}]: ${output.slice(-600)}`,
    )
  }
  const target = reset.to === 'earliest' ? 0n : reset.to
  if (target > end) {
    throw new Error(`the message of LOG_TRUNCATED says ${target}, but ${group.topic}[${partition}] was cut to ${end}`)
  }
  lab.say(`the operator resets ${group.topic}[${partition}] to ${reset.to}`)
  await group.moveTo(group.committed.with(partition, target))
}

/**
 * Reads a partition to the end of its log, then kills its brokers. Retries if a log is longer than what was read: every
 * removed record must be known.
 */
async function readWholeLog(
  lab: Lab,
  topic: string,
  partition: number,
  kill: () => Promise<unknown>,
  replicas: readonly Broker[],
): Promise<readonly ReadRecord[]> {
  for (let tries = 0; tries < READS_MAX; tries += 1) {
    await untilQuiet(lab, topic, partition)
    const records = await readPartition(lab, topic, partition)
    const read = (records.at(-1)?.offset ?? -1n) + 1n
    await kill()
    const ends = await Promise.all(replicas.map((broker) => logEndIn(logOf(broker, topic, partition))))
    if (ends.every((end) => end <= read)) {
      return records
    }
    await Promise.all(replicas.map(({ server }) => server.start()))
  }
  throw new Error(`${topic}[${partition}] grew during every read`)
}

const READS_MAX = 3

/** Resolves once the end of a partition stays the same for a moment. */
async function untilQuiet(lab: Lab, topic: string, partition: number): Promise<void> {
  let before = UNKNOWN_END
  await until(`${topic}[${partition}] does not grow`, INSIST_MS, async () => {
    const high = await highWatermarkOf(lab, topic, partition)
    const isQuiet = high === before
    before = high
    await delay(300)
    return isQuiet
  })
}

const UNKNOWN_END = -1n

async function highWatermarkOf(lab: Lab, topic: string, partition: number): Promise<bigint> {
  const offsets = await insistently(() => lab.admin.fetchTopicOffsets(topic))
  return BigInt(offsets.find((one) => one.partition === partition)?.high ?? UNKNOWN_END)
}

/**
 * In half of the cases freezes the normalizers while callbacks are still accepted, so that records are removed before they
 * are normalized.
 */
async function leaveBehindNormalizers(
  lab: Lab,
  random: Random,
): Promise<{ readonly frozen: boolean; readonly thaw: () => void }> {
  const slots = random.chance(0.5) ? slotsOf('normalizer') : []
  for (const slot of slots) {
    lab.freeze(slot)
  }
  await (slots.length > 0 && delay(BEHIND_MS))
  return {
    frozen: slots.length > 0,
    thaw: () => {
      for (const slot of slots) {
        lab.thaw(slot)
      }
    },
  }
}

/** About 30 callbacks per partition. */
const BEHIND_MS = 1_500

/** Blocks the produce requests of the gateways meanwhile: callbacks are refused, and repeated later. */
async function withoutAppendsToRaw<T>(lab: Lab, action: () => Promise<T>): Promise<T> {
  const links = slotsOf('gateway').flatMap((slot) => lab.linksOf(slot))
  for (const link of links) {
    link.refuse((apiKey) => apiKey === API_KEYS.produce)
  }
  try {
    return await action()
  } finally {
    for (const link of links) {
      link.refuse(undefined)
    }
  }
}

async function killBrokers({ cluster }: Lab): Promise<void> {
  await Promise.all(cluster.brokers.map(({ server }) => server.kill()))
}

/** Cuts the log on every broker, while they are down, and starts them. Returns the new end of the log on each. */
async function cutAndStart(lab: Lab, topic: string, partition: number, wanted: bigint): Promise<readonly bigint[]> {
  const { brokers } = lab.cluster
  const end = wanted < 0n ? 0n : wanted
  const ends = await Promise.all(brokers.map((broker) => cutLogIn(logOf(broker, topic, partition), end)))
  await Promise.all(brokers.map(({ server }) => server.start()))
  return ends
}

function logOf({ server }: Broker, topic: string, partition: number): string {
  return join(server.directory, 'data', `${topic}-${partition}`)
}

/** Committed offsets of the normalizers, by partition. */
async function committedRaw(lab: Lab): Promise<readonly bigint[]> {
  const { config, topics } = lab.deployment
  return (await commitsOf(lab, config.normalizer.group, topics.raw)).map(offsetOf)
}

/** Committed offsets of the processors, by partition. */
async function committedEvents(lab: Lab): Promise<readonly bigint[]> {
  const { config, topics } = lab.deployment
  return (await commitsOf(lab, config.processor.group, topics.events)).map(offsetOf)
}

function offsetOf({ offset }: { readonly offset: string }): bigint {
  return BigInt(offset) < 0n ? 0n : BigInt(offset)
}

/** The ends of changes that the processors' commits promise, by partition. */
async function promisedChanges(lab: Lab): Promise<readonly bigint[]> {
  const { config, topics } = lab.deployment
  const found = await commitsOf(lab, config.processor.group, topics.events)
  return found.map(({ metadata }) => BigInt(JSON.parse(metadata || '{}').ends?.changes ?? 0))
}

async function commitsOf(lab: Lab, groupId: string, topic: string) {
  const [found] = await insistently(() => lab.admin.fetchOffsets({ groupId, topics: [topic] }))
  return (found?.partitions ?? []).toSorted((a, b) => a.partition - b.partition)
}

/** Runs `paystatus repair --apply` until it succeeds: killed members leave the group only when their sessions end. */
async function repair(lab: Lab): Promise<void> {
  await eventually(
    async () => {
      const { code, stdout, stderr } = await lab.deployment.command(['repair', '--apply'])
      if (code !== 0) {
        throw new Error(`paystatus repair --apply ended with ${code}: ${stdout.slice(-1_000)} ${stderr.slice(-500)}`)
      }
      lab.say(`repair: ${stdout.trim().split('\n').join('; ').slice(0, 400)}`)
    },
    { timeoutMs: REPAIR_MAX_MS, everyMs: 1_000 },
  )
}

/** Sets or removes (null) settings of a topic, and keeps its others. */
async function setTopicConfig(lab: Lab, topic: string, changes: Readonly<Record<string, string | null>>) {
  const resource = { type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }
  await insistently(async () => {
    const { resources } = await lab.admin.describeConfigs({ includeSynonyms: false, resources: [resource] })
    const own = (resources[0]?.configEntries ?? []).filter((entry) => Number(entry.configSource) === TOPIC_CONFIG)
    const settings = { ...Object.fromEntries(own.map((entry) => [entry.configName, entry.configValue])), ...changes }
    const configEntries = Object.entries(settings).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
    await lab.admin.alterConfigs({ validateOnly: false, resources: [{ ...resource, configEntries }] })
  })
}

/** `config_source` in Kafka's protocol for a setting of the topic itself. */
const TOPIC_CONFIG = 1

async function assign(lab: Lab, topic: string, partition: number, replicas: number[]): Promise<void> {
  const topics = [{ topic, partitionAssignment: [{ partition, replicas }] }]
  await insistently(() => lab.admin.alterPartitionReassignments({ topics }))
  await until(`${topic}[${partition}] is on brokers ${replicas}`, INSIST_MS, async () => {
    const { topics: found } = await insistently(() => lab.admin.fetchTopicMetadata({ topics: [topic] }))
    const at = found[0]?.partitions.find(({ partitionId }) => partitionId === partition)
    return at !== undefined && at.replicas.length === replicas.length && at.isr.length === replicas.length
  })
}

async function leaderIs(lab: Lab, topic: string, partition: number, broker: Broker): Promise<void> {
  await until(`broker ${broker.id} leads ${topic}[${partition}]`, INSIST_MS, async () => {
    return (await lab.leaderOf(topic, partition).catch(() => undefined)) === broker
  })
}

/** The partition with the highest offset, once that is high enough for a cut. */
async function enough(
  offsetsOf: () => Promise<readonly bigint[]>,
): Promise<readonly [partition: number, offset: bigint]> {
  let found = furthest(await offsetsOf())
  await until('enough records are committed to cut some', INSIST_MS, async () => {
    found = furthest(await offsetsOf())
    return found[1] > BigInt(2 * CUT_RECORDS_MAX)
  })
  return found
}

function furthest(offsets: readonly bigint[]): readonly [partition: number, offset: bigint] {
  const offset = offsets.toSorted(ascending).at(-1) ?? 0n
  return [offsets.indexOf(offset), offset]
}

function least(offsets: readonly bigint[]): bigint {
  return offsets.toSorted(ascending)[0] as bigint
}

function ascending(a: bigint, b: bigint): number {
  return Number(a - b)
}
