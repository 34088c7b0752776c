import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { DEAD_LETTER_REASONS } from '../../src/providers/provider.ts'
import { headerText } from '../../src/stream/header-text.ts'
import { findMismatches } from '../../src/tools/simulate/await-statuses.ts'
import { SENSITIVE_TEXT } from '../../src/tools/simulate/sensitive-text.ts'
import type { SimulationReport } from '../../src/tools/simulate/simulate.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import {
  type Contents,
  readContents,
  totalsViolations,
  viewViolations,
  violationsOf,
} from '../lab/harness/violations.ts'

/** One process with all roles processes a simulated stream that contains everything; then the topics are checked. */

let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
let report: SimulationReport
let contents: Contents

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { config: { log: { level: 'debug' } } })
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  report = await simulate(deployment, paystatus.gatewayUrl, { seed: 11, payments: 300 })
  await observer.caughtUp()
  contents = await readContents(observer)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('every callback was accepted, and the simulation had everything in it', () => {
  expect(report.counts.accepted).toBe(report.counts.callbacks)
  const { identicalRepeats, reissues, malformed, multiPayment } = report.counts
  expect(Math.min(identicalRepeats, reissues, malformed, multiPayment)).toBeGreaterThan(5)
  expect(report.payments.filter((payment) => payment.outOfOrder).length).toBeGreaterThan(5)
})

test('every payment ends with its expected status and attention', () => {
  expect(findMismatches(report, contents.current)).toEqual([])
  expect(contents.current.size).toBe(report.expected.payments)
})

test('I1 every accepted callback is in raw', () => {
  expect(contents.raw.length).toBe(report.counts.accepted)
})

test('I2 I3 I4 I5 every element is accounted for and recorded exactly once, in gapless versions, as the fold says', () => {
  expect(violationsOf(contents, deployment.config)).toEqual([])
})

test('I2 raw elements = events + dead letters + set aside, and nothing is repeated', async () => {
  const { expected } = report
  expectWithin(contents.events.length - expected.events, expected.duplicates)
  expect(contents.rawDeadLetters.length).toBe(expected.deadLetters.min)
  expect(contents.changes.length).toBe(expected.events)
  expect(await paystatus.metric('paystatus_normalizer_callbacks_total')).toBe(contents.raw.length)
  expect(await paystatus.metric('paystatus_normalizer_events_total')).toBe(contents.events.length)
})

test('I2 a dead letter has its reason and its origin', () => {
  const reasons = new Map<string, number>()
  for (const record of contents.rawDeadLetters) {
    const reason = headerText(record, 'dlq_reason')
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    expect(Object.keys(DEAD_LETTER_REASONS)).toContain(reason)
    expect(headerText(record, 'dlq_message')).toMatch(/^[a-z].{5,}/i)
    expect(headerText(record, 'dlq_stage')).toBe('normalizer')
    expect(headerText(record, 'dlq_topic')).toBe(deployment.topics.raw)
    expect(Date.parse(headerText(record, 'dlq_time'))).toBeGreaterThan(Date.now() - 600_000)
    expect(headerText(record, 'ce_id')).toMatch(/^[0-9a-f-]{36}$/)
  }
  expect(Object.fromEntries(reasons)).toEqual(report.expected.deadLettersByReason)
})

test('I6 at rest the view in Redis equals current, byte for byte', async () => {
  expect(await viewViolations(observer)).toEqual([])
  const view = await observer.viewBytes()
  expect(view.reduce((sum, payments) => sum + payments.size, 0)).toBe(contents.current.size)
})

test('I8 the totals in the commits and the live metrics account for every event', async () => {
  const totals = await observer.totals()
  expect(totalsViolations(totals, contents)).toEqual([])
  expectWithin(totals.duplicate, report.expected.duplicates)
  expect(await paystatus.metric('paystatus_processor_events_total')).toBe(totals.events)
  for (const verdict of ['applied', 'late', 'revision', 'conflict', 'unknown', 'duplicate', 'deadLetter'] as const) {
    const counted = await paystatus.metric(`paystatus_processor_verdicts_total{verdict="${verdict}"}`)
    expect([verdict, counted]).toEqual([verdict, totals[verdict]])
  }
})

test('I9 no body, account or name is in keys, headers, canonical topics, logs or metrics', async () => {
  expect(contents.raw.some((record) => record.value?.includes(SENSITIVE_TEXT))).toBe(true)
  const canonical = new Set(
    await Promise.all((['events', 'changes', 'current'] as const).map((id) => observer.records(id))),
  )
  const leaks = [
    ...contents.records.filter(({ key }) => key?.includes(SENSITIVE_TEXT)).map(() => 'key'),
    ...contents.records
      .filter(({ headers }) => JSON.stringify(headers, asText).includes(SENSITIVE_TEXT))
      .map(() => 'header'),
    ...[...canonical]
      .flat()
      .filter(({ value }) => value?.includes(SENSITIVE_TEXT))
      .map(() => 'canonical value'),
  ]
  expect(leaks).toEqual([])
  expect(paystatus.output).not.toContain(SENSITIVE_TEXT)
  expect(await paystatus.metricsText()).not.toContain(SENSITIVE_TEXT)
})

test('the reported lag goes to 0', async () => {
  await eventually(async () => {
    const lags = (await paystatus.metricsText()).split('\n').filter((line) => line.startsWith('paystatus_lag_records{'))
    expect(lags.map((line) => line.split(' ')[1])).toEqual(Array(2 * deployment.config.kafka.partitions).fill('0'))
  })
})

test('I3 the whole stream again gives only duplicates, and counting continues across a restart', async () => {
  expect(await paystatus.stop()).toBe(0)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  const before = await observer.totals()
  const again = await simulate(deployment, paystatus.gatewayUrl, { seed: 11, payments: 300 })
  await observer.caughtUp()
  const after = await readContents(observer)
  expect(after.changes).toEqual(contents.changes)
  expect(violationsOf(after, deployment.config)).toEqual([])
  const totals = await observer.totals()
  expectWithin(totals.duplicate - before.duplicate - again.expected.events, again.expected.duplicates)
  expect(totalsViolations(totals, after)).toEqual([])
})

/** The range is one number, unless a busy gateway answered too late and the provider repeated what was stored. */
function expectWithin(value: number, { min, max }: { readonly min: number; readonly max: number }): void {
  expect(value).toBeGreaterThanOrEqual(min)
  expect(value).toBeLessThanOrEqual(max)
}

function asText(_name: string, value: unknown): unknown {
  const bytes = value as { type?: string; data?: number[] } | null
  return bytes?.type === 'Buffer' ? Buffer.from(bytes.data ?? []).toString() : value
}
