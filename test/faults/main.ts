/** `make faults RUNS=… SEED=… SCENARIO=…`: breaks things under load, and looks whether a promise was broken too. */
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { envNumber } from '../harness/env-number.ts'
import { Cluster } from './cluster.ts'
import { FAULTS } from './faults.ts'
import type { Finding, Kind } from './judge.ts'
import { type RunResult, runScenario } from './run-scenario.ts'
import { planSchedule } from './schedule.ts'

const RUNS = envNumber('RUNS', 1)
const SEED = envNumber('SEED', 1)
/** `mix`, `pair`, `none`, names of faults with `+` between them, `each` for every fault alone, or a comma-separated list. */
const SCENARIO = process.env['SCENARIO'] || 'mix'
/** Keeps the ledger, the logs and the topics of a run without findings too. */
const KEEP = process.env['KEEP'] === '1'
const FINDINGS_SHOWN_MAX = 20

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The guards of the cluster and of the processes clean up.
  process.once(signal, () => process.exit(1))
}

const scenarios = SCENARIO === 'each' ? FAULTS.map(({ name }) => name) : SCENARIO.split(',')
try {
  for (const scenario of scenarios) {
    planSchedule(SEED, scenario, FAULTS)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exit(2)
}

const results: RunResult[] = []
let broken = 0
let cluster: Cluster | undefined
for (let run = 0; run < RUNS; run += 1) {
  for (const scenario of scenarios) {
    const seed = SEED + run
    console.log(`\n${scenario}, seed ${seed}`)
    const directory = await mkdtemp(join(tmpdir(), `paystatus-faults-run-${seed}-`))
    try {
      cluster ??= await Cluster.start(console.log)
      const result = await runScenario(cluster, seed, scenario, directory, console.log)
      results.push(result)
      if (result.findings.length === 0) {
        await (KEEP ? console.log(`  kept:     ${directory}`) : rm(directory, { recursive: true }))
        continue
      }
      await tellViolations(result.findings, cluster, seed, scenario, directory)
    } catch (error) {
      broken += 1
      await tellViolations(
        [{ kind: 'wrong', text: `the run broke: ${(error as Error).stack}` }],
        cluster,
        seed,
        scenario,
        directory,
      )
    }
    // Whatever happened there may happen to the next run.
    await cluster?.close()
    cluster = undefined
  }
}
await cluster?.close()
const summary = summarize(results)
console.log(
  JSON.stringify({ ...summary, broken, ok: broken === 0 && results.every(({ findings }) => findings.length === 0) }),
)
process.exit(broken === 0 && results.every(({ findings }) => findings.length === 0) ? 0 : 1)

async function tellViolations(
  findings: readonly Finding[],
  where: Cluster | undefined,
  seed: number,
  scenario: string,
  directory: string,
): Promise<void> {
  await writeFile(join(directory, 'findings.json'), `${JSON.stringify(findings, null, 2)}\n`)
  if (where !== undefined) {
    await mkdir(join(directory, 'servers'), { recursive: true })
    for (const log of (await readdir(where.directory)).filter((file) => file.endsWith('.log'))) {
      await cp(join(where.directory, log), join(directory, 'servers', log))
    }
  }
  for (const { kind, text } of findings.slice(0, FINDINGS_SHOWN_MAX)) {
    console.log(`  ${kind.toUpperCase()} ${text}`)
  }
  if (findings.length > FINDINGS_SHOWN_MAX) {
    console.log(`  and ${findings.length - FINDINGS_SHOWN_MAX} more`)
  }
  console.log(`  evidence: ${directory}`)
  console.log(`  again:    make faults SEED=${seed} SCENARIO=${scenario}`)
}

function summarize(runs: readonly RunResult[]) {
  const sum = (of: (run: RunResult) => number) => runs.reduce((total, run) => total + of(run), 0)
  const count = (kind: Kind) => sum(({ findings }) => findings.filter((finding) => finding.kind === kind).length)
  const all = runs.flatMap(({ recoveries }) => recoveries)
  const names = [...new Set(all.map(({ fault }) => fault))]
  return {
    runs: runs.length,
    callbacks: sum(({ callbacks }) => callbacks),
    accepted: sum(({ accepted }) => accepted),
    attempts: sum(({ attempts }) => attempts),
    events: sum(({ events }) => events),
    lost: count('lost'),
    duplicated: count('duplicated'),
    wrong: count('wrong'),
    late: count('late'),
    unexpectedExits: sum(({ unexpectedExits }) => unexpectedExits),
    recoveryP50Ms: percentile(
      all.map(({ recoveryMs }) => recoveryMs),
      0.5,
    ),
    recoveryP99Ms: percentile(
      all.map(({ recoveryMs }) => recoveryMs),
      0.99,
    ),
    perFault: Object.fromEntries(
      names.map((name) => {
        const ofFault = all.filter(({ fault }) => fault === name)
        const inRuns = runs.filter(({ faults }) => faults.includes(name))
        return [
          name,
          {
            times: ofFault.length,
            callbacks: inRuns.reduce((total, { callbacks }) => total + callbacks, 0),
            findings: inRuns.reduce((total, { findings }) => total + findings.length, 0),
            recoveryP50Ms: percentile(
              ofFault.map(({ recoveryMs }) => recoveryMs),
              0.5,
            ),
            recoveryMaxMs: Math.max(...ofFault.map(({ recoveryMs }) => recoveryMs)),
            afterHealMaxMs: Math.max(...ofFault.map(({ afterHealMs }) => afterHealMs)),
          },
        ]
      }),
    ),
  }
}

function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null
}
