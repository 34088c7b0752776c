import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { judgeSubscriber } from '../../../src/tools/conformance/conformance.ts'
import { reportLines } from '../../../src/tools/conformance/report-lines.ts'
import type { Judgement } from '../../../src/tools/conformance/rules.ts'
import { SCENARIO_NAMES } from '../../../src/tools/conformance/scenarios.ts'
import { Deployment } from '../harness/deployment.ts'
import { useStack } from '../stack/stack.ts'
import { READERS } from './readers.ts'

/**
 * Judges every sample subscriber with the conformance kit, on real servers, and prints which rules hold. Ends with 1 if a rule is broken or
 * a sample could not be run. EXAMPLE=go,python judges only these.
 */
const TIMEOUT_MS = 90_000
const PAYMENTS = 10_000

const names = process.env['EXAMPLE']?.split(',') ?? Object.keys(READERS)
const unknown = names.filter((name) => !(name in READERS))
if (unknown.length > 0) {
  console.error(`EXAMPLE: no such example: ${unknown.join(', ')}; there are ${Object.keys(READERS).join(', ')}`)
  process.exit(2)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const stack = await useStack({ report: say })
const deployment = await Deployment.create(stack, { prepare: false })
const rows: string[] = []
try {
  for (const name of names) {
    if (stop.signal.aborted) break
    rows.push(await rowOf(name))
  }
} finally {
  await deployment.close()
  await stack.stop()
}
console.log(['', row('example', 'hold', 'broken', 'not judged', 'seconds'), ...rows].join('\n'))
process.exit(process.exitCode ?? 0)

async function rowOf(name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `paystatus-example-${name}-`))
  try {
    const began = performance.now()
    const judgements = await judgeExample(name, directory)
    const broken = judgements.filter(({ verdict }) => verdict.outcome === 'broken')
    if (broken.length > 0) {
      process.exitCode = 1
      say(`${name}:\n${reportLines(broken).join('\n')}`)
    }
    const count = (outcome: Judgement['verdict']['outcome']) =>
      String(judgements.filter(({ verdict }) => verdict.outcome === outcome).length)
    const seconds = ((performance.now() - began) / 1_000).toFixed(0)
    return row(name, count('holds'), count('broken'), count('not judged'), seconds)
  } catch (error) {
    process.exitCode = 1
    say(`${name}: ${error instanceof Error ? error.message : error}`)
    return row(name, 'not run: see above')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function judgeExample(name: string, directory: string): Promise<readonly Judgement[]> {
  const reader = await READERS[name]?.(directory, say)
  if (reader === undefined) throw new Error('not in the list')
  say(`judging examples/${name}`)
  return judgeSubscriber(
    deployment.config,
    deployment.logger,
    {
      topicPrefix: `${basename(directory)}.`,
      scenarios: SCENARIO_NAMES,
      manyPayments: PAYMENTS,
      signal: stop.signal,
    },
    {
      ...reader,
      timeoutMs: TIMEOUT_MS,
      keepTopics: false,
      onPhase: () => {},
      onReady: () => {},
      // A finding shows the last lines if the subscriber ends.
      onOutput: () => {},
    },
  )
}

function row(...columns: readonly string[]): string {
  const [name = '', ...rest] = columns
  return `${name.padEnd(16)}${rest.map((text) => text.padStart(12)).join('')}`
}

function say(line: string): void {
  console.log(line)
}
