/** `make faults-table RESULTS=…`: writes docs/faults.md from the results that `make faults RESULTS=…` collected. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { CRASH_POINTS } from '../../../src/crash-point.ts'
import { VALKEY_VERSION } from '../stack/valkey.ts'
import { BRANCHES } from './branch-watch.ts'
import { FAULTS, leftOutOn } from './faults.ts'
import type { RedisKind } from './redis-kind.ts'
import type { BrokenRun, RunResult } from './run-scenario.ts'
import { CAMPAIGN } from './schedule.ts'
import { type FaultSummary, summaryOf } from './summary.ts'

const OUTPUT = 'docs/faults.md'

const file = process.env['RESULTS']
if (!file) {
  console.error('RESULTS is missing: make faults RESULTS=file, then make faults-table RESULTS=file')
  process.exit(2)
}
const lines = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line): RunResult | BrokenRun => JSON.parse(line))
const runs = lines.filter((line): line is RunResult => !('broke' in line))
mkdirSync('docs', { recursive: true })
writeFileSync(
  OUTPUT,
  pageOf(
    runs,
    lines.filter((line) => 'broke' in line),
  ),
)
console.log(`${OUTPUT}: ${runs.length} runs`)

function pageOf(all: readonly RunResult[], broken: readonly BrokenRun[]): string {
  const summary = summaryOf(all)
  const days = [...new Set(all.map(({ at }) => at.slice(0, 10)))].sort()
  const seeds = all.map(({ seed }) => seed)
  const commits = [...Map.groupBy(all, ({ commit }) => commit ?? 'unknown')].map(
    ([commit, some]) => `${commit} (${some.length} runs)`,
  )
  const findings = all.filter((run) => run.findings.length > 0)
  const never = FAULTS.filter(({ onDemand }) => onDemand !== true).filter(({ name }) =>
    summary.perFault.every(({ fault }) => fault !== name),
  )
  return `# Results of the fault laboratory

Written by \`make faults-table\`; do not edit. Every run has three brokers, Redis as named below, the registry and two processes of each
role, all real, on one machine (${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB). Simulated providers repeat every callback until they get their success
code, and faults are injected at times chosen by a seed. Then everything is healed, processing catches up, and a program in
another language (\`test/lab/faults/oracle\`) compares what the providers know with all topics, the committed offsets and Redis.
Faults that remove records for good name them to the judge; anything else that is missing counts as lost.

| | |
|---|---|
| when | ${days.join(', ')} |
| versions | paystatus ${commits.join(', ')}; Kafka ${kafkaVersion()}, Apicurio Registry 2.6.13, Node.js ${process.version} |
| runs | ${summary.runs}, seeds ${Math.min(...seeds)} to ${Math.max(...seeds)} |
| what ran as Redis | ${redisKindsOf(all)} |
| callbacks accepted | ${count(summary.accepted)}, in ${count(summary.attempts)} attempts; ${count(summary.events)} events |
| **lost, duplicated, wrong** | **${summary.lost}, ${summary.duplicated}, ${summary.wrong}** |
| not caught up within 60 s of healing | ${summary.late} |
| runs in which the laboratory itself failed, so that nothing was judged | ${broken.map(({ seed, commit }) => `seed ${seed} (${commit})`).join(', ') || 'none'} |
| recovery from kill -9 of a processor, p99 (target: below 10 s alone) | ${recoveryOf(summary.perFault, ['kill-processor'])} |
| recovery from kill -9 of a partition leader that is not the controller, p99 (target: below 10 s) | ${recoveryOf(summary.perFault, ['kill-leader'])} |
| recovery from SIGSTOP of a partition leader that is not the controller, p99 (target: below 10 s) | ${recoveryOf(summary.perFault, ['freeze-leader'])} |
| pause of a partition while processors with static membership are restarted one by one, p99 (target: below 2 s) | ${recoveryOf(summary.perFault, ['restart-static-processors'])} |
| processes that exited unasked | ${summary.unexpectedExits} |
| processes that stopped because only an operator can decide how to continue | ${summary.definedStops} |

To repeat a run: \`make faults SEED=<seed> SCENARIO=<scenario>\`. Of the runs, ${scenariosOf(all)}.
The figures of a fault cover every run that it was part of, usually together with other faults. Recovery is the time, in seconds, from
the start of the injection until a callback that arrived later is accepted, normalized and processed in *each* partition; this
can happen before the fault is healed. "Alone" means that no other fault was active during it or shortly before.

| fault | times (alone) | callbacks | lost | duplicated | wrong | late | recovery p50 | p99 | alone p50 | p99 |
|---|---|---|---|---|---|---|---|---|---|---|
${[...summary.perFault].sort(inOrderOfTheTable).map(rowOf).join('\n')}
${never.length === 0 ? '' : `\nNever injected: ${never.map(({ name }) => name).join(', ')}.\n`}
## Crash points

How often a process crashed exactly there (\`crash-*\` above; \`make test\` also crashes at each).

${CRASH_POINTS.map((point) => `\`${point}\` ${summary.crashes[point] ?? 0}`).join(' · ')}

## Code paths that only trouble leads to

Lower bounds: a killed process loses its counts of the last half second. 0: the path was not taken.

${[...new Set([...BRANCHES, ...Object.keys(summary.branches)])]
  .map((name) => `${name}: ${count(summary.branches[name] ?? 0)}`)
  .join(' · ')}
${findings.length === 0 ? '' : `\n## Findings\n\n${findings.map(findingsOf).join('\n')}\n`}`
}

/** How many runs were part of a campaign, and how many of single scenarios. */
function scenariosOf(all: readonly RunResult[]): string {
  const isPlanned = ({ scenario }: RunResult) => scenario.startsWith(CAMPAIGN)
  const single = Map.groupBy(
    all.filter((run) => !isPlanned(run)),
    ({ scenario }) => scenario,
  )
  const others = [...single].map(([scenario, runs]) => `${runs.length} \`${scenario}\``)
  return [`${all.filter(isPlanned).length} are of \`make faults SCENARIO=campaign RESULTS=<file>\``, ...others].join(
    ', ',
  )
}

