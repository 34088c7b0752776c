import { partitionOf } from '../../../packages/client/src/kafkajs-internals.ts'
import { loadPaymentCodecs, type PaymentCodecs } from '../../../src/avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../../src/avro/schema-registry.ts'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { addOutcome, type BatchOutput, emptyOutput, outputOfTimers } from '../../../src/processor/batch-output.ts'
import type { DuePolicy } from '../../../src/processor/due.ts'
import { foldBatch } from '../../../src/processor/fold-batch.ts'
import { StepHeaders } from '../../../src/processor/step-headers.ts'
import type { PartitionTransactions } from '../../../src/stream/transactions.ts'
import { applySchemas } from '../../../src/tools/schemas.ts'
import { type TopicNames, topicNames } from '../../../src/topics.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { TopicBench } from '../harness/topic-bench.ts'
import type { StackInfo } from '../stack/stack.ts'

const DAY_MS = 86_400_000
const DUE_POLICY: DuePolicy = { retentionMs: 400 * DAY_MS, nextStatusWithin: { default: null, providers: {} } }

/** Publishes the steps of payments as the status processor does, with its own code, into topics of a test. */
export class StatusPublisher {
  readonly prefix: string
  readonly topics: TopicNames
  readonly bench: TopicBench
  readonly #partitions: number
  readonly #codecs: PaymentCodecs
  readonly #headers: StepHeaders
  readonly #states = new Map<string, PaymentState>()
  readonly #transactions = new Map<number, PartitionTransactions>()
  #events = 0

  private constructor(bench: TopicBench, codecs: PaymentCodecs, partitions: number) {
    this.bench = bench
    this.prefix = bench.name('')
    this.topics = topicNames(this.prefix)
    this.#codecs = codecs
    this.#headers = new StepHeaders(this.topics.changes)
    this.#partitions = partitions
  }

  static async create(stack: StackInfo, partitions = 2): Promise<StatusPublisher> {
    const bench = await TopicBench.create(stack)
    const names = topicNames('')
    await bench.createTopic(names.changes, {}, partitions)
    await bench.createTopic(names.current, { 'cleanup.policy': 'compact', 'max.message.bytes': '2097152' }, partitions)
    const topics = topicNames(bench.name(''))
    const connection = { url: stack.registryUrl }
    await applySchemas(connection, topics, () => {})
    const codecs = await loadPaymentCodecs(createSchemaRegistry(connection), topics, Date.now)
    return new StatusPublisher(bench, codecs, partitions)
  }

  state(paymentKey: string): PaymentState | undefined {
    return this.#states.get(paymentKey)
  }

  /** As if what was published since had never been. */
  restore(paymentKey: string, state: PaymentState | undefined): void {
    if (state === undefined) {
      this.#states.delete(paymentKey)
    } else {
      this.#states.set(paymentKey, state)
    }
  }

  partitionOf(paymentKey: string): number {
    return partitionOf(paymentKey, this.#partitions)
  }

  /** One transaction with an event for each of these payments, which are in one partition. */
  async publish(events: readonly (Partial<PaymentEvent> & Pick<PaymentEvent, 'paymentKey'>)[]): Promise<void> {
    await this.publishOutput(this.outputOf(events))
  }

  /** What `publish` would write; the payments have moved on. */
  outputOf(events: readonly (Partial<PaymentEvent> & Pick<PaymentEvent, 'paymentKey'>)[]): BatchOutput {
    const output = emptyOutput()
    for (const changes of events) {
      this.#events += 1
      const event = sampleEvent({
        eventId: String(this.#events).padStart(32, '0'),
        naturalKey: String(this.#events),
        occurredAt: 1_732_000_000_000 + this.#events * 1_000,
        receivedAt: 1_732_000_000_000 + this.#events,
        ...changes,
      })
      const { paymentKey } = event
      const record = { key: Buffer.from(paymentKey), value: null, headers: {}, offset: 0n, timestamp: 0 }
      const outcome = foldBatch([{ record, event }], () => this.#states.get(paymentKey), Date.now(), output.totals)
      addOutcome(output, outcome, this.#context(paymentKey), Date.now())
      if (outcome.state !== null) {
        this.#states.set(paymentKey, outcome.state)
      }
    }
    return output
  }

  async forget(paymentKey: string): Promise<void> {
    const later = Date.now() + 401 * DAY_MS
    const output = outputOfTimers([paymentKey], (key) => this.#states.get(key), this.#context(paymentKey), later)
    this.#states.delete(paymentKey)
    await this.publishOutput(output)
  }

  /** @param outcome Whether the transaction is committed or rolled back. */
  async publishOutput(
    { current, changes }: Pick<BatchOutput, 'current' | 'changes'>,
    outcome: 'commit' | 'abort' = 'commit',
  ): Promise<void> {
    const partition = this.partitionOf(String((current[0] ?? changes[0])?.key))
    const transactions = await this.#transactionsOf(partition)
    const run = transactions.run(async (scope) => {
      for (const [topic, records] of [
        [this.topics.current, current],
        [this.topics.changes, changes],
      ] as const) {
        if (records.length > 0) {
          await scope.append(topic, partition, records)
        }
      }
      if (outcome === 'abort') {
        throw new Error('rolled back')
      }
    })
    await (outcome === 'abort' ? run.catch(() => this.#abandon(partition, transactions)) : run)
  }

  async close(): Promise<void> {
    await this.bench.close()
  }

  /** The next opening aborts what is open. */
  async #abandon(partition: number, transactions: PartitionTransactions): Promise<void> {
    this.#transactions.delete(partition)
    await transactions.close()
    await this.#transactionsOf(partition)
  }

  async #transactionsOf(partition: number): Promise<PartitionTransactions> {
    const known = this.#transactions.get(partition)
    if (known !== undefined) {
      return known
    }
    const opened = await this.bench.transactions(`writer-${partition}`, { inputTopic: this.topics.events })
    this.#transactions.set(partition, opened)
    return opened
  }

  #context(paymentKey: string) {
    return {
      codecs: this.#codecs,
      duePolicy: DUE_POLICY,
      topics: this.topics,
      partition: this.partitionOf(paymentKey),
      stepHeaders: this.#headers,
    }
  }
}
