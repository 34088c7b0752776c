import { v7 as uuidv7 } from 'uuid'
import { createKafkaAppendLog } from '../../kafka/kafka-append-log.ts'
import type { KafkaClient } from '../../kafka/kafka-client.ts'
import { toAuditValue } from './audit-record.ts'
import { AUDIT_PARTITION } from './list-acts.ts'
import type { ActPorts } from './record-act.ts'

/** Ports for `recordAct` on the real topic. Connects when first used; close it afterwards. */
export function openAudit(
  kafka: KafkaClient,
  topic: string,
  partitions: number,
): { readonly ports: ActPorts; close(): Promise<void> } {
  const { log, close } = createKafkaAppendLog(kafka, {
    topic,
    partitions,
    waitingRecordsMax: 100,
    waitingBytesMax: 1 << 20,
    retryForMs: 10_000,
  })
  return {
    ports: {
      log: {
        append: (record) => log.append(AUDIT_PARTITION, [{ key: record.id, value: toAuditValue(record) }]),
      },
      newId: uuidv7,
      now: Date.now,
    },
    close,
  }
}
