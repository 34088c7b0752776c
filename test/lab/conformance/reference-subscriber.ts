import { rename, writeFile } from 'node:fs/promises'
import { loadPaymentCodecs, type PaymentCodecs } from '../../../src/avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../../src/avro/schema-registry.ts'
import { assertNoError } from '../../../src/kafka/client/client-errors.ts'
import { readRecordBatches } from '../../../src/kafka/client/read-record-batches.ts'
import { ANY_EPOCH, FETCH, LIST_OFFSETS, READ_COMMITTED, READ_UNCOMMITTED } from '../../../src/kafka/client/requests.ts'
import { createKafka, type KafkaClient } from '../../../src/kafka/kafka-client.ts'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { publishedFinalityOf, type StatusChangeRecord } from '../../../src/payment/status-change.ts'
import type { InRecord } from '../../../src/stream/record.ts'
import type { Subscriber } from '../../../src/tools/conformance/subscriber-process.ts'
import { topicNames } from '../../../src/topics.ts'
import { SILENT } from '../harness/silent-logger.ts'

/** What a wrong subscriber does. Each is one place in the correct one. */
export const FLAWS = [
  'arrival order: takes the status of the event',
  'no version: takes every record',
  'no incarnation: compares versions only',
  'reads uncommitted',
  'ignores tombstones',
  'ends on a newer schema',
  'does not read current at the start',
  'waits for a record at the last offset of current',
  'does not fill gaps',
  'sums children',
  'counts a restated event twice',
  'keeps what was withdrawn',
  'acts on a step before it looks at the version',
  'acts on changes of the status only',
  'ends on a step without an event',
  'does not read current after a restart',
  'invents a payment for a child',
  'writes no JSON',
] as const
export type Flaw = (typeof FLAWS)[number]

interface Payment {
  incarnation: number
  statusVersion: number
  status: string
  finality: string
  kind: string
  /** The amounts of its own events that count, by event id. */
  readonly amounts: Map<string, PaymentEvent['amount']>
  readonly steps: [number, number][]
}

const LATEST = -1n
const EARLIEST = -2n

/**
 * A subscriber that does what docs/consumers.md asks, and writes its table to a file. It shares no code for reading with the
 * tools except the protocol. Without a flaw it is correct.
 */
export class ReferenceSubscriber implements Subscriber {
  readonly #environment: Readonly<Record<string, string>>
  readonly #flaw: Flaw | undefined
  #running: AbortController | undefined
  #done: Promise<void> = Promise.resolve()
  #ended: string | null = null
  #starts = 0

  constructor(environment: Readonly<Record<string, string>>, flaw?: Flaw) {
    this.#environment = environment
    this.#flaw = flaw
  }

  async start(): Promise<void> {
    this.#starts += 1
    const running = new AbortController()
    this.#running = running
    const life = new Life(this.#environment, (flaw) => this.#has(flaw), running.signal)
    this.#done = life.run().catch((error: Error) => {
      if (!running.signal.aborted) {
        this.#ended = `the subscriber ended: ${error.message}`
      }
    })
  }

  #has(flaw: Flaw): boolean {
    return (
      this.#flaw === flaw ||
      (flaw === 'does not read current at the start' &&
        this.#flaw === 'does not read current after a restart' &&
        this.#starts > 1)
    )
  }

  ended(): string | null {
    return this.#ended
  }

  /** Resolves when it has ended. */
  done(): Promise<void> {
    return this.#done
  }

  readonly kill = async (): Promise<void> => {
    this.#running?.abort()
    await this.#done
  }

  stop(): Promise<void> {
    return this.kill()
  }
}

/** From a start to the next end: nothing is kept in between. */
class Life {
  readonly #environment: Readonly<Record<string, string>>
  readonly #has: (flaw: Flaw) => boolean
  readonly #signal: AbortSignal
  readonly #kafka: KafkaClient
  readonly #changes: string
  readonly #current: string
  readonly #payments = new Map<string, Payment>()
  readonly #invented = new Set<string>()
  #writing: Promise<void> | undefined

  constructor(environment: Readonly<Record<string, string>>, has: (flaw: Flaw) => boolean, signal: AbortSignal) {
    this.#environment = environment
    this.#has = has
    this.#signal = signal
    const brokers = environment['KAFKA_BROKERS']?.split(',') ?? []
    this.#kafka = createKafka({ connection: { brokers }, clientId: 'reference-subscriber', logger: SILENT })
    this.#changes = environment['CHANGES_TOPIC'] ?? ''
    this.#current = environment['CURRENT_TOPIC'] ?? ''
  }

