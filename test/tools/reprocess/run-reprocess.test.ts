import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import { PARTITIONS, TOPICS } from '../verify/memory-installation.ts'
import { meaningsOf, ReprocessWorld, readByOlderMapping } from './reprocess-world.ts'

/** Callbacks that were read by another mapping, and are read again by ours. */

const PLAN = { seed: 3, payments: 40 }

let world: ReprocessWorld
/** The same callbacks, read by our mapping from the start. */
let right: ReprocessWorld

async function worldReadBy(misread: (event: PaymentEvent) => PaymentEvent | null): Promise<ReprocessWorld> {
  const made = new ReprocessWorld()
  made.send(PLAN)
  await made.normalize(misread)
  await made.process()
  return made
}

beforeEach(async () => {
  world = await worldReadBy(readByOlderMapping)
  right = await worldReadBy((event) => event)
})

describe('a dry run', () => {
  test('names every payment that would change, with its status before and after, and publishes nothing', async () => {
    const before = world.states()
    const { report, payments } = await world.reprocess()
    expect([report.applied, world.appended]).toEqual([null, 0])
    const [was, is] = [meaningsOf(before), meaningsOf(right.states())]
    const differing = [...new Set([...was.keys(), ...is.keys()])].filter(
      (key) => JSON.stringify(was.get(key)) !== JSON.stringify(is.get(key)),
    )
    expect(differing.length).toBeGreaterThan(10)
    expect(payments.map(({ paymentKey }) => paymentKey).toSorted()).toEqual(differing.toSorted())
    for (const { paymentKey, before: from, after } of payments) {
      expect(from?.status ?? null).toBe(before.get(paymentKey)?.status ?? null)
      expect(after.status).toBe(right.states().get(paymentKey)?.status ?? 'UNKNOWN')
    }
    expect(Object.values(report.rules).every((events) => events > 0)).toBe(true)
    expect(report.changed).toBe(payments.length)
    const inTransitions = report.transitions.reduce((sum, { payments: count }) => sum + count, 0)
    expect(inTransitions).toBe(payments.length)
    expect(report.transitions).toContainEqual(expect.objectContaining({ from: 'UNKNOWN', to: 'COMPLETED' }))
  })

  test('finds nothing if the callbacks were read by this mapping', async () => {
    const { report, payments } = await right.reprocess()
    expect([report.changed, payments, report.left]).toEqual([0, [], []])
  })

  test('finds the same in several passes (I10)', async () => {
    const keysOf = async (options: object) => {
      const { payments, report } = await world.reprocess(options)
      return [payments.map((payment) => JSON.stringify(payment)).toSorted(), report.rules, report.transitions.length]
    }
    expect(await keysOf({ rawRecordsAtOnceMax: 30 })).toEqual(await keysOf({}))
  })
})

