import { loadPaymentCodecs, type PaymentCodecs } from '../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../avro/schema-registry.ts'
import type { Config } from '../config.ts'
import { createKafkaAppendLog } from '../kafka/kafka-append-log.ts'
import { createTopicLogs } from '../kafka/topic-logs.ts'
import type { Logger } from '../observability/log.ts'
import type { AppendLog } from '../stream/append-log.ts'
import { partitionOf } from '../stream/partition-of.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import type { TopicFacts } from '../stream/topic-logs.ts'
import { topicNames } from '../topics.ts'
import { UsageError } from '../usage-error.ts'
import { openAudit } from './audit/open-audit.ts'
import { type ActCounts, type Intent, recordAct } from './audit/record-act.ts'
import { withClients } from './with-clients.ts'

export interface CarryOverReport {
  readonly from: { readonly topic: string; readonly partitions: number }
  readonly to: { readonly topic: string; readonly partitions: number }
  readonly payments: number
  readonly events: number
}

class CarryOverOptionsError extends UsageError {
  readonly code = 'CARRY_OVER_OPTIONS'
}

/** Records per append; bounds the memory. */
const RECORDS_PER_APPEND_MAX = 500

/**
 * Publishes every event in another installation's `payments.status.current` to `payments.events` of this one, each in the
 * partition of its key. This is how to change the partition count: growing a topic would scatter the events of a payment.
 *
 * Can be run again, also after an interruption: events keep their ids, and the processor recognises repeats. Steps made by
 * the clock (OVERDUE) are not carried over; the new installation makes its own. `statusVersion` and `incarnation` restart.
 * Recorded in the audit trail of this installation. Rejects with a UsageError if both installations are the same.
 */
export async function carryOver(
  config: Config,
  logger: Logger,
  fromPrefix: string,
  act: Pick<Intent, 'by' | 'reason'>,
  signal?: AbortSignal,
): Promise<CarryOverReport> {
  const [from, to] = [topicNames(fromPrefix), topicNames(config.kafka.topicPrefix)]
  if (from.current === to.current) {
    throw new CarryOverOptionsError(
      'an installation cannot be carried over into itself: kafka.topicPrefix equals --from-prefix',
    )
  }
  return withClients({ config, logger, tool: 'carry-over' }, ['codecs'], async ({ kafka, reader, codecs: own }) => {
    const facts = await createTopicLogs(kafka).facts([from.current, to.events])
    const [source, target] = [facts.get(from.current), facts.get(to.events)] as [TopicFacts, TopicFacts]
    if (target.partitions !== config.kafka.partitions) {
      throw new Error(
        `${to.events} has ${target.partitions} partitions, the configuration says ${config.kafka.partitions}: run \`paystatus topics check\` first`,
      )
    }
    const old = await loadPaymentCodecs(createSchemaRegistry(config.registry), from, Date.now)
    const events = createKafkaAppendLog(kafka, {
      topic: to.events,
      partitions: target.partitions,
      waitingRecordsMax: target.partitions * RECORDS_PER_APPEND_MAX,
      waitingBytesMax: 64 * 1024 * 1024,
      retryForMs: 30_000,
    })
    const audit = openAudit(kafka, to.audit, target.partitions)
    const carryAll = async (counts: ActCounts) => {
      const sums = { payments: 0, events: 0 }
      const ports = { reader, events: events.log, state: old.state, event: own.event }
      for (let partition = 0; partition < source.partitions; partition += 1) {
        const carried = await carryOverPartition(ports, from.current, partition, signal)
        sums.payments += carried.payments
        sums.events += carried.events
        Object.assign(counts, sums)
      }
      return sums
    }
    try {
      const scope = { from: from.current }
      return {
        from: { topic: from.current, partitions: source.partitions },
        to: { topic: to.events, partitions: target.partitions },
        ...(await recordAct(audit.ports, { act: 'carry-over', ...act, scope }, signal, carryAll)),
      }
    } finally {
      await Promise.all([events.close(), audit.close()])
    }
  })
}

export interface CarryOverPorts {
  readonly reader: Pick<PartitionReader, 'read'>
  readonly events: AppendLog
  /** `state` of the source installation, `event` of the target. */
  readonly state: PaymentCodecs['state']
  readonly event: PaymentCodecs['event']
}

/** Carries over one partition of the other installation's `current`. */
export async function carryOverPartition(
  { reader, events, state: stateCodec, event: eventCodec }: CarryOverPorts,
  topic: string,
  partition: number,
  signal?: AbortSignal,
): Promise<Pick<CarryOverReport, 'payments' | 'events'>> {
  const last = await lastOffsets(reader, topic, partition, signal)
  const counts = { payments: 0, events: 0 }
  const carry = async (records: readonly InRecord[]) => {
    for (const { value, offset } of records.filter((record) => isLast(last, record))) {
      const state = await stateCodec.decodeFetching(value as Buffer, { topic, partition, offset })
      const out = state.events.map(({ event }) => ({ key: event.paymentKey, value: eventCodec.encode(event) }))
      await append(events, partitionOf(Buffer.from(state.paymentKey), events.partitions), out)
      counts.payments += 1
      counts.events += out.length
    }
  }
  await reader.read(topic, partition, 0n, carry, signal)
  return counts
}

export function carryOverLines({ from, to, payments, events }: CarryOverReport): readonly string[] {
  return [
    `carried over ${payments} payments with ${events} events from ${from.topic} (${from.partitions} partitions) to ${to.topic} (${to.partitions} partitions)`,
  ]
}

/** The offset of the last record of each payment in one partition: before compaction `current` can hold several. */
async function lastOffsets(
  reader: Pick<PartitionReader, 'read'>,
  topic: string,
  partition: number,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, bigint>> {
  const last = new Map<string, bigint>()
  const note = (records: readonly InRecord[]) => {
    for (const { key, value, offset } of records) {
      if (value === null) {
        last.delete(String(key))
      } else {
        last.set(String(key), offset)
      }
    }
  }
  await reader.read(topic, partition, 0n, note, signal)
  return last
}

function isLast(last: ReadonlyMap<string, bigint>, { key, offset }: InRecord): boolean {
  return last.get(String(key)) === offset
}

async function append(log: AppendLog, partition: number, records: readonly OutRecord[]): Promise<void> {
  for (let at = 0; at < records.length; at += RECORDS_PER_APPEND_MAX) {
    await log.append(partition, records.slice(at, at + RECORDS_PER_APPEND_MAX))
  }
}
