import type { PartitionReader } from '../stream/partition-reader.ts'
import { DefinedStop } from '../stream/partition-task.ts'

/** All notes are in this partition of `payments.keys.forgotten`, because every reader must see all of them. */
export const NOTES_PARTITION = 0

/** A retired data key no longer encrypts but still decrypts; a forgotten one does neither. */
export type KeyNote = 'retired' | 'forgotten'

/** Notes kept in memory, about 100 bytes each (I10). */
const NOTES_MAX = 2_000_000

/** The notes of `payments.keys.forgotten`, read on demand and remembered. */
export class ForgottenKeys {
  readonly #reader: PartitionReader
  readonly #topic: string
  readonly #now: () => number
  readonly #notes = new Map<string, KeyNote>()
  #next = 0n
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | null = null

  /** @param now a monotonic clock, ms */
  constructor(reader: PartitionReader, topic: string, now: () => number) {
    this.#reader = reader
    this.#topic = topic
    this.#now = now
  }

  of(id: string): KeyNote | undefined {
    return this.#notes.get(id)
  }

  /** Whether the notes were read at most this long ago. */
  isFresh(ageMaxMs: number): boolean {
    return this.#now() - this.#readAt <= ageMaxMs
  }

  /** Reads new notes, unless they were read at most this long ago. Concurrent calls share one read. */
  async refresh(ageMaxMs: number): Promise<void> {
    if (this.isFresh(ageMaxMs)) {
      return
    }
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
    await this.#reading
  }

  async #read(): Promise<void> {
    const began = this.#now()
    const range = await this.#reader.range(this.#topic, NOTES_PARTITION)
    if (range.highWatermark < this.#next) {
      // The topic was recreated. What was forgotten stays forgotten in this process.
      this.#next = 0n
    }
    const { end } = await this.#reader.read(this.#topic, NOTES_PARTITION, this.#next, (records) => {
      for (const { key, value } of records) {
        this.#note(String(key), String(value))
      }
    })
    this.#next = end
    this.#readAt = began
  }

  #note(id: string, note: string): void {
    if (note === 'forgotten' || (note === 'retired' && this.#notes.get(id) !== 'forgotten')) {
      this.#notes.set(id, note)
    }
    if (this.#notes.size > NOTES_MAX) {
      throw new DefinedStop(
        'TOO_MANY_FORGOTTEN_KEYS',
        `${this.#topic} holds more than ${NOTES_MAX} data keys: find out what writes to it`,
      )
    }
  }
}
