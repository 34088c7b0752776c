/**
 * `make drill`: injects, for each alert of deploy/monitoring, the fault that must raise it. ALERT=a,b drills some and writes nothing.
 * SCREENSHOTS=directory also saves there what the console shows while each alert is firing.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simulate } from '../harness/load.ts'
import { Guard } from '../stack/guard.ts'
import { ensurePrometheus } from '../stack/prometheus.ts'
import { runCommand } from '../stack/run-command.ts'
import { startStack } from '../stack/stack.ts'
import { drillPage } from './drill-page.ts'
import { DrillWorld } from './drill-world.ts'
import { DRILLS } from './drills.ts'
import { emptyPanels } from './empty-panels.ts'
import { Prometheus } from './prometheus.ts'
import { type DrillResult, runDrill } from './run-drill.ts'
import { scaledRules } from './scaled-rules.ts'
import { Snapshots } from './snapshots.ts'

const PROJECT = join(import.meta.dirname, '..', '..', '..')
const RULES = join(PROJECT, 'deploy/monitoring/rules.yaml')
/** Written only by a run of all drills. */
const PAGE = join(PROJECT, 'docs/runbooks/README.md')

const wanted = process.env['ALERT']?.split(',') ?? DRILLS.map(({ alert }) => alert)
const unknown = wanted.filter((name) => !DRILLS.some(({ alert }) => alert === name))
if (unknown.length > 0) {
  console.error(`ALERT: unknown ${unknown.join(', ')}; known are ${DRILLS.map(({ alert }) => alert).join(', ')}`)
  process.exit(2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The guards clean up.
  process.once(signal, () => process.exit(1))
}

const directory = await mkdtemp(join(tmpdir(), 'paystatus-drill-'))
const guard = new Guard(directory)
// Its own servers, because it breaks them.
const stack = await startStack({ kind: 'packages', report: console.log })
const results: DrillResult[] = []
let panels: Awaited<ReturnType<typeof emptyPanels>> | undefined
let world: DrillWorld | undefined
let snapshots: Snapshots | null = null
try {
  const prometheus = await Prometheus.start(scaledRules(readFileSync(RULES, 'utf8')), directory, guard)
  world = await DrillWorld.create(stack, prometheus)
  const screenshots = process.env['SCREENSHOTS'] ?? ''
  snapshots = screenshots === '' ? null : await Snapshots.create(screenshots)
  for (const drill of DRILLS.filter(({ alert }) => wanted.includes(alert))) {
    console.log(`${drill.alert}: ${drill.fault}`)
    const result = await runDrill(drill, world, snapshots)
    results.push(result)
    console.log(
      `  raised after ${result.raisedSeconds} s (at most ${result.withinSeconds}), ended after ${result.endedSeconds} s; also: ${result.also.join(', ') || 'nothing'}`,
    )
    for (const finding of result.findings) {
      console.log(`  FINDING ${finding}`)
    }
  }
  panels = wanted.length < DRILLS.length ? undefined : await panelsWithData(world)
} finally {
  await snapshots?.close()
  await world?.close()
  await stack.stop()
  await guard.close()
}
if (results.length === DRILLS.length && panels !== undefined) {
  const { output } = await runCommand([(await ensurePrometheus(console.log)).prometheus, '--version'])
  const version = /prometheus, version ([\d.]+)/.exec(output)?.[1] ?? ''
  writeFileSync(PAGE, drillPage({ at: new Date().toISOString(), prometheus: `Prometheus ${version}`, results, panels }))
}
const findings = [...results.flatMap((result) => result.findings), ...(panels?.empty ?? [])]
console.log(`${results.length} drills, ${findings.length} findings`)
process.exit(findings.length === 0 ? 0 : 1)

/** Runs the queries of all dashboards, after the loss of the views and simulated callbacks of every kind. */
async function panelsWithData(of: DrillWorld) {
  console.log('dashboards: Redis restarts empty, simulated callbacks of every kind, then the query of every panel')
  of.writeCertificate()
  // So that partitions are opened, too.
  await stack.redis.kill()
  await stack.redis.start()
  await of.start('gateway-tls', { configFile: of.configuration('tls', { gateway: { port: 0, tls: of.tlsFiles } }) })
  await simulate(of.deployment, of.process('gateway').gatewayUrl, { seed: 20, payments: 100, ratePerSecond: 20 })
  const found = await emptyPanels(of.prometheus)
  console.log(`  ${found.queries} queries, ${found.empty.length} without data`)
  for (const empty of found.empty) {
    console.log(`  FINDING ${empty}`)
  }
  return found
}
