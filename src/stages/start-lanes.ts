import type { KafkaClient } from '../kafka/kafka-client.ts'
import { KafkaGroupConsumer } from '../kafka/kafka-group-consumer.ts'
import { OldestRecords } from '../stream/oldest-records.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { PartitionTask } from '../stream/partition-task.ts'
import { type RunningLanes, runStage } from '../stream/run-stage.ts'
import type { TopicLogs } from '../stream/topic-logs.ts'
import { traced } from '../stream/trace-tasks.ts'
import { LANE_LIMITS } from './lane-limits.ts'
import type { StageContext } from './stage-context.ts'
import { watchLetters } from './watch-letters.ts'

export interface LanesOptions {
  readonly stage: 'normalizer' | 'processor'
  readonly group: string
  /** The topic that it reads. */
  readonly topic: string
  /** The topic of its dead letters. */
  readonly letters: Parameters<typeof watchLetters>[1]
  readonly kafka: KafkaClient
  readonly reader: PartitionReader
  readonly logs: TopicLogs
  readonly createTask: (partition: number, commit: KafkaGroupConsumer['commit']) => PartitionTask
  /** See RunStageOptions. */
  readonly waiting?: (partition: number) => boolean
}

/** Runs the tasks of a stage on the partitions that its group assigns, with metrics, traces and the count of dead letters. */
export async function startLanes(context: StageContext, options: LanesOptions): Promise<RunningLanes> {
  const { config, metrics, tracing, offsets } = context
  const { stage, group, topic, letters, kafka, reader, createTask, ...rest } = options
  const { sessionTimeoutMs, groupInstanceId: instanceId } = config.kafka
  const consumer = new KafkaGroupConsumer(kafka, { group, topic, instanceId, sessionTimeoutMs })
  const commit: KafkaGroupConsumer['commit'] = (...args) => consumer.commit(...args)
  const oldest = new OldestRecords({ group, topic, offsets, reader, now: Date.now })
  const lanes = await runStage({
    ...context,
    ...rest,
    stage,
    topic,
    consumer,
    createTask: (partition) =>
      oldest.watch(partition, traced(createTask(partition, commit), { stage, topic, partition }, tracing?.batch)),
    limits: LANE_LIMITS,
  })
  metrics.runtime.watchAges(stage, () => oldest.ages(lanes.partitions()))
  const letterWatch = watchLetters(context, letters, lanes.partitions)
  return {
    partitions: lanes.partitions,
    stop: async () => {
      await letterWatch.stop()
      await lanes.stop()
    },
  }
}
