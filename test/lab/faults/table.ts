/** `make faults-table RESULTS=…`: writes docs/faults.md from the results that `make faults` appended to a file. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { CRASH_POINTS } from '../../../src/stream/crash-point.ts'
import { BRANCHES } from './branch-watch.ts'
import { FAULTS } from './faults.ts'
import type { BrokenRun, RunResult } from './run-scenario.ts'
import { CAMPAIGN } from './schedule.ts'
import { type FaultSummary, summaryOf } from './summary.ts'

const OUTPUT = 'docs/faults.md'

const file = process.env['RESULTS']
if (!file) {
  console.error('Which results? make faults-table RESULTS=file, after make faults RESULTS=file')
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
  return `# What broke, and what came of it

Written by \`make faults-table\`; not by hand. Three brokers, Redis with its replica, the registry and two processes of every
role, all real, on one machine (${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB); simulated providers that call again until they get their success
code; faults at moments that a seed chooses; then healing, waiting until nothing is left to do, and judgement by a program in
another language (\`test/lab/faults/oracle\`), which compares what the providers know with all topics, the committed offsets and Redis.

| | |
|---|---|
| when | ${days.join(', ')} |
| versions | paystatus ${commits.join(', ')}; Kafka ${kafkaVersion()}, ${redisVersion()}, Apicurio Registry 2.6.13, Node.js ${process.version} |
| runs | ${summary.runs}, seeds ${Math.min(...seeds)} to ${Math.max(...seeds)} |
| callbacks accepted | ${count(summary.accepted)}, in ${count(summary.attempts)} attempts; ${count(summary.events)} events |
| **lost, duplicated, wrong** | **${summary.lost}, ${summary.duplicated}, ${summary.wrong}** |
| not done within 60 s of the healing | ${summary.late} |
| runs in which the laboratory itself failed, and judged nothing | ${broken.map(({ seed, commit }) => `seed ${seed} (${commit})`).join(', ') || 'none'} |
| kill -9 of a processor: its partitions move again, p99 (to be below 15 s) | ${recoveryOf(summary.perFault, ['kill-processor'])} |
| kill -9 of the leader of a partition that is not the controller, p99 (to be below 10 s) | ${recoveryOf(summary.perFault, ['kill-leader'])} |
| processes that ended by themselves without being told to | ${summary.unexpectedExits} |
| processes that ended because only an operator can know how to go on | ${summary.definedStops} |

A run is repeated with \`make faults SEED=<seed> SCENARIO=<scenario>\`; ${scenariosOf(all)}.
A fault's figures count every run that it was in, in most of them together with others. Recovery is the time, in seconds, from the
beginning of the injection until something that came after it is accepted, normalized and processed in *each* partition; for faults
that last, that may be while they last. "Alone" are those at whose time, and shortly before, nothing else was broken.

| fault | times (alone) | callbacks | lost | duplicated | wrong | late | recovery p50 | p99 | alone p50 | p99 |
|---|---|---|---|---|---|---|---|---|---|---|
${[...summary.perFault].sort(inOrderOfTheTable).map(rowOf).join('\n')}
${never.length === 0 ? '' : `\nNever injected: ${never.map(({ name }) => name).join(', ')}.\n`}
## Places between two steps

How often a process died exactly there (\`crash-*\` above; \`make test\` has a death at each, too).

| place | deaths |
|---|---|
${CRASH_POINTS.map((point) => `| \`${point}\` | ${summary.crashes[point] ?? 0} |`).join('\n')}

## Ways that only trouble leads to

At least so often: a process that is killed takes with it what it counted in the last half second. 0: it did not happen.

| way | times |
|---|---|
${[...new Set([...BRANCHES, ...Object.keys(summary.branches)])]
  .map((name) => `| ${name} | ${summary.branches[name] ?? 0} |`)
  .join('\n')}
${findings.length === 0 ? '' : `\n## Findings\n\n${findings.map(findingsOf).join('\n')}\n`}`
}

/** Which runs a campaign planned, and which were made for one scenario. */
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
        `${seconds(aloneP99Ms)} s alone (${timesAlone} times), ${seconds(recoveryP99Ms)} s with the pairs (${times})`,
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

function redisVersion(): string {
  return `Redis ${/v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? '?'}`
}
