/** `make faults RUNS=… SEED=… SCENARIO=…`: injects faults under load and checks that every guarantee holds. */
import { appendFile, cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CRASH_POINTS } from '../../../src/crash-point.ts'
import { COMMIT } from '../harness/commit.ts'
import { envNumber } from '../harness/env-number.ts'
import { portWasTaken } from '../stack/server.ts'
import { Cluster } from './cluster.ts'
import { faultsOn, leftOutOn } from './faults.ts'
import type { Finding } from './finding.ts'
import { READING_AGAIN_FAULTS } from './reading-again-faults.ts'
import { REDIS_KINDS, type RedisKind, redisKindOf } from './redis-kind.ts'
import { type BrokenRun, type RunResult, runScenario } from './run-scenario.ts'
import { campaignRuns, planSchedule, redisRun, runAround } from './schedule.ts'
import { summaryOf } from './summary.ts'

const RUNS = envNumber('RUNS', 1)
const SEED = envNumber('SEED', 1)
/**
 * `mix`, `pair`, `none`, names of faults joined by `+`, `each` for every fault alone, or a comma-separated list of these.
 * `each-place`: for each crash point, a role crashes there repeatedly.
 * `campaign`: every fault TIMES times, alone and in pairs, in as many runs as that takes, then one run each of `reprocess`
 * and `redrive` with other faults, and one run with the faults of Redis on each other kind of Redis; BEGIN=n skips the first n.
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
  readonly redis: RedisKind
}

let runs: readonly Run[]
try {
  runs = plannedRuns(redisKindOf(process.env))
  for (const { seed, scenario, redis } of runs) {
    planSchedule(seed, scenario, faultsOn(redis))
  }
} catch (error) {
  console.error((error as Error).message)
  process.exit(2)
}

for (const kind of new Set(runs.map(({ redis }) => redis))) {
  const leftOut = leftOutOn(kind)
  if (leftOut.length > 0) {
    console.log(`left out with REDIS=${kind}: ${leftOut.join(', ')}`)
  }
}

const results: RunResult[] = []
let broken = 0
let cluster: Cluster | undefined
for (const [index, planned] of runs.entries()) {
  const { seed, scenario, redis } = planned
  console.log(`\n${index + 1} of ${runs.length}: ${scenario}, seed ${seed}, Redis: ${redis}`)
  const directory = await mkdtemp(join(tmpdir(), `paystatus-faults-run-${seed}-`))
  try {
    const result = await run(planned, directory)
    results.push(result)
    await keep(result)
    if (result.findings.length === 0) {
      await (KEEP ? console.log(`  kept:     ${directory}`) : rm(directory, { recursive: true }))
      continue
    }
    await tellViolations(result.findings, cluster, planned, directory)
  } catch (error) {
    broken += 1
    await keep({ scenario, seed, at: new Date().toISOString(), commit: COMMIT, broke: (error as Error).message })
    await tellViolations(
      [{ kind: 'wrong', by: 'laboratory', text: `the run broke: ${(error as Error).stack}` }],
      cluster,
      planned,
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
async function run({ seed, scenario, redis }: Run, directory: string): Promise<RunResult> {
  if (cluster !== undefined && cluster.redisKind !== redis) {
    await cluster.close()
    cluster = undefined
  }
  for (let begun = 1; ; begun += 1) {
    try {
      cluster ??= await Cluster.start(console.log, redis)
      const result = await runScenario(cluster, seed, scenario, directory, console.log, { faults: faultsOn(redis) })
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

function plannedRuns(redis: RedisKind): readonly Run[] {
  if (SCENARIO === 'campaign') {
    const others = REDIS_KINDS.filter((kind) => kind !== redis)
    return [
      ...campaignRuns(SEED, TIMES, faultsOn(redis)).map((scenario) => ({ scenario, redis })),
      ...READING_AGAIN_FAULTS.map(({ name }) => ({ scenario: runAround(name, SEED, faultsOn(redis)), redis })),
      ...others.map((kind) => ({ scenario: redisRun(SEED, faultsOn(kind)), redis: kind })),
    ]
      .map((planned, index) => ({ ...planned, seed: SEED + index }))
      .slice(BEGIN)
  }
  const lists: Readonly<Record<string, readonly string[]>> = {
    each: faultsOn(redis).map(({ name }) => name),
    'each-place': CRASH_POINTS.map((point) => `die-${point}`),
  }
  const scenarios = lists[SCENARIO] ?? SCENARIO.split(',')
  return Array.from({ length: RUNS }, (_, run) =>
    scenarios.map((scenario) => ({ scenario, seed: SEED + run, redis })),
  ).flat()
}

async function tellViolations(
  findings: readonly Finding[],
  where: Cluster | undefined,
  { seed, scenario, redis }: Run,
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
  console.log(`  again:    make faults${redis === 'single' ? '' : ` REDIS=${redis}`} SEED=${seed} SCENARIO=${scenario}`)
}

function summarize(all: readonly RunResult[]) {
  const { perFault, ...totals } = summaryOf(all)
  return { ...totals, perFault: Object.fromEntries(perFault.map(({ fault, ...rest }) => [fault, rest])) }
}
