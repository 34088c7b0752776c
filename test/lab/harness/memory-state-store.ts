import {
  READ_WITH_SIZES_MAX,
  type StateStore,
  type StateWrite,
  type ViewRead,
  type ViewSizes,
  type WriteResult,
} from '../../../src/processor/state-store.ts'

interface View {
  marker: string | null
  readonly states: Map<string, Buffer>
  readonly due: Map<string, number>
  readonly referenceOf: Map<string, string>
  readonly refs: Set<string>
}

/** In-memory counterpart of RedisStateStore. */
export class MemoryStateStore implements StateStore {
  readonly #views = new Map<number, View>()

  async read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead> {
    const view = this.#view(partition)
    return { marker: view.marker, states: paymentKeys.map((key) => view.states.get(key) ?? null) }
  }

  async sizes(partition: number, paymentKeys: readonly string[], readBytesMax: number): Promise<ViewSizes> {
    const read = await this.read(partition, paymentKeys)
    const sizes = read.states.map((state) => state?.length ?? 0)
    const total = sizes.reduce((sum, size) => sum + size, 0)
    return { sizes, read: total > readBytesMax || sizes.length > READ_WITH_SIZES_MAX ? null : read }
  }

  async write(
    partition: number,
    expected: string | null,
    next: string,
    writes: readonly StateWrite[],
  ): Promise<WriteResult> {
    const view = this.#view(partition)
    if (view.marker === next) {
      return 'applied'
    }
    if (view.marker !== expected) {
      return 'refused'
    }
    if (new Set(writes.map(({ paymentKey }) => paymentKey)).size < writes.length) {
      throw new TypeError('a write names a payment twice')
    }
    for (const { paymentKey, state, dueAt, endToEndId, referenceStays } of writes) {
      if (state === null || !referenceStays) {
        this.#refer(view, paymentKey, state === null ? null : endToEndId)
      }
      if (state === null) {
        view.states.delete(paymentKey)
        view.due.delete(paymentKey)
      } else {
        view.states.set(paymentKey, state)
        view.due.set(paymentKey, dueAt)
      }
    }
    view.marker = next
    return 'applied'
  }

  async reset(partition: number, expected: string | null, next: string): Promise<WriteResult> {
    const view = this.#view(partition)
    if (view.marker === next) {
      return 'applied'
    }
    if (view.marker !== expected) {
      return 'refused'
    }
    this.flush(partition)
    this.#view(partition).marker = next
    return 'applied'
  }

  async due(partition: number, now: number, limit: number): Promise<readonly string[]> {
    return [...this.#view(partition).due]
      .filter(([, dueAt]) => dueAt <= now)
      .sort(([keyA, a], [keyB, b]) => a - b || (keyA < keyB ? -1 : 1))
      .slice(0, limit)
      .map(([key]) => key)
  }

  async isWhole(partition: number): Promise<boolean> {
    const { states, due, referenceOf, refs } = this.#view(partition)
    return states.size + referenceOf.size === due.size + refs.size
  }

  async findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]> {
    return [...this.#view(partition).refs]
      .filter((ref) => ref.startsWith(`${endToEndId}\0`))
      .map((ref) => ref.slice(endToEndId.length + 1))
      .sort()
  }

  async *scan(partition: number): AsyncIterable<readonly [string, Buffer]> {
    yield* [...this.#view(partition).states]
  }

  async *scanDue(partition: number): AsyncIterable<readonly [string, number]> {
    yield* [...this.#view(partition).due]
  }

  async dueTimes(partition: number, paymentKeys: readonly string[]): Promise<readonly (number | null)[]> {
    const { due } = this.#view(partition)
    return paymentKeys.map((key) => due.get(key) ?? null)
  }

  async *scanReferences(partition: number): AsyncIterable<readonly [string, string]> {
    for (const ref of [...this.#view(partition).refs]) {
      const at = ref.lastIndexOf('\0')
      yield [ref.slice(0, at), ref.slice(at + 1)]
    }
  }

  /** Loses one key of the view, as if it had been deleted by hand. */
  lose(partition: number, index: 'due' | 'refs'): void {
    this.#view(partition)[index].clear()
  }

  /** Loses the view of a partition, as a flushed Redis would. */
  flush(partition: number): void {
    this.#views.delete(partition)
  }

  #refer(view: View, paymentKey: string, reference: string | null): void {
    view.refs.delete(`${view.referenceOf.get(paymentKey)}\0${paymentKey}`)
    view.referenceOf.delete(paymentKey)
    if (reference !== null && reference !== '') {
      view.referenceOf.set(paymentKey, reference)
      view.refs.add(`${reference}\0${paymentKey}`)
    }
  }

  #view(partition: number): View {
    let view = this.#views.get(partition)
    if (view === undefined) {
      view = { marker: null, states: new Map(), due: new Map(), referenceOf: new Map(), refs: new Set() }
      this.#views.set(partition, view)
    }
    return view
  }
}
