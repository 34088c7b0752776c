import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createGroupOffsets } from '../../../src/kafka/group-offsets.ts'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import { SENSITIVE_TEXT } from '../../../src/tools/simulate/sensitive-text.ts'
import type { SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import type { VerifyReport } from '../../../src/tools/verify/verify-report.ts'
import { Deployment, type RoleProcess } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { createKafkaJs } from '../../lab/harness/kafkajs-client.ts'
import { simulate } from '../../lab/harness/load.ts'
import { Observer } from '../../lab/harness/observer.ts'

/**
 * Verifies a correct deployment without differences. Then the tests corrupt one payment after the other, and verify must
 * name each. The tests build on each other.
 */

let deployment: Deployment
let observer: Observer
let intake: RoleProcess
let processor: RoleProcess
let simulation: SimulationReport

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), {
    config: { payments: { nextStatusWithin: { default: '300ms' } } },
  })
  observer = await Observer.create(deployment)
  ;[intake, processor] = await Promise.all([
    deployment.start(['gateway', 'normalizer']),
    deployment.start(['processor']),
  ])
  await Promise.all([intake.ready(), processor.ready()])
  simulation = await simulate(deployment, intake.gatewayUrl, { seed: 21, payments: 150 })
  await observer.caughtUp()
  await eventually(async () => expect((await observer.totals()).overdue).toBeGreaterThan(0))
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

