import { Deployment } from '../harness/deployment.ts'
import { Observer } from '../harness/observer.ts'
import { preloadRaw } from '../harness/preload-raw.ts'
import type { ComparedJob } from './compared-job.ts'
import type { Part, Pass } from './part.ts'
import { startUsage } from './usage.ts'
import { differencesOf } from './workload.ts'

type OurPart = Extract<Part, { kind: 'ours' }>

const PASS_MAX_MS = 600_000

/** Preloads raw, starts a process for each list of the part's roles, and measures from ready to done. Throws if a total is wrong. */
export async function measureOurs(job: ComparedJob, { roles, compressed }: OurPart): Promise<Pass> {
  const { stack, pids, partitions, callbacks, totals } = job
  const deployment = await Deployment.create(stack, {
    partitions,
    config: { kafka: { compressStatusTopics: compressed } },
  })
  try {
    await preloadRaw(deployment, callbacks)
    const observer = await Observer.create(deployment)
    const processes = await Promise.all(roles.map((names) => deployment.start(names)))
    await Promise.all(processes.map((one) => one.ready()))
    const stopUsage = startUsage([...processes.map(({ pid }) => pid), pids.kafka, pids.redis])
    // They began before all were ready: what is done already was not measured.
    const left = Number(await observer.lag())
    await observer.caughtUp(PASS_MAX_MS)
    const used = stopUsage()
    const wrong = differencesOf(totals, await observer.totals())
    if (wrong.length > 0) {
      throw new Error(`paystatus counted wrong: ${wrong.join(', ')}`)
    }
    await Promise.all(processes.map((one) => one.stop()))
    await observer.deleteView()
    await observer.admin.deleteTopics({ topics: Object.values(deployment.topics) })
    await observer.close()
    const counted = Math.min(left, callbacks.length)
    const micros = used.cpuSeconds.map((seconds) => (seconds / counted) * 1e6)
    return {
      callbacksPerSecond: counted / used.seconds,
      cpuMicros: { own: micros.slice(0, -2), broker: micros.at(-2) as number, redis: micros.at(-1) as number },
      peakMiB: {
        own: used.peakMiB.slice(0, -2),
        broker: used.peakMiB.at(-2) as number,
        redis: used.peakMiB.at(-1) as number,
      },
    }
  } finally {
    await deployment.close()
  }
}
