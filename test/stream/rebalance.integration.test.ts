import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { findMismatches } from '../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../src/tools/simulate/simulate.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'

/** Two processes for every stage; one of them dies, stops or freezes in the middle of the work. */

const PARTITIONS = 4
const SESSION_MS = 2_000

let deployment: Deployment
let observer: Observer
/** Takes part in the normalizer group too: the gateway alone would leave a core idle. */
let gateway: RoleProcess
let normalizer: RoleProcess
let processors: RoleProcess[]

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), {
    partitions: PARTITIONS,
    config: { kafka: { sessionTimeoutMs: SESSION_MS } },
  })
  observer = await Observer.create(deployment)
  ;[gateway, normalizer, ...processors] = await Promise.all([
    deployment.start(['gateway', 'normalizer']),
    deployment.start(['normalizer']),
    deployment.start(['processor']),
    deployment.start(['processor']),
  ])
  await shared(2, 2)
}, 120_000)

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('two processes of a role share its partitions', async () => {
  const { config } = deployment
  for (const group of [config.normalizer.group, config.processor.group]) {
    const assignments = [...(await observer.assignments(group)).values()]
    expect(assignments.map(({ length }) => length)).toEqual([PARTITIONS / 2, PARTITIONS / 2])
    expect(assignments.flat().sort()).toEqual([0, 1, 2, 3])
  }
  for (const processor of processors) {
    expect(await processor.metric('paystatus_lanes{stage="processor",state="open"}')).toBe(PARTITIONS / 2)
  }
})

test('I3 I7 a processor that is killed loses and repeats nothing: its partitions move, and the rest is processed', async () => {
  const [victim, survivor] = processors as [RoleProcess, RoleProcess]
  const report = await underLoad(21, async () => {
    victim.signal('SIGKILL')
    expect(await victim.exited).toBe('SIGKILL')
  })
  await allIsWell(report)
  const assignments = [...(await observer.assignments(deployment.config.processor.group)).values()]
  expect(assignments.map((partitions) => [...partitions].sort())).toEqual([[0, 1, 2, 3]])
  expect(await survivor.metric('paystatus_lanes{stage="processor",state="open"}')).toBe(PARTITIONS)
  processors = [survivor, await deployment.start(['processor'])]
  await shared(2, 2)
})

test('I2 I3 a normalizer that is killed loses nothing, and what it repeats is dropped', async () => {
  const report = await underLoad(22, async () => {
    normalizer.signal('SIGKILL')
    await normalizer.exited
  })
  await allIsWell(report)
  normalizer = await deployment.start(['normalizer'])
  await shared(2, 2)
})

test('I3 a processor and a normalizer that are told to stop under load finish, exit with 0 and repeat nothing', async () => {
  const [leaving, staying] = processors as [RoleProcess, RoleProcess]
  const report = await underLoad(23, async () => {
    expect(await Promise.all([leaving.stop(), normalizer.stop()])).toEqual([0, 0])
  })
  await allIsWell(report)
  expect(leaving.output).not.toContain('"level":"error"')
  processors = [staying, await deployment.start(['processor'])]
  normalizer = await deployment.start(['normalizer'])
  await shared(2, 2)
})

test('I7 a processor that froze for longer than its session can neither publish nor commit, and takes part again', async () => {
  const [zombie, rightful] = processors as [RoleProcess, RoleProcess]
  const report = await underLoad(24, async () => {
    zombie.signal('SIGSTOP')
    await owns(PARTITIONS)
    // The rightful owner must have worked on them before the zombie comes back with what it still has in its hands.
    const before = (await observer.totals()).events
    await eventually(async () => expect((await observer.totals()).events).toBeGreaterThan(before + 50))
    zombie.signal('SIGCONT')
  })
  await allIsWell(report)
  await shared(2, 2)
  await Promise.all([zombie.ready(), rightful.ready()])
  expect(zombie.output).toContain('lane in doubt')
  // It works again, and not only as a member on paper.
  const before = await zombie.metric('paystatus_processor_events_total')
  const more = await simulate(deployment, gateway.gatewayUrl, { seed: 25, payments: 50 })
  await allIsWell(more)
  expect(await zombie.metric('paystatus_processor_events_total')).toBeGreaterThan(before)
})

/** Sends for a few seconds, and does something in the middle of it while events are being processed. */
async function underLoad(seed: number, disturb: () => Promise<void>): Promise<SimulationReport> {
  const before = (await observer.totals()).events
  const simulation = simulate(deployment, gateway.gatewayUrl, { seed, payments: 300, ratePerSecond: 150 })
  await eventually(async () => expect((await observer.totals()).events).toBeGreaterThan(before + 100))
  await disturb()
  return simulation
}

async function allIsWell(report: SimulationReport): Promise<void> {
  await observer.caughtUp()
  const contents = await readContents(observer)
  expect(violationsOf(contents, deployment.config)).toEqual([])
  expect(totalsViolations(await observer.totals(), contents)).toEqual([])
  await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
  expect(report.counts.accepted).toBe(report.counts.callbacks)
  expect(findMismatches(report, contents.current)).toEqual([])
}

/** Waits until the groups have so many members, and every lane is open. */
async function shared(normalizers: number, processorCount: number): Promise<void> {
  const { config } = deployment
  await eventually(async () => {
    const members = [
      await observer.assignments(config.normalizer.group),
      await observer.assignments(config.processor.group),
    ]
    expect(members.map(({ size }) => size)).toEqual([normalizers, processorCount])
  })
  await Promise.all([gateway, normalizer, ...processors].map((process) => process.ready()))
}

/** Waits until some member of the processor group has so many partitions. */
async function owns(partitions: number): Promise<void> {
  await eventually(async () => {
    const counts = [...(await observer.assignments(deployment.config.processor.group)).values()].map(
      ({ length }) => length,
    )
    expect(counts).toContain(partitions)
  })
}
