import { beforeEach, describe, expect, test } from 'vitest'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import { dueAt } from '../../../src/processor/due.ts'
import type { StateWrite } from '../../../src/processor/state-store.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { InRecord } from '../../../src/stream/record.ts'
import type { ComparisonOptions } from '../../../src/tools/verify/comparison.ts'
import type { ComparisonProgress } from '../../../src/tools/verify/progress-line.ts'
import type { VerifyReport } from '../../../src/tools/verify/verify-report.ts'
import { CODECS } from '../../processor/status-world.ts'
import { MemoryInstallation, PARTITIONS, TOPICS } from './memory-installation.ts'

let installation: MemoryInstallation
let keys: readonly string[]

beforeEach(async () => {
  installation = new MemoryInstallation()
  keys = installation.send({ seed: 3, payments: 40 })
  await installation.work()
})

function withoutTime({ seconds: _, ...report }: VerifyReport) {
  return report
}

function kindsOf({ differences }: VerifyReport): readonly string[] {
  return [...new Set(differences.map(({ kind }) => kind))]
}

const partitionOfKey = (paymentKey: string) => partitionOf(Buffer.from(paymentKey), PARTITIONS)

describe('at rest', () => {
  test('finds no differences and compares everything', async () => {
    const report = await installation.verify()
    expect(report.differences).toEqual([])
    expect(report).toMatchObject({
      payments: keys.length,
      lost: 0,
      duplicated: 0,
      wrongStatus: 0,
      wrongVersion: 0,
      viewDiffers: 0,
      unexplained: 0,
      partial: 0,
      rawReachesBackTo: null,
      unknownSource: 0,
      inFlight: { callbacks: 0, events: 0 },
      ok: true,
    })
    const records = (topic: string) => [0, 1, 2].flatMap((partition) => installation.kafka.records(topic, partition))
    expect(report.callbacks).toBe(records(TOPICS.raw).length)
    expect(report.events).toBe(records(TOPICS.changes).length)
  })

  test('reads a large raw topic in several passes with the same result (I10)', async () => {
    const atOnce = await installation.verify()
    expect(withoutTime(await installation.verify({ rawRecordsAtOnceMax: 30 }))).toEqual(withoutTime(atOnce))
  })

  test('reports progress by partition', async () => {
    const told: ComparisonProgress[] = []
    const report = await installation.verify({ onProgress: (progress) => told.push(progress) })
    expect(told.map(({ step, done, of }) => `${step} ${done}/${of}`)).toEqual([
      ...[0, 1, 2, 3].map((done) => `reading raw ${done}/3`),
      ...[0, 1, 2, 3].map((done) => `comparing ${done}/3`),
    ])
    expect(told.at(-1)).toMatchObject({ count: report.payments, doneShare: 1 })
    const shares = told.map(({ doneShare }) => doneShare)
    expect(shares).toEqual(shares.toSorted((a, b) => a - b))
  })

  test('compares one payment, even if its callbacks are in the partition of another payment', async () => {
    for (const payment of keys.slice(0, 12)) {
      const report = await installation.verify({ payment })
      expect([report.payments, report.differences]).toEqual([1, []])
    }
    expect((await installation.verify({ payment: 'nobody:1' })).payments).toBe(0)
  })

  test('compares only payments with callbacks since a time', async () => {
    const since = installation.now + 1
    const later = installation.send({ seed: 4, payments: 5 })
    await installation.work()
    const report = await installation.verify({ since })
    expect([report.payments, report.differences]).toEqual([later.length, []])
  })
})

describe('in flight', () => {
  test('counts pending work and reports no difference', async () => {
    installation.send({ seed: 4, payments: 10 })
    const unread = await installation.verify()
    expect(unread.inFlight.callbacks).toBeGreaterThan(10)
    expect([unread.inFlight.events, unread.differences]).toEqual([0, []])
    await installation.normalize()
    const unprocessed = await installation.verify()
    expect(unprocessed.inFlight.events).toBeGreaterThan(10)
    expect([unprocessed.inFlight.callbacks, unprocessed.differences]).toEqual([0, []])
    await installation.process([1])
    expect((await installation.verify()).differences).toEqual([])
  })

  test('expects nothing before the groups have committed offsets', async () => {
    const fresh = new MemoryInstallation()
    fresh.send({ seed: 4, payments: 10 })
    expect((await fresh.verify()).differences).toEqual([])
    await fresh.normalize()
    expect((await fresh.verify()).differences).toEqual([])
  })

  test('work at any point of the comparison causes no difference', async () => {
    const { kafka } = installation
    for (let at = 1, reached = true; reached; at += 1) {
      reached = false
      let looks = 0
      kafka.onStep = async (step) => {
        looks += step === 'range.before' ? 1 : 0
        if (looks === at) {
          kafka.onStep = async () => {}
          reached = true
          installation.send({ seed: 100 + at, payments: 2 })
          await installation.work()
        }
      }
      const report = await installation.verify(at % 2 === 0 ? {} : { rawRecordsAtOnceMax: 30 })
      expect([at, report.differences]).toEqual([at, []])
      expect(reached || at > 20).toBe(true)
    }
  })

  test('rejects if a transaction stays open', async () => {
    const { kafka } = installation
    const transactions = await kafka.openTransactions('hangs', 'g', TOPICS.events, 0)
    const hung = Promise.withResolvers<void>()
    const running = transactions.run(async (scope) => {
      await scope.append(TOPICS.changes, 0, [{ key: 'k', value: Buffer.from('v') }])
      await hung.promise
    })
    await expect(installation.verify()).rejects.toThrow(
      'a transaction in payments.status.changes[0] has been open for 30000 ms',
    )
    hung.resolve()
    await running
  })
})

