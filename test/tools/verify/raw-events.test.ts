import { expect, test } from 'vitest'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { InRecord } from '../../../src/stream/record.ts'
import { eventsOfRaw } from '../../../src/tools/verify/events-of-raw.ts'
import { RawEvents } from '../../../src/tools/verify/raw-events.ts'

const SOURCES = [{ id: 'jpm', provider: 'jpm-global-payments-v1', namespace: 'n', currency: null }]
const RECEIVED_AT = Date.UTC(2026, 0, 1)

function record(offset: number, ids: readonly string[], { source = 'jpm', at = RECEIVED_AT } = {}): InRecord {
  const callbacks = ids.map((firmRootId) => ({
    firmRootId,
    paymentStatus: 'COMPLETED',
    createDateTime: '2026-01-01T00:00:00Z',
  }))
  return {
    offset: BigInt(offset),
    timestamp: 0,
    key: null,
    value: Buffer.from(JSON.stringify({ callbacks })),
    headers: {
      ce_id: Buffer.from(`callback ${offset}`),
      ce_source: Buffer.from(source),
      ce_time: Buffer.from(new Date(at).toISOString()),
    },
  }
}

const raw = (wanted: (key: string) => boolean = () => true) =>
  new RawEvents({ sources: SOURCES, partitions: 4, wanted })
const all = (events: RawEvents) => [0, 1, 2, 3].flatMap((partition) => [...events.take(partition)])

test('one raw record gives the events of all its payments', () => {
  const sources = sourcesById(SOURCES)
  expect(eventsOfRaw(record(1, ['a', 'b']), sources)?.map(({ paymentKey }) => paymentKey)).toEqual(['n:a', 'n:b'])
  expect(eventsOfRaw(record(1, ['a'], { source: 'gone' }), sources)).toBe(null)
})

test('events are in the partition of their payment, regardless of that of the callback', () => {
  const events = raw()
  events.add(record(7, ['a', 'b', 'c', 'd', 'e']), 3, true)
  for (let partition = 0; partition < 4; partition += 1) {
    for (const [paymentKey, found] of events.take(partition)) {
      expect(partitionOf(Buffer.from(paymentKey), 4)).toBe(partition)
      expect([...found.values()]).toMatchObject([{ position: 'raw[3]@7', dueAt: RECEIVED_AT }])
    }
    expect(events.take(partition).size).toBe(0)
  }
})

test('a repeat takes no memory; it updates the last receipt and the last receipt that was processed', () => {
  const events = raw()
  events.add(record(1, ['a']), 0, true)
  events.add(record(2, ['a'], { at: RECEIVED_AT + 50 }), 0, true)
  events.add(record(3, ['a'], { at: RECEIVED_AT + 20 }), 0, true)
  events.add(record(4, ['a'], { at: RECEIVED_AT + 90 }), 0, false)
  const [[, found] = []] = all(events)
  expect([...(found?.values() ?? [])]).toMatchObject([
    { position: 'raw[0]@1', dueAt: RECEIVED_AT + 50, receivedAt: RECEIVED_AT + 90 },
  ])
})

test('keeps only wanted payments', () => {
  const events = raw((key) => key === 'n:b')
  events.add(record(1, ['a', 'b']), 0, false)
  events.add(record(2, ['b'], { source: 'gone' }), 0, true)
  expect(all(events).map(([key]) => key)).toEqual(['n:b'])
  expect(events.unknownSource).toBe(1)
})