/** The report of a run and its exit code. */
async function verify(...options: string[]): Promise<VerifyReport & { code: number | string }> {
  const { code, stdout, stderr } = await deployment.command(['verify', '--json', ...options])
  expect(stdout, stderr).toMatch(/^\{/)
  return { code, ...(JSON.parse(stdout) as VerifyReport) }
}

function countsOf({ lost, duplicated, wrongStatus, wrongVersion, viewDiffers, unexplained }: VerifyReport) {
  return { lost, duplicated, wrongStatus, wrongVersion, viewDiffers, unexplained }
}
const NONE = { lost: 0, duplicated: 0, wrongStatus: 0, wrongVersion: 0, viewDiffers: 0, unexplained: 0 }

describe('a correct deployment', () => {
  test('has no differences despite repeats, disorder, malformed bodies and overdue payments', async () => {
    const report = await verify('--all')
    expect([report.code, report.ok, countsOf(report), report.differences]).toEqual([0, true, NONE, []])
    const [raw, changes] = await Promise.all([observer.records('raw'), observer.changes()])
    expect(report).toMatchObject({
      callbacks: raw.length,
      payments: simulation.expected.payments,
      events: changes.filter(({ event }) => event !== null).length,
      partial: 0,
      rawReachesBackTo: null,
      inFlight: { callbacks: 0, events: 0 },
    })
    expect(changes.some(({ verdict }) => verdict === 'OVERDUE')).toBe(true)
    expect(simulation.counts.malformed + simulation.counts.identicalRepeats).toBeGreaterThan(5)
  })

  test('prints a report for people, work in flight first, and progress on stderr', async () => {
    const { code, stdout, stderr } = await deployment.command(['verify'])
    expect(code).toBe(0)
    const payments = simulation.expected.payments
    expect(stdout).toMatch(/^\d+ payments with \d+ events, against \d+ callbacks in raw, which reaches back to its/)
    expect(stdout).toMatch(/\n0 differences: lost 0, duplicated 0, .*; [\d.]+ s\n$/)
    expect(stderr).toMatch(/^both stages have caught up\nreading raw \[\.+\] 0 of 3 partitions/)
    expect(stderr).toMatch(new RegExp(`\\ncomparing {3}\\[#+\\] 3 of 3 partitions, ${payments} payments\\n$`))
  })

  test('compares one payment, or payments since a time', async () => {
    const { paymentKey } = simulation.payments[0] ?? { paymentKey: '' }
    const hours = (count: number) => new Date(Date.now() + count * 3_600_000).toISOString()
    const [one, all, none] = await Promise.all([
      verify('--payment', paymentKey, '--no-view'),
      verify('--since', hours(-1)),
      verify('--since', hours(1)),
    ])
    expect([one.code, one.payments, one.viewDiffers]).toEqual([0, 1, null])
    expect([all.code, all.payments]).toEqual([0, simulation.expected.payments])
    expect([none.code, none.payments]).toEqual([0, 0])
  })

  test.each([
    [['--payment', 'nobody:1'], 1, 'no payment with this key\n'],
    [['--all', '--payment', 'nobody:1'], 2, 'cannot be used with option'],
    [['--payment', 'nobody:1', '--since', '2026-01-01'], 2, 'cannot be used with option'],
    [['--since', 'yesterday'], 2, 'must be an ISO 8601 time with its zone'],
    [['--since', '2026-01-01T08:00:00'], 2, 'must be an ISO 8601 time with its zone'],
  ])('%j exits with %i and a message', async (options, exitCode, message) => {
    const { code, stderr } = await deployment.command(['verify', ...options])
    expect(code, stderr).toBe(exitCode)
    expect(stderr).toContain(message)
  })

  test('is judged while callbacks keep arriving', async () => {
    const more = simulate(deployment, intake.gatewayUrl, { seed: 22, payments: 60, ratePerSecond: 80 })
    for (let run = 0; run < 2; run += 1) {
      const report = await verify('--all')
      expect([report.code, report.differences]).toEqual([0, []])
    }
    const payments = simulation.expected.payments + (await more).expected.payments
    await observer.caughtUp()
    const report = await verify('--all')
    expect([report.code, report.payments, report.differences]).toEqual([0, payments, []])
  })
})

describe('a corrupted deployment', () => {
  /** Payments to corrupt, each at most once: with several events and a final status. */
  const victims: PaymentState[] = []

  beforeAll(async () => {
    // Stopped, so that it neither repairs the corruption nor takes it for an unfinished transaction of its own.
    expect(await processor.stop()).toBe(0)
    for (const state of (await observer.current()).values()) {
      if (state.status === 'COMPLETED' && state.events.length > 2) {
        victims.push(state)
      }
    }
    expect(victims.length).toBeGreaterThan(5)
  })

  const victim = (index: number) => victims[index] as PaymentState
  const kindsOf = ({ differences }: VerifyReport) => differences.map(({ kind }) => kind)

  async function append(topic: string, paymentKey: string, value: Buffer): Promise<void> {
    const partition = partitionOf(Buffer.from(paymentKey), deployment.config.kafka.partitions)
    const producer = createKafkaJs(deployment.config.kafka).producer({ createPartitioner: () => () => partition })
    await producer.connect()
    await producer.send({ topic, acks: -1, messages: [{ key: paymentKey, value }] })
    await producer.disconnect()
  }

  function viewKey(paymentKey: string): string {
    const { environment, processor: role, kafka } = deployment.config
    return `{${environment}.${role.group}.p${partitionOf(Buffer.from(paymentKey), kafka.partitions)}}:view`
  }

  test('a repeated record in changes', async () => {
    const { paymentKey } = victim(0)
    const record = (await observer.records('changes')).find(({ key }) => String(key) === paymentKey)
    await append(deployment.topics.changes, paymentKey, record?.value as Buffer)
    const report = await verify('--payment', paymentKey)
    expect([report.code, report.ok, countsOf(report)]).toEqual([1, false, { ...NONE, duplicated: 1 }])
    expect(report.differences[0]?.text).toMatch(/^event [0-9a-f]{32} is repeated in changes, as v1 at offset \d+$/)
  })

  test('a wrong status in current that the view does not have', async () => {
    const { paymentKey } = victim(1)
    const value = observer.codecs.state.encode({ ...victim(1), status: 'CANCELED' })
    await append(deployment.topics.current, paymentKey, value)
    const report = await verify('--payment', paymentKey)
    expect([report.code, countsOf(report)]).toEqual([1, { ...NONE, wrongStatus: 1, viewDiffers: 1 }])
    expect(report.differences[0]).toEqual({
      kind: 'wrongStatus',
      paymentKey,
      text: 'current has CANCELED, its events fold to COMPLETED',
    })
  })

  test('a payment missing in the view, and one with another state', async () => {
    await observer.redis.run((redis) => redis.hdel(viewKey(victim(2).paymentKey), victim(2).paymentKey))
    const altered = observer.codecs.state.encode({ ...victim(3), status: 'PROCESSING' })
    await observer.redis.run((redis) => redis.hset(viewKey(victim(3).paymentKey), victim(3).paymentKey, altered))
    const [gone, other] = await Promise.all([
      verify('--payment', victim(2).paymentKey),
      verify('--payment', victim(3).paymentKey),
    ])
    expect([gone.code, countsOf(gone)]).toEqual([1, { ...NONE, viewDiffers: 1 }])
    expect([other.code, countsOf(other)]).toEqual([1, { ...NONE, viewDiffers: 1 }])
    expect(gone.differences[0]?.text).toMatch(/^the view has nothing, current v\d+ COMPLETED$/)
    expect(other.differences[0]?.text).toMatch(/^the view has v\d+ PROCESSING, current v\d+ COMPLETED$/)
  })

  test('a missing version', async () => {
    const state = victim(4)
    const last = (await observer.changes()).findLast(({ paymentKey }) => paymentKey === state.paymentKey)
    const overdue = { ...last, verdict: 'OVERDUE', rule: 'overdue', event: null, statusBefore: last?.statusAfter }
    const change = { ...overdue, statusVersion: state.statusVersion + 2 } as NonNullable<typeof last>
    await append(deployment.topics.changes, state.paymentKey, observer.codecs.change.encode(change))
    const report = await verify('--payment', state.paymentKey)
    expect([report.code, new Set(kindsOf(report))]).toEqual([1, new Set(['wrongVersion'])])
    expect(report.differences[0]?.text).toMatch(/^changes has v\d+ at offset \d+, expected v\d+$/)
  })

  test('a tombstone for a payment before its retention ends', async () => {
    const { paymentKey } = victim(5)
    await append(deployment.topics.current, paymentKey, null as unknown as Buffer)
    const report = await verify('--payment', paymentKey)
    expect([report.code, countsOf(report)]).toEqual([1, { ...NONE, lost: 1, viewDiffers: 1 }])
    expect(report.differences[0]?.text).toMatch(/^the payment was removed from current/)
  })

  test('events skipped by the processor, but not those in flight', async () => {
    const before = await verify('--all', '--no-view')
    const lost = await simulate(deployment, intake.gatewayUrl, { seed: 23, payments: 10 })
    await eventually(async () => expect(await normalizerLag()).toBe(0n))
    const waiting = await verify('--all', '--no-view')
    expect(waiting.inFlight.callbacks).toBe(0)
    expect(waiting.inFlight.events).toBeGreaterThanOrEqual(lost.expected.events)
    expect(countsOf(waiting)).toEqual(countsOf(before))
    const { stderr } = await deployment.command(['verify', '--payment', victim(6).paymentKey])
    expect(stderr).toMatch(/^0 callbacks and \d+ events are not processed yet and are left out\n/)

    const { group } = deployment.config.processor
    const ends = await observer.admin.fetchTopicOffsets(deployment.topics.events)
    await observer.admin.setOffsets({
      groupId: group,
      topic: deployment.topics.events,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    })
    const report = await verify('--all', '--no-view')
    expect(report.lost - before.lost).toBe(lost.expected.events)
    expect(report.inFlight).toEqual({ callbacks: 0, events: 0 })
    const { paymentKey } = lost.payments[0] ?? { paymentKey: '' }
    const one = await deployment.command(['verify', '--payment', paymentKey])
    expect(one.code).toBe(1)
    expect(one.stdout).toContain(`lost           ${paymentKey}  event `)
    expect(one.stdout).toMatch(/of the callback at raw\[\d\]@\d+ has no record in changes/)
  })

  test('all differences at once, naming each payment', async () => {
    const report = await verify('--all')
    const { lost, ...others } = countsOf(report)
    expect(others).toEqual({
      duplicated: 1,
      wrongStatus: 1,
      wrongVersion: report.wrongVersion,
      viewDiffers: 4,
      unexplained: 0,
    })
    expect(lost).toBeGreaterThan(10)
    const named = new Set(report.differences.map(({ paymentKey }) => paymentKey))
    expect(victims.slice(0, 6).filter(({ paymentKey }) => !named.has(paymentKey))).toEqual([])
    expect(named.has(victim(6).paymentKey)).toBe(false)
  })

  test('prints no body, account or name', async () => {
    const { stdout, stderr } = await deployment.command(['verify', '--all'])
    expect(stdout + stderr).not.toContain(SENSITIVE_TEXT)
  })

  async function normalizerLag(): Promise<bigint> {
    const { config, topics } = deployment
    const offsets = createGroupOffsets(observer.kafka)
    let lag = 0n
    for (const [partition, end] of await offsets.highWatermarks(topics.raw)) {
      const { offset } = await offsets.committed(config.normalizer.group, topics.raw, partition)
      lag += end - (offset < 0n ? 0n : offset)
    }
    return lag
  }
})

describe('after retention', () => {
  test('events deleted from raw are judged by current, and counted as partial', async () => {
    const [raw] = await observer.admin.fetchTopicOffsets(deployment.topics.raw)
    const before = await verify('--all', '--no-view')
    await observer.admin.deleteTopicRecords({
      topic: deployment.topics.raw,
      partitions: [{ partition: raw?.partition ?? 0, offset: String(Math.floor(Number(raw?.high) / 2)) }],
    })
    const report = await verify('--all', '--no-view')
    expect(report.partial).toBeGreaterThan(0)
    expect(report.rawReachesBackTo).toBeGreaterThan(Date.now() - 3_600_000)
    expect(report.callbacks).toBeLessThan(before.callbacks)
    const { lost, wrongStatus, ...others } = countsOf(report)
    const { lost: lostBefore, wrongStatus: wrongBefore, ...othersBefore } = countsOf(before)
    expect(others).toEqual(othersBefore)
    // Fewer losses can be proved; none is invented.
    expect(lost).toBeLessThanOrEqual(lostBefore)
    expect(wrongStatus).toBeLessThanOrEqual(wrongBefore)
  })
})
