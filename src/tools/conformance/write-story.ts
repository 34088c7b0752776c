import type { KafkaClient } from '../../kafka/kafka-client.ts'
import { openKafkaTransactions } from '../../kafka/kafka-transactions.ts'
import { untilKnown } from '../../kafka/topic-admin.ts'
import type { PartitionTransactions, TransactionScope } from '../../stream/transactions.ts'
import { OUTPUT_REQUEST_BYTES_MAX, type TopicNames } from '../../topics.ts'
import type { Write } from './tell-story.ts'

/** Where the records are; also those whose transaction was aborted. */
export type Offsets = Map<Write, bigint>

/** Most records of one transaction. */
const TRANSACTION_RECORDS_MAX = 500
const TRANSACTION_MAX_MS = 30_000

/** Writes records in order, in transactions, as the processor does. Consecutive committed records share transactions. */
export async function writeStory(
  kafka: KafkaClient,
  topics: TopicNames,
  writes: readonly Write[],
  offsets: Offsets,
): Promise<void> {
  // Opening aborts what the former owner of the id has left open.
  const open = () =>
    openKafkaTransactions(kafka, {
      transactionalId: `${topics.changes}.conformance-kit`,
      transactionTimeoutMs: TRANSACTION_MAX_MS,
      requestBytesMax: OUTPUT_REQUEST_BYTES_MAX,
      // For offsets, and none are committed.
      group: `${topics.changes}.conformance-kit`,
      inputTopic: topics.changes,
      inputPartition: 0,
    })
  // On a new cluster, Kafka first creates the topic of the transactions.
  let transactions = await untilKnown(open)
  try {
    for (const portion of portionsOf(writes)) {
      if (portion[0]?.committed) {
        await transactions.run((scope) => append(scope, topics, portion, offsets))
      } else {
        await leaveOpen(transactions, (scope) => append(scope, topics, portion, offsets))
        await transactions.close()
        transactions = await open()
      }
    }
    // A commit is answered before its records are visible. Opening waits for the end of what the id has begun.
    await transactions.close()
    transactions = await open()
  } finally {
    await transactions.close()
  }
}

/** Consecutive writes that belong into one transaction. */
function portionsOf(writes: readonly Write[]): readonly (readonly Write[])[] {
  const portions: Write[][] = []
  for (const write of writes) {
    const last = portions.at(-1)
    if (last !== undefined && last[0]?.committed === write.committed && last.length < TRANSACTION_RECORDS_MAX) {
      last.push(write)
    } else {
      portions.push([write])
    }
  }
  return portions
}

async function append(
  scope: TransactionScope,
  topics: TopicNames,
  writes: readonly Write[],
  offsets: Offsets,
): Promise<void> {
  const places = Map.groupBy(writes, ({ topic, partition }) => `${topic} ${partition}`)
  await Promise.all(
    [...places.values()].map(async (inPlace) => {
      const { topic, partition } = inPlace[0] as Write
      const records = inPlace.map(({ record }) => record)
      const { first } = await scope.append(topics[topic], partition, records)
      for (const [index, write] of inPlace.entries()) {
        offsets.set(write, first + BigInt(index))
      }
    }),
  )
}

/** Runs the work in a transaction that is never committed. */
async function leaveOpen(
  transactions: PartitionTransactions,
  work: (scope: TransactionScope) => Promise<void>,
): Promise<void> {
  const enough = new Error('this transaction must be aborted')
  const leave = async (scope: TransactionScope) => {
    await work(scope)
    throw enough
  }
  await transactions.run(leave).catch((error: unknown) => {
    if (error !== enough) {
      throw error
    }
  })
}
