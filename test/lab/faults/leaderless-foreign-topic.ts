import { setTimeout as delay } from 'node:timers/promises'
import { type Fault, ROLES } from './fault.ts'
import { insistently } from './insistently.ts'
import { slotsOf } from './lab.ts'

/** Longer than the sessions of group members and brokers: the cluster has declared the broker dead. */
const LEADERLESS_MS = 12_000
/** How long a new process may take to become ready beside a foreign partition without a leader. */
const READY_MAX_MS = 60_000

/**
 * Another team's topic has one replica, and its broker dies. Running processes must continue, and one process of each role that
 * is restarted meanwhile must become ready: a leaderless partition of a foreign topic must not affect us.
 */
export const leaderlessForeignTopic: Fault = {
  name: 'leaderless-foreign-topic',
  area: 'broker',
  also: 'role',
  lastsMs: [14_000, 18_000],
  async inject(lab, random) {
    const { id, server } = random.pick(lab.cluster.brokers)
    const topic = `foreign-${random.hex(8)}`
    const foreign = { topic, replicaAssignment: [{ partition: 0, replicas: [id] }] }
    await insistently(() => lab.admin.createTopics({ waitForLeaders: false, topics: [foreign] }))
    await insistently(() => lab.admin.fetchTopicMetadata({ topics: [topic] }))
    await server.kill()
    await delay(LEADERLESS_MS)
    const slots = ROLES.map((role) => random.pick(slotsOf(role)))
    await Promise.all(slots.map((slot) => lab.restart(slot)))
    await Promise.all(slots.map((slot) => lab.ready(slot, READY_MAX_MS)))
    return {
      what: `kill -9 of broker ${id}, the only replica of ${topic}[0]; ${slots.join(', ')} restarted and became ready without it`,
      heal: async () => {
        await server.start()
        await insistently(() => lab.admin.deleteTopics({ topics: [topic] }))
      },
    }
  },
}
