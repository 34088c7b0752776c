import type { Config } from '../../../src/config.ts'
import { loadConfig } from '../../../src/config.ts'
import type { OpensBodies } from '../../../src/encryption/body-opener.ts'
import { NormalizerTask } from '../../../src/normalizer/normalizer-task.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { ByteBudget } from '../../../src/processor/byte-budget.ts'
import { StatusTask } from '../../../src/processor/status-task.ts'
import { PROVIDER_IDS, providerById } from '../../../src/providers/registry.ts'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { toRawRecord } from '../../../src/raw/to-raw-record.ts'
import { KeysInPlace } from '../../../src/stream/keys-in-place.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { OutRecord } from '../../../src/stream/record.ts'
import { SeenTopics } from '../../../src/stream/seen-topics.ts'
import { type PlanOptions, planCallbacks } from '../../../src/tools/simulate/plan.ts'
import type { ComparisonOptions } from '../../../src/tools/verify/comparison.ts'
import { runVerification } from '../../../src/tools/verify/verification.ts'
import type { VerifyReport } from '../../../src/tools/verify/verify-report.ts'
import { topicNames } from '../../../src/topics.ts'
import { MemoryKafka } from '../../lab/harness/memory-kafka.ts'
import { MemoryView } from '../../lab/harness/memory-view.ts'
import { SILENT } from '../../lab/harness/silent-logger.ts'
import { CODECS } from '../../processor/status-world.ts'

const SIGNAL = new AbortController().signal

export const TOPICS = topicNames('')
export const PARTITIONS = 3

/** Raw, both stages and the view in memory. Tests send the callbacks of a plan and run the stages explicitly. */
export class MemoryInstallation {
  readonly kafka = new MemoryKafka(undefined, PARTITIONS)
  readonly view = new MemoryView()
  readonly config: Config
  now = Date.UTC(2026, 5, 1)
  #received = 0
  #tokens = 0

  constructor() {
    const config = loadConfig(undefined, { PAYSTATUS_KAFKA_PARTITIONS: String(PARTITIONS) })
    const sources = PROVIDER_IDS.map((provider) => ({
      id: provider,
      provider,
      path: `/${provider}`,
      namespace: provider,
      successCode: 200 as const,
      currency: 'USD',
      requestsPerSecondMax: 5_000,
      jsonDepthMax: 64,
      authentication: [{ type: 'none' } as const],
    }))
    this.config = { ...config, sources }
  }

  /** Appends the callbacks of a plan to raw, a second apart. Returns the keys of their payments. */
  send(options: Partial<PlanOptions> & Pick<PlanOptions, 'seed' | 'payments'>): readonly string[] {
    const { callbacks, ledger } = planCallbacks({
      duplicateShare: 0.3,
      reorderShare: 0.3,
      malformedShare: 0.1,
      multiPaymentShare: 0.4,
      ...options,
      sources: PROVIDER_IDS.map((provider) => ({ id: provider, provider, namespace: provider })) as never,
    })
    for (const { sourceId, contentType, body } of callbacks) {
      this.receive(sourceId, contentType, body)
    }
    return [...ledger.payments.keys()]
  }

  receive(sourceId: string, contentType: string, body: Buffer): void {
    const provider = providerById(sourceId)
    if (provider === undefined) {
      throw new TypeError(`there is no provider ${sourceId}`)
    }
    this.#received += 1
    this.now += 1_000
    const callback = {
      callbackId: `callback-${this.#received}`,
      source: sourceId,
      namespace: sourceId,
      currency: 'USD',
      receivedAt: this.now,
      contentType,
      authenticity: ['none'],
      body,
    }
    const record = toRawRecord(callback, provider)
    this.kafka.produce(TOPICS.raw, partitionOf(record.key, PARTITIONS), record)
  }

