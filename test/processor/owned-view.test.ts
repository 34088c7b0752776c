import { beforeEach, describe, expect, test } from 'vitest'
import { totalsFrom } from '../../src/payment/totals.ts'
import { OwnedView, ViewLostError } from '../../src/processor/owned-view.ts'
import { fromMarkerText, toMarkerText, type ViewMarker } from '../../src/processor/view-marker.ts'
import { MemoryStateStore } from '../lab/harness/memory-state-store.ts'

const P = 3
const WRITE = { paymentKey: 'jpm:a', state: Buffer.from('A'), dueAt: 1, endToEndId: null }
const MARKER: ViewMarker = {
  clusterId: 'cluster',
  token: 'mine',
  writes: 0,
  next: 5n,
  viewNext: 7n,
  committedBy: '',
  totals: totalsFrom(0n),
  dueBy: 'settings',
  completeAt: 1_000,
  replaying: false,
}

let store: MemoryStateStore

beforeEach(() => {
  store = new MemoryStateStore()
})

test('a claim replaces exactly the marker that was found, and keeps or deletes the states', async () => {
  await store.write(P, null, 'former', [WRITE])
  await expect(OwnedView.claim(store, P, null, MARKER, false)).rejects.toThrow(ViewLostError)
  const kept = await OwnedView.claim(store, P, 'former', MARKER, false)
  expect(await kept.read(['jpm:a', 'jpm:b'])).toEqual(new Map([['jpm:a', WRITE.state]]))
  const emptied = await OwnedView.claim(store, P, toMarkerText(MARKER), { ...MARKER, token: 'next' }, true)
  expect(await emptied.read(['jpm:a'])).toEqual(new Map())
})

test('advancing writes the states and a marker that no earlier one equals', async () => {
  const view = await OwnedView.claim(store, P, null, MARKER, false)
  await view.advance({}, [])
  await view.advance({ viewNext: 9n, completeAt: 2_000 }, [WRITE])
  const { marker, states } = await store.read(P, ['jpm:a'])
  expect(states).toEqual([WRITE.state])
  expect(fromMarkerText(marker)).toEqual({ ...MARKER, writes: 2, viewNext: 9n, completeAt: 2_000 })
  expect(view.marker).toEqual(fromMarkerText(marker))
})

describe.each([
  ['another owner', (other: MemoryStateStore) => other.write(P, toMarkerText(MARKER), 'other', [])],
  ['a Redis that was emptied', async (other: MemoryStateStore) => other.flush(P)],
])('after %s (I6, I7)', (_, happens) => {
  test('nothing is read, nothing is written, and the marker stays as it was', async () => {
    const view = await OwnedView.claim(store, P, null, MARKER, false)
    await happens(store)
    const { marker } = await store.read(P, [])
    await expect(view.read([])).rejects.toThrow(ViewLostError)
    await expect(view.advance({ next: 6n }, [WRITE])).rejects.toThrow(ViewLostError)
    expect(await store.read(P, ['jpm:a'])).toEqual({ marker, states: [null] })
    expect(view.marker).toEqual(MARKER)
  })
})
