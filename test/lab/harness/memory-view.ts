import type { StateStore, StateWrite, ViewRead, ViewSizes, WriteResult } from '../../../src/processor/state-store.ts'
import { MemoryStateStore } from './memory-state-store.ts'

export type ViewStep = `${'view-read' | 'view-write' | 'view-reset' | 'view-due' | 'view-whole'}.${'before' | 'after'}`

/**
 * A Redis that can lose data: emptied, or reset to any earlier moment, as by a restart from an old snapshot or a failover to
 * a lagging replica. The caller can crash at every call, before or after it took effect.
 */
export class MemoryView implements StateStore {
  onStep: (step: ViewStep) => void | Promise<void> = () => {}
  /** All writes in order, from which any earlier view can be rebuilt. */
  #journal: ((store: MemoryStateStore) => Promise<WriteResult>)[] = []
  #store = new MemoryStateStore()

  get writes(): number {
    return this.#journal.length
  }

  async read(partition: number, paymentKeys: readonly string[]): Promise<ViewRead> {
    return this.#step('view-read', () => this.#store.read(partition, paymentKeys))
  }

  async sizes(partition: number, paymentKeys: readonly string[], readBytesMax: number): Promise<ViewSizes> {
    const sizes = () => this.#store.sizes(partition, paymentKeys, readBytesMax)
    const found = await sizes()
    return found.read === null ? found : this.#step('view-read', sizes)
  }

  async write(
    partition: number,
    expected: string | null,
    next: string,
    writes: readonly StateWrite[],
  ): Promise<WriteResult> {
    return this.#change('view-write', (store) => store.write(partition, expected, next, writes))
  }

  async reset(partition: number, expected: string | null, next: string): Promise<WriteResult> {
    return this.#change('view-reset', (store) => store.reset(partition, expected, next))
  }

  async due(partition: number, now: number, limit: number): Promise<readonly string[]> {
    return this.#step('view-due', () => this.#store.due(partition, now, limit))
  }

  async isWhole(partition: number): Promise<boolean> {
    return this.#step('view-whole', () => this.#store.isWhole(partition))
  }

  findByEndToEndId(partition: number, endToEndId: string): Promise<readonly string[]> {
    return this.#store.findByEndToEndId(partition, endToEndId)
  }

  scan(partition: number): AsyncIterable<readonly [string, Buffer]> {
    return this.#store.scan(partition)
  }

  scanDue(partition: number): AsyncIterable<readonly [string, number]> {
    return this.#store.scanDue(partition)
  }

  dueTimes(partition: number, paymentKeys: readonly string[]): Promise<readonly (number | null)[]> {
    return this.#store.dueTimes(partition, paymentKeys)
  }

  scanReferences(partition: number): AsyncIterable<readonly [string, string]> {
    return this.#store.scanReferences(partition)
  }

  /** Loses one key of the view; the marker does not show it. */
  lose(partition: number, index: 'due' | 'refs'): void {
    this.#journal.push(async (store) => {
      store.lose(partition, index)
      return 'applied'
    })
    this.#store.lose(partition, index)
  }

  /** All payments of a partition. */
  async content(partition: number): Promise<Map<string, Buffer>> {
    const content = new Map<string, Buffer>()
    for await (const [key, state] of this.#store.scan(partition)) {
      content.set(key, state)
    }
    return content
  }

  /** When every payment is due, and its customer reference; null where it has none. */
  async indexes(partition: number): Promise<Map<string, [dueAt: number | null, endToEndId: string | null]>> {
    const indexes = new Map<string, [number | null, string | null]>()
    for await (const [key, dueAt] of this.#store.scanDue(partition)) {
      indexes.set(key, [dueAt, null])
    }
    for await (const [endToEndId, key] of this.#store.scanReferences(partition)) {
      indexes.set(key, [indexes.get(key)?.[0] ?? null, endToEndId])
    }
    return indexes
  }

  async marker(partition: number): Promise<string | null> {
    return (await this.#store.read(partition, [])).marker
  }

  flush(): void {
    this.#journal = []
    this.#store = new MemoryStateStore()
  }

  /** Goes back to the moment after the first `writes` changes. */
  async rollBack(writes: number): Promise<void> {
    const journal = this.#journal.slice(0, writes)
    const store = new MemoryStateStore()
    for (const change of journal) {
      await change(store)
    }
    this.#journal = journal
    this.#store = store
  }

  async #change(
    name: 'view-write' | 'view-reset',
    change: (store: MemoryStateStore) => Promise<WriteResult>,
  ): Promise<WriteResult> {
    return this.#step(name, () => {
      this.#journal.push(change)
      return change(this.#store)
    })
  }

  async #step<T>(
    name: 'view-read' | 'view-write' | 'view-reset' | 'view-due' | 'view-whole',
    call: () => Promise<T>,
  ): Promise<T> {
    await this.onStep(`${name}.before`)
    const result = await call()
    await this.onStep(`${name}.after`)
    return result
  }
}
