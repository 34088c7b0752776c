import { DLQ_HEADERS } from './dead-letter.ts'
import { headerText } from './header-text.ts'
import { LetterStates } from './letter-states.ts'
import type { PartitionReader } from './partition-reader.ts'
import { readUntil } from './read-until.ts'
import type { InRecord } from './record.ts'
import { decisionIn } from './resolved-letter.ts'
import type { TopicLogs } from './topic-logs.ts'

export interface LetterWatchOptions {
  readonly reader: PartitionReader
  readonly logs: Pick<TopicLogs, 'facts'>
  /** The topic of dead letters, and the topic of decisions about them. */
  readonly letters: string
  readonly resolved: string
  /** A closed list; every other reason counts as `other`. */
  readonly reasons: readonly string[]
  /** The partitions to count. */
  readonly partitions: () => readonly number[]
  readonly onCounted: (counts: LetterCounts) => void
  /** The counts are unknown or outdated, for example because the permission to read is missing. Called on every attempt. */
  readonly onTrouble: (error: Error) => void
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly intervalMs?: number
}

export interface LetterCounts {
  /** Dead letters that need a decision, by reason; without zeros. */
  readonly open: ReadonlyMap<string, number>
  /** False until all existing dead letters are read. */
  readonly complete: boolean
}

const INTERVAL_MS = 5_000
/** Pause between two rounds while there is more to read. Together with the limit below it bounds the load on the brokers. */
const CATCH_UP_MS = 1_000
/** Fetches of dead letters per partition and round, of about 8 MiB each. */
const FETCHES_MAX = 2

/**
 * Counts the dead letters that need a decision, in the partitions that this process owns. So each is counted by one process
 * only, and the processes share the reading. Follows the ends of the topics without a consumer group; after a start or a
 * rebalance it first reads the existing records, slowly.
 *
 * Never stops a stage. Memory: see LetterStates.
 */
export class LetterWatch {
  readonly #options: LetterWatchOptions
  readonly #stopped = new AbortController()
  readonly #partitions = new Map<number, FollowedPartition>()
  #topicId = ''
  #running: Promise<void> = Promise.resolve()

  constructor(options: LetterWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const { sleep, onCounted, onTrouble, intervalMs = INTERVAL_MS } = this.#options
    while (!signal.aborted) {
      let pauseMs = intervalMs
      try {
        const counts = await this.round()
        onCounted(counts)
        pauseMs = counts.complete ? intervalMs : CATCH_UP_MS
      } catch (error) {
        if (!signal.aborted) {
          onTrouble(error as Error)
        }
      }
      await sleep(pauseMs, signal).catch(() => {})
    }
  }

  /** Reads a limited amount further in every partition. */
  async round(): Promise<LetterCounts> {
    const { letters, logs, partitions } = this.#options
    const { signal } = this.#stopped
    const ours = new Set(partitions())
    const topicId = ours.size === 0 ? this.#topicId : ((await logs.facts([letters])).get(letters)?.id ?? '')
    for (const partition of [...this.#partitions.keys()]) {
      if (!ours.has(partition) || topicId !== this.#topicId) {
        this.#partitions.delete(partition)
      }
    }
    this.#topicId = topicId
    const open = new Map<string, number>()
    let complete = true
    for (const partition of ours) {
      let followed = this.#partitions.get(partition)
      if (followed === undefined) {
        followed = new FollowedPartition(this.#options, topicId, partition)
        this.#partitions.set(partition, followed)
      }
      complete = (await followed.readOn(signal)) && complete
      for (const [reason, count] of followed.open) {
        open.set(reason, (open.get(reason) ?? 0) + count)
      }
    }
    return { open, complete }
  }
}

class FollowedPartition {
  readonly #options: LetterWatchOptions
  readonly #topicId: string
  readonly #partition: number
  #states: LetterStates | undefined
  #nextLetter = 0n
  #nextDecision = 0n

  constructor(options: LetterWatchOptions, topicId: string, partition: number) {
    this.#options = options
    this.#topicId = topicId
    this.#partition = partition
  }

  get open(): ReadonlyMap<string, number> {
    return this.#states?.open ?? new Map()
  }

  /** Reads further. Resolves with whether all dead letters are read. */
  async readOn(signal: AbortSignal): Promise<boolean> {
    const { reader, letters, resolved, reasons } = this.#options
    const { start, end } = await reader.range(letters, this.#partition)
    const states = this.#states ?? new LetterStates(start, reasons)
    this.#states = states
    states.startsAt(start)
    const onLetters = (records: readonly InRecord[]) => {
      for (const record of records) {
        states.saw(record.offset, headerText(record, DLQ_HEADERS.reason))
        this.#nextLetter = record.offset + 1n
      }
      return true
    }
    for (let fetches = 0; fetches < FETCHES_MAX && this.#nextLetter < end; fetches += 1) {
      const before = this.#nextLetter
      await readUntil(reader, letters, this.#partition, before, onLetters, signal)
      if (this.#nextLetter === before) {
        // Only control records or aborted records are left.
        this.#nextLetter = end
      }
    }
    const onDecisions = (records: readonly InRecord[]) => {
      for (const record of records) {
        const decision = decisionIn(record, this.#topicId, this.#partition)
        if (decision !== null) {
          states.decided(decision.offset, decision.letter)
        }
        this.#nextDecision = record.offset + 1n
      }
    }
    await reader.read(resolved, this.#partition, this.#nextDecision, onDecisions, signal)
    return this.#nextLetter >= end
  }
}
