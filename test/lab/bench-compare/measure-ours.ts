import { Deployment } from '../harness/deployment.ts'
import { Observer } from '../harness/observer.ts'
import { preloadRaw } from '../harness/preload-raw.ts'
import type { ComparedJob } from './compared-job.ts'
import type { OurPart, Pass } from './part.ts'
import { startUsage } from './usage.ts'
import { differencesOf, timesOf } from './workload.ts'

const PASS_MAX_MS = 600_000
/** Shorter than a percent of a pass. */
const LOOK_EVERY_MS = 100
/** Longer than writing the callbacks takes while the processes are stopped. */
const SESSION_TIMEOUT_MS = 60_000

/**
 * Runs the part's processes and measures one pass over the workload. Throws if a total is wrong.
 *
 * Cold processes start when raw is full, and are measured from the moment when all are ready. Warm ones have processed the
 * workload of other payments; they are stopped (SIGSTOP) while raw is filled again, and measured from SIGCONT.
 */
export async function measureOurs(
  job: ComparedJob,
  { roles, compressed = false, warm = false }: OurPart,
): Promise<Pass> {
  const { stack, pids, partitions, callbacks, totals } = job
  const deployment = await Deployment.create(stack, {
    partitions,
    config: { kafka: { compressStatusTopics: compressed, sessionTimeoutMs: SESSION_TIMEOUT_MS } },
  })
  try {
    await preloadRaw(deployment, callbacks)
    const observer = await Observer.create(deployment)
    const processes = await Promise.all(roles.map((names) => deployment.start(names)))
    await Promise.all(processes.map((one) => one.ready()))
    const signalAll = (signal: NodeJS.Signals) => {
      for (const one of processes) {
        one.signal(signal)
      }
    }
    if (warm) {
      await observer.caughtUp(PASS_MAX_MS, LOOK_EVERY_MS)
      signalAll('SIGSTOP')
      await preloadRaw(deployment, callbacks, OTHER_PAYMENTS)
    }
    const stopUsage = startUsage([...processes.map(({ pid }) => pid), pids.kafka, pids.redis])
    // Cold ones began before all were ready: what is done already was not measured.
    const left = Number(await observer.lag())
    signalAll('SIGCONT')
    await observer.caughtUp(PASS_MAX_MS, LOOK_EVERY_MS)
    const used = stopUsage()
    const wrong = differencesOf(timesOf(totals, warm ? 2 : 1), await observer.totals())
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

/** A namespace of its own makes the same callbacks those of other payments. */
const OTHER_PAYMENTS = 'other-payments'
