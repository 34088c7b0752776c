import { expect, test, vi } from 'vitest'
import type { Change } from '../src/change.ts'
import { ClientError } from '../src/client-error.ts'
import { fromCommitText, toCommitText } from '../src/commit-note.ts'
import { FollowedPartition } from '../src/followed-partition.ts'
import type { PaymentStatus, PaymentStatusChange } from '../src/generated/records.ts'
import { type ChangeMessage, Lane, type LaneOptions } from '../src/lane.ts'
import type { Observation } from '../src/observation.ts'

/** A lane over two logs in memory: what it tells, in which order, and when it commits. */

const DAY_MS = 86_400_000
const NOW = 100 * DAY_MS

interface Published {
  readonly key: string
  readonly version: readonly [incarnation: number, statusVersion: number]
  readonly withoutHeaders?: boolean
}

class World {
  readonly told: Change[] = []
  readonly observed: Observation[] = []
  readonly commits: { readonly offset: bigint; readonly current: bigint; readonly toldBefore: number }[] = []
  readonly followed = new FollowedPartition(0)
  readonly closing = new AbortController()
  readonly decoded: string[] = []
  committed: { offset: bigint | null; metadata: string | null } = { offset: null, metadata: null }
  readonly changes: ChangeMessage[] = []
  changesStart = 0n
  /** Of `current`; the follower has read all that was written so far, unless a test holds it back. */
  currentEnd = 0n
  now = NOW
  tell: (change: Change) => Promise<void> = async (change) => {
    this.told.push(change)
  }

  lane(): Lane {
    return new Lane(this.options())
  }

  options(): LaneOptions {
    const bytes = (value: Buffer) => JSON.parse(String(value)) as never
    return {
      partition: 0,
      changesTopic: 'changes',
      currentTopic: 'current',
      logs: {
        start: async () => this.changesStart,
        end: async (topic) => (topic === 'changes' ? BigInt(this.changes.length) : this.currentEnd),
        hasRecords: async (_topic, _partition, from, to) => to > from,
      },
      followed: this.followed,
      changeDecoder: {
        prepare: async () => {},
        decode: (value) => {
          this.decoded.push(String(value))
          return bytes(value) as PaymentStatusChange
        },
      },
      statusDecoder: { decode: (value) => bytes(value) as PaymentStatus },
      teller: { tell: (change) => this.tell(change) },
      committed: async () => this.committed,
      commit: async (_partition, offset, metadata) => this.#commit(offset, metadata),
      observe: (observation) => this.observed.push(observation),
      now: () => this.now,
      signal: this.closing.signal,
    }
  }

  /** Everything that the lane was not given yet, as kafkajs would. */
  process(lane: Lane, from = 0): Promise<void> {
    return lane.process(this.changes.slice(from), async (offset, metadata) => this.#commit(offset, metadata))
  }

  /** A step in both topics; `only` leaves one out. */
  step(record: Published, only?: 'changes' | 'current'): void {
    if (only !== 'current') {
      this.changes.push(messageOf(record, this.changes.length))
    }
    if (only !== 'changes') {
      const { key, version } = record
      this.currentEnd += 1n
      const value = Buffer.from(JSON.stringify(contentsOf(record)))
      const row = { incarnation: version[0], statusVersion: version[1] }
      this.followed.take([{ paymentKey: key, offset: this.currentEnd - 1n, version: row, value }], this.currentEnd)
    }
  }

  tombstone({ key, version }: Published): void {
    this.currentEnd += 1n
    const [incarnation, statusVersion] = version
    const record = {
      paymentKey: key,
      offset: this.currentEnd - 1n,
      version: { incarnation, statusVersion },
      value: null,
    }
    this.followed.take([record], this.currentEnd)
  }

  /** What was told, as `kind key version`. */
  get story(): readonly string[] {
    return this.told.map(
      ({ kind, paymentKey, version }) => `${kind} ${paymentKey} ${version.incarnation}/${version.statusVersion}`,
    )
  }

  #commit(offset: bigint, metadata: string): void {
    this.committed = { offset, metadata }
    const current = fromCommitText(metadata)?.current ?? -1n
    this.commits.push({ offset, current, toldBefore: this.told.length })
  }
}

function contentsOf({ key, version: [incarnation, statusVersion] }: Published) {
  return { paymentKey: key, incarnation, statusVersion }
}

