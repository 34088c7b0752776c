import { LastRecord } from '../../src/avro/avro-bytes.ts'
import { changeCodec, type PaymentCodecs, paymentEventCodec, stateCodec } from '../../src/avro/payment-codecs.ts'
import { readTopicSchemas } from '../../src/avro/schema-files.ts'
import type { FoundSchema } from '../../src/avro/schema-registry.ts'
import type { PaymentState } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { StatusChangeRecord } from '../../src/payment/status-change.ts'
import { addTotals, type Totals, totalsDifference, totalsFrom } from '../../src/payment/totals.ts'
import { ByteBudget } from '../../src/processor/byte-budget.ts'
import type { DuePolicy } from '../../src/processor/due.ts'
import { StatusTask } from '../../src/processor/status-task.ts'
import type { StatusTaskOptions } from '../../src/processor/status-task-options.ts'
import { fromMarkerText, fromMetadataText } from '../../src/processor/view-marker.ts'
import { KeysInPlace } from '../../src/stream/keys-in-place.ts'
import type { OutRecord } from '../../src/stream/record.ts'
import { SeenTopics } from '../../src/stream/seen-topics.ts'
import { topicNames } from '../../src/topics.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'
import { MemoryView } from '../lab/harness/memory-view.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'

export const PARTITION = 3
export const GROUP = 'processor'
export const TOPICS = topicNames('')
export const DAY_MS = 86_400_000
export const DUE_POLICY: DuePolicy = {
  retentionMs: 400 * DAY_MS,
  nextStatusWithin: { default: 3 * DAY_MS, providers: {} },
}

/** The schemas in the registry of these tests, by id. */
const SCHEMAS = readTopicSchemas(TOPICS)
export const registered = (schemaId: number): FoundSchema => {
  const found = SCHEMAS[schemaId - 1]
  return found === undefined ? { found: 'none' } : { found: 'avro', schema: found.schema, subjects: [found.subject] }
}

/** Codecs that use this registry; by default one with the right schemas. */
export function codecsOf(schemaById = registered, now = () => 0): PaymentCodecs {
  const optionsOf = (schemaId: number) => ({
    schemaId,
    subject: SCHEMAS[schemaId - 1]?.subject ?? '',
    fetchSchema: async (id: number) => schemaById(id),
    now,
  })
  const last = new LastRecord('paystatus.v1.PaymentEvent')
  return {
    event: paymentEventCodec(optionsOf(1)),
    change: changeCodec({ ...optionsOf(2), last }),
    state: stateCodec({ ...optionsOf(3), last }),
  }
}

export const CODECS = codecsOf()

/** One partition of the status processor with its Kafka and Redis, all in memory; tests create as many tasks as they need. */
export class StatusWorld {
  readonly kafka = new MemoryKafka()
  readonly view = new MemoryView()
  now = 1_000 * DAY_MS
  /** How each opening restored the view. */
  readonly restored: string[] = []
  /** What the tasks reported as committed, for the metrics. */
  reported: Totals = totalsFrom(0n)
  /** Records that the commits passed without an outcome, or with several (I8). */
  unaccounted = 0
  #tokens = 0

  task(changes: Partial<StatusTaskOptions> = {}): StatusTask {
    return new StatusTask({
      partition: PARTITION,
      group: GROUP,
      topics: TOPICS,
      clusterId: 'memory-cluster',
      codecs: CODECS,
      store: this.view,
      reader: this.kafka.reader,
      offsets: this.kafka.offsets,
      logs: this.kafka.logs,
      seenTopics: new SeenTopics(),
      // Every key is in place: there is only one partition.
      keys: new KeysInPlace(TOPICS.current, this.kafka.reader, () => true),
      environment: 'test',
      transactionalId: 't.p3',
      formerTransactionalIds: ['former.t.p3'],
      openTransactions: () => this.kafka.openTransactions('t.p3', GROUP, TOPICS.events, PARTITION),
      duePolicy: DUE_POLICY,
      portionBytesMax: 1_000_000,
      budget: new ByteBudget(1_000_000),
      restoreBudget: new ByteBudget(1_000_000),
      now: () => this.now,
      newToken: () => {
        this.#tokens += 1
        return `assignment-${this.#tokens}`
      },
      report: { waiting: () => {}, going: () => {} },
      onCommitted: ({ totals, advanced }) => {
        this.reported = addTotals(this.reported, totals)
        this.unaccounted += Math.abs(Number(advanced) - totals.events) + Math.abs(totalsDifference(totals))
      },
      onRestored: (kind) => this.restored.push(kind),
      logger: SILENT,
      ...changes,
    })
  }

  arrive(...events: PaymentEvent[]): void {
    for (const event of events) {
      this.kafka.produce(TOPICS.events, PARTITION, { key: event.paymentKey, value: CODECS.event.encode(event) })
    }
  }

  arriveRaw(record: OutRecord): void {
    this.kafka.produce(TOPICS.events, PARTITION, record)
  }

  /** The next records from an offset, as a lane would pass them; undefined at the end. */
  batch(from: bigint, max = 1_000) {
    return this.batchOf(TOPICS.events, PARTITION, from, max)
  }

  batchOf(topic: string, partition: number, from: bigint, max = 1_000) {
    const records = this.kafka
      .records(topic, partition)
      .filter(({ offset }) => offset >= from)
      .slice(0, max)
    const last = records.at(-1)
    return last === undefined ? undefined : { records, next: last.offset + 1n }
  }

  /** Opens a task and lets it process all events. Returns the open task. */
  async run(task = this.task(), batchMax = 1_000): Promise<StatusTask> {
    const { signal } = new AbortController()
    let { offset } = await task.open(signal)
    for (let batch = this.batch(offset, batchMax); batch !== undefined; batch = this.batch(offset, batchMax)) {
      await task.process(batch.records, batch.next, signal)
      offset = batch.next
    }
    return task
  }

  /** Every event in the topic, including repeats. */
  events(): PaymentEvent[] {
    return this.kafka.records(TOPICS.events, PARTITION).map(({ value }) => CODECS.event.decode(value as Buffer))
  }

  changes(): StatusChangeRecord[] {
    return this.kafka
      .records(TOPICS.changes, PARTITION)
      .map(({ value }) => CODECS.change.decode(value as Buffer) as StatusChangeRecord)
  }

  current(): Map<string, PaymentState> {
    return new Map(
      [...this.kafka.latest(TOPICS.current, PARTITION)].map(([key, value]) => [key, CODECS.state.decode(value)]),
    )
  }

  deadLetters() {
    return this.kafka.records(TOPICS.eventDeadLetters, PARTITION)
  }

  /** Where everything that is visible to others ends; unchanged means that nothing was published. */
  published() {
    return {
      changes: this.kafka.records(TOPICS.changes, PARTITION).length,
      current: this.kafka.records(TOPICS.current, PARTITION).length,
      deadLetters: this.deadLetters().length,
      committed: this.kafka.committed(GROUP, TOPICS.events, PARTITION),
    }
  }

  /** The totals in the metadata of the committed offset. */
  totals(): Totals | undefined {
    return fromMetadataText(this.kafka.committed(GROUP, TOPICS.events, PARTITION).metadata)?.totals
  }

  async markerTotals(): Promise<Totals | undefined> {
    return fromMarkerText(await this.view.marker(PARTITION))?.totals
  }
}
