import type { CommittedOffset, GroupOffsets } from '../../../src/stream/group-offsets.ts'
import type { PartitionRange, PartitionReader, Standing } from '../../../src/stream/partition-reader.ts'
import type { InRecord, OutRecord } from '../../../src/stream/record.ts'
import type { LogPlace, TopicFacts, TopicLogs } from '../../../src/stream/topic-logs.ts'
import type { PartitionTransactions, TransactionScope } from '../../../src/stream/transactions.ts'

/**
 * Every call of a stage to Kafka, as a point where the stage can crash. At `.before` nothing has happened; at `.after` the
 * call has taken effect and its answer is lost.
 */
export const KAFKA_STEPS = [
  'init',
  'committed',
  'range',
  'settle',
  'decided',
  'facts',
  'epoch',
  'at',
  'read',
  'append',
  'offset',
  'commit',
] as const
export type KafkaStep = `${(typeof KAFKA_STEPS)[number]}.${'before' | 'after'}`

/** Called at every step. Throws to crash the caller there, or waits to suspend it there. */
export type OnStep = (step: KafkaStep) => void | Promise<void>

interface Transaction {
  state: 'open' | 'committed' | 'aborted'
  readonly logs: Set<Entry[]>
  readonly offsets: Map<string, CommittedOffset>
}

interface Entry {
  readonly offset: bigint
  /** Null for a control record: it takes an offset but is not visible. */
  readonly record: InRecord | null
  transaction: Transaction | null
}

/** The first offset written by a leader. */
interface Epoch {
  readonly leaderEpoch: number
  readonly start: bigint
}

/** The error of a producer that was fenced by a newer one. */
export class FencedError extends Error {
  readonly code = 'INVALID_PRODUCER_EPOCH'

  constructor() {
    super('a newer producer has this transactional id')
    this.name = 'FencedError'
  }
}

/**
 * A small Kafka in memory, for unit and simulation tests: logs with control records, transactions that are invisible
 * until their commit, offsets with metadata inside the transaction, and fencing by producer epoch. As with the real one,
 * a failed transaction stays open until the next producer of its id ends it, and holds back read_committed readers.
 *
 * Like the real one (KAFKA-20734), it can leave a transaction half-ended: `skipsMarker` says where. Records there stay
 * undecided until the next transaction of that producer ends there, and share its outcome. This happens when a broker is
 * lost, so the producer has lost its connection, too.
 */
export class MemoryKafka {
  onStep: OnStep = () => {}
  /** Whether ending a transaction skips the marker in a topic's partition, or the one for its offsets. */
  skipsMarker: (of: string) => boolean = () => false
  readonly #logs = new Map<string, Entry[]>()
  readonly #names = new Map<Entry[], string>()
  /** The leaders of each log, oldest first. */
  readonly #leadersOf = new Map<string, Epoch[]>()
  readonly #facts = new Map<string, TopicFacts>()
  readonly #starts = new Map<string, bigint>()
  readonly #offsets = new Map<string, CommittedOffset>()
  readonly #epochs = new Map<string, number>()
  readonly #openTransaction = new Map<string, Transaction>()
  readonly #undecided = new Map<string, Transaction[]>()
  readonly #clusterId: string
  readonly #partitions: number

  /** @param partitions The partition count of every topic, until one is recreated or grows. */
  constructor(clusterId = 'memory-cluster', partitions = 6) {
    this.#clusterId = clusterId
    this.#partitions = partitions
  }

