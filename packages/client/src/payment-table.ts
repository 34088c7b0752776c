import { compareVersions, type Version } from './version.ts'

/** What a record of `current` says, before it is decoded. */
export interface CurrentRecord {
  readonly paymentKey: string
  readonly offset: bigint
  /** Null on a tombstone of a release whose tombstones had no version. */
  readonly version: Version | null
  /** Null is a tombstone. */
  readonly value: Buffer | null
}

export interface Row {
  readonly version: Version
  /** The bytes of the record, decoded when asked for. */
  readonly value: Buffer
}

/** A payment that is no longer in the table. */
export interface Forgotten {
  readonly paymentKey: string
  /** Null if neither the tombstone nor the table had one. */
  readonly version: Version | null
  /** Of the tombstone. */
  readonly offset: bigint
}

/**
 * One partition of `current` in memory: the newest record of each payment. Pure.
 *
 * Guarantee: after the records of a compacted log in order, or again from any earlier offset, it holds what the log holds.
 */
export class PaymentTable {
  readonly #rows = new Map<string, Row>()

  /** Takes the next record; returns the payment if it was forgotten by it. */
  apply({ paymentKey, version, value, offset }: CurrentRecord): Forgotten | null {
    const known = this.#rows.get(paymentKey)
    const isOlder = known !== undefined && version !== null && compareVersions(version, known.version) < 0
    if (isOlder) {
      return null
    }
    if (value === null) {
      this.#rows.delete(paymentKey)
      return { paymentKey, version: version ?? known?.version ?? null, offset }
    }
    if (version === null) {
      throw new TypeError('only a tombstone can lack a version')
    }
    this.#rows.set(paymentKey, { version, value })
    return null
  }

  get(paymentKey: string): Row | undefined {
    return this.#rows.get(paymentKey)
  }

  get size(): number {
    return this.#rows.size
  }

  entries(): IterableIterator<[paymentKey: string, row: Row]> {
    return this.#rows.entries()
  }

  /** A copy that later records do not change. */
  snapshot(): ReadonlyMap<string, Row> {
    return new Map(this.#rows)
  }

  clear(): void {
    this.#rows.clear()
  }
}
