import type { PartitionReader } from './partition-reader.ts'

export interface OpenTransactionsOptions {
  readonly topics: readonly string[]
  /** The partitions to look at. */
  readonly partitions: () => readonly number[]
  readonly reader: Pick<PartitionReader, 'range'>
  /** The clock, ms since the epoch. */
  readonly now: () => number
}

export interface OpenTransaction {
  readonly topic: string
  readonly partition: number
  /** From the first to the last time it was seen, ms; it may be open for up to twice INTERVAL_MS longer. */
  readonly forMs: number
}

const INTERVAL_MS = 10_000

/**
 * Finds transactions that stay open: `read_committed` readers see nothing beyond their first record, even if later
 * transactions are committed (KAFKA-20734 and others).
 *
 * While transactions follow each other, the end that readers see moves. If it stays in one place below the end of the log, a
 * single transaction stays open.
 */
export class OpenTransactions {
  readonly #options: OpenTransactionsOptions
  #seen: ReadonlyMap<string, Seen> = new Map()
  #timer: NodeJS.Timeout | undefined
  #looking = false

  constructor(options: OpenTransactionsOptions) {
    this.#options = options
  }

  start(): void {
    // If the brokers do not answer, the last findings stay.
    this.#timer = setInterval(() => void this.look().catch(() => {}), INTERVAL_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  open(): readonly OpenTransaction[] {
    return [...this.#seen.values()].map(({ topic, partition, since, seenAt }) => ({
      topic,
      partition,
      // Not until now: a transaction that was seen once has usually ended since.
      forMs: seenAt - since,
    }))
  }

  /** Looks once; public so that tests need no clock. Rejects if the brokers do not answer. */
  async look(): Promise<void> {
    if (this.#looking) {
      return
    }
    this.#looking = true
    try {
      const { topics, partitions } = this.#options
      const places = topics.flatMap((topic) => partitions().map((partition) => ({ topic, partition })))
      const found = await Promise.all(places.map((place) => this.#lookAt(place)))
      this.#seen = new Map(found.flatMap((one) => (one === null ? [] : [[`${one.topic} ${one.partition}`, one]])))
    } finally {
      this.#looking = false
    }
  }

  async #lookAt({ topic, partition }: { topic: string; partition: number }): Promise<Seen | null> {
    const { reader, now } = this.#options
    const { end, highWatermark } = await reader.range(topic, partition)
    if (highWatermark <= end) {
      return null
    }
    const before = this.#seen.get(`${topic} ${partition}`)
    const seenAt = now()
    return { topic, partition, end, since: before?.end === end ? before.since : seenAt, seenAt }
  }
}

interface Seen {
  readonly topic: string
  readonly partition: number
  /** The end that read_committed readers see. */
  readonly end: bigint
  /** When it was first and last seen there, ms since the epoch. */
  readonly since: number
  readonly seenAt: number
}
