import type { PaymentState, PaymentStep } from './change.ts'
import { ClientError } from './client-error.ts'
import { fromCommitText, toCommitText } from './commit-note.ts'
import { atPlace } from './current-follower.ts'
import type { FollowedPartition } from './followed-partition.ts'
import type { PaymentStatus, PaymentStatusChange } from './generated/records.ts'
import { HandedOver } from './handed-over.ts'
import type { Observe } from './observation.ts'
import type { Forgotten } from './payment-table.ts'
import type { RecordDecoder } from './record-decoder.ts'
import type { Teller } from './teller.ts'
import type { Isolation } from './topic-logs.ts'
import { isNewer, versionOf, versionOfHeaders } from './version.ts'

/** A record of `changes` as kafkajs gives it. */
export interface ChangeMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, unknown>> | undefined
}

export interface Committed {
  /** Null if the group has committed nothing for this partition. */
  readonly offset: bigint | null
  readonly metadata: string | null
}

export interface LaneOptions {
  readonly partition: number
  readonly changesTopic: string
  readonly currentTopic: string
  readonly logs: {
    start(topic: string, partition: number): Promise<bigint>
    end(topic: string, partition: number, isolation: Isolation): Promise<bigint>
    /** Whether a read_committed reader sees any record from one offset up to, not including, another. */
    hasRecords(topic: string, partition: number, from: bigint, to: bigint): Promise<boolean>
  }
  readonly followed: FollowedPartition
  readonly changeDecoder: Pick<RecordDecoder<PaymentStatusChange>, 'prepare' | 'decode'>
  readonly statusDecoder: Pick<RecordDecoder<PaymentStatus>, 'decode'>
  readonly teller: Pick<Teller, 'tell'>
  readonly committed: (partition: number) => Promise<Committed>
  readonly commit: (partition: number, offset: bigint, metadata: string) => Promise<void>
  readonly observe: Observe
  /** The clock, ms since the epoch. */
  readonly now: () => number
  /** Aborted when the partition is assigned to another instance, or the client stops. */
  readonly signal: AbortSignal
}

/** A day less than Kafka keeps tombstones in `current`. */
const AWAY_MAX_MS = 6 * 86_400_000
const COMMIT_AFTER_MS = 1_000

/**
 * Hands over one partition, as docs/consumers.md says: what is true at first, then every step that is newer, and what is
 * forgotten. Nothing overlaps within a lane.
 *
 * On the first start of a group, the end of `changes` is noted, then that of `current`; `current` is read up to there and handed
 * over; then `changes` is followed from the noted end. Both topics are written in one transaction, so nothing falls between the
 * two. Later, `changes` continues at the committed offset.
 *
 * Guarantee: an offset is committed after the handler took everything before it, never earlier.
 */
export class Lane {
  readonly #options: LaneOptions
  #handed = new HandedOver(false)
  /** The next offset of `changes`. */
  #position = 0n
  /** The end of `changes` when the lane was opened. */
  #openedAt = 0n
  /** Tombstones before this offset of `current` were handed over. */
  #current = 0n
  /** Tombstones after it that are not handed over yet. */
  readonly #ended: Forgotten[] = []
  #committedAt = 0
  #last: Promise<void> = Promise.resolve()

  constructor(options: LaneOptions) {
    this.#options = options
  }

  get position(): bigint {
    return this.#position
  }