describe('applied', () => {
  test('every payment is as if our mapping had read it from the start, and verify finds nothing (I5)', async () => {
    const { report, payments } = await world.apply()
    expect(report.applied).toEqual({ published: world.appended, processed: true })
    expect(meaningsOf(world.states())).toEqual(meaningsOf(right.states()))
    expect((await world.verify()).differences).toEqual([])
    for (const { paymentKey, after } of payments) {
      const { status, attention, statusVersion } = world.states().get(paymentKey) ?? {}
      expect({ status, attention, statusVersion }).toEqual(after)
    }
    expect((await world.apply()).report.changed).toBe(0)
  })

  test('each corrected event has exactly one step in changes (I3)', async () => {
    const before = world.changes().length
    const { report, payments } = await world.apply()
    const steps = world.changes()
    const verdicts = (verdict: string) => steps.filter((step) => step.verdict === verdict).length
    expect(verdicts('RESTATED')).toBe(report.rules.restated)
    expect(verdicts('WITHDRAWN')).toBe(report.rules.withdrawn)
    const published = payments.reduce((sum, payment) => sum + payment.steps.length, 0)
    expect(steps.length - before).toBe(published)
    expect(world.appended).toBe(published)
  })

  test('killed after any record, it can be run again, whether the processor worked meanwhile or not', async () => {
    const total = (await (await worldReadBy(readByOlderMapping)).apply()).report.applied?.published ?? 0
    expect(total).toBeGreaterThan(20)
    for (let at = 0; at < total; at += 5) {
      const killed = await worldReadBy(readByOlderMapping)
      killed.onAppend = (_, appended) => {
        if (appended === at) {
          throw new Error('killed')
        }
      }
      await expect(killed.apply()).rejects.toThrow('killed')
      killed.onAppend = () => {}
      if (at % 2 === 0) {
        await killed.process()
      }
      await killed.apply()
      await killed.apply()
      expect(meaningsOf(killed.states())).toEqual(meaningsOf(right.states()))
      expect((await killed.verify()).differences).toEqual([])
      expect((await killed.reprocess()).report.changed).toBe(0)
    }
  })

  test('what is in flight is not published again', async () => {
    world.onSleep = async () => {}
    await world.reprocess({ apply: { wait: false } })
    const { appended } = world
    const { report } = await world.reprocess({ apply: { wait: false } })
    expect([report.changed, world.appended]).toEqual([0, appended])
    expect(report.left).toContainEqual({ reason: 'in-flight', events: expect.any(Number) })
  })

  test('callbacks that arrive meanwhile, read by either mapping, do not matter', async () => {
    world.onAppend = (_, appended) => {
      if (appended === 5) {
        world.send({ seed: 77, payments: 10 })
      }
    }
    await world.apply()
    await world.normalize(readByOlderMapping)
    await world.process()
    await world.apply()
    right.send({ seed: 77, payments: 10 })
    await right.work()
    expect(meaningsOf(world.states())).toEqual(meaningsOf(right.states()))
    expect((await world.verify()).differences).toEqual([])
  })

  test('an interrupted run says so and counts what it published', async () => {
    const controller = new AbortController()
    world.onAppend = (_, appended) => {
      if (appended === 3) {
        controller.abort()
      }
    }
    let counted: Record<string, number> = {}
    const run = world.reprocess({
      rawRecordsAtOnceMax: 30,
      signal: controller.signal,
      apply: {
        ratePerSecond: 10,
        recorded: (work) => {
          counted = {}
          return work(counted)
        },
      },
    })
    await expect(run).rejects.toMatchObject({ code: 'REPROCESS_INTERRUPTED', message: /after 4 events/ })
    expect(counted).toMatchObject({ published: 4 })
  })
})

describe('scope', () => {
  test('one payment', async () => {
    const all = (await world.reprocess()).payments
    for (const payment of all.slice(0, 5)) {
      const { payments } = await world.reprocess({ scope: { kind: 'payment', payment: payment.paymentKey } })
      expect(payments).toEqual([payment])
    }
  })

  test('one source', async () => {
    const all = (await world.reprocess()).payments
    const source = 'instamed'
    const { payments } = await world.reprocess({ scope: { kind: 'source', source } })
    expect(payments.length).toBeGreaterThan(0)
    expect(payments).toEqual(all.filter(({ steps }) => steps.some(({ event }) => event.source === source)))
  })

  test('a time of receipt', async () => {
    const since = world.now + 1
    const later = world.send({ seed: 4, payments: 8 })
    await world.normalize(readByOlderMapping)
    await world.process()
    const until = world.now + 1
    world.send({ seed: 5, payments: 8 })
    await world.normalize(readByOlderMapping)
    await world.process()
    const { payments } = await world.reprocess({ scope: { kind: 'time', since, until } })
    const keys = new Set(later.flatMap((key) => [key, `${key}-moved`]))
    expect(payments.length).toBeGreaterThan(3)
    expect(payments.filter(({ paymentKey }) => !keys.has(paymentKey))).toEqual([])
    const open = await world.reprocess({ scope: { kind: 'time', since, until: null } })
    expect(open.payments.length).toBeGreaterThan(payments.length)
  })
})

