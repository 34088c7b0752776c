import { v7 as uuidv7 } from 'uuid'
import type { Config } from '../../config.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import { describeGroup } from '../../kafka/group-topics.ts'
import { openKafkaTransactions } from '../../kafka/kafka-transactions.ts'
import { createTopicLogs } from '../../kafka/topic-logs.ts'
import type { Logger } from '../../observability/log.ts'
import { processorProducer } from '../../stages/processor-producer.ts'
import { openAudit } from '../audit/open-audit.ts'
import { type ActCounts, type Intent, recordAct } from '../audit/record-act.ts'
import { withClients } from '../with-clients.ts'
import { type PartitionRepair, repairPartition } from './repair-partition.ts'

export interface RepairOptions {
  /** Who repairs and why, for the audit trail; null: a dry run. */
  readonly act: Pick<Intent, 'by' | 'reason'> | null
  readonly signal?: AbortSignal
  readonly onPartition?: (partition: number, of: number) => void
}

export interface RepairReport {
  readonly applied: boolean
  readonly partitions: readonly PartitionRepair[]
}

/** A processor is still running; nothing was changed. */
class RepairError extends Error {
  readonly code = 'REPAIR_REFUSED'
}

/**
 * Republishes what `changes` lost from `current`, and the other way round; see repairPartition.
 *
 * With `act` the processor's group must be empty, and each partition is fenced before it is read.
 */
export async function repair(config: Config, logger: Logger, options: RepairOptions): Promise<RepairReport> {
  const { group } = config.processor
  return withClients({ config, logger, tool: 'repair' }, ['brokers', 'codecs'], async (clients) => {
    const { topics, kafka, reader, codecs } = clients
    const { act, signal } = options
    const repairAll = async (counts: ActCounts): Promise<RepairReport> => {
      const partitions: PartitionRepair[] = []
      for (let partition = 0; partition < config.kafka.partitions; partition += 1) {
        options.onPartition?.(partition, config.kafka.partitions)
        const producer = processorProducer(config, topics, partition)
        const transactions = act === null ? null : await openKafkaTransactions(kafka, producer)
        try {
          for (const former of producer.formerTransactionalIds) {
            await transactions?.fence(former)
          }
          const repaired = await repairPartition({
            partition,
            topics,
            group,
            codecs,
            reader,
            offsets: createGroupOffsets(kafka),
            logs: createTopicLogs(kafka),
            forgetAfterMs: config.payments.retentionMs,
            now: Date.now,
            transactions,
            token: `repair-${uuidv7()}`,
            signal,
          })
          partitions.push(repaired)
          counts['changes'] = (counts['changes'] ?? 0) + repaired.changes
          counts['current'] = (counts['current'] ?? 0) + repaired.current
        } finally {
          await transactions?.close()
        }
      }
      return { applied: act !== null, partitions }
    }
    if (act === null) {
      return repairAll({})
    }
    const { members } = await describeGroup(kafka.queries, group)
    if (members.length > 0) {
      throw new RepairError(
        `${members.length} processes are in the group ${group}: stop all processors first. Nothing was changed.`,
      )
    }
    const audit = openAudit(kafka, topics.audit, config.kafka.partitions)
    try {
      return await recordAct(audit.ports, { act: 'repair', ...act, scope: { group } }, signal, repairAll)
    } finally {
      await audit.close()
    }
  })
}

export function repairLines({ applied, partitions }: RepairReport): readonly string[] {
  const lines: string[] = []
  for (const { partition, ends, recreated, changes, current, inexact, unrepairable } of partitions) {
    for (const [output, { found, promised }] of lostEnds(ends)) {
      lines.push(`partition ${partition}: ${output} ends at ${found}, ${promised} was committed`)
    }
    for (const topic of recreated) {
      const what = `${topic} was deleted and created again`
      lines.push(`partition ${partition}: ${what}; its present id ${applied ? 'is' : 'would be'} committed`)
    }
    if (changes + current > 0) {
      const what = `${changes} records of changes and ${current} states of current`
      lines.push(`partition ${partition}: ${what} ${applied ? 'republished' : 'would be republished'}`)
    }
    lines.push(...inexact.map((text) => `not exact: ${text}`))
    lines.push(...unrepairable.map((text) => `cannot be repaired: ${text}`))
  }
  if (lines.length === 0) {
    return ['changes and current agree: nothing to repair']
  }
  return applied
    ? [...lines, 'done; start the processors, then run paystatus verify']
    : [...lines, 'nothing was changed; run with --apply to repair']
}

/** Whether something is left to do, with `--apply` or by a person. */
export function isLeft({ applied, partitions }: RepairReport): boolean {
  return partitions.some(
    ({ changes, current, recreated, unrepairable, ends }) =>
      unrepairable.length > 0 || (!applied && changes + current + recreated.length + lostEnds(ends).length > 0),
  )
}

/** The outputs that end before what was committed. */
function lostEnds(ends: PartitionRepair['ends']) {
  return Object.entries(ends).filter(([, { found, promised }]) => promised !== null && BigInt(promised) > BigInt(found))
}
