import type { StateStore, StateWrite, ViewRead, WriteResult } from './state-store.ts'

interface View {
  marker: string | null
  readonly states: Map<string, Buffer>
  readonly due: Map<string, number>
  readonly refs: Set<string>
}

/** The in-memory twin of RedisStateStore, for unit and simulation tests only. */
export class MemoryStateStore implements StateStore {
  readonly #views = new Map<number, View>()

  async read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead> {
    const view = this.#view(partition)
    return { marker: view.marker, states: paymentKeys.map((key) => view.states.get(key) ?? null) }
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
    for (const { paymentKey, state, dueAt, endToEndId } of writes) {
      const ref = `${endToEndId}\0${paymentKey}`
      if (state === null) {
        view.states.delete(paymentKey)
        view.due.delete(paymentKey)
        view.refs.delete(ref)
      } else {
        view.states.set(paymentKey, state)
        view.due.set(paymentKey, dueAt)
        if (endToEndId !== null) {
          view.refs.add(ref)
        }
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

  async findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]> {
    return [...this.#view(partition).refs]
      .filter((ref) => ref.startsWith(`${endToEndId}\0`))
      .map((ref) => ref.slice(endToEndId.length + 1))
      .sort()
  }

  async *scan(partition: number): AsyncIterable<readonly [string, Buffer]> {
    yield* [...this.#view(partition).states]
  }

  /** Loses the view of a partition, as a flushed or empty Redis would. */
  flush(partition: number): void {
    this.#views.delete(partition)
  }

  #view(partition: number): View {
    let view = this.#views.get(partition)
    if (view === undefined) {
      view = { marker: null, states: new Map(), due: new Map(), refs: new Set() }
      this.#views.set(partition, view)
    }
    return view
  }
}
