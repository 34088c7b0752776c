import { afterAll, beforeAll, inject } from 'vitest'
import { createGroupOffsets } from '../../src/kafka/group-offsets.ts'
import { createTopicLogs } from '../../src/kafka/topic-logs.ts'
import { TopicBench } from '../lab/harness/topic-bench.ts'
import { describeKafka } from './kafka.conformance.ts'

let bench: TopicBench
let rounds = 0

beforeAll(async () => {
  bench = await TopicBench.create(inject('stack'))
})

afterAll(() => bench?.close())

describeKafka('the brokers', async () => {
  rounds += 1
  const [input, output] = await Promise.all([bench.createTopic(`in-${rounds}`), bench.createTopic(`out-${rounds}`)])
  const id = `conformance-${rounds}`
  return {
    input,
    output,
    group: bench.name('group'),
    reader: bench.reader,
    offsets: createGroupOffsets(bench.kafka),
    logs: createTopicLogs(bench.kafka),
    open: () => bench.transactions(id, { inputTopic: input }),
  }
})
