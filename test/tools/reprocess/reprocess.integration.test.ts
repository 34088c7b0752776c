import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { TOOL_CRASH_POINTS } from '../../../src/crash-point.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { audit } from '../../../src/tools/audit/audit.ts'
import type { PlannedPayment } from '../../../src/tools/reprocess/plan-payment.ts'
import { reprocess } from '../../../src/tools/reprocess/reprocess.ts'
import { findMismatches } from '../../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import { verify } from '../../../src/tools/verify/verify.ts'
import { MISREADING_RELEASE, WRONG_RETURN_PREFIX } from '../../lab/faults/former-releases.ts'
import { type MutatedCheckout, mutatedCheckout } from '../../lab/faults/mutants/mutated-checkout.ts'
import { Deployment } from '../../lab/harness/deployment.ts'
import { simulate } from '../../lab/harness/load.ts'
import { Observer } from '../../lab/harness/observer.ts'

/**
 * A former release reads callbacks wrongly: it does not know COMPLETED and keys returns otherwise. The present one reads them
 * again. Real processes, real servers.
 */

let former: MutatedCheckout
let deployment: Deployment
let observer: Observer
let report: SimulationReport

beforeAll(async () => {
  ;[former, deployment] = await Promise.all([mutatedCheckout(MISREADING_RELEASE), Deployment.create(inject('stack'))])
  observer = await Observer.create(deployment)
  const stages = await deployment.start(['gateway', 'processor'])
  const normalizer = await deployment.start(['normalizer'], {}, { program: former.program })
  report = await simulate(deployment, stages.gatewayUrl, { seed: 29, payments: 60 })
  await observer.caughtUp()
  await normalizer.stop()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await former?.remove()
})

const reprocessAll = (extra: readonly string[], env = {}) =>
  deployment.command(['reprocess', '--all', '--json', ...extra], { env })
/** Its reader leaves before the first line. */
const reprocessUnread = (extra: readonly string[], env = {}) =>
  deployment.command(['reprocess', '--all', ...extra], { env, unread: true })

/** What a consumer knows at last that skips every record that is not greater by (incarnation, statusVersion). */
function consumed(changes: readonly StatusChangeRecord[]): ReadonlyMap<string, StatusChangeRecord> {
  const known = new Map<string, StatusChangeRecord>()
  for (const change of changes) {
    const last = known.get(change.paymentKey)
    const byVersion = (last?.incarnation ?? 0) - change.incarnation || (last?.statusVersion ?? 0) - change.statusVersion
    if (byVersion < 0) {
      known.set(change.paymentKey, change)
    }
  }
  return known
}

test('killed at each of its crash points and run again, it corrects everything exactly once (I3, I5)', async () => {
  const { config, logger } = deployment
  expect(findMismatches(report, await observer.current()).length).toBeGreaterThan(10)
  const planned: PlannedPayment[] = []
  const dry = await reprocess(config, logger, {
    scope: { kind: 'all' },
    apply: null,
    onPayment: (payment) => {
      planned.push(payment)
    },
  })
  expect(dry).toMatchObject({ changed: planned.length, applied: null, left: [] })
  expect(Math.min(...Object.values(dry.rules))).toBeGreaterThan(0)
  const stepsBefore = (await observer.changes()).length

  const apply = ['--apply', '--reason', 'COMPLETED is known', '--by', 'tester', '--rate', '200']
  // What a check finds, and whether an act reaches its end, does not depend on its reader.
  expect(await reprocessUnread([])).toMatchObject({ code: 1 })
  for (const point of TOOL_CRASH_POINTS) {
    const { code, stderr } = await reprocessUnread(apply, { PAYSTATUS_CRASH_POINTS: `${point}=1` })
    expect([code, stderr]).toEqual(['SIGKILL', expect.stringContaining(`crash point ${point}`)])
  }
  const last = await reprocessAll(apply)
  expect(last).toMatchObject({ code: 0 })
  expect(JSON.parse(last.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ applied: { processed: true } })

  // As if the present mapping had been there from the start.
  const current = await observer.current()
  expect(findMismatches(report, current)).toEqual([])
  expect((await verify(config, logger)).differences).toEqual([])
  for (const { paymentKey, after } of planned) {
    expect(current.get(paymentKey)).toMatchObject({ status: after.status, attention: after.attention })
  }
  // One step for each event concerned.
  const changes = await observer.changes()
  const expected = planned.flatMap(({ paymentKey, steps }) =>
    steps.map(({ rule, eventId }) => `${paymentKey} ${eventId} ${rule}`),
  )
  const rules: Readonly<Record<string, string>> = { RESTATED: 'restated', WITHDRAWN: 'withdrawn' }
  const seen = Map.groupBy(
    changes,
    ({ paymentKey, event, verdict }) => `${paymentKey} ${event?.eventId} ${rules[verdict] ?? 'lost'}`,
  )
  expect(expected.filter((step) => seen.get(step)?.length !== 1)).toEqual([])
  expect(changes.length - stepsBefore).toBe(expected.length)
  expect(
    planned.some(({ paymentKey, after }) => paymentKey.includes(WRONG_RETURN_PREFIX) && after.status === 'UNKNOWN'),
  ).toBe(true)
  // Consumers that skip by version end right.
  for (const [paymentKey, { statusVersion, statusAfter }] of consumed(changes)) {
    expect(current.get(paymentKey)).toMatchObject({ status: statusAfter, statusVersion })
  }
  // Who did what is recorded, also of the runs that were killed.
  const { acts } = await audit(config, logger, { act: 'reprocess' })
  expect(acts.map(({ outcome }) => outcome)).toEqual(['started', 'started', 'started', 'done'])
  expect(acts[0]).toMatchObject({ by: 'tester', reason: 'COMPLETED is known', scope: { all: 'yes' } })
  expect((await reprocess(config, logger, { scope: { kind: 'all' }, apply: null })).changed).toBe(0)
})