describe('corrupted data', () => {
  test('reports an event skipped by the processor as lost', async () => {
    installation.send({ seed: 4, payments: 10 })
    await installation.normalize()
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const { end } = installation.kafka.range(TOPICS.events, partition)
      installation.kafka.moveGroup(installation.config.processor.group, TOPICS.events, partition, end)
    }
    const report = await installation.verify()
    expect(report.lost).toBeGreaterThan(10)
    expect([kindsOf(report), report.ok]).toEqual([['lost'], false])
  })

  test('reports a callback skipped by the normalizer as lost', async () => {
    installation.send({ seed: 4, payments: 10 })
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const { end } = installation.kafka.range(TOPICS.raw, partition)
      installation.kafka.moveGroup(installation.config.normalizer.group, TOPICS.raw, partition, end)
    }
    expect((await installation.verify()).lost).toBeGreaterThan(10)
  })

  test('finds a repeated record in changes', async () => {
    const { kafka } = installation
    const [record] = kafka.records(TOPICS.changes, 1)
    kafka.produce(TOPICS.changes, 1, { key: record?.key ?? '', value: record?.value ?? null })
    const report = await installation.verify()
    expect([report.duplicated, kindsOf(report)]).toEqual([1, ['duplicated']])
  })

  test('finds a wrong status in current, and that the view differs from it', async () => {
    const { kafka } = installation
    const [paymentKey, bytes] = [...kafka.latest(TOPICS.current, 2)][0] ?? ['', Buffer.alloc(0)]
    const state = { ...CODECS.state.decode(bytes), status: 'UNKNOWN' as const }
    kafka.produce(TOPICS.current, 2, { key: paymentKey, value: CODECS.state.encode(state) })
    const report = await installation.verify()
    expect(report.differences.map(({ kind, paymentKey: of }) => [kind, of])).toEqual([
      ['wrongStatus', paymentKey],
      ['viewDiffers', paymentKey],
    ])
  })

  test('finds a missing, a surplus and a different payment in the view', async () => {
    const { view } = installation
    const [a = '', b = ''] = keys.filter((paymentKey) => partitionOfKey(paymentKey) === 1)
    const { marker, states } = await view.read(1, [a])
    const write = (paymentKey: string, state: Buffer | null) => ({ paymentKey, state, dueAt: 0, endToEndId: null })
    await view.write(1, marker, marker ?? '', [])
    await view.write(1, marker, `${marker} `, [
      write(a, null),
      write(b, states[0] ?? null),
      write('x:1', states[0] ?? null),
    ])
    const report = await installation.verify()
    expect(kindsOf(report)).toEqual(['viewDiffers'])
    const texts = new Map(report.differences.map(({ paymentKey, text }) => [paymentKey, text]))
    expect([...texts.keys()].toSorted()).toEqual([a, b, 'x:1'].toSorted())
    expect(texts.get(a)).toMatch(/^the view has nothing, current v\d+ [A-Z_]+$/)
    expect(texts.get('x:1')).toMatch(/^the view has v\d+ [A-Z_]+, current nothing$/)
  })

  test('finds wrong, surplus and missing due times and references (I6)', async () => {
    const { view } = installation
    // InstaMed's payments have no endToEndId.
    const [a = '', b = '', c = '', d = ''] = keys.filter(
      (paymentKey) => partitionOfKey(paymentKey) === 1 && !paymentKey.startsWith('instamed:'),
    )
    const { marker, states } = await view.read(1, [a, b, c, d])
    const decoded = states.map((bytes) => CODECS.state.decode(bytes as Buffer))
    const right = (index: number) => ({
      paymentKey: decoded[index]?.paymentKey ?? '',
      state: states[index] as Buffer,
      dueAt: dueAt(decoded[index] as PaymentState, installation.config.payments),
      endToEndId: decoded[index]?.details.endToEndId ?? null,
    })
    const rewrite = async (...writes: StateWrite[]) => {
      await view.write(1, marker, `${marker} `, writes)
      await view.write(1, `${marker} `, marker ?? '', [])
    }
    await rewrite(
      { ...right(0), dueAt: right(0).dueAt + 1 },
      { ...right(1), endToEndId: 'another' },
      { ...right(2), endToEndId: null },
      right(3),
    )
    const byPayment = async (options?: ComparisonOptions) =>
      new Map((await installation.verify(options)).differences.map(({ paymentKey, text }) => [paymentKey, text]))
    const all = await byPayment()
    expect([...all.keys()].toSorted()).toEqual([a, b, c].toSorted())
    expect(all.get(a)).toMatch(/^due .+ in the view, .+ according to current$/)
    expect([all.get(b), all.get(c)]).toEqual(Array(2).fill('the view does not find the payment by its endToEndId'))
    // The same result for a single payment.
    for (const paymentKey of [a, b, c, d]) {
      expect(await byPayment({ payment: paymentKey })).toEqual(new Map([...all].filter(([key]) => key === paymentKey)))
    }
    await rewrite(right(0), right(1), right(2))
    expect(await byPayment()).toEqual(new Map())
  })

  test.each(['due', 'refs'] as const)('finds a view without :%s (I6)', async (index) => {
    installation.view.lose(1, index)
    const report = await installation.verify()
    expect(kindsOf(report)).toEqual(['viewDiffers'])
    const states = [...installation.kafka.latest(TOPICS.current, 1).values()].map((bytes) => CODECS.state.decode(bytes))
    const missing = states.filter(({ details }) => index === 'due' || details.endToEndId !== null)
    expect(report.viewDiffers).toBe(missing.length)
    expect(missing.length).toBeGreaterThan(0)
  })

  test('reports missing due times but does not compare those of other settings', async () => {
    const { retentionMs } = installation.config.payments
    const payments = { retentionMs, nextStatusWithin: { default: null, providers: {} } }
    const verify = () => installation.verify({}, undefined, { ...installation.config, payments })
    expect((await verify()).differences).toEqual([])
    installation.view.lose(1, 'due')
    expect(kindsOf(await verify())).toEqual(['viewDiffers'])
  })

  test('counts all differences and lists the first hundred', async () => {
    installation.view.flush()
    installation.send({ seed: 9, payments: 120 })
    await installation.work()
    installation.view.flush()
    const report = await installation.verify()
    expect(report.viewDiffers).toBe(report.payments)
    expect(report.differences).toHaveLength(100)
    expect(report.payments).toBeGreaterThan(100)
  })
})