  /**
   * @param former The lane of this partition before a rebalance that left it here, if there was one.
   */
  async open(former?: Lane): Promise<void> {
    const { partition, changesTopic, currentTopic, logs, followed, observe, now, signal } = this.#options
    const startedAt = now()
    const committed = await this.#options.committed(partition)
    this.#openedAt = await logs.end(changesTopic, partition, 'committed')
    await followed.reached(await logs.end(currentTopic, partition, 'all'))
    followed.isReady = true
    signal.throwIfAborted()
    if (committed.offset === null) {
      await this.#beginFromNothing()
    } else {
      await this.#continueAt(committed.offset, committed.metadata, former)
    }
    followed.onForgotten(() => {
      this.#inTurn(() => this.#tellForgotten()).catch((error: unknown) => {
        if (!signal.aborted) {
          observe({ type: 'trouble', error })
        }
      })
    })
    await this.#inTurn(() => this.#tellForgotten())
    observe({ type: 'opened', partition, payments: followed.table.size, durationMs: now() - startedAt })
  }

  /**
   * Hands over records of `changes`, in order; skips those before its position. Rejects if the signal is aborted, once
   * what was handed over is committed, or with UNREADABLE; then the record is not passed.
   *
   * @param commit How to commit within the call; it may reject, and then nothing more is handed over.
   */
  process(
    messages: readonly ChangeMessage[],
    commit: (offset: bigint, metadata: string) => Promise<void>,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const { signal, now } = this.#options
      const due = messages.filter(({ offset }) => BigInt(offset) >= this.#position)
      await this.#awaitTable(due)
      try {
        for (const message of due) {
          await this.#handOver(message)
          this.#position = BigInt(message.offset) + 1n
          if (now() - this.#committedAt >= COMMIT_AFTER_MS) {
            await this.#commit(commit)
          }
        }
        await this.#tellForgotten()
      } catch (error) {
        if (!signal.aborted) {
          throw error
        }
      }
      await this.#commit(commit)
      signal.throwIfAborted()
    })
  }

  /** Commits where the lane is, so that the group is seen to be alive, and tries again what could not be told. */
  async keepAlive(): Promise<void> {
    const { partition, commit } = this.#options
    await this.#inTurn(async () => {
      await this.#tellForgotten()
      await this.#commit((offset, note) => commit(partition, offset, note))
    })
  }

  /** Resolves when nothing is handed over any more. */
  async closed(): Promise<void> {
    const { followed } = this.#options
    followed.onForgotten(undefined)
    await this.#last.catch(() => {})
    // The next lane of this partition tells them.
    followed.giveBack(this.#ended.splice(0))
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.catch(() => {}).then(work)
    this.#last = turn
    return turn
  }

  async #beginFromNothing(): Promise<void> {
    const { partition, followed, statusDecoder, teller, signal, commit } = this.#options
    this.#handed = new HandedOver(true)
    this.#position = this.#openedAt
    const rows = followed.table.snapshot()
    this.#current = followed.position
    // Their steps may still come, in `changes`.
    for (const { paymentKey, version } of followed.takeForgotten()) {
      if (version !== null && !rows.has(paymentKey)) {
        this.#handed.forgotten(paymentKey, version)
      }
    }
    for (const [paymentKey, { version, value }] of rows) {
      const state: PaymentState = { kind: 'state', paymentKey, version, payment: statusDecoder.decode(value) }
      await teller.tell(state, partition, signal)
      this.#handed.handed(paymentKey, version)
    }
    await this.#commit((offset, note) => commit(partition, offset, note))
  }

  async #continueAt(offset: bigint, metadata: string | null, former: Lane | undefined): Promise<void> {
    const { partition, changesTopic, logs, now } = this.#options
    const note = fromCommitText(metadata)
    const start = await logs.start(changesTopic, partition)
    if (offset < start || (note !== null && now() - note.at > AWAY_MAX_MS)) {
      throw new ClientError(
        'AWAY_TOO_LONG',
        `the group was away for too long: partition ${partition} no longer says which payments were forgotten meanwhile. ` +
          'Empty what you have stored of the payments, and open with another groupId.',
      )
    }
    if (former !== undefined && former.#position >= offset) {
      this.#handed = former.#handed
      this.#position = former.#position
    } else {
      this.#position = offset
    }
    this.#current = note?.current ?? 0n
  }

  /** Waits until the table has what was written together with these steps, or all that `current` has by now. */
  async #awaitTable(due: readonly ChangeMessage[]): Promise<void> {
    const { currentTopic, partition, logs, followed } = this.#options
    const isBehind = due.some(({ key, headers }) => {
      const version = versionOfHeaders(headers)
      const row = followed.table.get(String(key))
      return version === null || isNewer(version, row?.version)
    })
    if (isBehind) {
      await followed.reached(await logs.end(currentTopic, partition, 'all'))
    }
  }

  async #handOver(message: ChangeMessage): Promise<void> {
    const { partition, changesTopic, observe, teller, signal } = this.#options
    const { key, value, headers, offset } = message
    if (value === null) {
      return
    }
    const paymentKey = String(key)
    let step: PaymentStatusChange | undefined
    const decoded = async () => {
      step ??= await this.#decode(value).catch((error: unknown) => {
        throw error instanceof ClientError ? atPlace(error, changesTopic, partition, offset) : error
      })
      return step
    }
    const version = versionOfHeaders(headers) ?? versionOf(await decoded())
    const verdict = this.#handed.judge(paymentKey, version)
    if (verdict.skip) {
      observe({ type: 'skipped', partition, paymentKey })
      return
    }
    const { missed } = verdict
    if (missed > 0) {
      observe({ type: 'gap', partition, paymentKey, missed })
    }
    const change: PaymentStep = {
      kind: 'step',
      paymentKey,
      version,
      step: await decoded(),
      payment: this.#paymentOf(paymentKey),
      missed,
      isReplay: BigInt(offset) < this.#openedAt,
    }
    await teller.tell(change, partition, signal)
    this.#handed.handed(paymentKey, version)
  }

  async #decode(value: Buffer): Promise<PaymentStatusChange> {
    await this.#options.changeDecoder.prepare(value)
    return this.#options.changeDecoder.decode(value)
  }

  #paymentOf(paymentKey: string): PaymentStatus | undefined {
    const row = this.#options.followed.table.get(paymentKey)
    return row && this.#options.statusDecoder.decode(row.value)
  }

  /**
   * Tells what was forgotten, once everything was handed over that `changes` has so far: the steps of a life come before its end,
   * but the tombstone is in the other topic.
   */
  async #tellForgotten(): Promise<void> {
    const { partition, changesTopic, logs, followed, teller, signal } = this.#options
    const readUpTo = followed.position
    this.#ended.push(...followed.takeForgotten().filter(({ offset }) => offset >= this.#current))
    if (this.#ended.length > 0) {
      const end = await logs.end(changesTopic, partition, 'committed')
      if (await logs.hasRecords(changesTopic, partition, this.#position, end)) {
        return
      }
    }
    for (let next = this.#ended[0]; next !== undefined; next = this.#ended[0]) {
      const { paymentKey, version } = next
      if (version !== null && this.#handed.isForgottenBy(paymentKey, version)) {
        await teller.tell({ kind: 'forgotten', paymentKey, version }, partition, signal)
        this.#handed.forgotten(paymentKey, version)
      }
      this.#ended.shift()
    }
    this.#current = readUpTo
  }

  async #commit(commit: (offset: bigint, metadata: string) => Promise<void>): Promise<void> {
    const at = this.#options.now()
    await commit(this.#position, toCommitText({ current: this.#current, at }))
    this.#committedAt = at
  }
}
