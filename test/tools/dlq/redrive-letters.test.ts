import { beforeEach, describe, expect, test } from 'vitest'
import { HISTORY_EVENTS_MAX } from '../../../src/payment/keep-within-bound.ts'
import { DEAD_LETTER_REASONS } from '../../../src/providers/provider.ts'
import { headerText } from '../../../src/stream/header-text.ts'
import { DefinedStop } from '../../../src/stream/partition-task.ts'
import { REDRIVES_MAX, redriveLetters } from '../../../src/tools/dlq/redrive-letters.ts'
import { LIGHT, sampleEvent } from '../../avro/samples.ts'
import { CODECS } from '../../processor/status-world.ts'
import { DeadLetterWorld, element, keyOf, v1Body } from './dead-letter-world.ts'

/** Dead letters whose cause is fixed can be redriven, and nothing is counted twice (I2, I3). */

let world: DeadLetterWorld

beforeEach(() => {
  world = new DeadLetterWorld()
})

const REASONS = Object.keys(DEAD_LETTER_REASONS)
const outcomes = (results: readonly { outcome: string }[]) => results.map(({ outcome }) => outcome)

describe('callbacks', () => {
  test('of every reason, once the cause is fixed: all events are there once, and the list is empty', async () => {
    // Before, so that both stages have committed in every partition.
    world.installation.send({ seed: 3, payments: 20, malformedShare: 0, oddShare: 0 })
    await world.installation.work()
    for (const reason of REASONS) {
      world.callbackLetter(reason, v1Body([element(reason)]))
    }
    expect(await world.reasons()).toEqual(REASONS.toSorted())
    expect(await world.installation.verify()).toMatchObject({ ok: false, lost: REASONS.length })
    const results = await world.redrive()
    expect(new Set(outcomes(results))).toEqual(new Set(['redriven']))
    await world.installation.work()
    expect(await world.reasons()).toEqual([])
    expect(world.steps).toMatchObject(Object.fromEntries(REASONS.map((reason) => [keyOf(reason), 1])))
    expect(await world.installation.verify()).toMatchObject({ ok: true, differences: [] })
    expect(await world.redrive()).toEqual([])
  })

  test('that cannot be read stay, with the current reason; nothing is published', async () => {
    world.callbackLetter('unknown-source', '{"callbacks":[{"firmRootId":"a"}]}')
    world.callbackLetter('missing-status', '{"callbacks":[')
    expect((await world.redrive()).map(({ outcome, problem }) => [outcome, problem?.reason]).toSorted()).toEqual([
      ['stays', 'invalid-json'],
      ['stays', 'missing-status'],
    ])
    expect(world.records('events')).toEqual([])
    expect(await world.reasons()).toEqual(['invalid-json', 'missing-status'])
    expect((await world.open()).map(({ redrives }) => redrives)).toEqual([0, 0])
  })

  test.each([
    ['forgotten', async () => ['forgotten'] as const],
    ['undecryptable', async () => ['undecryptable'] as const],
    ['key-missing', async () => Promise.reject(new DefinedStop('DATA_KEY_MISSING', 'no key'))],
  ])('whose body is %s stay for that reason', async (reason, open) => {
    world.callbackLetter('invalid-json', v1Body([element('a')]))
    world.bodies = { open }
    expect(await world.redrive()).toMatchObject([{ outcome: 'stays', problem: { reason }, effects: [] }])
    expect(await world.reasons()).toEqual([reason])
  })

  test('of one element publish only that element, and its report to the original', async () => {
    const body = v1Body([element('a'), element('b'), element('c')])
    world.callbackLetter('missing-status', body, { element: 1 })
    expect(await world.redrive()).toMatchObject([{ outcome: 'redriven', effects: [{ paymentKey: keyOf('b') }] }])
    expect(world.records('events').map(({ key }) => String(key))).toEqual([keyOf('b')])
  })

  test('that are understood now and report no status are resolved without an event', async () => {
    world.callbackLetter('unexpected-shape', '{"callbacks":[]}')
    expect(await world.redrive()).toMatchObject([{ outcome: 'redriven', problem: null, effects: [] }])
    expect(await world.reasons()).toEqual([])
  })

  test('with a good and a bad element are redriven in part and stay', async () => {
    world.callbackLetter('unexpected-shape', v1Body([element('a'), { firmRootId: 'b' }, { firmRootId: 'c' }]))
    expect(await world.redrive()).toMatchObject([
      {
        outcome: 'partly',
        effects: [{ paymentKey: keyOf('a') }],
        problem: { reason: 'missing-status', message: expect.stringContaining('2 elements cannot be read') },
      },
    ])
    expect(await world.reasons()).toEqual(['missing-status'])
    await world.installation.process()
    // What is left can still not be read, and nothing is published again.
    expect(await world.redrive()).toMatchObject([
      { outcome: 'stays', effects: [{ outcome: 'duplicate' }], redrives: 1 },
    ])
    expect(world.records('events')).toHaveLength(1)
    expect((await world.open()).map(({ redrives }) => redrives)).toEqual([1])
  })
})

