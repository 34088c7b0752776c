import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../harness/eventually.ts'
import { within } from '../harness/within.ts'
import type { Fault } from './fault.ts'
import { type Lab, slotsOf } from './lab.ts'
import { PartitionPauses } from './partition-pauses.ts'

const LOOK_EVERY_MS = 50
const LOOK_MAX_MS = 2_000
const READY_MAX_MS = 60_000

/**
 * A planned restart of all processors, one after the other, with static membership (`kafka.groupInstanceId`): a new process gets
 * the partitions of its predecessor without a rebalance. Its recovery times are the longest pause of each partition.
 */
export const restartStaticProcessors: Fault = {
  name: 'restart-static-processors',
  area: 'role',
  lastsMs: [1_000, 2_000],
  onDemand: true,
  async inject(lab) {
    const slots = slotsOf('processor')
    await Promise.all(slots.map((slot) => lab.restart(slot, () => ({ PAYSTATUS_KAFKA_GROUP_INSTANCE_ID: slot }))))
    await Promise.all(slots.map((slot) => lab.ready(slot, READY_MAX_MS)))
    const recoveriesMs = await pausesDuring(lab, async (allMove) => {
      for (const slot of slots) {
        await allMove()
        await lab.deploy(slot)
      }
      await allMove()
    })
    const seconds = recoveriesMs.map((ms) => (ms / 1_000).toFixed(1))
    return {
      what: `SIGTERM and a new process with the same instance id, for each of ${slots.join(', ')}; partitions paused for ${seconds.join(', ')} s`,
      recoveriesMs,
      heal: async () => {
        await Promise.all(slots.map((slot) => lab.restart(slot)))
      },
    }
  },
}

/** The pauses of the events' partitions while `act` runs; `allMove` waits until every partition advances again. */
async function pausesDuring(
  lab: Lab,
  act: (allMove: () => Promise<void>) => Promise<void>,
): Promise<readonly number[]> {
  const { config, topics } = lab.deployment
  const admin = lab.newAdmin()
  await admin.connect()
  const stopped = new AbortController()
  // The first restart may have left pauses of its own: measured is from when all partitions move.
  let pauses = new PartitionPauses()
  const looking = (async () => {
    while (!stopped.signal.aborted) {
      const asked = admin.fetchOffsets({ groupId: config.processor.group, topics: [topics.events] })
      const found = await within(LOOK_MAX_MS, asked).catch(() => [])
      pauses.look(
        new Map(found.flatMap(({ partitions }) => partitions.map((one) => [one.partition, BigInt(one.offset)]))),
        performance.now(),
      )
      await delay(LOOK_EVERY_MS)
    }
  })()
  const allMove = () => {
    const since = performance.now()
    return eventually(
      () => {
        if (!pauses.haveMovedSince(since, lab.partitions)) {
          throw new Error('not every partition of the processors advances')
        }
      },
      { timeoutMs: READY_MAX_MS },
    )
  }
  try {
    await allMove()
    pauses = new PartitionPauses()
    await act(allMove)
    return pauses.longestMs
  } finally {
    stopped.abort()
    await looking
    await admin.disconnect()
  }
}
