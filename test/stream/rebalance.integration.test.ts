import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { findMismatches } from '../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../src/tools/simulate/simulate.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'

/** Two processes per stage; one of them is killed, stopped or frozen under load. */

const PARTITIONS = 4
const SESSION_MS = 2_000

let deployment: Deployment
let observer: Observer
/** Also runs a normalizer: the gateway alone would leave a core idle. */
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
})

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
    await openLanes(processor, PARTITIONS / 2)
  }
})

test('I3 I7 a killed processor loses and repeats nothing: its partitions move, and everything is processed', async () => {
  const [victim, survivor] = processors as [RoleProcess, RoleProcess]
  const report = await underLoad(21, async () => {
    victim.signal('SIGKILL')
    expect(await victim.exited).toBe('SIGKILL')
  })
  await allIsWell(report)
  const assignments = [...(await observer.assignments(deployment.config.processor.group)).values()]
  expect(assignments.map((partitions) => [...partitions].sort())).toEqual([[0, 1, 2, 3]])
  await openLanes(survivor, PARTITIONS)
  processors = [survivor, await deployment.start(['processor'])]
  await shared(2, 2)
})

test('I2 I3 a killed normalizer loses nothing, and its repeats are dropped', async () => {
  const report = await underLoad(22, async () => {
    normalizer.signal('SIGKILL')
    await normalizer.exited
  })
  await allIsWell(report)
  normalizer = await deployment.start(['normalizer'])
  await shared(2, 2)
})

test('I3 a processor and a normalizer stopped under load finish their work, exit with 0 and repeat nothing', async () => {
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

test('I7 a processor frozen for longer than its session can neither publish nor commit, and rejoins', async () => {
  const [zombie, rightful] = processors as [RoleProcess, RoleProcess]
  const report = await underLoad(24, async () => {
    zombie.signal('SIGSTOP')
    await owns(PARTITIONS)
    // The rightful owner must have processed events before the zombie resumes its unfinished work.
    const before = (await observer.totals()).events
    await eventually(async () => expect((await observer.totals()).events).toBeGreaterThan(before + 50))
    zombie.signal('SIGCONT')
  })
  await allIsWell(report)
  await shared(2, 2)
  await Promise.all([zombie.ready(), rightful.ready()])
  expect(zombie.output).toContain('lane in doubt')
  // It processes events again and is not just a member of the group.
  const before = await zombie.metric('paystatus_processor_events_total')
  const more = await simulate(deployment, gateway.gatewayUrl, { seed: 25, payments: 50 })
  await allIsWell(more)
  expect(await zombie.metric('paystatus_processor_events_total')).toBeGreaterThan(before)
})

/** Sends callbacks for a few seconds and calls `disturb` while events are being processed. */
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

/** The group assigns partitions first; the member then opens and closes lanes. */
async function openLanes(processor: RoleProcess, count: number): Promise<void> {
  const open = () => processor.metric('paystatus_lanes{stage="processor",state="open"}')
  await eventually(async () => expect(await open()).toBe(count))
}

/** Waits until the groups have this many members, each of them ready. */
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

/** Waits until a member of the processor group has this many partitions. */
async function owns(partitions: number): Promise<void> {
  await eventually(async () => {
    const counts = [...(await observer.assignments(deployment.config.processor.group)).values()].map(
      ({ length }) => length,
    )
    expect(counts).toContain(partitions)
  })
}
