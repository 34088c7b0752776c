import { beforeEach, describe, expect, test } from 'vitest'
import { noTotals, totalsFrom } from '../../src/payment/totals.ts'
import { ByteBudget } from '../../src/processor/byte-budget.ts'
import { type DuePolicy, fingerprintOf } from '../../src/processor/due.ts'
import { ViewLostError } from '../../src/processor/owned-view.ts'
import {
  decideRestore,
  type RestoreFacts,
  type RestoreOptions,
  restoreView,
  VIEW_AGE_MAX_MS,
} from '../../src/processor/restore-view.ts'
import { type CommitMetadata, fromMarkerText, toMarkerText, type ViewMarker } from '../../src/processor/view-marker.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import { TOPICS as SPECS } from '../../src/topics.ts'
import { sampleState } from '../avro/samples.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'
import { MemoryView } from '../lab/harness/memory-view.ts'
import { CODECS, DAY_MS, PARTITION, TOPICS } from './status-world.ts'

const NOW = 1_000 * DAY_MS
const TOTALS = { ...totalsFrom(0n), events: 9, applied: 9 }

function promising(current: bigint): CommitMetadata {
  return {
    ends: { current, changes: 0n, eventDeadLetters: 0n },
    committedBy: 'former',
    former: { committedBy: 'before', current: 2n },
    totals: TOTALS,
  }
}

const POLICY: DuePolicy = { retentionMs: 400 * DAY_MS, nextStatusWithin: { default: DAY_MS, providers: {} } }

const MARKER: ViewMarker = {
  clusterId: 'cluster',
  token: 'former',
  writes: 3,
  next: 20n,
  viewNext: 2n,
  committedBy: 'former',
  totals: TOTALS,
  dueBy: fingerprintOf(POLICY),
  completeAt: NOW - DAY_MS,
  replaying: false,
}
const FACTS: RestoreFacts = {
  clusterId: 'cluster',
  dueBy: fingerprintOf(POLICY),
  metadata: promising(2n),
  committed: true,
  distrusted: false,
  whole: true,
  currentEnd: 5n,
  now: NOW,
}

describe('the decision', () => {
  test('is to keep a view that matches the commit', () => {
    expect(decideRestore(MARKER, FACTS)).toEqual({ kind: 'keep' })
  })

  test('is to keep it however old it is: nothing was forgotten since', () => {
    expect(decideRestore({ ...MARKER, completeAt: 0 }, FACTS)).toEqual({ kind: 'keep' })
  })

  test('is to finish a replay that was interrupted at its very end, within the same age limit as any other', () => {
    const replayed = { ...MARKER, replaying: true }
    expect(decideRestore(replayed, FACTS)).toEqual({ kind: 'replay', from: 2n })
    expect(decideRestore({ ...replayed, completeAt: NOW - VIEW_AGE_MAX_MS - 1 }, FACTS).kind).toBe('rebuild')
  })

  test('is to replay what the view lacks', () => {
    const metadata = promising(4n)
    expect(decideRestore(MARKER, { ...FACTS, metadata })).toEqual({ kind: 'replay', from: 2n })
  })

  test('is to replay after a view left by the previous assignment, up to where its commits are valid', () => {
    const facts = { ...FACTS, metadata: promising(4n) }
    expect(decideRestore({ ...MARKER, committedBy: 'before' }, facts)).toEqual({ kind: 'replay', from: 2n })
    expect(decideRestore({ ...MARKER, committedBy: 'before', viewNext: 3n }, facts).kind).toBe('rebuild')
  })

  test('is to replay without metadata (an operator moved the group) only if the view was read from `current` itself', () => {
    const facts = { ...FACTS, metadata: null }
    expect(decideRestore({ ...MARKER, committedBy: '' }, facts)).toEqual({ kind: 'replay', from: 2n })
    expect(decideRestore(MARKER, facts).kind).toBe('rebuild')
  })

  test.each<[why: string, marker: ViewMarker | null, facts: Partial<RestoreFacts>]>([
    ['there is no view', null, {}],
    ['the view contains a state that cannot be read', MARKER, { distrusted: true }],
    ['Redis lost part of the view: due times or customer references', MARKER, { whole: false }],
    ['the view was built from another Kafka cluster', { ...MARKER, clusterId: 'other' }, {}],
    ['the group has no committed offset for this partition', MARKER, { committed: false, metadata: null }],
    ['the `payments` settings that determine due times have changed', { ...MARKER, dueBy: 'other' }, {}],
    ['the view is ahead of what was committed', { ...MARKER, viewNext: 6n }, {}],
    ['the view ends with a commit that was superseded', { ...MARKER, committedBy: 'lost' }, {}],
    [
      'the view is older than the retention of tombstones',
      { ...MARKER, completeAt: NOW - VIEW_AGE_MAX_MS - 1 },
      { metadata: promising(4n) },
    ],
    [
      'the view was written by a clock far ahead of ours, so its age is unknown',
      { ...MARKER, completeAt: NOW + DAY_MS + 1 },
      { metadata: promising(4n) },
    ],
  ])('is to rebuild when %s', (why, marker, facts) => {
    expect(decideRestore(marker, { ...FACTS, ...facts })).toEqual({ kind: 'rebuild', why })
  })

  test('trusts a replay only well within the retention of tombstones', () => {
    expect(VIEW_AGE_MAX_MS).toBeLessThan(SPECS.current.settings.deleteRetentionDays * DAY_MS)
    const replayed = { ...MARKER, completeAt: NOW - VIEW_AGE_MAX_MS }
    expect(decideRestore(replayed, { ...FACTS, metadata: promising(4n) }).kind).toBe('replay')
    const ahead = { ...MARKER, completeAt: NOW + DAY_MS }
    expect(decideRestore(ahead, { ...FACTS, metadata: promising(4n) }).kind).toBe('replay')
  })
})