  /** Appends outside of any transaction, as the previous stage does. */
  produce(topic: string, partition: number, record: OutRecord): bigint {
    const log = this.#log(topic, partition)
    const offset = this.#end(topic, partition)
    log.push(this.#entry(log, record, offset, null))
    return offset
  }

  readonly logs: TopicLogs = {
    facts: async (topics) => {
      await this.onStep('facts.before')
      const facts = new Map(topics.map((topic) => [topic, this.factsOf(topic)]))
      await this.onStep('facts.after')
      return facts
    },
    endOfEpoch: async (topic, partition, leaderEpoch) => {
      await this.onStep('epoch.before')
      const end = this.endOfEpoch(topic, partition, leaderEpoch)
      await this.onStep('epoch.after')
      return end
    },
  }

  factsOf(topic: string): TopicFacts {
    return this.#facts.get(topic) ?? { id: `${topic}-1`, partitions: this.#partitions }
  }

  endOfEpoch(topic: string, partition: number, leaderEpoch: number): LogPlace | null {
    const leaders = this.#leaders(`${topic}/${partition}`)
    const last = leaders.findLastIndex((leader) => leader.leaderEpoch <= leaderEpoch)
    const found = leaders[last]
    if (found === undefined || leaderEpoch > (leaders.at(-1) as Epoch).leaderEpoch) {
      return null
    }
    return { leaderEpoch: found.leaderEpoch, offset: leaders[last + 1]?.start ?? this.#end(topic, partition) }
  }

  /** Moves the leadership to another broker, which has all records. */
  elect(topic: string, partition: number): void {
    const leaders = this.#leaders(`${topic}/${partition}`)
    const leaderEpoch = (leaders.at(-1) as Epoch).leaderEpoch + 1
    leaders.push({ leaderEpoch, start: this.#end(topic, partition) })
  }

  /** Recreates a topic, as an operator might: all records are gone, and offsets start at 0 again. */
  recreate(topic: string, partitions = this.factsOf(topic).partitions): void {
    const { id } = this.factsOf(topic)
    this.#facts.set(topic, { id: `${id}+`, partitions })
    for (const [name, log] of this.#logs) {
      if (name.startsWith(`${topic}/`)) {
        log.splice(0)
        this.#leadersOf.delete(name)
        this.#starts.delete(name)
      }
    }
  }

  /** Gives a topic more partitions, which an operator must not do. */
  grow(topic: string, partitions: number): void {
    this.#facts.set(topic, { ...this.factsOf(topic), partitions })
  }

  /** InitProducerId: fences every older producer of the id and aborts its open transaction. */
  async openTransactions(
    transactionalId: string,
    group: string,
    inputTopic: string,
    inputPartition: number,
  ): Promise<PartitionTransactions> {
    await this.onStep('init.before')
    const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1
    this.#epochs.set(transactionalId, epoch)
    this.#endTransaction(transactionalId, 'aborted')
    await this.onStep('init.after')

    const fence = () => {
      if (this.#epochs.get(transactionalId) !== epoch) {
        throw new FencedError()
      }
    }
    let usable = true
    const others: string[] = []
    return {
      run: async (work) => {
        if (!usable) {
          throw new Error('a producer whose transaction failed, or that was closed, must not be used again')
        }
        usable = false
        fence()
        const transaction: Transaction = { state: 'open', logs: new Set(), offsets: new Map() }
        this.#openTransaction.set(transactionalId, transaction)
        await work(this.#scopeOf(transaction, fence, group, inputTopic, inputPartition))
        await this.onStep('commit.before')
        fence()
        this.#endTransaction(transactionalId, 'committed')
        await this.onStep('commit.after')
        usable = (this.#undecided.get(transactionalId) ?? []).length === 0
      },
      fence: async (id) => {
        await this.onStep('init.before')
        this.#epochs.set(id, (this.#epochs.get(id) ?? 0) + 1)
        this.#endTransaction(id, 'aborted')
        others.push(id)
        await this.onStep('init.after')
      },
      settle: async (topics, outcome) => {
        await this.onStep('settle.before')
        fence()
        for (const id of [transactionalId, ...others]) {
          const logs = new Set(topics.map((topic) => this.#log(topic, inputPartition)))
          this.#openTransaction.set(id, { state: 'open', logs, offsets: new Map() })
          this.#endTransaction(id, outcome === 'commit' ? 'committed' : 'aborted')
        }
        await this.onStep('settle.after')
      },
      offsetDecided: async () => {
        await this.onStep('decided.before')
        const undecided = [transactionalId, ...others].flatMap((id) => this.#undecided.get(id) ?? [])
        const decided = undecided.every(({ offsets }) => !offsets.has(`${group}/${inputTopic}/${inputPartition}`))
        await this.onStep('decided.after')
        return decided
      },
      close: async () => {
        usable = false
      },
    }
  }

  readonly reader: PartitionReader = {
    range: async (topic, partition) => {
      await this.onStep('range.before')
      const range = this.range(topic, partition)
      await this.onStep('range.after')
      return range
    },
    at: async (topic, partition, offset) => {
      await this.onStep('at.before')
      const standing = this.at(topic, partition, offset)
      await this.onStep('at.after')
      return standing
    },
    read: async (topic, partition, from, onRecords, signal) => {
      const range = this.range(topic, partition)
      const visible = this.records(topic, partition).filter(({ offset }) => offset >= from && offset < range.end)
      // Portions of two records, so that readers cross the borders between portions.
      for (let at = 0; at < visible.length; at += 2) {
        signal?.throwIfAborted()
        await this.onStep('read.before')
        await onRecords(visible.slice(at, at + 2))
        await this.onStep('read.after')
      }
      return range
    },
  }

  readonly offsets: GroupOffsets = {
    committed: async (group, topic, partition) => {
      await this.onStep('committed.before')
      const committed = this.committed(group, topic, partition)
      await this.onStep('committed.after')
      return committed
    },
    committedAll: async (group, topic) =>
      new Map(
        [...this.#offsets]
          .filter(([name]) => name.startsWith(`${group}/${topic}/`))
          .map(([name, committed]) => [Number(name.slice(`${group}/${topic}/`.length)), committed]),
      ),
    highWatermarks: async (topic) =>
      new Map(
        [...this.#logs.keys()]
          .filter((name) => name.startsWith(`${topic}/`))
          .map((name) => Number(name.slice(topic.length + 1)))
          .map((partition) => [partition, this.#end(topic, partition)]),
      ),
    clusterId: async () => this.#clusterId,
  }

  /** What a read_committed reader sees, now. */
  records(topic: string, partition: number): InRecord[] {
    const { start, end } = this.range(topic, partition)
    return this.#log(topic, partition)
      .filter(({ offset, transaction }) => offset >= start && offset < end && transaction?.state !== 'aborted')
      .flatMap(({ record }) => (record === null ? [] : [record]))
  }

  /** The latest record of every key, without tombstones: what compaction would leave. */
  latest(topic: string, partition: number): Map<string, Buffer> {
    const latest = new Map<string, Buffer>()
    for (const { key, value } of this.records(topic, partition)) {
      if (value === null) {
        latest.delete(String(key))
      } else {
        latest.set(String(key), value)
      }
    }
    return latest
  }

  range(topic: string, partition: number): PartitionRange {
    const open = this.#log(topic, partition).find(({ transaction }) => transaction?.state === 'open')
    return {
      start: this.#starts.get(`${topic}/${partition}`) ?? 0n,
      end: open?.offset ?? this.#end(topic, partition),
      highWatermark: this.#end(topic, partition),
    }
  }

  at(topic: string, partition: number, offset: bigint): Standing {
    const found = this.#log(topic, partition).find((entry) => entry.offset === offset)
    if (found === undefined || offset < this.range(topic, partition).start) {
      return 'nothing'
    }
    return found.record === null || (found.transaction?.state ?? 'committed') !== 'committed' ? 'hidden' : 'visible'
  }

  committed(group: string, topic: string, partition: number): CommittedOffset {
    return this.#offsets.get(`${group}/${topic}/${partition}`) ?? { offset: -1n, metadata: null }
  }

  /** What an operator does with kafka-consumer-groups.sh. */
  moveGroup(group: string, topic: string, partition: number, offset: bigint, metadata: string | null = ''): void {
    this.#offsets.set(`${group}/${topic}/${partition}`, { offset, metadata })
  }

  /** Deletes offsets, as an operator does, or the brokers when a group has not consumed for long. */
  forgetGroup(group: string, topic: string, partition: number): void {
    const name = `${group}/${topic}/${partition}`
    this.#offsets.delete(name)
    for (const { offsets } of [...this.#undecided.values()].flat()) {
      offsets.delete(name)
    }
  }

  /** Deletes records from the start of a log, as retention does. */
  deleteBefore(topic: string, partition: number, offset: bigint): void {
    this.#starts.set(`${topic}/${partition}`, offset)
  }

  /** An unclean election: the new leader lacks the end of the topic. */
  truncate(topic: string, partition: number, end: bigint): void {
    const log = this.#log(topic, partition)
    log.splice(0, log.length, ...log.filter(({ offset }) => offset < end))
    const leaders = this.#leaders(`${topic}/${partition}`)
    const leaderEpoch = (leaders.at(-1) as Epoch).leaderEpoch + 1
    leaders.splice(0, leaders.length, ...leaders.filter(({ start }) => start < end), { leaderEpoch, start: end })
  }

  /** Removes every committed record that a later one of its key replaced; the offsets keep their holes. */
  compact(topic: string, partition: number): void {
    const log = this.#log(topic, partition)
    const last = new Map<string, bigint>()
    for (const { key, offset } of this.records(topic, partition)) {
      last.set(String(key), offset)
    }
    const kept = log.filter((entry, index) => {
      const isReplaced = entry.record !== null && last.get(String(entry.record.key)) !== entry.offset
      return index === log.length - 1 || entry.transaction?.state === 'open' || !isReplaced
    })
    log.splice(0, log.length, ...kept)
  }

  #scopeOf(
    transaction: Transaction,
    fence: () => void,
    group: string,
    inputTopic: string,
    inputPartition: number,
  ): TransactionScope {
    return {
      append: async (topic, partition, records) => {
        await this.onStep('append.before')
        fence()
        const log = this.#log(topic, partition)
        const first = this.#end(topic, partition)
        for (const [index, record] of records.entries()) {
          const offset = first + BigInt(index)
          log.push(this.#entry(log, record, offset, transaction))
        }
        transaction.logs.add(log)
        await this.onStep('append.after')
        return { first, next: first + BigInt(records.length) }
      },
      commitOffset: async (offset, metadata) => {
        await this.onStep('offset.before')
        fence()
        transaction.offsets.set(`${group}/${inputTopic}/${inputPartition}`, { offset, metadata })
        await this.onStep('offset.after')
      },
    }
  }

  #endTransaction(transactionalId: string, state: 'committed' | 'aborted'): void {
    const transaction = this.#openTransaction.get(transactionalId)
    if (transaction === undefined) {
      return
    }
    this.#openTransaction.delete(transactionalId)
    transaction.state = state
    const before = this.#undecided.get(transactionalId) ?? []
    const left: Transaction[] = []
    for (const log of transaction.logs) {
      if (this.skipsMarker(this.#nameOf(log))) {
        // A transaction of its own, because this log has no outcome yet.
        const undecided: Transaction = { state: 'open', logs: new Set([log]), offsets: new Map() }
        for (const entry of log) {
          entry.transaction = entry.transaction === transaction ? undecided : entry.transaction
        }
        left.push(undecided)
        continue
      }
      for (const earlier of before.filter(({ logs }) => logs.has(log))) {
        earlier.state = state
      }
      log.push(this.#entry(log, null, (log.at(-1)?.offset ?? -1n) + 1n, null))
    }
    if (this.skipsMarker('offsets')) {
      left.push({ state: 'open', logs: new Set(), offsets: transaction.offsets })
    } else {
      const ended = [...before.filter(({ offsets }) => offsets.size > 0), transaction]
      for (const earlier of ended) {
        earlier.state = state
        for (const [name, committed] of state === 'committed' ? earlier.offsets : []) {
          this.#offsets.set(name, committed)
        }
      }
    }
    this.#undecided.set(transactionalId, [...before.filter((earlier) => earlier.state === 'open'), ...left])
  }

  #entry(log: Entry[], record: OutRecord | null, offset: bigint, transaction: Transaction | null): Entry {
    const { leaderEpoch } = this.#leaders(this.#nameOf(log)).at(-1) as Epoch
    const inRecord = record === null ? null : { ...toInRecord(record, offset), leaderEpoch }
    return { offset, record: inRecord, transaction }
  }

  #leaders(name: string): Epoch[] {
    let leaders = this.#leadersOf.get(name)
    if (leaders === undefined) {
      leaders = [{ leaderEpoch: 0, start: 0n }]
      this.#leadersOf.set(name, leaders)
    }
    return leaders
  }

  #nameOf(log: Entry[]): string {
    return this.#names.get(log) ?? ''
  }

  #end(topic: string, partition: number): bigint {
    return (this.#log(topic, partition).at(-1)?.offset ?? -1n) + 1n
  }

  #log(topic: string, partition: number): Entry[] {
    const name = `${topic}/${partition}`
    let log = this.#logs.get(name)
    if (log === undefined) {
      log = []
      this.#logs.set(name, log)
      this.#names.set(log, name)
    }
    return log
  }
}

function toInRecord(record: OutRecord, offset: bigint): InRecord {
  return { offset, key: Buffer.from(record.key), value: record.value, headers: record.headers ?? {}, timestamp: 0 }
}
