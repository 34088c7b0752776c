import { appendFileSync } from 'node:fs'
import { open, type PaymentStatus } from '../../../packages/client/src/client.ts'

/** A subscriber on @paystatus/client as the conformance kit starts one: it appends a line to its table for every change. */

const { KAFKA_BROKERS = '', SCHEMA_REGISTRY_URL = '', CHANGES_TOPIC, CURRENT_TOPIC, GROUP_ID = '' } = process.env
const { TABLE_FILE = '' } = process.env
const steps = new Map<string, [incarnation: number, statusVersion: number][]>()

const client = await open({
  brokers: KAFKA_BROKERS.split(','),
  registry: SCHEMA_REGISTRY_URL,
  groupId: GROUP_ID,
  ...(CHANGES_TOPIC !== undefined && { changesTopic: CHANGES_TOPIC }),
  ...(CURRENT_TOPIC !== undefined && { currentTopic: CURRENT_TOPIC }),
  sessionTimeout: 6_000,
  heartbeatInterval: 500,
})
process.once('SIGTERM', () => void client.stop())
await client.onChange((change) => {
  const { kind, paymentKey, version } = change
  if (kind === 'forgotten') {
    write({ paymentKey, forgotten: true })
    return
  }
  if (kind === 'step' && !change.isReplay) {
    const acted = steps.get(paymentKey) ?? []
    acted.push([version.incarnation, version.statusVersion])
    steps.set(paymentKey, acted)
  }
  if (change.payment !== undefined) {
    write(rowOf(change.payment))
  }
})
// After a restart its table may lack what was in `current` before.
for (const payment of client.payments()) {
  write(rowOf(payment))
}
await client.closed

function rowOf({ paymentKey, incarnation, statusVersion, status, finality, kind, amount }: PaymentStatus) {
  return { paymentKey, incarnation, statusVersion, status, finality, kind, amount, steps: steps.get(paymentKey) ?? [] }
}

function write(row: object): void {
  appendFileSync(TABLE_FILE, `${JSON.stringify(row)}\n`)
}
