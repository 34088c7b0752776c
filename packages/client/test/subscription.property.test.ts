import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HandedOver } from '../src/handed-over.ts'
import { PaymentTable } from '../src/payment-table.ts'
import { compareVersions, isNewer, type Version } from '../src/version.ts'

/** The rules of docs/consumers.md, whatever is repeated, lost or interleaved. */

const RUNS = Number(process.env['RUNS'] ?? 500)

interface Step extends Version {
  readonly paymentKey: string
}

type Act = Step | { readonly paymentKey: string; readonly ends: Version }

/** What a payment does: steps, and lives that end with a tombstone. */
const history: fc.Arbitrary<readonly Act[]> = fc
  .array(fc.record({ paymentKey: fc.constantFrom('a', 'b', 'c'), forgets: fc.boolean() }), { maxLength: 30 })
  .map((acts) => {
    const lives = new Map<string, Version>()
    return acts.flatMap(({ paymentKey, forgets }): readonly Act[] => {
      const { incarnation, statusVersion } = lives.get(paymentKey) ?? { incarnation: 1, statusVersion: 0 }
      if (!forgets) {
        lives.set(paymentKey, { incarnation, statusVersion: statusVersion + 1 })
        return [{ paymentKey, incarnation, statusVersion: statusVersion + 1 }]
      }
      if (statusVersion === 0) {
        return []
      }
      lives.set(paymentKey, { incarnation: incarnation + 1, statusVersion: 0 })
      return [{ paymentKey, ends: { incarnation, statusVersion } }]
    })
  })

const isStep = (act: Act): act is Step => 'statusVersion' in act

/** Some of a log, again from some earlier place on, as after a crash. */
function withRepeats<T>(log: readonly T[], jumps: readonly number[]): readonly T[] {
  return [log, ...jumps.map((jump) => log.slice(jump % Math.max(1, log.length)))].flat()
}

function currentRecord(act: Act, offset: number) {
  return isStep(act)
    ? {
        paymentKey: act.paymentKey,
        offset: BigInt(offset),
        version: { incarnation: act.incarnation, statusVersion: act.statusVersion },
        value: Buffer.from(`${act.incarnation}/${act.statusVersion}`),
      }
    : { paymentKey: act.paymentKey, offset: BigInt(offset), version: act.ends, value: null }
}

/** The last record of each payment, without the forgotten ones. */
function truth(acts: readonly Act[]) {
  const rows = new Map<string, string>()
  for (const act of acts) {
    if (isStep(act)) {
      rows.set(act.paymentKey, `${act.incarnation}/${act.statusVersion}`)
    } else {
      rows.delete(act.paymentKey)
    }
  }
  return rows
}

test('the table holds what the log holds, from any place that it is read again, with any of the old records compacted away', () => {
  fc.assert(
    fc.property(
      history,
      fc.array(fc.nat(100), { maxLength: 3 }),
      fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
      (acts, jumps, kept) => {
        const log = acts.map(currentRecord)
        // Compaction keeps at least the last record of every key.
        const last = new Map(log.map(({ paymentKey, offset }) => [paymentKey, offset]))
        const compacted = log.filter(({ paymentKey, offset }, at) => kept[at] || last.get(paymentKey) === offset)
        const table = new PaymentTable()
        for (const record of withRepeats(compacted, jumps)) {
          table.apply(record)
        }
        const rows = new Map([...table.entries()].map(([key, { value }]) => [key, String(value)]))
        expect(rows).toEqual(truth(acts))
      },
    ),
    { numRuns: RUNS },
  )
})

test('each step is handed over once, in order, and nothing is missed, however often records are read again', () => {
  fc.assert(
    fc.property(history, fc.array(fc.nat(100), { maxLength: 4 }), (acts, jumps) => {
      const steps = acts.filter(isStep)
      const handed = new HandedOver(true)
      const told: Step[] = []
      for (const step of withRepeats(steps, jumps)) {
        const verdict = handed.judge(step.paymentKey, step)
        if (!verdict.skip) {
          expect(verdict.missed).toBe(0)
          told.push(step)
          handed.handed(step.paymentKey, step)
        }
      }
      expect(told).toEqual(steps)
    }),
    { numRuns: RUNS },
  )
})