function messageOf(record: Published, offset: number): ChangeMessage {
  const [incarnation, statusVersion] = record.version
  const headers = {
    paystatus_incarnation: Buffer.from(String(incarnation)),
    paystatus_status_version: Buffer.from(String(statusVersion)),
  }
  return {
    offset: String(offset),
    key: Buffer.from(record.key),
    value: Buffer.from(JSON.stringify(contentsOf(record))),
    ...(record.withoutHeaders !== true && { headers }),
  }
}

test('a group that begins is told what is true, and then only what is newer', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  world.step({ key: 'a', version: [1, 2] })
  const lane = world.lane()
  await lane.open()
  expect(world.story).toEqual(['state a 1/2'])
  world.step({ key: 'b', version: [1, 1] })
  world.step({ key: 'a', version: [1, 3] })
  await world.process(lane)
  expect(world.story).toEqual(['state a 1/2', 'step b 1/1', 'step a 1/3'])
  expect(world.told.at(-1)).toMatchObject({ missed: 0, isReplay: false, payment: { statusVersion: 3 } })
})

test('a step between the two noted ends is in the table already and is skipped without being decoded', async () => {
  const world = new World()
  const lane = world.lane()
  world.followed.take([], 0n)
  // The end of `changes` was noted before this step, that of `current` after it.
  const options = world.options()
  const end = vi.fn(options.logs.end)
  end.mockImplementationOnce(async () => {
    world.step({ key: 'a', version: [1, 1] })
    return 0n
  })
  const late = new Lane({ ...options, logs: { ...options.logs, end } })
  await late.open()
  await world.process(late)
  expect(world.story).toEqual(['state a 1/1'])
  expect(world.decoded).toEqual([])
  expect(world.observed).toContainEqual({ type: 'skipped', partition: 0, paymentKey: 'a' })
  expect(lane.position).toBe(0n)
})

test('records without the headers of the version are compared by their value', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  const lane = world.lane()
  await lane.open()
  world.step({ key: 'a', version: [1, 2], withoutHeaders: true })
  await world.process(lane, 1)
  world.changes.push(messageOf({ key: 'a', version: [1, 2], withoutHeaders: true }, 2))
  await world.process(lane, 2)
  expect(world.story).toEqual(['state a 1/1', 'step a 1/2'])
})

test('a gap is told with how much is missing and the payment that fills it', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  const lane = world.lane()
  await lane.open()
  for (const statusVersion of [2, 3]) {
    world.step({ key: 'a', version: [1, statusVersion] }, 'current')
  }
  world.step({ key: 'a', version: [1, 4] })
  await world.process(lane)
  expect(world.told.at(-1)).toMatchObject({ kind: 'step', missed: 2, payment: { statusVersion: 4 } })
  expect(world.observed).toContainEqual({ type: 'gap', partition: 0, paymentKey: 'a', missed: 2 })
})

test('a step waits until the table has what was written with it', async () => {
  const world = new World()
  const lane = world.lane()
  await lane.open()
  world.step({ key: 'a', version: [1, 1] }, 'changes')
  // Written, but not read yet.
  world.currentEnd = 1n
  const processed = world.process(lane)
  await new Promise((resolve) => setImmediate(resolve))
  expect(world.told).toEqual([])
  const value = Buffer.from(JSON.stringify(contentsOf({ key: 'a', version: [1, 1] })))
  const version = { incarnation: 1, statusVersion: 1 }
  world.followed.take([{ paymentKey: 'a', offset: 0n, version, value }], 1n)
  await processed
  expect(world.told).toMatchObject([{ kind: 'step', payment: { statusVersion: 1 } }])
})

test('the end of a life is told after its steps, although the tombstone is read first; a later life goes on', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  const lane = world.lane()
  await lane.open()
  world.step({ key: 'a', version: [1, 2] })
  world.tombstone({ key: 'a', version: [1, 2] })
  await lane.keepAlive()
  expect(world.story).toEqual(['state a 1/1'])
  await world.process(lane)
  expect(world.story).toEqual(['state a 1/1', 'step a 1/2', 'forgotten a 1/2'])
  expect(world.told.at(1)).toMatchObject({ payment: undefined })
  world.step({ key: 'a', version: [2, 1] })
  await world.process(lane)
  expect(world.story.at(-1)).toBe('step a 2/1')
})

test('a payment that was forgotten before the start is not told, nor are late steps of it', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] }, 'current')
  world.tombstone({ key: 'a', version: [1, 1] })
  const lane = world.lane()
  await lane.open()
  world.changes.push(messageOf({ key: 'a', version: [1, 1] }, 0))
  await world.process(lane)
  expect(world.story).toEqual([])
})