describe('what cannot be read again is left as it is and counted', () => {
  test('retention deleted the callbacks', async () => {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      world.kafka.deleteBefore(TOPICS.raw, partition, world.kafka.range(TOPICS.raw, partition).end)
    }
    const { report, payments } = await world.apply()
    expect([payments, world.appended]).toEqual([[], 0])
    expect(report.left).toEqual([{ reason: 'retention', events: world.changes().length }])
  })

  test.each(['forgotten', 'undecryptable'] as const)('bodies are %s', async (why) => {
    const { report, payments } = await world.reprocess({}, { open: async (records) => records.map(() => why) })
    expect(payments).toEqual([])
    expect(report.left.map(({ reason }) => reason)).toEqual([why])
    expect(report[why]).toBe(report.callbacks)
  })

  test('a newer mapping read them: --apply refuses and names the payments', async () => {
    const newer = (event: PaymentEvent) => ({ ...event, mappingVersion: event.mappingVersion + 1 })
    const ahead = await worldReadBy((event) => (event.status === 'COMPLETED' ? newer(event) : event))
    const { report } = await ahead.reprocess()
    expect([report.changed, report.left.map(({ reason }) => reason)]).toEqual([0, ['newer-mapping']])
    const refused = ahead.apply()
    await expect(refused).rejects.toMatchObject({
      code: 'REPROCESS_REFUSED',
      message: /newer mapping than that of this/,
    })
    const read = [...ahead.states().values()].filter(({ events }) =>
      events.some(({ event }) => event.status === 'COMPLETED'),
    )
    await expect(refused).rejects.toThrow(String(read.length))
    await expect(refused).rejects.toThrow(read[0]?.paymentKey)
    expect(ahead.appended).toBe(0)
  })

  test('an event that no callback ever reported is not withdrawn: somebody else wrote it', async () => {
    const [state] = right.states().values()
    const known = state?.events[0]?.event as PaymentEvent
    right.publish({
      ...known,
      eventId: 'f'.repeat(32),
      callbackId: 'not-in-raw',
      mappingVersion: known.mappingVersion - 1,
    })
    await right.process()
    const { report, payments } = await right.reprocess()
    expect([payments, report.left]).toEqual([[], [{ reason: 'no-callback', events: 1 }]])
  })
})

describe('processors of an older release', () => {
  const withoutCounter = () => {
    const { group } = world.config.processor
    return async () => {
      for (let partition = 0; partition < PARTITIONS; partition += 1) {
        const { end } = world.kafka.range(TOPICS.events, partition)
        const { metadata } = await world.kafka.offsets.committed(group, TOPICS.events, partition)
        const older = JSON.parse(metadata ?? '{}')
        delete older.totals.withdrawn
        world.kafka.moveGroup(group, TOPICS.events, partition, end, JSON.stringify(older))
      }
    }
  }

  test('are found by their commits, and nothing is corrected', async () => {
    const commitAsOlder = withoutCounter()
    await commitAsOlder()
    world.onSleep = commitAsOlder
    await expect(world.apply()).rejects.toMatchObject({
      code: 'REPROCESS_REFUSED',
      message: /partition 0, 1, 2 of payments\.events is of an older release/,
    })
    expect((await world.reprocess()).report.changed).toBeGreaterThan(0)
  })

  test('that were upgraded and had nothing to do since are asked to commit, which changes nothing else', async () => {
    await withoutCounter()()
    const steps = world.changes().length
    const { report } = await world.apply()
    expect(world.appended).toBe((report.applied?.published ?? 0) + PARTITIONS)
    const corrected = Object.values(report.rules).reduce((sum, events) => sum + events, 0)
    expect(world.changes().length - steps).toBe(corrected)
    expect((await world.verify()).differences).toEqual([])
  })
})

test('every partition gets the events of its payments', async () => {
  world.onAppend = ({ key }) => expect(key).toBeInstanceOf(Buffer)
  await world.apply()
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for (const { key } of world.kafka.records(TOPICS.events, partition)) {
      expect(partitionOf(key as Buffer, PARTITIONS)).toBe(partition)
    }
  }
})
