import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentState } from '../../src/payment/apply-event.ts'
import { totalsFrom } from '../../src/payment/totals.ts'
import { toMarkerText, type ViewMarker } from '../../src/processor/view-marker.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { loadStates } from '../../src/tools/load-states.ts'
import { findInView } from '../../src/tools/show.ts'
import { topicNames } from '../../src/topics.ts'
import { paymentOf } from '../console/fake-world.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'
import { MemoryStateStore } from '../lab/harness/memory-state-store.ts'
import { CODECS } from '../processor/status-world.ts'

/** What the view says of a payment, and when the topic must be asked instead. */

const KEY = 'jpm:one'
const PARTITIONS = 2
const HOME = partitionOf(Buffer.from(KEY), PARTITIONS)
const topics = topicNames('')

const MARKER: ViewMarker = {
  clusterId: 'cluster',
  token: 'assignment',
  writes: 0,
  next: 0n,
  viewNext: 0n,
  committedBy: '',
  totals: totalsFrom(0n),
  dueBy: '',
  completeAt: 0,
  replaying: false,
}
const COMPLETE = toMarkerText(MARKER)
const REBUILDING = toMarkerText({ ...MARKER, replaying: true })

const story = ['ACCEPTED', 'COMPLETED'] as const
const stateAfter = (steps: number): PaymentState =>
  paymentOf(
    story.slice(0, steps).map((status, index) => ({
      paymentKey: KEY,
      endToEndId: 'E2E',
      status,
      eventId: `${index}`.repeat(32),
      occurredAt: index,
    })),
  ).state

let store: MemoryStateStore
let kafka: MemoryKafka
let topicReads: number

beforeEach(() => {
  store = new MemoryStateStore()
  kafka = new MemoryKafka('cluster', PARTITIONS)
  for (const steps of [1, 2]) {
    kafka.produce(topics.current, HOME, { key: KEY, value: CODECS.state.encode(stateAfter(steps)) })
  }
  topicReads = 0
})

async function view(partition: number, marker: string, state: Buffer | null = null) {
  await store.reset(partition, null, marker)
  const writes = state === null ? [] : [{ paymentKey: KEY, state, dueAt: 0, endToEndId: 'E2E' }]
  await store.write(
    partition,
    marker,
    marker === COMPLETE ? toMarkerText({ ...MARKER, writes: 1 }) : `${marker} `,
    writes,
  )
}

const ports = () => ({ reader: kafka.reader, codecs: CODECS, topics, partitions: PARTITIONS, store })

async function load(...keys: readonly string[]) {
  const readTopic = <T>(read: () => Promise<T>) => {
    topicReads += 1
    return read()
  }
  const loaded = await loadStates({ ...ports(), readTopic }, keys)
  return keys.map((key) => {
    const found = loaded.get(key)
    return found === undefined ? null : [found.from, found.state.statusVersion]
  })
}

describe('a payment', () => {
  test('is read from a complete view, and one that this does not have does not exist', async () => {
    await view(HOME, COMPLETE, CODECS.state.encode(stateAfter(2)))
    await view(1 - HOME, COMPLETE)
    expect(await load(KEY, 'jpm:other', 'jpm:none')).toEqual([['view', 2], null, null])
    expect(topicReads).toBe(0)
  })

  test.each([
    ['there is no view', null, null],
    ['it was emptied for a rebuild', REBUILDING, null],
    ['a rebuild has an older record of it', REBUILDING, CODECS.state.encode(stateAfter(1))],
    ['another program wrote the marker', 'not ours', CODECS.state.encode(stateAfter(1))],
    ['its state cannot be read', COMPLETE, Buffer.from('none')],
  ])('is read from the topic if %s', async (_, marker, state) => {
    if (marker !== null) {
      await view(HOME, marker, state)
    }
    expect(await load(KEY)).toEqual([['topic', 2]])
  })

  test('is read from the topic if Redis does not answer', async () => {
    store.read = () => Promise.reject(new Error('no answer'))
    expect(await load(KEY)).toEqual([['topic', 2]])
  })

  test('is read from the topic together with the others', async () => {
    expect(await load(KEY, 'jpm:a', 'jpm:b', 'jpm:c')).toEqual([['topic', 2], null, null, null])
    expect(topicReads).toBe(1)
  })
})

describe('payments with an id', () => {
  const find = async (...keys: readonly string[]) => {
    const found = await findInView(ports(), 'E2E', keys)
    return found === 'incomplete' ? found : found.map(({ paymentKey }) => paymentKey)
  }

  test('are found in a complete view, each once', async () => {
    await view(HOME, COMPLETE, CODECS.state.encode(stateAfter(2)))
    await view(1 - HOME, COMPLETE)
    expect(await find(KEY, 'jpm:none')).toEqual([KEY])
    expect(await find()).toEqual([KEY])
  })

  test('can be in every partition, so each must be complete', async () => {
    await view(HOME, COMPLETE, CODECS.state.encode(stateAfter(2)))
    expect(await find(KEY)).toBe('incomplete')
    await view(1 - HOME, REBUILDING)
    expect(await find(KEY)).toBe('incomplete')
  })
})
