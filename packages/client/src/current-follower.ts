import { setTimeout as sleep } from 'node:timers/promises'
import { ClientError } from './client-error.ts'
import { FollowedPartition } from './followed-partition.ts'
import type { PaymentStatus } from './generated/records.ts'
import type { InternalMessage } from './kafkajs-internals.ts'
import type { Observe } from './observation.ts'
import type { CurrentRecord } from './payment-table.ts'
import type { RecordDecoder } from './record-decoder.ts'
import { type FetchedPartition, type FetchOptions, OffsetOutOfRange, type TopicLogs } from './topic-logs.ts'
import { versionOf, versionOfHeaders } from './version.ts'

/** Long enough to cost little when nothing happens; a new partition waits for so long at most. */
const FETCH: FetchOptions = { maxWaitMs: 250, partitionBytesMax: 1024 * 1024, bytesMax: 8 * 1024 * 1024 }
const RETRY_MS = 500

export interface CurrentFollowerOptions {
  readonly logs: TopicLogs
  readonly topic: string
  readonly decoder: RecordDecoder<PaymentStatus>
  readonly observe: Observe
  /** Called if a record cannot be read, whatever is tried. */
  readonly fail: (error: ClientError) => void
}

/**
 * Reads partitions of `current` from the beginning and follows them, each into a table. One fetch at a time per broker.
 *
 * Trouble is observed and tried again from the same place, so a table is late rather than wrong.
 */
export class CurrentFollower {
  readonly #options: CurrentFollowerOptions
  readonly #followed = new Map<number, FollowedPartition>()
  readonly #loops = new Map<number, Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: CurrentFollowerOptions) {
    this.#options = options
  }

  get(partition: number): FollowedPartition | undefined {
    return this.#followed.get(partition)
  }

  all(): readonly FollowedPartition[] {
    return [...this.#followed.values()]
  }

  follow(partition: number): FollowedPartition {
    const known = this.#followed.get(partition)
    if (known !== undefined) {
      return known
    }
    const added = new FollowedPartition(partition)
    this.#followed.set(partition, added)
    this.#start()
    return added
  }

  unfollow(partition: number): void {
    this.#followed.get(partition)?.stop(new Error(`partition ${partition} is no longer followed`))
    this.#followed.delete(partition)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const partition of this.#followed.keys()) {
      this.unfollow(partition)
    }
    await Promise.all(this.#loops.values())
  }

  /** Sees to it that every broker that leads something has a loop. */
  #start(): void {
    for (const partition of this.#followed.keys()) {
      const nodeId = this.#leaderOf(partition)
      if (!this.#loops.has(nodeId) && !this.#stop.signal.aborted) {
        const loop = this.#run(nodeId).finally(() => {
          this.#loops.delete(nodeId)
          this.#start()
        })
        this.#loops.set(nodeId, loop)
      }
    }
  }

  /** Those without a leader share a loop, which looks for one. */
  #leaderOf(partition: number): number {
    return this.#options.logs.leaderOf(this.#options.topic, partition) ?? NO_LEADER
  }

  /** Ends when the broker leads nothing that is followed. */
  async #run(nodeId: number): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const led = this.all().filter(({ partition }) => this.#leaderOf(partition) === nodeId)
      if (led.length === 0) {
        return
      }
      try {
        if (nodeId === NO_LEADER) {
          await this.#options.logs.refresh()
          throw new Error(`${this.#options.topic} has partitions without a leader`)
        }
        await this.#fetch(nodeId, led)
      } catch (error) {
        await this.#afterError(error)
      }
      this.#start()
    }
  }

  async #fetch(nodeId: number, led: readonly FollowedPartition[]): Promise<void> {
    const { logs, topic } = this.#options
    const offsets = new Map(led.map(({ partition, position }) => [partition, position]))
    for (const fetched of await logs.fetch(nodeId, topic, offsets, FETCH)) {
      const followed = this.#followed.get(fetched.partition)
      if (followed !== undefined && led.includes(followed)) {
        followed.take(await this.#recordsOf(fetched), fetched.next)
      }
    }
  }

  async #recordsOf({ partition, messages }: FetchedPartition): Promise<readonly CurrentRecord[]> {
    const records: CurrentRecord[] = []
    for (const message of messages) {
      try {
        records.push(await this.#toRecord(message))
      } catch (error) {
        throw error instanceof ClientError ? atPlace(error, this.#options.topic, partition, message.offset) : error
      }
    }
    return records
  }

  async #toRecord({ key, value, headers, offset }: InternalMessage): Promise<CurrentRecord> {
    const { decoder } = this.#options
    const paymentKey = String(key)
    const inHeaders = versionOfHeaders(headers)
    if (value === null) {
      return { paymentKey, offset: BigInt(offset), version: inHeaders, value: null }
    }
    await decoder.prepare(value)
    const version = inHeaders ?? versionOf(decoder.decode(value))
    return { paymentKey, offset: BigInt(offset), version, value: ownCopy(value) }
  }

  async #afterError(error: unknown): Promise<void> {
    const { logs, topic, observe, fail } = this.#options
    const { signal } = this.#stop
    if (signal.aborted) {
      return
    }
    if (error instanceof ClientError) {
      fail(error)
      this.#stop.abort()
      return
    }
    observe({ type: 'trouble', error })
    await sleep(RETRY_MS, undefined, { signal }).catch(() => {})
    await logs.refresh().catch(() => {})
    if (error instanceof OffsetOutOfRange) {
      const start = await logs.start(topic, error.partition).catch(() => undefined)
      if (start !== undefined) {
        this.#followed.get(error.partition)?.beginAgain(start)
      }
    }
  }
}

const NO_LEADER = -1

/** The same error, with the record that it is about. */
export function atPlace(error: ClientError, topic: string, partition: number, offset: string): ClientError {
  return new ClientError(error.code, `${topic}[${partition}] at ${offset}: ${error.message}`, { cause: error.cause })
}

/** A slice would keep everything that was fetched with it in memory, and a pooled copy its neighbours. */
function ownCopy(value: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(value.length)
  value.copy(copy)
  return copy
}
