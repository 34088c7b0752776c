import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import { CHANGE_HEADERS } from '../../processor/step-headers.ts'
import { DLQ_HEADERS } from '../../stream/dead-letter.ts'
import { headerText } from '../../stream/header-text.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import type { TopicNames } from '../../topics.ts'
import { decodeAnything, decodeOrNull } from './decode-or-null.ts'
import { inOrderOfSteps } from './in-order-of-steps.ts'
import type { CurrentRecord, PaymentEvidence } from './payment-evidence.ts'
import { readDecided } from './read-decided.ts'

export interface EvidencePorts {
  readonly reader: PartitionReader
  readonly codecs: PaymentCodecs
  readonly sleep: (ms: number) => Promise<void>
}

export interface EvidenceOptions {
  readonly topics: TopicNames
  readonly partition: number
  readonly isWanted: (paymentKey: string) => boolean
  /** How long an open transaction is waited for, ms. */
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
  readonly guardHeap: (() => void) | undefined
}

/**
 * What the status processor's topics hold about the wanted payments of a partition. Values stay encoded until a payment is
 * asked for, because decoded ones take several times the memory.
 */
export class PartitionEvidence {
  readonly #ports: EvidencePorts
  readonly #options: EvidenceOptions
  readonly #current = new Map<string, Buffer | null>()
  readonly #changes = new Map<string, WrittenChange[]>()
  readonly #deadLetters = new Map<string, string>()
  #currentNext = 0n
  #changesSettledTo = 0n
  #changesFromStart = true

  private constructor(ports: EvidencePorts, options: EvidenceOptions) {
    this.#ports = ports
    this.#options = options
  }

  /** Reads the topics to their present ends. Rejects with UndecidedError if a transaction stays open. */
  static async read(ports: EvidencePorts, options: EvidenceOptions): Promise<PartitionEvidence> {
    const evidence = new PartitionEvidence(ports, options)
    const { topics, partition } = options
    // Taken before `current` is read, so that `current` has every step before this offset.
    evidence.#changesSettledTo = (await ports.reader.range(topics.changes, partition)).end
    await evidence.catchUp()
    await evidence.#readChanges()
    await evidence.#readDeadLetters()
    return evidence
  }

  /** The last record of every wanted payment in `current`; null is a tombstone. */
  get current(): ReadonlyMap<string, Buffer | null> {
    return this.#current
  }

  get changesSettledTo(): bigint {
    return this.#changesSettledTo
  }

  /** True if `changes` still has its first record. */
  get changesFromStart(): boolean {
    return this.#changesFromStart
  }

  /** The payments in `current` and `changes`. */
  paymentKeys(): Iterable<string> {
    return new Set([...this.#changes.keys(), ...this.#current.keys()])
  }

  async of(paymentKey: string): Promise<Omit<PaymentEvidence, 'raw'>> {
    return {
      paymentKey,
      changes: await this.#decodeChanges(this.#changes.get(paymentKey) ?? []),
      current: await this.#decodeCurrent(this.#current.get(paymentKey)),
      deadLetters: this.#deadLetters,
    }
  }

  /** Reads what was added to `current` since it was last read. */
  async catchUp(): Promise<void> {
    const { topics, isWanted } = this.#options
    const { end } = await this.#read(topics.current, this.#currentNext, ({ key, value }) => {
      const paymentKey = String(key)
      if (isWanted(paymentKey)) {
        this.#current.set(paymentKey, copyOf(value))
      }
    })
    this.#currentNext = end
  }

  async #readChanges(): Promise<void> {
    const { topics, isWanted } = this.#options
    const { start } = await this.#read(topics.changes, 0n, (record) => {
      const paymentKey = String(record.key)
      if (!isWanted(paymentKey)) {
        return
      }
      const isRepaired = headerText(record, CHANGE_HEADERS.repaired) !== ''
      const change = { offset: record.offset, value: copyOf(record.value), isRepaired }
      const written = this.#changes.get(paymentKey)
      if (written === undefined) {
        this.#changes.set(paymentKey, [change])
      } else {
        written.push(change)
      }
    })
    this.#changesFromStart = start === 0n
  }

  async #readDeadLetters(): Promise<void> {
    const { topics, partition, isWanted } = this.#options
    await this.#read(topics.eventDeadLetters, 0n, async (record) => {
      if (!isWanted(String(record.key))) {
        return
      }
      const place = { topic: topics.eventDeadLetters, partition, offset: record.offset }
      const event = await decodeAnything(this.#ports.codecs.event, record.value, place)
      if (event !== null) {
        this.#deadLetters.set(event.eventId, headerText(record, DLQ_HEADERS.reason))
      }
    })
  }

  #read(topic: string, from: bigint, onRecord: (record: InRecord) => unknown) {
    const { partition, waitMs, signal, guardHeap } = this.#options
    return readDecided(
      this.#ports,
      { topic, partition, from, waitMs },
      async (records) => {
        guardHeap?.()
        for (const record of records) {
          await onRecord(record)
        }
      },
      signal,
    )
  }

  async #decodeChanges(written: readonly WrittenChange[]) {
    const { topics, partition } = this.#options
    const decode = async ({ offset, value, isRepaired }: WrittenChange) => {
      const place = { topic: topics.changes, partition, offset }
      return { offset, change: await decodeOrNull(this.#ports.codecs.change, value, place), isRepaired }
    }
    return inOrderOfSteps(await Promise.all(written.map(decode)))
  }

  async #decodeCurrent(value: Buffer | null | undefined): Promise<CurrentRecord> {
    if (value === undefined || value === null) {
      return { kind: value === null ? 'tombstone' : 'none' }
    }
    const { topics, partition } = this.#options
    const state = await decodeOrNull(this.#ports.codecs.state, value, {
      topic: topics.current,
      partition,
      offset: null,
    })
    return state === null ? { kind: 'unreadable' } : { kind: 'state', state }
  }
}

/** A record of `changes`, decoded when its payment is judged. */
interface WrittenChange {
  readonly offset: bigint
  readonly value: Buffer | null
  /** Republished by `paystatus repair`. */
  readonly isRepaired: boolean
}

/** A record is a slice of the fetched buffer and would keep it in memory. */
function copyOf(value: Buffer | null): Buffer | null {
  return value === null ? null : Buffer.from(value)
}
