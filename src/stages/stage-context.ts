import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { Config } from '../config.ts'
import type { ReachCrashPoint } from '../crash-point.ts'
import type { DeadLetterBoard } from '../observability/dead-letter-board.ts'
import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { Tracing } from '../observability/tracing.ts'
import type { GroupOffsets } from '../stream/group-offsets.ts'
import type { TopicNames } from '../topics.ts'

/** Builds a stage with its clients and starts it. */
export type StartStage = (context: StageContext) => Promise<RunningStage>

/** What the process provides to a stage. */
export interface StageContext {
  readonly config: Config
  readonly topics: TopicNames
  readonly logger: Logger
  readonly health: Health
  readonly metrics: Metrics
  /** Where the stages report the dead letters that need a decision. */
  readonly deadLetters: DeadLetterBoard
  readonly offsets: GroupOffsets
  /** Resolves when the brokers answer and the topics have been checked. Rejects if a topic cannot be used. */
  readonly topicsReady: () => Promise<void>
  readonly clusterId: () => Promise<string>
  /** Waits for the registry. */
  readonly codecs: () => Promise<PaymentCodecs>
  /** Null if tracing is off. */
  readonly tracing: Tracing | null
  /** Set only in fault tests. */
  readonly crashPoint: ReachCrashPoint | undefined
  /** Ends the process with a non-zero exit code and this reason. */
  readonly onFatal: (error: Error) => void
}

export interface RunningStage {
  /** Finishes and commits the work in progress, leaves the group and closes the clients. */
  stop(): Promise<void>
  /** The address that the gateway or the console listens on. */
  readonly url?: string
}