describe('a dry run', () => {
  test('shows the status before and after, of several dead letters of a payment in turn, and writes nothing', async () => {
    world.installation.receive(
      'jpm-global-payments-v1',
      'application/json',
      Buffer.from(v1Body([element('a', 'PENDING')])),
    )
    await world.installation.work()
    world.callbackLetter('unknown-source', v1Body([element('a', 'COMPLETED')]))
    world.callbackLetter('unknown-source', v1Body([element('a', 'COMPLETED')]))
    world.callbackLetter('unknown-source', v1Body([element('new', 'REJECTED')]))
    const before = [world.records('events').length, world.records('resolvedDeadLetters').length]
    const results = await world.redrive({ apply: false })
    const changes = results.flatMap(({ effects }) =>
      effects.map(({ paymentKey, outcome, verdict, before: from, after }) => [
        paymentKey,
        outcome,
        verdict,
        from,
        after,
      ]),
    )
    expect(changes.toSorted()).toEqual([
      [keyOf('a'), 'duplicate', null, 'COMPLETED', 'COMPLETED'],
      [keyOf('a'), 'recorded', 'APPLIED', expect.any(String), 'COMPLETED'],
      [keyOf('new'), 'recorded', 'APPLIED', null, 'REJECTED'],
    ])
    expect(changes.every(([, , , from]) => from !== undefined)).toBe(true)
    expect([world.records('events').length, world.records('resolvedDeadLetters').length]).toEqual(before)
    expect(await world.reasons()).toHaveLength(3)
  })
})

describe('a tool that dies', () => {
  test('before the events are published has changed nothing; the next run redrives (I3)', async () => {
    world.callbackLetter('unknown-source', v1Body([element('a')]))
    world.onAppend = () => {
      throw new Error('killed')
    }
    await expect(world.redrive()).rejects.toThrow('killed')
    expect(await world.reasons()).toEqual(['unknown-source'])
    world.onAppend = () => {}
    await world.redrive()
    await world.installation.work()
    expect(world.steps).toEqual({ [keyOf('a')]: 1 })
  })

  test('between the events and the decisions publishes them again, and they are counted once (I3)', async () => {
    world.callbackLetter('unknown-source', v1Body([element('a')]))
    world.onAppend = (topic) => {
      if (topic === 'resolvedDeadLetters') {
        throw new Error('killed')
      }
    }
    await expect(world.redrive()).rejects.toThrow('killed')
    expect(world.records('events')).toHaveLength(1)
    expect(await world.reasons()).toEqual(['unknown-source'])
    world.onAppend = () => {}
    await world.redrive()
    expect(world.records('events')).toHaveLength(2)
    expect(await world.reasons()).toEqual([])
    await world.installation.work()
    expect(world.steps).toEqual({ [keyOf('a')]: 1 })
    expect(await world.installation.verify()).toMatchObject({ ok: true })
  })
})

