import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { Lane } from './lane.ts'
import { StageRunner, type StageRunnerOptions } from './stage-runner.ts'
import type { TopicLogs } from './topic-logs.ts'
import { Watchdog } from './watchdog.ts'

export interface RunStageOptions extends StageRunnerOptions {
  /** Its name in the health check and the metrics. */
  readonly stage: Parameters<Metrics['runtime']['setLanes']>[0]
  /** The topic it reads. */
  readonly topic: string
  readonly offsets: GroupOffsets
  readonly logs: TopicLogs
  /** Whether a partition waits for something other than Kafka, so that a lack of progress is not a stall. */
  readonly waiting?: (partition: number) => boolean
  readonly health: Health
  readonly metrics: Pick<Metrics, 'runtime'>
  readonly logger: Logger
}

export interface RunningLanes {
  /** The partitions currently assigned to us. */
  partitions(): readonly number[]
  stop(): Promise<void>
}

const OBSERVE_INTERVAL_MS = 200
const WATCH_INTERVAL_MS = 5_000
/** Several times the duration of a rebalance. */
const STALL_MS = 60_000

/** Joins the group and processes the assigned partitions, watched by a watchdog, until it is stopped. */
export async function runStage(options: RunStageOptions): Promise<RunningLanes> {
  const { stage, topic, offsets, logs, health, metrics, logger, onFatal } = options
  const runner = new StageRunner(options)
  const watchdog = new Watchdog({
    topic,
    offsets,
    logs,
    lanes: () => runner.lanes,
    waiting: options.waiting ?? (() => false),
    intervalMs: WATCH_INTERVAL_MS,
    stallMs: STALL_MS,
    now: () => performance.now(),
    logger,
    onLag: (partition, lag) => metrics.runtime.setLag(stage, partition, lag),
    onBroker: (reachable, reason) => health.set('kafka', reachable, reason),
    onStalled: onFatal,
  })
  let reported = new Set<number>()
  const observe = () => {
    const { lanes } = runner
    metrics.runtime.setLanes(
      stage,
      lanes.map(({ state }) => state),
    )
    const ours = new Set(lanes.map(({ partition }) => partition))
    for (const partition of [...reported].filter((one) => !ours.has(one))) {
      metrics.runtime.setLag(stage, partition, null)
    }
    reported = ours
    const reason = runner.notJoined ?? notWorking(lanes)
    health.set(stage, reason === null, reason ?? undefined)
  }
  observe()
  const observer = setInterval(observe, OBSERVE_INTERVAL_MS)
  observer.unref()
  await runner.start()
  watchdog.start()
  return {
    partitions: () => runner.lanes.map(({ partition }) => partition),
    stop: async () => {
      clearInterval(observer)
      watchdog.stop()
      await runner.stop()
    },
  }
}

const REASONS_MAX = 3

/** How many partitions are not processing, with the reasons if known; null if all are processing. */
function notWorking(lanes: readonly Pick<Lane, 'partition' | 'state' | 'trouble'>[]): string | null {
  const not = lanes.filter(({ state, trouble }) => state !== 'open' || trouble !== null)
  if (not.length === 0) {
    return null
  }
  const reasons = new Set(not.flatMap(({ trouble }) => trouble ?? []))
  const count = `${not.length} of ${lanes.length} partitions are not processing`
  return reasons.size === 0 ? count : `${count}: ${[...reasons].slice(0, REASONS_MAX).join('; ')}`
}
