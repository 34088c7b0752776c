import type { StateWrite, ViewRead, WriteResult } from './state-store.ts'
import { toMarkerText, type ViewMarker } from './view-marker.ts'
import type { LaneStore } from './waiting-store.ts'

/** The view is not as this task left it: Redis lost or rolled back data, or the partition has another owner. */
export class ViewLostError extends Error {
  readonly code = 'VIEW_LOST'
  readonly retriable = true

  constructor(partition: number) {
    super(`the view of partition ${partition} is not as this task left it`)
    this.name = 'ViewLostError'
  }
}

/**
 * The view of one partition under this assignment's marker.
 *
 * Guarantee: every read and every write checks that the marker in the store is the one this assignment wrote last. If
 * not, the call rejects with ViewLostError: nothing was written, and nothing that was read may be used.
 */
export class OwnedView {
  readonly #store: LaneStore
  readonly #partition: number
  #marker: ViewMarker
  #text: string

  private constructor(store: LaneStore, partition: number, marker: ViewMarker) {
    this.#store = store
    this.#partition = partition
    this.#marker = marker
    this.#text = toMarkerText(marker)
  }

  /** Replaces the marker `found` by `marker`, so that a former owner can no longer write. `empty` deletes all states, too. */
  static async claim(
    store: LaneStore,
    partition: number,
    found: string | null,
    marker: ViewMarker,
    empty: boolean,
  ): Promise<OwnedView> {
    const view = new OwnedView(store, partition, marker)
    view.#assertApplied(
      empty ? await store.reset(partition, found, view.#text) : await store.write(partition, found, view.#text, []),
    )
    return view
  }

  get marker(): ViewMarker {
    return this.#marker
  }

  /** The encoded states of these payments, as far as the view has them. `known`: what the store returned for them just now. */
  async read(paymentKeys: readonly string[], known: ViewRead | null = null): Promise<ReadonlyMap<string, Buffer>> {
    const { marker, states } = known ?? (await this.#store.read(this.#partition, paymentKeys))
    if (marker !== this.#text) {
      throw new ViewLostError(this.#partition)
    }
    const found = new Map<string, Buffer>()
    for (const [index, bytes] of states.entries()) {
      if (bytes !== null) {
        found.set(paymentKeys[index] as string, bytes)
      }
    }
    return found
  }

  /** Writes states, and the marker with these changes, in one atomic step. */
  async advance(changes: Partial<Omit<ViewMarker, 'writes'>>, writes: readonly StateWrite[]): Promise<void> {
    const marker = { ...this.#marker, ...changes, writes: this.#marker.writes + 1 }
    const text = toMarkerText(marker)
    this.#assertApplied(await this.#store.write(this.#partition, this.#text, text, writes))
    this.#marker = marker
    this.#text = text
  }

  #assertApplied(result: WriteResult): void {
    if (result === 'refused') {
      throw new ViewLostError(this.#partition)
    }
  }
}