describe('events', () => {
  const EVENT = { ...sampleEvent(), provider: 'jpm-global-payments-v1' }

  test('that can be decoded now are published byte for byte, and name where they come from', async () => {
    const place = world.eventLetter(EVENT)
    expect(await world.redrive()).toMatchObject([
      { outcome: 'redriven', effects: [{ paymentKey: EVENT.paymentKey, before: null, outcome: 'recorded' }] },
    ])
    const [published] = world.records('events')
    expect(published?.value).toEqual(CODECS.event.encode(EVENT))
    expect(published && headerText(published, 'paystatus_redrives')).toBe('1')
    expect(published && headerText(published, 'paystatus_redriven_from')).toBe(
      `payments.events.dlq[${place.partition}]@${place.offset}`,
    )
    expect(published?.headers).not.toHaveProperty('dlq_reason')
    await world.installation.process()
    expect(world.steps).toEqual({ [EVENT.paymentKey]: 1 })
    expect(await world.reasons()).toEqual([])
  })

  test.each([
    ['undecodable', 'nonsense:1', Buffer.from('nonsense')],
    ['key-mismatch', 'nonsense:2', CODECS.event.encode(EVENT)],
    ['too-large', 'nonsense:3', Buffer.alloc(8_000)],
  ])('that are still %s stay', async (reason, key, value) => {
    world.event(key, value)
    await world.installation.process()
    expect(await world.reasons()).toEqual([reason])
    expect(await world.redrive()).toMatchObject([{ outcome: 'stays', problem: { reason } }])
    expect(world.records('events')).toHaveLength(1)
    expect(await world.reasons()).toEqual([reason])
  })

  test('whose schema id is foreign stay as schema-unknown', async () => {
    const place = world.eventLetter(EVENT)
    const [letter] = await world.open()
    letter?.letter.record.value?.writeUInt32BE(4_711, 1)
    expect(await world.redrive()).toMatchObject([{ place, problem: { reason: 'schema-unknown' } }])
  })
})

describe('no loop', () => {
  /** Events that a full history does not keep, with the history. */
  function fill(): void {
    const full = Array.from({ length: HISTORY_EVENTS_MAX + 1 }, (_, index) => {
      // The newest decides and the older ones are kept: the last to come is the second newest.
      const occurredAt = sampleEvent().receivedAt + (index === 0 ? HISTORY_EVENTS_MAX + 1 : index)
      return {
        ...sampleEvent(LIGHT),
        eventId: `event-${String(index).padStart(4, '0')}`,
        status: 'PROCESSING',
        occurredAt,
      } as const
    })
    for (const event of full) {
      world.event(event.paymentKey, CODECS.event.encode(event))
    }
  }

  test('an event that a full history would not keep is not published', async () => {
    fill()
    await world.installation.process()
    expect(await world.reasons()).toEqual(['history-full'])
    const before = world.records('events').length
    expect(await world.redrive()).toMatchObject([
      { outcome: 'stays', problem: { reason: 'history-full' }, effects: [{ outcome: 'history-full' }] },
    ])
    expect(world.records('events')).toHaveLength(before)
  })

  test('one that becomes a dead letter again and again is counted, keeps its first place, and is refused in the end', async () => {
    fill()
    await world.installation.process()
    const [first] = await world.open()
    for (let redrives = 1; redrives <= REDRIVES_MAX; redrives += 1) {
      // The view has lost the payment, so the tool does not foresee what will happen.
      const ports = { ...world.ports, statesOf: async () => new Map() }
      const results = await redriveLetters(ports, await world.open(), { by: 'operator', reason: 'again' }, false)
      expect(outcomes(results)).toEqual(['redriven'])
      await world.installation.process()
      const open = await world.open()
      expect(open.map((letter) => [letter.reason, letter.redrives])).toEqual([['history-full', redrives]])
      const header = (letter: typeof first, name: string) => letter?.letter.record.headers[name]
      expect(header(open[0], 'kafka_dlt-original-offset')).toEqual(header(first, 'kafka_dlt-original-offset'))
      expect(String(header(open[0], 'dlq_offset'))).not.toBe(String(header(first, 'dlq_offset')))
    }
    const before = world.records('events').length
    expect(await world.redrive()).toMatchObject([{ outcome: 'refused', problem: { reason: 'redriven-too-often' } }])
    expect(world.records('events')).toHaveLength(before)
    expect(await world.reasons()).toEqual(['history-full'])
  })
})
