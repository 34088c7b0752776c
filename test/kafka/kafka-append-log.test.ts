import { expect, test } from 'vitest'
import { PRODUCE } from '../../src/kafka/client/requests.ts'
import { createKafkaAppendLog } from '../../src/kafka/kafka-append-log.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { sleep } from '../../src/sleep.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'

test('a partition with slow replicas fails alone, with the default limits', async () => {
  const REQUEST_TIMED_OUT = 7
  const scripted = await ScriptedBroker.start()
  scripted.partitions = 2
  scripted.on(PRODUCE, async ({ topics, timeoutMs }) => {
    const partitions = topics.flatMap((topic) => topic.partitions.map(({ partition }) => partition))
    if (partitions.includes(1)) {
      await sleep(timeoutMs)
    }
    return {
      throttleTimeMs: 0,
      topics: [
        {
          name: 'raw',
          partitions: partitions.map((partition) => ({
            partition,
            errorCode: partition === 1 ? REQUEST_TIMED_OUT : 0,
            baseOffset: 0n,
            logAppendTimeMs: -1n,
            logStartOffset: 0n,
            recordErrors: [],
            errorMessage: null,
          })),
        },
      ],
    }
  })
  const kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
  const limits = { waitingRecordsMax: 10, waitingBytesMax: 1_000, retryForMs: 1 }
  const appendLog = createKafkaAppendLog(kafka, { topic: 'raw', partitions: 2, ...limits })
  try {
    await appendLog.connect()
    const record = { key: 'k', value: Buffer.from('v') }
    const outcomes = await Promise.allSettled([0, 1].map((partition) => appendLog.log.append(partition, [record])))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  } finally {
    await appendLog.close()
    scripted.close()
  }
})
