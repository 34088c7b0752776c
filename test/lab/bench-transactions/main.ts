import { stdout } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import type { OutRecord } from '../../../src/stream/record.ts'
import type { PartitionTransactions } from '../../../src/stream/transactions.ts'
import { envNumber } from '../harness/env-number.ts'
import { percentile } from '../harness/percentile.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { TopicBench } from '../harness/topic-bench.ts'
import { useStack } from '../stack/stack.ts'

/**
 * What transactions cost the broker at a fixed rate: one for each of the six input partitions, as in the processor, beside one
 * for all of them, as in Kafka Streams. A producer takes what has arrived for its partitions, appends a state and a change for
 * each record, commits one offset, and begins again EVERY_MS after it began, or at once if it took longer.
 *
 * The passes alternate on one broker, and the first pair is not counted. Latency counts from a record's arrival to its commit.
 */
const RATE = envNumber('RATE', 1_000)
const SECONDS = envNumber('SECONDS', 10)
const EVERY_MS = envNumber('EVERY_MS', 26)
const ROUNDS = envNumber('ROUNDS', 3)

const PARTITIONS = 6
const STATE = Buffer.alloc(1_500)
const CHANGE = Buffer.alloc(700)
const METADATA = 'm'.repeat(700)
const NO_HEADERS = {}
/** The input partitions of each producer. */
const KINDS = {
  'one transaction per partition': Array.from({ length: PARTITIONS }, (_, partition) => [partition]),
  'one for all partitions': [Array.from({ length: PARTITIONS }, (_, partition) => partition)],
}

const stack = await useStack({ report: (line) => process.stderr.write(`${line}\n`) })
const bench = await TopicBench.create(stack)
let code = 0
try {
  const { kafka } = stack.pids
  if (kafka === undefined) {
    throw new Error('servers in containers cannot be measured: run with STACK=packages')
  }
  const inputTopic = await bench.createTopic('input', {}, PARTITIONS)
  const current = await bench.createTopic('current', {}, PARTITIONS)
  const changes = await bench.createTopic('changes', {}, PARTITIONS)
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [kind, producers] of Object.entries(KINDS)) {
      const measured = await measure(kind, producers, { inputTopic, current, changes, kafka })
      stdout.write(`${round === 0 ? 'not counted' : `round ${round}`}: ${kind}: ${measured}\n`)
    }
  }
} catch (error) {
  process.stderr.write(`bench-transactions: ${(error as Error).stack}\n`)
  code = 1
} finally {
  await bench.close()
  await stack.stop()
}
process.exit(code)

interface Topics {
  readonly inputTopic: string
  readonly current: string
  readonly changes: string
  readonly kafka: number
}

async function measure(kind: string, producers: readonly (readonly number[])[], topics: Topics): Promise<string> {
  const opened = await Promise.all(
    producers.map((_, index) =>
      bench.transactions(`${kind} ${index}`, { inputTopic: topics.inputTopic, inputPartition: index }),
    ),
  )
  const latencies: number[] = []
  let transactions = 0
  const startedAt = performance.now()
  const before = cpuSeconds(topics.kafka)
  await Promise.all(
    producers.map(async (partitions, index) => {
      for await (const arrivals of batches(startedAt)) {
        await append(opened[index] as PartitionTransactions, partitions, arrivals.length, topics)
        transactions += 1
        const committedAt = performance.now()
        latencies.push(...partitions.flatMap(() => arrivals.map((at) => committedAt - at)))
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  await Promise.all(opened.map((one) => one.close()))
  const cores = (cpuSeconds(topics.kafka) - before) / seconds
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(latencies, share)?.toFixed(0))
  return `${Math.round(transactions / seconds)} transactions/s, ${Math.round(latencies.length / seconds)} records/s, ${p50} / ${p99} ms (p50 / p99), broker ${cores.toFixed(2)} cores`
}

/** When the records of a partition arrived that the next transaction takes, by `performance.now()`. */
async function* batches(startedAt: number): AsyncIterable<readonly number[]> {
  const intervalMs = (1_000 * PARTITIONS) / RATE
  let taken = 0
  for (let now = startedAt; now < startedAt + SECONDS * 1_000; ) {
    const arrived = Math.floor((now - startedAt) / intervalMs)
    if (arrived > taken) {
      const first = taken + 1
      taken = arrived
      yield Array.from({ length: arrived - first + 1 }, (_, index) => startedAt + (first + index) * intervalMs)
    }
    const next = arrived > 0 ? now + EVERY_MS : startedAt + intervalMs
    await delay(Math.max(0, next - performance.now()))
    now = performance.now()
  }
}

function append(
  producer: PartitionTransactions,
  partitions: readonly number[],
  count: number,
  { current, changes }: Topics,
): Promise<void> {
  const records = (value: Buffer): OutRecord[] =>
    Array.from({ length: count }, (_, index) => ({ key: `payment ${index}`, value, headers: NO_HEADERS }))
  return producer.run(async (scope) => {
    await Promise.all(
      partitions.flatMap((partition) => [
        scope.append(current, partition, records(STATE)),
        scope.append(changes, partition, records(CHANGE)),
      ]),
    )
    await scope.commitOffset(1n, METADATA)
  })
}
