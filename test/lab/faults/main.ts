/** `make faults RUNS=… SEED=… SCENARIO=…`: injects faults under load and checks that every guarantee holds. */
import { appendFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CRASH_POINTS } from '../../../src/stream/crash-point.ts'
import { envNumber } from '../harness/env-number.ts'
import { portWasTaken } from '../stack/server.ts'
import { Cluster } from './cluster.ts'
import { FAULTS } from './faults.ts'
import type { Finding } from './finding.ts'
import { type RedisKind, redisKindOf } from './redis-kind.ts'
import { type BrokenRun, COMMIT, type RunResult, runScenario } from './run-scenario.ts'
import { campaignRuns, planSchedule } from './schedule.ts'
import { summaryOf } from './summary.ts'

const RUNS = envNumber('RUNS', 1)
const SEED = envNumber('SEED', 1)
/**
 * `mix`, `pair`, `none`, names of faults joined by `+`, `each` for every fault alone, or a comma-separated list of these.
 * `each-place`: for each crash point, a role crashes there repeatedly.
 * `campaign`: every fault TIMES times, alone and in pairs, in as many runs as that takes; BEGIN=n skips the first n.
 */
const SCENARIO = process.env['SCENARIO'] || 'mix'
const TIMES = envNumber('TIMES', 5)
const BEGIN = envNumber('BEGIN', 0)
/** A file to which the result of every run is appended as a line of JSON; `make faults-table` turns it into docs/faults.md. */
const RESULTS = process.env['RESULTS'] || undefined
/** Also keeps the ledger, logs and topics of runs without findings. */
const KEEP = process.env['KEEP'] === '1'
const FINDINGS_SHOWN_MAX = 20
/** How often a run is started if another program takes one of its ports. */
const BEGUN_MAX = 3

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The guards of the cluster and of the processes clean up.
  process.once(signal, () => process.exit(1))
}

interface Run {
  readonly scenario: string
  readonly seed: number
}

const LISTS: Readonly<Record<string, readonly string[]>> = {
  each: FAULTS.map(({ name }) => name),
  'each-place': CRASH_POINTS.map((point) => `die-${point}`),
}

const runs = plannedRuns()
let redisKind: RedisKind
try {
  redisKind = redisKindOf(process.env)
  for (const { seed, scenario } of runs) {
    planSchedule(seed, scenario, FAULTS)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exit(2)
}

const results: RunResult[] = []
let broken = 0
let cluster: Cluster | undefined
for (const [index, { seed, scenario }] of runs.entries()) {
  console.log(`\n${index + 1} of ${runs.length}: ${scenario}, seed ${seed}`)
  const directory = await mkdtemp(join(tmpdir(), `paystatus-faults-run-${seed}-`))
  try {
    const result = await run(seed, scenario, directory)
    results.push(result)
    await keep(result)
    if (result.findings.length === 0) {
      await (KEEP ? console.log(`  kept:     ${directory}`) : rm(directory, { recursive: true }))
      continue
    }
    await tellViolations(result.findings, cluster, seed, scenario, directory)
  } catch (error) {
    broken += 1
    await keep({ scenario, seed, at: new Date().toISOString(), commit: COMMIT, broke: (error as Error).message })
    await tellViolations(
      [{ kind: 'wrong', by: 'laboratory', text: `the run broke: ${(error as Error).stack}` }],
      cluster,
      seed,
      scenario,
      directory,
    )
  }
  // The next run must not inherit the state of these servers.
  await cluster?.close()
  cluster = undefined
}
await cluster?.close()
const summary = summarize(results)
console.log(
  JSON.stringify({ ...summary, broken, ok: broken === 0 && results.every(({ findings }) => findings.length === 0) }),
)
process.exit(broken === 0 && results.every(({ findings }) => findings.length === 0) ? 0 : 1)

/** A taken port says nothing about the product: the run starts again on new servers. */
async function run(seed: number, scenario: string, directory: string): Promise<RunResult> {
  for (let begun = 1; ; begun += 1) {
    try {
      cluster ??= await Cluster.start(console.log, redisKind)
      const result = await runScenario(cluster, seed, scenario, directory, console.log)
      const taken = result.findings.find(({ by, text }) => by === 'laboratory' && portWasTaken(text))
      if (taken === undefined) {
        return result
      }
      throw new Error(taken.text)
    } catch (error) {
      if (begun === BEGUN_MAX || !portWasTaken((error as Error).message)) {
        throw error
      }
      console.log(`  another program took a port: the run starts again`)
      await cluster?.close()
      cluster = undefined
      await rm(directory, { recursive: true })
      await mkdir(directory)
    }
  }
}

async function keep(result: RunResult | BrokenRun): Promise<void> {
  if (RESULTS !== undefined) {
    await appendFile(RESULTS, `${JSON.stringify(result)}\n`)
  }
}

function plannedRuns(): readonly Run[] {
  if (SCENARIO === 'campaign') {
    return campaignRuns(SEED, TIMES, FAULTS)
      .map((scenario, index) => ({ scenario, seed: SEED + index }))
      .slice(BEGIN)
  }
  const scenarios = LISTS[SCENARIO] ?? SCENARIO.split(',')
  return Array.from({ length: RUNS }, (_, run) => scenarios.map((scenario) => ({ scenario, seed: SEED + run }))).flat()
}

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
  console.log(
    `  again:    make faults${redisKind === 'single' ? '' : ` REDIS=${redisKind}`} SEED=${seed} SCENARIO=${scenario}`,
  )
}

function summarize(all: readonly RunResult[]) {
  const { perFault, ...totals } = summaryOf(all)
  return { ...totals, perFault: Object.fromEntries(perFault.map(({ fault, ...rest }) => [fault, rest])) }
}