describe('restoring', () => {
  let kafka: MemoryKafka
  let view: MemoryView

  beforeEach(() => {
    kafka = new MemoryKafka()
    view = new MemoryView()
  })

  function stateOf(paymentKey: string, statusVersion: number): Buffer {
    return CODECS.state.encode({ ...sampleState(), paymentKey, statusVersion })
  }

  function publish(paymentKey: string, statusVersion: number | null): void {
    const value = statusVersion === null ? null : stateOf(paymentKey, statusVersion)
    kafka.produce(TOPICS.current, PARTITION, { key: paymentKey, value })
  }

  function restore(changes: Partial<RestoreOptions> = {}) {
    return restoreView({
      partition: PARTITION,
      topics: TOPICS,
      store: view,
      reader: kafka.reader,
      codecs: CODECS,
      assertInPlace: () => {},
      duePolicy: POLICY,
      clusterId: 'cluster',
      metadata: promising(kafka.range(TOPICS.current, PARTITION).end),
      committed: true,
      distrusted: false,
      next: 20n,
      token: 'mine',
      now: () => NOW,
      restoreBudget: new ByteBudget(1),
      onProgress: () => {},
      signal: new AbortController().signal,
      ...changes,
    })
  }

  async function leaveView(marker: ViewMarker, ...payments: [key: string, state: Buffer][]): Promise<void> {
    const writes = payments.map(([paymentKey, state]) => ({ paymentKey, state, dueAt: 1, endToEndId: null }))
    await view.write(PARTITION, null, toMarkerText(marker), writes)
  }

  test('keeps a valid view and only replaces its marker, so that the former owner can no longer write (I7)', async () => {
    publish('a', 1)
    publish('b', 1)
    await leaveView(MARKER, ['a', stateOf('a', 1)], ['b', stateOf('b', 1)])
    const former = await view.marker(PARTITION)
    const restored = await restore()
    expect([restored.decision.kind, restored.records]).toEqual(['keep', 0])
    expect(await view.marker(PARTITION)).toBe(toMarkerText(restored.view.marker))
    expect(restored.view.marker).toMatchObject({
      token: 'mine',
      viewNext: 2n,
      totals: TOTALS,
      writes: 0,
    })
    expect(await view.write(PARTITION, former, 'late', [])).toBe('refused')
  })

  test('replays what the view lacks, and takes the totals from Kafka, not from the view', async () => {
    for (const version of [1, 2, 3, 4]) {
      publish('a', version)
    }
    publish('b', 1)
    await leaveView({ ...MARKER, totals: totalsFrom(7n) }, ['a', stateOf('a', 2)])
    const restored = await restore()
    expect([restored.decision.kind, restored.records]).toEqual(['replay', 3])
    expect(await view.content(PARTITION)).toEqual(kafka.latest(TOPICS.current, PARTITION))
    expect(restored.view.marker).toMatchObject({ viewNext: 5n, totals: TOTALS })
  })

  test('a replay removes payments that were forgotten meanwhile', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', null)
    await leaveView(MARKER, ['a', stateOf('a', 1)], ['b', stateOf('b', 1)])
    await restore()
    expect([...(await view.content(PARTITION)).keys()]).toEqual(['b'])
  })

  test('a rebuild first empties the view, because its content is from elsewhere', async () => {
    publish('a', 2)
    await leaveView({ ...MARKER, clusterId: 'other' }, ['a', stateOf('a', 9)], ['ghost', stateOf('ghost', 1)])
    const restored = await restore()
    expect(restored.decision).toEqual({ kind: 'rebuild', why: 'the view was built from another Kafka cluster' })
    expect(await view.content(PARTITION)).toEqual(kafka.latest(TOPICS.current, PARTITION))
  })

  test('rebuilds a view with an unreadable marker', async () => {
    publish('a', 1)
    await view.write(PARTITION, null, 'garbage', [])
    expect((await restore()).decision.kind).toBe('rebuild')
    expect(await view.content(PARTITION)).toEqual(kafka.latest(TOPICS.current, PARTITION))
  })

  test('restarts counting at the current offset when no commit carries totals', async () => {
    const { marker } = (await restore({ metadata: null, committed: false })).view
    expect(marker.totals).toEqual({ since: '20', ...noTotals() })
  })

  test('reaches the promised offset even if compaction or a control record took the end', async () => {
    publish('a', 1)
    const transactions = await kafka.openTransactions('t', 'g', TOPICS.events, PARTITION)
    await transactions.run(async (scope) => {
      await scope.append(TOPICS.current, PARTITION, [{ key: 'b', value: stateOf('b', 1) }])
    })
    const { marker } = (await restore()).view
    expect(kafka.range(TOPICS.current, PARTITION).end).toBe(3n)
    expect(marker.viewNext).toBe(3n)
    expect((await restore({ token: 'next' })).decision.kind).toBe('keep')
  })

  test('stops when `current` ends before what was committed: lost records must not be hidden', async () => {
    publish('a', 1)
    const truncated = restore({ metadata: promising(2n) })
    await expect(truncated).rejects.toThrow(DefinedStop)
    await expect(truncated).rejects.toMatchObject({ code: 'CURRENT_TRUNCATED' })
    expect(await view.marker(PARTITION)).toBeNull()
  })

  test('stops at a state that this release cannot read', async () => {
    kafka.produce(TOPICS.current, PARTITION, { key: 'a', value: Buffer.from('no Avro') })
    await expect(restore()).rejects.toMatchObject({ code: 'CURRENT_UNREADABLE' })
  })

  test('gives up when another owner writes into the view meanwhile (I7)', async () => {
    publish('a', 1)
    view.onStep = async (step) => {
      if (step === 'view-reset.before') {
        view.onStep = () => {}
        await view.write(PARTITION, null, 'somebody else', [])
      }
    }
    await expect(restore()).rejects.toThrow(ViewLostError)
    expect(await view.marker(PARTITION)).toBe('somebody else')
  })

  test('gives up in the middle of a replay, too', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('c', 1)
    let writes = 0
    view.onStep = (step) => {
      writes += step === 'view-write.before' ? 1 : 0
      if (writes === 2) {
        view.flush()
      }
    }
    await expect(restore()).rejects.toThrow(ViewLostError)
  })

  test('I6: an interrupted replay leaves the view as old as it was, so forgotten payments do not survive', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', null)
    await leaveView({ ...MARKER, completeAt: NOW }, ['a', stateOf('a', 1)], ['b', stateOf('b', 1)])
    const dyingAt = (now: number) => {
      const reader = { ...kafka.reader, read: () => Promise.reject(new Error('dies')) }
      return restore({ reader, now: () => now })
    }
    for (const day of [4, 4.9]) {
      await expect(dyingAt(NOW + day * DAY_MS)).rejects.toThrow('dies')
    }
    // Compaction removed the tombstone of `a` meanwhile: only a rebuilt view has no `a`.
    kafka.compact(TOPICS.current, PARTITION)
    const restored = await restore({ now: () => NOW + 14 * DAY_MS })
    expect(restored.decision).toEqual({ kind: 'rebuild', why: 'the view is older than the retention of tombstones' })
    expect([...(await view.content(PARTITION)).keys()]).toEqual(['b'])
    expect(restored.view.marker.completeAt).toBe(NOW + 14 * DAY_MS)
  })

  test('I6: an interrupted rebuild leaves a view as old as its start', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', null)
    let writes = 0
    view.onStep = (step) => {
      writes += step === 'view-write.after' ? 1 : 0
      if (writes === 1) {
        throw new Error('dies')
      }
    }
    await expect(restore()).rejects.toThrow('dies')
    view.onStep = () => {}
    expect(fromMarkerText(await view.marker(PARTITION))).toMatchObject({ completeAt: NOW })
    expect((await restore({ now: () => NOW + 6 * DAY_MS })).decision.kind).toBe('rebuild')
  })

  test('a replay that reached the end leaves a view as old as the start of the replay', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', 2)
    await leaveView({ ...MARKER, completeAt: NOW - 4 * DAY_MS }, ['a', stateOf('a', 1)], ['b', stateOf('b', 1)])
    const clock = [NOW, NOW + 1_000]
    const { decision, view: restored } = await restore({ now: () => clock.shift() ?? NOW + 2_000 })
    expect([decision.kind, restored.marker.completeAt]).toEqual(['replay', NOW])
  })

  test('a replay that took longer than the retention of tombstones is not trusted and is repeated from the start', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', 2)
    await leaveView({ ...MARKER, completeAt: NOW - 4 * DAY_MS }, ['a', stateOf('a', 1)], ['b', stateOf('b', 1)])
    const clock = [NOW]
    await expect(restore({ now: () => clock.shift() ?? NOW + 2 * DAY_MS })).rejects.toThrow(ViewLostError)
    expect((await restore({ now: () => NOW + 2 * DAY_MS })).decision.kind).toBe('rebuild')
  })

  test.each(['due', 'refs'] as const)(
    'I6: rebuilds a view that lost its key :%s, which no marker shows',
    async (index) => {
      publish('a', 1)
      publish('b', 1)
      await restore()
      view.lose(PARTITION, index)
      const restored = await restore({ token: 'next' })
      expect(restored.decision).toMatchObject({ kind: 'rebuild', why: expect.stringContaining('lost part') })
      expect(await view.due(PARTITION, Number.MAX_SAFE_INTEGER, 10)).toHaveLength(2)
      expect(await view.findByEndToEndId(PARTITION, 'E2E-4711')).toEqual(['a', 'b'])
    },
  )

  test('I6: a tombstone removes the reference, although it contains only the key', async () => {
    publish('a', 1)
    publish('b', 1)
    publish('a', null)
    await restore()
    expect(await view.findByEndToEndId(PARTITION, 'E2E-4711')).toEqual(['b'])
  })

  test('I6: wherever a restore is interrupted, the marker never promises records that the view lacks', async () => {
    for (const version of [1, 2, 3]) {
      publish('a', version)
      publish('b', version)
    }
    const states = kafka.records(TOPICS.current, PARTITION)
    for (let brokenAt = 0; ; brokenAt += 1) {
      view = new MemoryView()
      let steps = 0
      view.onStep = () => {
        steps += 1
        if (steps > brokenAt) {
          throw new Error('crash')
        }
      }
      const finished = await restore().then(
        () => true,
        () => false,
      )
      view.onStep = () => {}
      const upTo = fromMarkerText(await view.marker(PARTITION))?.viewNext ?? 0n
      const expected = new Map(
        states.filter(({ offset }) => offset < upTo).map(({ key, value }) => [String(key), value]),
      )
      expect(await view.content(PARTITION)).toEqual(expected)
      if (finished) {
        expect(upTo).toBe(6n)
        break
      }
    }
  })
})
