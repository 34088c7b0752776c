import { reportLines } from '../../../src/tools/conformance/report-lines.ts'
import type { Judgement } from '../../../src/tools/conformance/rules.ts'
import { Deployment } from '../harness/deployment.ts'
import { useStack } from '../stack/stack.ts'
import { judgeExample } from './judge-example.ts'
import { type PrepareReader, READERS } from './readers.ts'

/**
 * Judges every sample subscriber with the conformance kit, on real servers, and prints how many rules hold. Ends with 1 if a rule is
 * broken or a sample could not be built. EXAMPLE=go,python judges only these.
 */
const PAYMENTS = 10_000
const TIMEOUT_MS = 120_000

const names = process.env['EXAMPLE']?.split(',') ?? Object.keys(READERS)
const chosen = names.flatMap((name) => (READERS[name] === undefined ? [] : [[name, READERS[name]] as const]))
if (chosen.length < names.length) {
  console.error(`EXAMPLE names an example that does not exist; there are ${Object.keys(READERS).join(', ')}`)
  process.exit(2)
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

const stack = await useStack({ report: console.log })
const deployment = await Deployment.create(stack, { prepare: false })
const rows: string[] = []
try {
  for (const [name, prepare] of chosen) {
    if (!stop.signal.aborted) rows.push(await rowOf(name, prepare))
  }
} finally {
  await deployment.close()
  await stack.stop()
}
console.log(['', row('example', 'hold', 'broken', 'not judged', 'seconds'), ...rows].join('\n'))

async function rowOf(name: string, prepare: PrepareReader): Promise<string> {
  console.log(`examples/${name}`)
  const began = performance.now()
  try {
    const judgements = await judgeExample(name, prepare, deployment, {
      payments: PAYMENTS,
      timeoutMs: TIMEOUT_MS,
      signal: stop.signal,
      report: console.log,
    })
    const having = (outcome: Judgement['verdict']['outcome']) =>
      judgements.filter(({ verdict }) => verdict.outcome === outcome)
    const broken = having('broken')
    if (broken.length > 0) {
      process.exitCode = 1
      console.log(reportLines(broken).join('\n'))
    }
    const counts = [having('holds'), broken, having('not judged')].map(({ length }) => String(length))
    return row(name, ...counts, ((performance.now() - began) / 1_000).toFixed(0))
  } catch (error) {
    process.exitCode = 1
    console.log(error instanceof Error ? error.message : error)
    return row(name, 'not judged: see above')
  }
}

function row(name: string, ...columns: readonly string[]): string {
  return `${name.padEnd(16)}${columns.map((text) => text.padStart(12)).join('')}`
}
