/** `make mutants`: plants known bugs into copies of the product and checks that the laboratory catches each. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { envNumber } from '../../harness/env-number.ts'
import type { Server } from '../../stack/server.ts'
import { Cluster } from '../cluster.ts'
import { FAULTS } from '../faults.ts'
import type { Finding } from '../finding.ts'
import { redisCommand } from '../redis-command.ts'
import { type RunOptions, type RunResult, runScenario } from '../run-scenario.ts'
import { toMarkdown } from './markdown.ts'
import type { Mutant } from './mutant.ts'
import { MUTANTS } from './mutants.ts'
import { mutatedCheckout, readSource, typeCheck } from './mutated-checkout.ts'
import type { Control, Verdict } from './verdict.ts'

/** Comma-separated names; all by default. */
const CHOSEN = (process.env['MUTANT'] ?? '').split(',').filter((name) => name !== '')
/** `CONTROL=0`: skips the control runs of the product itself. */
const CONTROL = envNumber('CONTROL', 1) === 1
/** Seeds tried before a mutant counts as not caught. */
const TRIES = envNumber('TRIES', 3)
/** `TYPES=0`: does not type-check the mutants first, which takes some seconds each. */
const TYPES = envNumber('TYPES', 1) === 1
/** File for the table; none by default. */
const TABLE = process.env['TABLE'] ?? ''
/** File that keeps the verdicts, so that an interrupted campaign can continue; none by default. */
const RESUME = process.env['RESUME'] ?? ''
/** Keeps the evidence of every run. */
const KEEP = process.env['KEEP'] === '1'
const FINDINGS_SHOWN_MAX = 3
/** How often a run is started before it is given up. */
const BEGUN_MAX = 3

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The guards of the cluster and of the processes clean up.
  process.once(signal, () => process.exit(1))
}

