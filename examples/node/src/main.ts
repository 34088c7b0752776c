/** Acts on every step of every payment, and knows what is true of each: the rules of docs/consumers.md are the client's. */
import { open } from '@paystatus/client'
import { TableFile } from './table-file.ts'

const {
  KAFKA_BROKERS = 'localhost:9092',
  SCHEMA_REGISTRY_URL = 'http://localhost:8081',
  CHANGES_TOPIC = 'payments.status.changes',
  CURRENT_TOPIC = 'payments.status.current',
  GROUP_ID = 'node-sample',
  TABLE_FILE,
} = process.env

const client = await open({
  brokers: KAFKA_BROKERS.split(','),
  registry: SCHEMA_REGISTRY_URL,
  groupId: GROUP_ID,
  changesTopic: CHANGES_TOPIC,
  currentTopic: CURRENT_TOPIC,
  table: 'all',
  // How long a killed process keeps its partitions.
  sessionTimeout: 10_000,
  observe: (observation) => {
    // Such as a registry that does not answer. The client tries again.
    if (observation.type === 'trouble') console.error(`trying again: ${observation.error}`)
  },
})
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void client.stop())

const table = TABLE_FILE === undefined ? undefined : new TableFile(TABLE_FILE)
await client.onChange((change) => {
  if (change.kind === 'step' && change.step.statusChanged) {
    // Your code. At least once: keep `change.version` with what you store, or give `onChange` a store.
    console.log(`${change.paymentKey}: ${change.step.statusBefore} -> ${change.step.statusAfter}`)
  }
  table?.apply(change)
})
// Now it follows. A group that continues is not told what it knows already.
for (const payment of client.payments()) table?.put(payment)
// Rejects if the client fails for good, which ends the process.
await client.closed