  /**
   * Runs the normalizer from its offset to the end. `misread` stands for another mapping: it returns an event as that one reads it,
   * or null if it reads none.
   */
  async normalize(misread: (event: PaymentEvent) => PaymentEvent | null = (event) => event): Promise<void> {
    const group = this.config.normalizer.group
    const log = (topic: string) => ({
      topic,
      partitions: PARTITIONS,
      append: async (partition: number, records: OutRecord[]) => {
        for (const record of records) {
          this.kafka.produce(topic, partition, record)
        }
      },
    })
    const events = {
      ...log(TOPICS.events),
      append: async (_: number, records: OutRecord[]) => {
        const read = records
          .map(({ value }) => CODECS.event.decode(value as Buffer))
          .filter(({ childKey }) => childKey === null)
        const said = read.map(misread).filter((event) => event !== null)
        for (const event of withChildReports(said)) {
          this.publish(event)
        }
      },
    }
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const task = new NormalizerTask({
        partition,
        group,
        rawTopic: TOPICS.raw,
        sources: sourcesById(this.config.sources),
        events: events as never,
        deadLetters: log(TOPICS.rawDeadLetters) as never,
        codec: CODECS.event,
        bodies: { open: async (records) => records },
        reader: this.kafka.reader,
        offsets: this.kafka.offsets,
        logs: this.kafka.logs,
        seenTopics: new SeenTopics(),
        environment: this.config.environment,
        namespaces: new Map(),
        commit: async (of, next, metadata) => this.kafka.moveGroup(group, TOPICS.raw, of, next, metadata),
        now: () => this.now,
        onTranslated: () => {},
        onDrift: () => {},
        onUnknownSource: () => {},
      })
      const { offset } = await task.open()
      const records = this.kafka.records(TOPICS.raw, partition).filter((record) => record.offset >= offset)
      const last = records.at(-1)
      if (last !== undefined) {
        await task.process(records, last.offset + 1n)
        await task.drained()
      }
      await task.close()
    }
  }

  /** Runs the status processor from its offset to the end. */
  async process(partitions: readonly number[] = [0, 1, 2]): Promise<void> {
    const group = this.config.processor.group
    for (const partition of partitions) {
      const task = new StatusTask({
        partition,
        group,
        topics: TOPICS,
        clusterId: 'memory-cluster',
        codecs: CODECS,
        store: this.view,
        reader: this.kafka.reader,
        offsets: this.kafka.offsets,
        logs: this.kafka.logs,
        seenTopics: new SeenTopics(),
        keys: new KeysInPlace(
          TOPICS.current,
          this.kafka.reader,
          (key, of, partitions) => partitionOf(key, partitions) === of,
        ),
        environment: this.config.environment,
        transactionalId: `t.p${partition}`,
        formerTransactionalIds: [],
        openTransactions: () => this.kafka.openTransactions(`t.p${partition}`, group, TOPICS.events, partition),
        duePolicy: this.config.payments,
        portionBytesMax: 1_000_000,
        budget: new ByteBudget(1_000_000),
        restoreBudget: new ByteBudget(1_000_000),
        now: () => this.now,
        newToken: () => {
          this.#tokens += 1
          return `assignment-${this.#tokens}`
        },
        report: { waiting: () => {}, going: () => {} },
        onCommitted: () => {},
        onRestored: () => {},
        logger: SILENT,
      })
      const { offset } = await task.open(SIGNAL)
      const records = this.kafka.records(TOPICS.events, partition).filter((record) => record.offset >= offset)
      const last = records.at(-1)
      if (last !== undefined) {
        await task.process(records, last.offset + 1n, SIGNAL)
      }
      await task.idle(SIGNAL)
      await task.close()
    }
  }

  /** Appends an event to `payments.events`. */
  publish(event: PaymentEvent): void {
    const key = Buffer.from(event.paymentKey)
    this.kafka.produce(TOPICS.events, partitionOf(key, PARTITIONS), { key, value: CODECS.event.encode(event) })
  }

  async work(): Promise<void> {
    await this.normalize()
    await this.process()
  }

  verify(
    options: ComparisonOptions = {},
    bodies: OpensBodies = { open: async (records) => records },
    config = this.config,
  ): Promise<VerifyReport> {
    const { kafka, view } = this
    const { reader, offsets } = kafka
    const ports = { reader, bodies, offsets, codecs: CODECS, store: view, now: () => this.now, sleep: async () => {} }
    return runVerification(ports, config, options)
  }
}