function rowOf(row: FaultSummary): string {
  const cells = [
    row.fault,
    `${row.times} (${row.timesAlone})`,
    count(row.callbacks),
    row.lost,
    row.duplicated,
    row.wrong,
    row.late,
    seconds(row.recoveryP50Ms),
    seconds(row.recoveryP99Ms),
    seconds(row.aloneP50Ms),
    seconds(row.aloneP99Ms),
  ]
  return `| ${cells.join(' | ')} |`
}

function findingsOf({ seed, scenario, commit, findings }: RunResult): string {
  const shown = findings.slice(0, 5).map(({ kind, text }) => `  - ${kind}: ${text.split('\n', 1)[0]}`)
  return [`- ${commit}, seed ${seed}, ${scenario}: ${findings.length}`, ...shown].join('\n')
}

function inOrderOfTheTable(a: FaultSummary, b: FaultSummary): number {
  const place = (fault: string) => FAULTS.findIndex(({ name }) => name === fault)
  return place(a.fault) - place(b.fault)
}

function recoveryOf(rows: readonly FaultSummary[], names: readonly string[]): string {
  return rows
    .filter(({ fault }) => names.includes(fault))
    .map(
      ({ aloneP99Ms, timesAlone, recoveryP99Ms, times }) =>
        `${seconds(aloneP99Ms)} s alone (${timesAlone} times), ${seconds(recoveryP99Ms)} s including pairs (${times})`,
    )
    .join('; ')
}

function seconds(ms: number | null): string {
  return ms === null ? '' : (ms / 1_000).toFixed(1)
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

function kafkaVersion(): string {
  return /<kafka\.version>([^<]+)/.exec(readFileSync('test/lab/stack/pom.xml', 'utf8'))?.[1] ?? '?'
}

function redisKindsOf(all: readonly RunResult[]): string {
  // Results that were written before `REDIS` existed do not name the kind.
  const byKind = [...Map.groupBy(all, ({ redis }) => redis ?? 'single')]
  return byKind.map(([kind, runs]) => `${redisServers(kind)} (${runs.length} runs${leftOutText(kind)})`).join('; ')
}

function redisServers(kind: RedisKind): string {
  switch (kind) {
    case 'single':
      return `${redisVersion()} with a replica`
    case 'valkey':
      return `Valkey ${VALKEY_VERSION} with a replica`
    case 'sentinel':
      return `${redisVersion()} with a replica and three Sentinels`
    case 'cluster':
      return `a cluster of ${redisVersion()}, three primaries with a replica each`
  }
}

function leftOutText(kind: RedisKind): string {
  const leftOut = leftOutOn(kind)
  return leftOut.length === 0 ? '' : `, without ${leftOut.join(', ')}`
}

function redisVersion(): string {
  return `Redis ${/v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? '?'}`
}
