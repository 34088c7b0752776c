import type { Message, ProducerBatch, RecordMetadata } from 'kafkajs'
import { ProduceReplyError } from './errors.ts'
import { type OutRecord, recordBytes } from './record.ts'

/** kafkajs groups the messages of a call in quadratic time, so a call stays small. */
const RECORDS_PER_SEND_MAX = 1_000

/**
 * Sends records to one partition, in order, in as many requests as the limits ask for, and returns the offset of the
 * first record and the offset after the last.
 *
 * One topic-partition per call, and the reply must name it: with several, kafkajs can acknowledge what it never sent
 * when leaders move in the middle. kafkajs makes one record batch of all records of a request, so a request's bytes
 * stay below the topic's `max.message.bytes`.
 *
 * Rejects with kafkajs's error or ProduceReplyError; then the outcome is unknown.
 */
export async function sendToPartition(
  send: (batch: ProducerBatch) => Promise<RecordMetadata[]>,
  topic: string,
  partition: number,
  records: readonly OutRecord[],
  bytesMax: number,
): Promise<{ first: bigint; next: bigint }> {
  let first: bigint | undefined
  let next = -1n
  for (const messages of requestsOf(partition, records, bytesMax)) {
    const reply = await send({
      // All in-sync replicas: a success that one broker's death can undo is no success.
      acks: -1,
      timeout: 10_000,
      topicMessages: [{ topic, messages }],
    })
    const [entry] = reply
    if (reply.length !== 1 || entry?.topicName !== topic || entry.partition !== partition || entry.errorCode !== 0) {
      throw new ProduceReplyError(topic, partition)
    }
    const base = BigInt(entry.baseOffset ?? '-1')
    if (base < 0n) {
      throw new ProduceReplyError(topic, partition)
    }
    first ??= base
    next = base + BigInt(messages.length)
  }
  return { first: first ?? -1n, next }
}

function* requestsOf(partition: number, records: readonly OutRecord[], bytesMax: number): Iterable<Message[]> {
  let messages: Message[] = []
  let bytes = 0
  for (const record of records) {
    const size = recordBytes(record)
    if (messages.length > 0 && (messages.length >= RECORDS_PER_SEND_MAX || bytes + size > bytesMax)) {
      yield messages
      messages = []
      bytes = 0
    }
    messages.push({
      key: record.key as Buffer,
      value: record.value,
      partition,
      ...(record.headers && { headers: record.headers }),
    })
    bytes += size
  }
  if (messages.length > 0) {
    yield messages
  }
}

/** kafkajs asks a partitioner even for records that name their partition; ours only repeats it. */
export const namedPartition =
  () =>
  ({ message }: { message: Message }): number => {
    if (message.partition === undefined) {
      throw new Error('a record without a partition: every record names its partition')
    }
    return message.partition
  }