test('a group that continues is told what it missed: steps as replays, then what was forgotten', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  world.step({ key: 'b', version: [1, 1] })
  const first = world.lane()
  await first.open()
  await world.process(first)
  world.told.length = 0
  world.step({ key: 'a', version: [1, 2] })
  world.tombstone({ key: 'b', version: [1, 1] })
  await first.closed()
  const second = world.lane()
  await second.open()
  expect(world.story).toEqual([])
  await world.process(second)
  expect(world.story).toEqual(['step a 1/2', 'forgotten b 1/1'])
  expect(world.told[0]).toMatchObject({ isReplay: true, missed: 0 })
})

test('what was told is committed afterwards, with how far `current` was told', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  const lane = world.lane()
  await lane.open()
  expect(world.commits).toEqual([{ offset: 1n, current: 1n, toldBefore: 1 }])
  world.step({ key: 'a', version: [1, 2] })
  await world.process(lane)
  expect(world.commits.at(-1)).toEqual({ offset: 2n, current: 2n, toldBefore: 2 })
})

test('what is told for long is committed in between', async () => {
  const world = new World()
  const lane = world.lane()
  await lane.open()
  for (const statusVersion of [1, 2, 3]) {
    world.step({ key: 'a', version: [1, statusVersion] })
  }
  world.tell = async (change) => {
    world.told.push(change)
    world.now += 600
  }
  await world.process(lane)
  expect(world.commits.map(({ offset }) => offset)).toEqual([0n, 2n, 3n])
})

test('a lane that is closed while it tells something commits what was told and passes nothing more', async () => {
  const world = new World()
  const lane = world.lane()
  await lane.open()
  for (const statusVersion of [1, 2, 3]) {
    world.step({ key: 'a', version: [1, statusVersion] })
  }
  world.tell = async (change) => {
    world.closing.signal.throwIfAborted()
    world.told.push(change)
    if (change.version.statusVersion === 2) {
      world.closing.abort(new Error('stopped'))
    }
  }
  await expect(world.process(lane)).rejects.toThrow('stopped')
  expect(world.story).toEqual(['step a 1/1', 'step a 1/2'])
  expect(world.commits.at(-1)).toMatchObject({ offset: 2n })
})

test('a partition that stays after a rebalance is told nothing twice, and goes on where another instance was', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  const first = world.lane()
  await first.open()
  world.step({ key: 'a', version: [1, 2] })
  await first.process(world.changes, async () => {})
  expect(world.committed.offset).toBe(1n)
  const again = world.lane()
  await again.open(first)
  await world.process(again)
  expect(world.story).toEqual(['state a 1/1', 'step a 1/2'])
  world.step({ key: 'a', version: [1, 3] })
  world.step({ key: 'a', version: [1, 4] })
  world.committed = { offset: 3n, metadata: toCommitText({ current: 3n, at: NOW }) }
  const third = world.lane()
  await third.open(again)
  await world.process(third)
  expect(world.story.at(-1)).toBe('step a 1/4')
  expect(world.told.at(-1)).toMatchObject({ missed: 0 })
})

test.each([
  ['tombstones may be gone', { offset: 1n, metadata: toCommitText({ current: 1n, at: NOW - 7 * DAY_MS }) }, 0n],
  ['changes may be gone', { offset: 1n, metadata: null }, 2n],
])('a group that was away too long stops: %s', async (_, committed, changesStart) => {
  const world = new World()
  world.committed = committed
  world.changesStart = changesStart
  const error = await world
    .lane()
    .open()
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(ClientError)
  expect(error).toMatchObject({ code: 'AWAY_TOO_LONG' })
  expect(world.told).toEqual([])
})

test('a group that was committed by another program continues there', async () => {
  const world = new World()
  world.step({ key: 'a', version: [1, 1] })
  world.step({ key: 'a', version: [1, 2] })
  world.committed = { offset: 1n, metadata: 'from elsewhere' }
  const lane = world.lane()
  await lane.open()
  await world.process(lane)
  expect(world.story).toEqual(['step a 1/2'])
})

test('a record that cannot be read is named and not passed', async () => {
  const world = new World()
  const options = world.options()
  const lane = new Lane({
    ...options,
    changeDecoder: {
      prepare: async () => {
        throw new ClientError('UNREADABLE', 'no such schema')
      },
      decode: options.changeDecoder.decode,
    },
  })
  await lane.open()
  world.step({ key: 'a', version: [1, 1] })
  await expect(world.process(lane)).rejects.toThrow('changes[0] at 0: no such schema')
  expect(lane.position).toBe(0n)
})