const unknown = CHOSEN.filter((name) => !MUTANTS.some((mutant) => mutant.name === name))
if (unknown.length > 0) {
  console.error(`unknown mutant ${unknown.join(', ')}; known: ${MUTANTS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
const chosen = CHOSEN.length === 0 ? MUTANTS : CHOSEN.flatMap((chosen) => MUTANTS.filter(({ name }) => name === chosen))

let cluster: Cluster | undefined
const results = remembered()
if (CONTROL) {
  for (const [scenario, [mutant]] of Map.groupBy(chosen, (mutant) => mutant.scenario)) {
    results.controls[scenario] ??= await control(mutant as Mutant)
    remember()
  }
}
for (const mutant of chosen) {
  if (results.verdicts[mutant.name]?.caughtBy === undefined) {
    results.verdicts[mutant.name] = await hunt(mutant)
    remember()
  }
}
const verdicts = chosen.flatMap((mutant): Verdict[] => {
  const verdict = results.verdicts[mutant.name]
  return verdict === undefined ? [] : [{ ...verdict, mutant }]
})
const controls = Object.values(results.controls)
const redis = cluster === undefined ? '?' : await redisVersion(cluster)
await cluster?.close()

const table = toMarkdown(verdicts, controls, { date: new Date().toISOString().slice(0, 10), versions: versions(redis) })
console.log(`\n${table}`)
if (TABLE !== '') {
  mkdirSync(dirname(TABLE), { recursive: true })
  writeFileSync(TABLE, `${table}\n`)
}
const missed = verdicts.filter(({ caughtBy }) => caughtBy === undefined).map(({ mutant }) => mutant.name)
const alarmed = controls.filter(({ findings }) => findings.length > 0).map(({ scenario }) => scenario)
const ok = missed.length === 0 && alarmed.length === 0
console.log(
  JSON.stringify({
    mutants: verdicts.length,
    caught: verdicts.length - missed.length,
    missed,
    runs: verdicts.reduce((sum, { tries }) => sum + tries, 0),
    controls: controls.length,
    falseAlarms: alarmed,
    ok,
  }),
)
process.exit(ok ? 0 : 1)

interface Results {
  /** Git trees of the tested code: results of other trees do not count. */
  readonly trees: string
  readonly verdicts: Record<string, Verdict>
  readonly controls: Record<string, Control>
}

function remembered(): Results {
  const trees = execFileSync('git', ['rev-parse', 'HEAD:src', 'HEAD:test/lab/faults', 'HEAD:test/lab/harness'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  if (RESUME !== '' && existsSync(RESUME)) {
    const found = JSON.parse(readFileSync(RESUME, 'utf8')) as Results
    if (found.trees === trees) {
      return found
    }
    console.log(`${RESUME} was written for another state of the code: starting over`)
  }
  return { trees, verdicts: {}, controls: {} }
}

function remember(): void {
  if (RESUME !== '') {
    writeFileSync(RESUME, JSON.stringify(results))
  }
}

/** The unchanged product in a scenario of the mutants: a finding here would make the findings of the mutants unreliable. */
async function control({ scenario, seed, healedMaxMs }: Mutant): Promise<Control> {
  console.log(`\nthe product in ${scenario}, seed ${seed}`)
  const { findings, broke } = await run(scenario, seed, healedMaxMs === undefined ? {} : { healedMaxMs })
  if (broke !== undefined) {
    return { scenario, seed, findings: [{ kind: 'wrong', by: 'laboratory', text: `the run broke: ${broke}` }] }
  }
  return { scenario, seed, findings }
}

async function hunt(mutant: Mutant): Promise<Verdict> {
  const { name, scenario, expects, seenBy = 'oracle', healedMaxMs } = mutant
  const checkout = await mutatedCheckout(mutant)
  try {
    await (TYPES && typeCheck(mutant, checkout))
    let tries = 0
    while (tries < TRIES) {
      const seed = mutant.seed + tries
      tries += 1
      console.log(`\n${name} in ${scenario}, seed ${seed}`)
      const { callbacks, findings } = await run(scenario, seed, {
        program: checkout.program,
        ...(healedMaxMs !== undefined && { healedMaxMs }),
      })
      const caughtBy = findings.find(({ kind, by }) => by === seenBy && expects.includes(kind))
      if (caughtBy !== undefined) {
        console.log(
          `  caught; ${findings.length} findings, the first that counts: ${caughtBy.kind.toUpperCase()} ${caughtBy.text}`,
        )
        return { mutant, tries, seed, callbacks, findings, caughtBy }
      }
    }
    console.log(`  NOT CAUGHT in ${tries} tries`)
    return { mutant, tries, seed: mutant.seed, callbacks: 0, findings: [], caughtBy: undefined }
  } finally {
    await checkout.remove()
  }
}

/**
 * A broken run says nothing about the mutant, so it is repeated on new servers. If it breaks every time it has no findings,
 * which catches no mutant, and the campaign continues.
 */
async function run(
  scenario: string,
  seed: number,
  options: RunOptions,
): Promise<Pick<RunResult, 'callbacks' | 'findings'> & { broke?: string }> {
  let broke = ''
  for (let begun = 0; begun < BEGUN_MAX; begun += 1) {
    try {
      return await runOnce(scenario, seed, options)
    } catch (error) {
      broke = firstLine((error as Error).message)
      console.log(`  the run broke: ${broke}`)
      await cluster?.close()
      cluster = undefined
    }
  }
  return { callbacks: 0, findings: [], broke }
}

async function runOnce(scenario: string, seed: number, options: RunOptions): Promise<RunResult> {
  const directory = await mkdtemp(join(tmpdir(), `paystatus-mutants-run-${seed}-`))
  cluster ??= await Cluster.start(console.log)
  const result = await runScenario(cluster, seed, scenario, directory, console.log, {
    ...options,
    faults: FAULTS,
  })
  show(result.findings)
  await (KEEP ? console.log(`  kept: ${directory}`) : rm(directory, { recursive: true }))
  return result
}

function show(findings: readonly Finding[]): void {
  for (const { kind, text } of findings.slice(0, FINDINGS_SHOWN_MAX)) {
    console.log(`  ${kind.toUpperCase()} ${text}`)
  }
  if (findings.length > FINDINGS_SHOWN_MAX) {
    console.log(`  and ${findings.length - FINDINGS_SHOWN_MAX} more`)
  }
}

function versions(redis: string): Readonly<Record<string, string>> {
  return {
    paystatus: (JSON.parse(readSource('package.json')) as { version: string }).version,
    'Node.js': process.version.slice(1),
    Kafka: /<kafka.version>([^<]+)/.exec(readSource('test/lab/stack/pom.xml'))?.[1] ?? '?',
    Redis: redis,
  }
}

async function redisVersion({ redis }: Cluster): Promise<string> {
  const server = redis.servers[0] as Server
  return /redis_version:(\S+)/.exec(await redisCommand(server, 'INFO server'))?.[1] ?? '?'
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string
}
