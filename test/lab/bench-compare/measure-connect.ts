import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import { eventually } from '../harness/eventually.ts'
import { groupLag } from '../harness/group-lag.ts'
import { createAdmin } from '../harness/kafkajs-client.ts'
import { SILENT } from '../harness/silent-logger.ts'
import type { ComparedJob } from './compared-job.ts'
import { startChild } from './guarded-child.ts'
import type { Pass } from './part.ts'
import { startUsage } from './usage.ts'

const PASS_MAX_MS = 600_000
const STATUS_OF: Readonly<Record<string, string>> = { PENDING: 'PROCESSING', C: 'AUTHORIZED', V: 'VOIDED' }

/** One run of the pipeline. Throws if it fails, or if its changes are not what they must be. */
export async function measureConnect(job: ComparedJob, binary: string): Promise<Pass> {
  const { stack, pids, partitions, callbacks, input } = job
  const name = `connect-${randomUUID().slice(0, 8)}`
  const topics = [`${name}.changes`, `${name}.current`]
  const kafka = createKafka({ connection: { brokers: stack.kafkaBrokers }, clientId: 'bench', logger: SILENT })
  const admin = createAdmin({ brokers: stack.kafkaBrokers })
  await admin.connect()
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: partitions, replicationFactor: 1 })),
  })
  const child = startChild(() => [binary, 'run', join(import.meta.dirname, 'connect.yaml')], {
    BROKERS: stack.kafkaBrokers.join(','),
    INPUT: input,
    NAME: name,
    REDIS_URL: stack.redisUrl,
  })
  try {
    const stopUsage = startUsage([child.pid, pids.kafka, pids.redis])
    const failed = child.ended.then(({ code, output }) => {
      throw new Error(`Redpanda Connect ended with ${code}:\n${output.slice(-3_000)}`)
    })
    const done = eventually(
      async () => {
        const lag = await groupLag(kafka, name, input)
        if (lag !== 0n) {
          throw new Error(`Redpanda Connect has still ${lag} callbacks to process`)
        }
      },
      { timeoutMs: PASS_MAX_MS },
    )
    await Promise.race([done, failed])
    const { seconds, cpuSeconds, peakMiB } = stopUsage()
    await checkChanges(job, kafka, `${name}.changes`)
    const [own, broker, redis] = cpuSeconds.map((used) => (used / callbacks.length) * 1e6) as [number, number, number]
    const [ownMiB, brokerMiB, redisMiB] = peakMiB as [number, number, number]
    return {
      callbacksPerSecond: callbacks.length / seconds,
      cpuMicros: { own: [own], broker, redis },
      peakMiB: { own: [ownMiB], broker: brokerMiB, redis: redisMiB },
    }
  } finally {
    await child.close()
    await admin.deleteTopics({ topics })
    await admin.disconnect()
    await kafka.queries.close()
  }
}

interface Change {
  readonly paymentId: string
  readonly status: string
  readonly statusVersion: number
}

async function checkChanges(
  { callbacks, partitions, totals }: ComparedJob,
  kafka: ReturnType<typeof createKafka>,
  topic: string,
): Promise<void> {
  const reader = createPartitionReader(kafka)
  const last = new Map<string, Change>()
  let changes = 0
  let gaps = 0
  for (let partition = 0; partition < partitions; partition += 1) {
    await reader.read(topic, partition, 0n, (records) => {
      for (const { value } of records) {
        const change = JSON.parse(String(value)) as Change
        changes += 1
        gaps += change.statusVersion === (last.get(change.paymentId)?.statusVersion ?? 0) + 1 ? 0 : 1
        last.set(change.paymentId, change)
      }
    })
  }
  const wrong = callbacks.filter(
    ({ paymentId, finalStatus }) => last.get(paymentId)?.status !== (STATUS_OF[finalStatus] ?? finalStatus),
  )
  const distinct = totals.events - totals.duplicate
  if (changes !== distinct || gaps > 0 || wrong.length > 0) {
    const found = `${changes} changes instead of ${distinct}, ${gaps} gaps in the versions, ${wrong.length} wrong statuses`
    throw new Error(`the output of Redpanda Connect is wrong: ${found}`)
  }
}
