import { setImmediate as nextTurn } from 'node:timers/promises'
import type { PaymentState } from '../payment/apply-event.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import { shortReason } from '../stream/short-reason.ts'
import type { PaymentBoard } from './payment-board.ts'

export interface ConsoleFeedOptions {
  readonly reader: Pick<PartitionReader, 'range' | 'read'>
  readonly topics: { readonly current: string; readonly changes: string }
  readonly partitions: number
  /** Null for a value that cannot be decoded; it is left out. */
  readonly decodeState: (value: Buffer, partition: number, offset: bigint) => Promise<PaymentState | null>
  readonly decodeChange: (value: Buffer, partition: number, offset: bigint) => Promise<StatusChangeRecord | null>
  readonly board: PaymentBoard
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  readonly intervalMs?: number
}

/** `loading`: `current` is being read, and only payments read so far are found by all of their ids. */
export interface FeedProgress {
  readonly phase: 'loading' | 'following'
  /** Part of `current` that was read, 0 to 1. */
  readonly read: number
  /** Why it does not get on; null if it does. */
  readonly trouble: string | null
}

/** A step, numbered in the order in which this process read it. */
export interface LiveChange {
  readonly number: number
  readonly change: StatusChangeRecord
}

const INTERVAL_MS = 1_000
/** After an error. */
const PAUSE_MS = 2_000
/** Records decoded before requests get a turn. */
const TURN_RECORDS = 100
const RECENT_MAX = 200

/**
 * Fills the board as a subscriber would: notes the ends of `changes`, reads `current` to its end, then follows `changes`, and
 * `current` for the tombstones of forgotten payments. It polls, without a consumer group, so it leaves nothing behind and needs only
 * the permission to read.
 */
export class ConsoleFeed {
  readonly #options: ConsoleFeedOptions
  readonly #stopped = new AbortController()
  readonly #listeners = new Set<(change: LiveChange) => void>()
  readonly #recent: LiveChange[] = []
  /** Next offset by partition. */
  readonly #current = new Map<number, bigint>()
  readonly #changes = new Map<number, bigint>()
  readonly #loaded = new Set<number>()
  /** Payments whose tombstone was read in the last round, by partition: older steps of them may still come from `changes`. */
  readonly #forgotten = new Map<number, Set<string>>()
  #partOfPartition = 0
  #number = 0
  #trouble: string | null = 'not connected yet'
  #running: Promise<void> = Promise.resolve()

  constructor(options: ConsoleFeedOptions) {
    this.#options = options
  }

  get progress(): FeedProgress {
    const { partitions } = this.#options
    const isLoaded = this.#loaded.size === partitions
    return {
      phase: isLoaded ? 'following' : 'loading',
      read: isLoaded ? 1 : (this.#loaded.size + this.#partOfPartition) / partitions,
      trouble: this.#trouble,
    }
  }

  /** The latest steps, the newest first. */
  get recent(): readonly LiveChange[] {
    return this.#recent.toReversed()
  }

  /** Calls back for every step that is read from now on. Returns how to stop that. */
  subscribe(listener: (change: LiveChange) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
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
    const { sleep, intervalMs = INTERVAL_MS } = this.#options
    while (!signal.aborted) {
      let pauseMs = intervalMs
      try {
        await this.round()
        this.#trouble = null
      } catch (error) {
        this.#trouble = shortReason(error as Error)
        pauseMs = PAUSE_MS
      }
      await sleep(pauseMs, signal).catch(() => {})
    }
  }

  /** Reads on in every partition. */
  async round(): Promise<void> {
    const { reader, topics, partitions } = this.#options
    const { signal } = this.#stopped
    const numbers = Array.from({ length: partitions }, (_, partition) => partition)
    for (const partition of numbers) {
      if (!this.#changes.has(partition)) {
        this.#changes.set(partition, (await reader.range(topics.changes, partition)).end)
      }
    }
    for (const partition of numbers) {
      if (!this.#loaded.has(partition)) {
        await this.#load(partition)
      }
    }
    for (const partition of numbers) {
      const from = this.#changes.get(partition) ?? 0n
      const { end } = await reader.read(
        topics.changes,
        partition,
        from,
        (records) => this.#takeChanges(partition, records),
        signal,
      )
      this.#changes.set(partition, end)
      await this.#followCurrent(partition)
    }
  }

  async #load(partition: number): Promise<void> {
    const { reader, topics } = this.#options
    const { signal } = this.#stopped
    const { start, end } = await reader.range(topics.current, partition)
    const from = this.#current.get(partition) ?? start
    const takeStates = async (records: readonly InRecord[]) => {
      for (const [index, record] of records.entries()) {
        const { offset } = record
        await this.#takeState(partition, record)
        this.#current.set(partition, offset + 1n)
        if (index % TURN_RECORDS === 0) {
          this.#partOfPartition = Number(offset - start) / Number(end - start)
          this.#trouble = null
          await nextTurn()
        }
      }
    }
    const read = await reader.read(topics.current, partition, from, takeStates, signal)
    this.#current.set(partition, read.end)
    this.#partOfPartition = 0
    this.#loaded.add(partition)
  }

  /** Reads on after `changes`, so that the state of every step that was left out there is read here. */
  async #followCurrent(partition: number): Promise<void> {
    const { reader, topics, board } = this.#options
    const { signal } = this.#stopped
    const before = this.#forgottenIn(partition)
    const now = new Set<string>()
    const takeNeeded = async (records: readonly InRecord[]) => {
      for (const [index, record] of records.entries()) {
        const { key, value, offset } = record
        const paymentKey = String(key)
        if (value === null || before.has(paymentKey) || board.row(paymentKey) === null) {
          await this.#takeState(partition, record)
        }
        if (value === null) {
          now.add(paymentKey)
        }
        this.#current.set(partition, offset + 1n)
        if (index % TURN_RECORDS === TURN_RECORDS - 1) {
          await nextTurn()
        }
      }
    }
    const { end } = await reader.read(topics.current, partition, this.#current.get(partition) ?? 0n, takeNeeded, signal)
    this.#current.set(partition, end)
    this.#forgotten.set(partition, now)
  }

  async #takeState(partition: number, { key, value, offset }: InRecord): Promise<void> {
    const { decodeState, board } = this.#options
    if (value === null) {
      board.remove(String(key))
      this.#forgottenIn(partition).add(String(key))
    } else {
      const state = await decodeState(value, partition, offset)
      if (state !== null) {
        board.addState(state)
      }
    }
  }

  #forgottenIn(partition: number): Set<string> {
    const forgotten = this.#forgotten.get(partition) ?? new Set()
    this.#forgotten.set(partition, forgotten)
    return forgotten
  }

  async #takeChanges(partition: number, records: readonly InRecord[]): Promise<void> {
    const { decodeChange, board } = this.#options
    for (const [index, { value, offset }] of records.entries()) {
      const change = value === null ? null : await decodeChange(value, partition, offset)
      this.#changes.set(partition, offset + 1n)
      if (change !== null) {
        if (!this.#forgottenIn(partition).has(change.paymentKey)) {
          board.addChange(change)
        }
        this.#tell(change)
      }
      if (index % TURN_RECORDS === TURN_RECORDS - 1) {
        await nextTurn()
      }
    }
  }

  #tell(change: StatusChangeRecord): void {
    this.#number += 1
    const live = { number: this.#number, change }
    this.#recent.push(live)
    if (this.#recent.length > RECENT_MAX) {
      this.#recent.shift()
    }
    for (const listener of this.#listeners) {
      listener(live)
    }
  }
}