describe('after retention', () => {
  test('judges events deleted from raw by the history in current', async () => {
    const [cutAt] = installation.kafka.records(TOPICS.raw, 0).slice(8)
    installation.kafka.deleteBefore(TOPICS.raw, 0, cutAt?.offset ?? 0n)
    installation.now += 40 * 86_400_000
    const report = await installation.verify()
    expect(report.differences).toEqual([])
    expect(report.partial).toBeGreaterThan(0)
    expect(report.rawReachesBackTo).not.toBe(null)
  })

  test('handles a partition of raw without records', async () => {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      installation.kafka.deleteBefore(TOPICS.raw, partition, installation.kafka.range(TOPICS.raw, partition).end)
    }
    installation.now += 40 * 86_400_000
    const report = await installation.verify()
    expect([report.differences, report.partial, report.callbacks]).toEqual([[], keys.length, 0])
  })
})

describe('with unreadable bodies', () => {
  const isHidden = ({ offset }: InRecord) => offset % 3n === 0n
  const hidden = () =>
    [0, 1, 2].flatMap((partition) => installation.kafka.records(TOPICS.raw, partition)).filter(isHidden).length

  test('takes their recorded events as correct and counts the callbacks', async () => {
    const open = async (records: readonly InRecord[]) =>
      records.map((record) => (isHidden(record) ? ('forgotten' as const) : record))
    const report = await installation.verify({}, { open })
    expect(report.differences).toEqual([])
    expect(report).toMatchObject({ ok: true, forgotten: hidden(), undecryptable: 0 })
    expect(report.partial).toBeGreaterThan(0)
    // Two passes count them once.
    expect(await installation.verify({ rawRecordsAtOnceMax: 30 }, { open })).toMatchObject({ forgotten: hidden() })
  })

  test('still finds a payment without a callback', async () => {
    // The callbacks are missing and not marked as forgotten.
    const open = async (records: readonly InRecord[]) =>
      records.map((record) => (isHidden(record) ? { ...record, value: Buffer.from('{}') } : record))
    expect(kindsOf(await installation.verify({}, { open }))).toContain('unexplained')
  })
})