test('what a new group is told in the table and in steps is every payment at its newest, whatever the ends of the two topics', () => {
  fc.assert(
    fc.property(history, fc.nat(40), fc.nat(5), (acts, end, ahead) => {
      // The end of `changes` is noted first; `current` may have moved on when its own is.
      const noted = Math.min(end, acts.length)
      const read = Math.min(noted + ahead, acts.length)
      const table = new PaymentTable()
      const handed = new HandedOver(true)
      const store = new Map<string, Version>()
      acts.slice(0, read).forEach((act, offset) => {
        const forgotten = table.apply(currentRecord(act, offset))
        if (forgotten?.version) {
          handed.forgotten(forgotten.paymentKey, forgotten.version)
        }
      })
      for (const [paymentKey, { version }] of table.entries()) {
        handed.handed(paymentKey, version)
        store.set(paymentKey, version)
      }
      for (const act of acts.slice(noted)) {
        if (isStep(act)) {
          const verdict = handed.judge(act.paymentKey, act)
          if (!verdict.skip) {
            expect(verdict.missed).toBe(0)
            handed.handed(act.paymentKey, act)
            store.set(act.paymentKey, { incarnation: act.incarnation, statusVersion: act.statusVersion })
          }
        } else if (handed.isForgottenBy(act.paymentKey, act.ends)) {
          handed.forgotten(act.paymentKey, act.ends)
          store.delete(act.paymentKey)
        }
      }
      const rows = new Map([...store].map(([key, version]) => [key, `${version.incarnation}/${version.statusVersion}`]))
      expect(rows).toEqual(truth(acts))
    }),
    { numRuns: RUNS },
  )
})

test('lost steps are counted as missed, exactly', () => {
  fc.assert(
    fc.property(history, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (acts, lost) => {
      const handed = new HandedOver(true)
      const missed = new Map<string, number>()
      const expected = new Map<string, number>()
      const sinceLast = new Map<string, number>()
      acts.filter(isStep).forEach((step, at) => {
        const { paymentKey } = step
        if (lost[at]) {
          sinceLast.set(paymentKey, (step.statusVersion === 1 ? 0 : (sinceLast.get(paymentKey) ?? 0)) + 1)
          return
        }
        // Of a life that was lost as a whole, nothing tells.
        expected.set(
          paymentKey,
          (expected.get(paymentKey) ?? 0) + (step.statusVersion === 1 ? 0 : (sinceLast.get(paymentKey) ?? 0)),
        )
        sinceLast.set(paymentKey, 0)
        const verdict = handed.judge(paymentKey, step)
        missed.set(paymentKey, (missed.get(paymentKey) ?? 0) + (verdict.skip ? Number.NaN : verdict.missed))
        handed.handed(paymentKey, step)
      })
      expect(missed).toEqual(expected)
    }),
    { numRuns: RUNS },
  )
})

test('a group that continues cannot know what came before the first step of a payment, but sees gaps after it', () => {
  const handed = new HandedOver(false)
  expect(handed.judge('a', { incarnation: 1, statusVersion: 5 })).toEqual({ skip: false, missed: 0 })
  handed.handed('a', { incarnation: 1, statusVersion: 5 })
  expect(handed.judge('a', { incarnation: 1, statusVersion: 8 })).toEqual({ skip: false, missed: 2 })
  expect(handed.judge('a', { incarnation: 2, statusVersion: 3 })).toEqual({ skip: false, missed: 2 })
})

test('newer is a strict order by incarnation and version', () => {
  const version = fc.record({ incarnation: fc.nat(3), statusVersion: fc.nat(3) })
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0)
      expect(isNewer(a, a)).toBe(false)
      expect(isNewer(a, undefined)).toBe(true)
      if (isNewer(a, b) && isNewer(b, c)) {
        expect(isNewer(a, c)).toBe(true)
      }
    }),
  )
  expect(isNewer({ incarnation: 2, statusVersion: 1 }, { incarnation: 1, statusVersion: 9 })).toBe(true)
})

test('an older record, read again, neither takes a payment back nor forgets a later life', () => {
  const table = new PaymentTable()
  const at = (incarnation: number, statusVersion: number, value: Buffer | null) =>
    table.apply({ paymentKey: 'a', offset: 0n, version: { incarnation, statusVersion }, value })
  at(2, 3, Buffer.from('newest'))
  at(2, 2, Buffer.from('older'))
  expect(at(1, 9, null)).toBeNull()
  expect(String(table.get('a')?.value)).toBe('newest')
  expect(at(2, 3, null)).toMatchObject({ paymentKey: 'a' })
  expect(table.get('a')).toBeUndefined()
})
