import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.ts'
import { ROLES } from './fault.ts'
import { insistently } from './insistently.ts'
import { slotsOf } from './lab.ts'

/** A broker is gone that a session in the group and in the cluster gives up meanwhile. */
const LEADERLESS_MS = 12_000
/** How long a new process may take until it is ready, with a leaderless partition that is not its own. */
const READY_MAX_MS = 60_000

/**
 * Another team's topic has one replica, and its broker dies. One process of each role starts meanwhile, and must become
 * ready: a partition of a foreign topic without a leader must not matter to us (issue: metadata of all topics).
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
      what: `broker ${id} is dead, the only one with ${topic}[0]; ${slots.join(', ')} started and are ready without it`,
      heal: async () => {
        await server.start()
        await insistently(() => lab.admin.deleteTopics({ topics: [topic] }))
      },
    }
  },
}