  async run(): Promise<void> {
    try {
      const registry = createSchemaRegistry({ url: this.#environment['SCHEMA_REGISTRY_URL'] ?? '' })
      const topics = { ...topicNames(''), changes: this.#changes, current: this.#current }
      topics.events = this.#changes.replace('payments.status.changes', 'payments.events')
      const codecs = await loadPaymentCodecs(registry, topics, Date.now)
      const { leaders } = await this.#kafka.queries.retried(() => this.#kafka.queries.topic(this.#changes))
      const partitions = leaders.map((_, partition) => partition)
      const starts = await Promise.all(partitions.map((partition) => this.#endOfChanges(partition)))
      await Promise.all(partitions.map((partition) => this.#readCurrent(partition, codecs)))
      await this.#writeTable()
      await Promise.all(partitions.map((partition) => this.#follow(partition, starts[partition] ?? 0n, codecs)))
    } finally {
      await this.#writing?.catch(() => {})
      await this.#kafka.queries.close()
    }
  }

  #endOfChanges(partition: number): Promise<bigint> {
    return this.#offset(this.#changes, partition, LATEST, READ_COMMITTED)
  }

  /** Reads a partition of `current` from its beginning to its end as of now. `only`: takes only this payment. */
  async #readCurrent(partition: number, codecs: PaymentCodecs, only?: string): Promise<void> {
    if (only === undefined && this.#has('does not read current at the start')) {
      return
    }
    const end = await this.#offset(this.#current, partition, LATEST, READ_UNCOMMITTED)
    let at = await this.#offset(this.#current, partition, EARLIEST, READ_COMMITTED)
    let last = -1n
    while (at < end || (this.#has('waits for a record at the last offset of current') && last < end - 1n)) {
      const { records, next } = await this.#fetch(this.#current, partition, at)
      for (const { key, value, offset } of records) {
        last = offset
        const paymentKey = String(key)
        if (only !== undefined && only !== paymentKey) {
          continue
        }
        if (value !== null) {
          this.#takeState(await codecs.state.decodeFetching(value, { topic: this.#current, partition, offset }))
        } else if (!this.#has('ignores tombstones')) {
          this.#payments.delete(paymentKey)
        }
      }
      at = next
    }
  }

  #takeState(state: PaymentState): void {
    const { paymentKey, incarnation, statusVersion, status, kind, events } = state
    const known = this.#payments.get(paymentKey)
    if (known !== undefined && !this.#isNewer(state, known)) {
      return
    }
    const own = events.filter(({ event }) => event.childKey === null && !event.withdrawn)
    this.#payments.set(paymentKey, {
      incarnation,
      statusVersion,
      status,
      finality: publishedFinalityOf(status),
      kind,
      amounts: new Map(own.map(({ event }) => [event.eventId, event.amount])),
      steps: known?.steps ?? [],
    })
  }

  async #follow(partition: number, from: bigint, codecs: PaymentCodecs): Promise<void> {
    let at = from
    while (!this.#signal.aborted) {
      const { records, next } = await this.#fetch(this.#changes, partition, at)
      for (const { value, offset } of records) {
        if (value === null) {
          continue
        }
        if (this.#has('ends on a newer schema') && value.readUInt32BE(1) !== codecs.change.schemaId) {
          throw new Error('a schema that I do not know')
        }
        const change = await codecs.change.decodeFetching(value, { topic: this.#changes, partition, offset })
        await this.#takeChange(change, partition, codecs)
      }
      at = next
      if (records.length > 0) {
        await this.#writeTable()
      }
    }
  }

  async #takeChange(change: StatusChangeRecord, partition: number, codecs: PaymentCodecs): Promise<void> {
    const { paymentKey, incarnation, statusVersion, event } = change
    const known = this.#payments.get(paymentKey)
    const step: [number, number] = [incarnation, statusVersion]
    if (this.#has('acts on a step before it looks at the version')) {
      known?.steps.push(step)
    }
    if (known !== undefined && !this.#isNewer(change, known) && !this.#has('no version: takes every record')) {
      return
    }
    if (event === null && this.#has('ends on a step without an event')) {
      throw new Error('event is null')
    }
    const isSame = known?.incarnation === incarnation
    if (statusVersion > (isSame ? known.statusVersion : 0) + 1 && !this.#has('does not fill gaps')) {
      await this.#readCurrent(partition, codecs, paymentKey)
      const filled = this.#payments.get(paymentKey)
      if (filled !== undefined && !this.#isNewer(change, filled)) {
        return
      }
    }
    const payment: Payment = {
      incarnation,
      statusVersion,
      status: this.#has('arrival order: takes the status of the event')
        ? (event?.status ?? change.statusAfter)
        : change.statusAfter,
      finality: change.finality,
      kind: change.kind,
      amounts: isSame ? known.amounts : new Map(),
      steps: known?.steps ?? (this.#has('acts on a step before it looks at the version') ? [step] : []),
    }
    if (event !== null) {
      this.#count(payment, change.verdict, event)
    }
    const acts = change.statusChanged || !this.#has('acts on changes of the status only')
    if (acts && !this.#has('acts on a step before it looks at the version')) {
      payment.steps.push(step)
    }
    this.#payments.set(paymentKey, payment)
  }

  /** Keeps the amounts of the events that count. */
  #count({ amounts, ...payment }: Payment, verdict: string, event: PaymentEvent): void {
    if (event.childKey !== null) {
      if (this.#has('sums children')) {
        amounts.set(event.eventId, event.amount)
      }
      if (this.#has('invents a payment for a child')) {
        this.#invented.add(`${event.childKey}:child`)
      }
    } else if (verdict === 'WITHDRAWN') {
      if (!this.#has('keeps what was withdrawn')) {
        amounts.delete(event.eventId)
      }
    } else if (verdict === 'RESTATED' && this.#has('counts a restated event twice')) {
      amounts.set(`${event.eventId} again ${payment.statusVersion}`, sum(amounts.get(event.eventId), event.amount))
    } else {
      amounts.set(event.eventId, event.amount)
    }
  }

  #isNewer(
    a: Pick<Payment, 'incarnation' | 'statusVersion'>,
    b: Pick<Payment, 'incarnation' | 'statusVersion'>,
  ): boolean {
    const byIncarnation = this.#has('no incarnation: compares versions only') ? 0 : a.incarnation - b.incarnation
    return (byIncarnation || a.statusVersion - b.statusVersion) > 0
  }

  async #fetch(
    topic: string,
    partition: number,
    offset: bigint,
  ): Promise<{ records: readonly InRecord[]; next: bigint }> {
    this.#signal.throwIfAborted()
    const isolationLevel = this.#has('reads uncommitted') ? READ_UNCOMMITTED : READ_COMMITTED
    const { queries } = this.#kafka
    const { id } = await queries.topic(topic)
    const place = { partition, offset, lastFetchedEpoch: ANY_EPOCH, maxBytes: 1 << 20 }
    const body = { maxWaitMs: 100, maxBytes: 1 << 20, isolationLevel, topics: [{ id, partitions: [place] }] }
    const answer = await queries.onCurrentLeader(topic, partition, (leader) =>
      leader.send(FETCH, body, { on: `fetch ${id} ${partition}` }),
    )
    this.#signal.throwIfAborted()
    const found = answer.topics[0]?.partitions[0]
    assertNoError(found?.errorCode ?? 0)
    return readRecordBatches(found?.records ?? Buffer.alloc(0), offset, found?.abortedTransactions ?? null)
  }

  async #offset(topic: string, partition: number, timestamp: bigint, isolationLevel: number): Promise<bigint> {
    const topics = [{ name: topic, partitions: [{ partition, timestamp }] }]
    const answer = await this.#kafka.queries.onCurrentLeader(topic, partition, (leader) =>
      leader.send(LIST_OFFSETS, { isolationLevel, topics }),
    )
    const found = answer.topics[0]?.partitions[0]
    assertNoError(found?.errorCode ?? 0)
    return found?.offset ?? 0n
  }

  /** One write at a time; each has everything known when it begins. */
  async #writeTable(): Promise<void> {
    while (this.#writing !== undefined) {
      await this.#writing
    }
    const file = this.#environment['TABLE_FILE'] ?? ''
    this.#writing = writeFile(`${file}.new`, this.#table()).then(() => rename(`${file}.new`, file))
    await this.#writing.finally(() => {
      this.#writing = undefined
    })
  }

  #table(): string {
    if (this.#has('writes no JSON')) {
      return 'paymentKey;status\n'
    }
    const rows = [...this.#payments].map(([paymentKey, { amounts, ...row }]) => ({
      paymentKey,
      ...row,
      amount: [...amounts.values()].findLast((amount) => amount !== null) ?? null,
    }))
    const invented = [...this.#invented].map((paymentKey) => ({
      paymentKey,
      incarnation: 1,
      statusVersion: 1,
      status: 'COMPLETED',
    }))
    return [...rows, ...invented].map((row) => `${JSON.stringify(row)}\n`).join('')
  }
}

function sum(a: PaymentEvent['amount'] | undefined, b: PaymentEvent['amount']): PaymentEvent['amount'] {
  return b && { ...b, value: (Number(a?.value ?? 0) + Number(b.value)).toFixed(2) }
}
