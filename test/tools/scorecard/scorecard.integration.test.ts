import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { PROVIDER_IDS } from '../../../src/providers/registry.ts'
import type { scorecardDocument } from '../../../src/tools/scorecard/scorecard-report.ts'
import { Deployment } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { simulate } from '../../lab/harness/load.ts'
import { Observer } from '../../lab/harness/observer.ts'

/** `paystatus scorecard`, and the metrics it stands beside, against what the simulated providers know that they did. */

let deployment: Deployment
let observer: Observer

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { partitions: 2 })
  observer = await Observer.create(deployment)
})
afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('says of each source what the simulated providers did', async () => {
  const process = await deployment.start(['gateway', 'normalizer', 'processor'])
  const { counts } = await simulate(deployment, process.gatewayUrl, { seed: 20, payments: 60 })
  await observer.caughtUp()
  const { code, stdout, stderr } = await deployment.command([
    ...['scorecard', '--since', '1h', '--process', process.adminUrl, '--json'],
  ])
  expect([code, stderr]).toEqual([0, ''])
  const { sources } = JSON.parse(stdout) as ReturnType<typeof scorecardDocument>
  const sum = (value: (source: (typeof sources)[number]) => number) =>
    sources.reduce((total, source) => total + value(source), 0)
  expect(sources.map(({ source }) => source)).toEqual(['instamed', 'jpm-v1', 'jpm-v2'])
  expect(sum(({ callbacks }) => callbacks)).toBe(counts.accepted)
  const retries = sum((source) => source.retries ?? Number.NaN)
  expect(retries).toBeGreaterThanOrEqual(counts.identicalRepeats)
  // Malformed ones can be alike.
  expect(retries).toBeLessThanOrEqual(counts.identicalRepeats + counts.malformed)
  expect(sum(({ answers }) => (answers?.['200'] ?? 0) + (answers?.['204'] ?? 0))).toBe(counts.accepted)
  const duplicates = sum((source) => source.duplicates)
  const recorded = (await observer.changes()).filter(({ event }) => event !== null && event.childKey === null)
  expect(sum(({ events }) => events) - duplicates).toBe(recorded.length)
  // The totals also count repeated reports about children.
  expect(duplicates).toBeGreaterThan(0)
  expect(duplicates).toBeLessThanOrEqual((await observer.totals()).duplicate)
  expect(sum(({ outOfOrder }) => outOfOrder)).toBeGreaterThan(0)

  // The metrics of the same process.
  const metric = (series: string) => process.metric(series)
  for (const stage of ['normalizer', 'processor']) {
    expect(await metric(`paystatus_unaccounted_records_total{stage="${stage}"}`)).toBe(0)
    await eventually(async () => {
      expect(await metric(`paystatus_lag_seconds{stage="${stage}",partition="1"}`)).toBe(0)
    })
  }
  const timed = recorded.filter(({ verdict }) => verdict !== 'RESTATED' && verdict !== 'WITHDRAWN')
  const observed = await Promise.all(
    PROVIDER_IDS.map((provider) => metric(`paystatus_status_seconds_count{provider="${provider}"}`)),
  )
  expect(observed.reduce((total, count) => total + count, 0)).toBe(timed.length)
  expect(await metric('paystatus_redis_memory_used_bytes{node="Redis"}')).toBeGreaterThan(0)
  const lastAccepted = await metric('paystatus_gateway_last_accepted_timestamp_seconds{source="instamed"}')
  expect(Date.now() / 1_000 - lastAccepted).toBeLessThan(120)

  expect(sources.every(({ latenessMs }) => latenessMs.p50 === null || latenessMs.p50 >= 0)).toBe(true)
})
