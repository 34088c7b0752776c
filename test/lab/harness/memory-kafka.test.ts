import { describeKafka } from '../../kafka/kafka.conformance.ts'
import { MemoryKafka } from './memory-kafka.ts'

describeKafka('the twin in memory', async () => {
  const kafka = new MemoryKafka('memory', 1)
  return {
    input: 'input',
    output: 'output',
    group: 'group',
    reader: kafka.reader,
    offsets: kafka.offsets,
    logs: kafka.logs,
    open: () => kafka.openTransactions('id', 'group', 'input', 0),
  }
})
