import { beforeEach, describe, expect, test } from 'vitest'
import type { StateStore, StateWrite } from '../../src/processor/state-store.ts'

/** What every state store must do. `create` gives each test its own empty store; `lose` deletes one of its keys. */
export function describeStateStore<S extends StateStore>(
  name: string,
  create: () => S,
  lose: (store: S, partition: number, index: 'due' | 'refs') => Promise<void>,
): void {
  const P = 3
  let store: S

  beforeEach(() => {
    store = create()
  })

  async function content(partition = P): Promise<[string, Buffer][]> {
    const found: [string, Buffer][] = []
    for await (const [key, state] of store.scan(partition)) {
      found.push([key, state])
    }
    return found.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async function references(): Promise<(readonly [string, string])[]> {
    const found: (readonly [string, string])[] = []
    for await (const entry of store.scanReferences(P)) {
      found.push(entry)
    }
    return found.sort()
  }

  function put(paymentKey: string, state: string | Buffer, changes: Partial<StateWrite> = {}): StateWrite {
    return { paymentKey, state: Buffer.from(state), dueAt: 100, endToEndId: null, ...changes }
  }

  function forget(paymentKey: string, endToEndId: string | null = null): StateWrite {
    return { paymentKey, state: null, dueAt: 0, endToEndId }
  }

  describe(name, () => {
    test('is empty at first', async () => {
      expect(await store.read(P, ['a'])).toEqual({ marker: null, states: [null] })
      expect(await store.read(P, [])).toEqual({ marker: null, states: [] })
      expect(await content()).toEqual([])
      expect(await store.due(P, Number.MAX_SAFE_INTEGER, 10)).toEqual([])
      expect(await store.findByEndToEndId(P, 'e')).toEqual([])
    })

    test('returns the marker and the states in the order of the keys, null for a missing one', async () => {
      expect(await store.write(P, null, 'm1', [put('a', 'A'), put('b', 'B')])).toBe('applied')
      expect(await store.read(P, ['b', 'x', 'a'])).toEqual({
        marker: 'm1',
        states: [Buffer.from('B'), null, Buffer.from('A')],
      })
    })

    test('I6: refuses a write that expects another marker, and changes nothing', async () => {
      await store.write(P, null, 'm1', [put('a', 'A')])
      expect(await store.write(P, 'm0', 'm2', [put('a', 'changed'), put('b', 'B')])).toBe('refused')
      expect(await store.write(P, null, 'm2', [forget('a')])).toBe('refused')
      expect(await store.read(P, ['a', 'b'])).toEqual({ marker: 'm1', states: [Buffer.from('A'), null] })
      expect(await store.due(P, 100, 10)).toEqual(['a'])
    })

    test('refuses a write that expects a marker where there is none', async () => {
      expect(await store.write(P, 'm0', 'm1', [put('a', 'A')])).toBe('refused')
      expect(await store.read(P, ['a'])).toEqual({ marker: null, states: [null] })
    })

    test('accepts a repeated write but applies it once: the reply to the first may have been lost', async () => {
      await store.write(P, null, 'm1', [put('a', 'A')])
      expect(await store.write(P, 'm1', 'm2', [put('a', 'A2')])).toBe('applied')
      expect(await store.write(P, 'm1', 'm2', [put('a', 'A2')])).toBe('applied')
      expect(await store.read(P, ['a'])).toEqual({ marker: 'm2', states: [Buffer.from('A2')] })
      expect(await store.write(P, 'm2', 'm3', [])).toBe('applied')
      expect(await store.write(P, 'm1', 'm2', [put('a', 'late')])).toBe('refused')
    })

    test('changes only the marker when there is nothing to write', async () => {
      await store.write(P, null, 'm1', [put('a', 'A')])
      await store.write(P, 'm1', 'm2', [])
      expect(await store.read(P, ['a'])).toEqual({ marker: 'm2', states: [Buffer.from('A')] })
    })

    test('I6: writes and removes in one call, however many payments', async () => {
      const keys = Array.from({ length: 1_501 }, (_, index) => `jpm:${index}`)
      const puts = keys.map((key, index) => put(key, key, { dueAt: index, endToEndId: `e${index}` }))
      await store.write(P, null, 'm1', puts)
      const changed = keys
        .slice(1)
        .map((key, index) => put(key, `${key}!`, { dueAt: 2_000 + index, endToEndId: `f${index}` }))
      await store.write(P, 'm1', 'm2', [forget('jpm:0'), ...changed, forget('never seen')])
      expect((await store.read(P, ['jpm:0', 'jpm:1', 'jpm:1500'])).states.map(String)).toEqual([
        'null',
        'jpm:1!',
        'jpm:1500!',
      ])
      expect(await store.due(P, 2_001, 5)).toEqual(['jpm:1', 'jpm:2'])
      expect([await store.findByEndToEndId(P, 'e1500'), await store.findByEndToEndId(P, 'f1499')]).toEqual([
        [],
        ['jpm:1500'],
      ])
      expect(await store.isWhole(P)).toBe(true)
    })

    test('leaves a reference that stays as it is', async () => {
      await store.write(P, null, 'm1', [put('a', 'A', { endToEndId: 'e' }), put('b', 'B')])
      await store.write(P, 'm1', 'm2', [
        put('a', 'A2', { endToEndId: 'e', referenceStays: true, dueAt: 200 }),
        put('b', 'B2', { referenceStays: true }),
      ])
      expect(await references()).toEqual([['e', 'a']])
      expect(await store.dueTimes(P, ['a', 'b'])).toEqual([200, 100])
      await store.write(P, 'm2', 'm3', [{ ...forget('a'), referenceStays: true }])
      expect([await references(), await store.isWhole(P)]).toEqual([[], true])
    })

    test('removes a payment with everything stored about it', async () => {
      await store.write(P, null, 'm1', [put('a', 'A', { endToEndId: 'e' }), put('b', 'B', { endToEndId: 'e' })])
      await store.write(P, 'm1', 'm2', [forget('a', 'e'), forget('never seen')])
      expect(await store.read(P, ['a', 'b'])).toEqual({ marker: 'm2', states: [null, Buffer.from('B')] })
      expect(await store.due(P, 1_000, 10)).toEqual(['b'])
      expect(await store.findByEndToEndId(P, 'e')).toEqual(['b'])
      expect(await content()).toEqual([['b', Buffer.from('B')]])
    })

    test('reset empties the view and sets the marker; it is refused and harmless if the marker is another one', async () => {
      await store.write(P, null, 'm1', [put('a', 'A', { endToEndId: 'e' })])
      expect(await store.reset(P, 'm0', 'm2')).toBe('refused')
      expect(await content()).toHaveLength(1)
      expect(await store.reset(P, 'm1', 'm2')).toBe('applied')
      expect(await store.read(P, ['a'])).toEqual({ marker: 'm2', states: [null] })
      expect(await content()).toEqual([])
      expect(await store.due(P, 1_000, 10)).toEqual([])
      expect(await store.findByEndToEndId(P, 'e')).toEqual([])
    })

    test('a repeated reset is not applied again and loses nothing written since', async () => {
      expect(await store.reset(P, null, 'm1')).toBe('applied')
      expect(await store.reset(P, null, 'm1')).toBe('applied')
      await store.write(P, 'm1', 'm2', [put('a', 'A')])
      expect(await store.reset(P, null, 'm1')).toBe('refused')
      expect(await content()).toHaveLength(1)
    })

    test('returns due payments, earliest first, up to the limit', async () => {
      await store.write(P, null, 'm1', [
        put('late', 'x', { dueAt: 301 }),
        put('second', 'x', { dueAt: 200 }),
        put('first', 'x', { dueAt: 100 }),
        put('third', 'x', { dueAt: 300 }),
      ])
      expect(await store.due(P, 300, 10)).toEqual(['first', 'second', 'third'])
      expect(await store.due(P, 300, 2)).toEqual(['first', 'second'])
      expect(await store.due(P, 99, 10)).toEqual([])
    })

    test('updates a due time with the next write of its payment', async () => {
      await store.write(P, null, 'm1', [put('a', 'A', { dueAt: 100 })])
      await store.write(P, 'm1', 'm2', [put('a', 'A', { dueAt: 1_763_886_771_123 })])
      expect(await store.due(P, 1_763_886_771_122, 10)).toEqual([])
      expect(await store.due(P, 1_763_886_771_123, 10)).toEqual(['a'])
    })

    test('finds all payments with exactly this customer reference, and no others', async () => {
      await store.write(P, null, 'm1', [
        put('jpm:2', 'x', { endToEndId: 'E2E-1' }),
        put('jpm:1', 'x', { endToEndId: 'E2E-1' }),
        put('jpm:3', 'x', { endToEndId: 'E2E-11' }),
        put('jpm:4', 'x', { endToEndId: 'E2E-' }),
        put('jpm:5', 'x'),
      ])
      expect(await store.findByEndToEndId(P, 'E2E-1')).toEqual(['jpm:1', 'jpm:2'])
      expect(await store.findByEndToEndId(P, 'E2E')).toEqual([])
      expect(await store.findByEndToEndId(P, '')).toEqual([])
    })

    test('I6: finds a payment only by the reference of its latest state', async () => {
      await store.write(P, null, 'm1', [put('a', 'x', { endToEndId: 'e' }), put('b', 'x', { endToEndId: 'e' })])
      await store.write(P, 'm1', 'm2', [put('a', 'x', { endToEndId: 'other' }), put('b', 'x')])
      expect(await store.findByEndToEndId(P, 'e')).toEqual([])
      expect(await store.findByEndToEndId(P, 'other')).toEqual(['a'])
      expect(await references()).toEqual([['other', 'a']])
      await store.write(P, 'm2', 'm3', [put('a', 'x', { endToEndId: 'other' }), put('b', 'x', { endToEndId: 'e' })])
      expect(await references()).toEqual([
        ['e', 'b'],
        ['other', 'a'],
      ])
    })

    test('I6: removes the reference with the payment, whatever reference the write names', async () => {
      await store.write(P, null, 'm1', [
        put('a', 'x', { endToEndId: 'e' }),
        put('b', 'x', { endToEndId: 'e' }),
        put('c', 'x', { endToEndId: 'e' }),
      ])
      await store.write(P, 'm1', 'm2', [forget('a'), forget('b', 'wrong')])
      expect(await references()).toEqual([['e', 'c']])
      await store.write(P, 'm2', 'm3', [forget('c', 'e')])
      await store.write(P, 'm3', 'm4', [put('c', 'again')])
      expect(await references()).toEqual([])
      expect(await store.isWhole(P)).toBe(true)
    })

    test('treats an empty reference as none', async () => {
      await store.write(P, null, 'm1', [put('a', 'x', { endToEndId: '' })])
      expect([await references(), await store.findByEndToEndId(P, '')]).toEqual([[], []])
      expect(await store.isWhole(P)).toBe(true)
    })

    test('I6: is whole after any writes, with and without references', async () => {
      expect(await store.isWhole(P)).toBe(true)
      await store.reset(P, null, 'm1')
      expect(await store.isWhole(P)).toBe(true)
      await store.write(P, 'm1', 'm2', [put('a', 'x', { endToEndId: 'e' }), put('b', 'x'), put('c', 'y')])
      expect(await store.isWhole(P)).toBe(true)
      await store.write(P, 'm2', 'm3', [put('b', 'x', { endToEndId: 'e' }), forget('a'), forget('never seen')])
      expect(await store.isWhole(P)).toBe(true)
    })

    test.each(['due', 'refs'] as const)('I6: is not whole without :%s', async (index) => {
      await store.write(P, null, 'm1', [put('a', 'x', { endToEndId: 'e' }), put('b', 'x')])
      await lose(store, P, index)
      expect(await store.isWhole(P)).toBe(false)
    })

    test('returns the sizes of states, and with them the marker and the states if these are small enough', async () => {
      await store.write(P, null, 'm1', [put('a', 'ü€'), put('b', Buffer.alloc(70_000)), put('c', 'x')])
      await store.write(P, 'm1', 'm2', [forget('c')])
      const asked = ['b', 'x', 'a', 'c']
      const sizes = [70_000, 0, 5, 0]
      expect(await store.sizes(P, asked, 70_004)).toEqual({ sizes, read: null })
      expect(await store.sizes(P, asked, 70_005)).toEqual({ sizes, read: await store.read(P, asked) })
      expect(await store.sizes(P, [], 0)).toEqual({ sizes: [], read: { marker: 'm2', states: [] } })
      const many = Array.from({ length: 1_001 }, (_, index) => `jpm:${index}`)
      expect(await store.sizes(P, many, 0)).toEqual({ sizes: many.map(() => 0), read: null })
      const fewer = many.slice(1)
      expect(await store.sizes(P, fewer, 0)).toEqual({ sizes: fewer.map(() => 0), read: await store.read(P, fewer) })
    })

    test('returns all due times, and those of some payments', async () => {
      await store.write(P, null, 'm1', [put('a', 'x', { dueAt: 1_763_886_771_123 }), put('b', 'x', { dueAt: 7 })])
      const all: (readonly [string, number])[] = []
      for await (const entry of store.scanDue(P)) {
        all.push(entry)
      }
      expect(all.sort()).toEqual([
        ['a', 1_763_886_771_123],
        ['b', 7],
      ])
      expect(await store.dueTimes(P, ['b', 'x', 'a'])).toEqual([7, null, 1_763_886_771_123])
      expect(await store.dueTimes(P, [])).toEqual([])
    })

    test.each([
      'jpm:ü€😀',
      'ns:with space',
      'ns:(a[b]c-*?',
      'ns:"quoted"\n',
      '{slot}',
      'ns:%00\\0',
      '__proto__',
      'ns:e2e:x:y',
    ])('stores a payment under the key %j, and finds it by the same text as a reference', async (odd) => {
      await store.write(P, null, 'm1', [put(odd, 'odd', { endToEndId: odd }), put('other', 'other')])
      expect((await store.read(P, [odd])).states).toEqual([Buffer.from('odd')])
      expect(await store.due(P, 100, 10)).toContain(odd)
      expect(await store.findByEndToEndId(P, odd)).toEqual([odd])
      await store.write(P, 'm1', 'm2', [forget(odd, odd)])
      expect(await content()).toEqual([['other', Buffer.from('other')]])
      expect(await store.findByEndToEndId(P, odd)).toEqual([])
    })

    test('preserves every byte of a state', async () => {
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256))
      await store.write(P, null, 'm1', [put('a', bytes)])
      expect((await store.read(P, ['a'])).states).toEqual([bytes])
      expect(await content()).toEqual([['a', bytes]])
    })

    test('separates partitions', async () => {
      await store.write(P, null, 'm1', [put('a', 'A', { endToEndId: 'e' })])
      expect(await store.read(1, ['a'])).toEqual({ marker: null, states: [null] })
      await store.reset(1, null, 'x')
      expect(await store.findByEndToEndId(1, 'e')).toEqual([])
      expect(await content()).toHaveLength(1)
    })

    test('scans all payments of a partition, each once, however many there are', async () => {
      const keys = Array.from({ length: 1_500 }, (_, index) => `jpm:${index}`)
      await store.write(
        P,
        null,
        'm1',
        keys.map((key) => put(key, key)),
      )
      const found = await content()
      expect(found.map(([key]) => key)).toEqual(keys.toSorted())
      expect(found.every(([key, state]) => state.toString() === key)).toBe(true)
    })
  })
}
