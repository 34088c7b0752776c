/** `make security BATTERY=…`: attacks a running gateway and console with known techniques. A run of all batteries writes docs/security.md. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type StackInfo, useStack } from '../stack/stack.ts'
import type { Battery, Outcome } from './battery.ts'
import { brokerOutage } from './broker-outage.ts'
import { clientCertificates } from './client-certificates.ts'
import { console_ } from './console.ts'
import { contract } from './contract.ts'
import { jsonBodies } from './json-bodies.ts'
import { type Ran, type Run, writeRun } from './report.ts'
import { slowConnections } from './slow-connections.ts'
import { smuggling } from './smuggling.ts'
import { tlsScan } from './tls-scan.ts'

/** In execution order. A new battery is one file and a line here. */
const BATTERIES: readonly Battery[] = [
  jsonBodies,
  smuggling,
  clientCertificates,
  tlsScan,
  slowConnections,
  brokerOutage,
  contract,
  console_,
]

const PROJECT = join(import.meta.dirname, '..', '..', '..')
const SUMMARY = join(PROJECT, '.security', 'summary.json')
/** Written only by a run of all batteries, because a partial run would drop the results of the others. */
const DOCUMENT = join(PROJECT, 'docs', 'security.md')

const wanted = process.env['BATTERY']?.split(',') ?? BATTERIES.map(({ name }) => name)
const unknown = wanted.filter((name) => !BATTERIES.some((battery) => battery.name === name))
if (unknown.length > 0) {
  console.error(`BATTERY: unknown ${unknown.join(', ')}; known are ${BATTERIES.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // The guards of the stack and of the processes clean up.
  process.once(signal, () => process.exit(1))
}

const stack = await useStack({ report: console.log })
const results: Ran[] = []
try {
  for (const battery of BATTERIES.filter(({ name }) => wanted.includes(name))) {
    results.push(await run(battery, stack))
  }
} finally {
  await stack.stop()
}
await mkdir(join(SUMMARY, '..'), { recursive: true })
const findings = results.reduce((count, result) => count + result.findings.length, 0)
const ran: Run = { at: new Date().toISOString(), node: process.version, batteries: results }
await writeFile(SUMMARY, `${JSON.stringify({ findings, ...ran }, null, 2)}\n`)
if (results.length === BATTERIES.length) {
  writeRun(DOCUMENT, ran)
}
console.log(`\n${results.length} batteries, ${findings} findings; ${SUMMARY}`)
process.exit(findings === 0 ? 0 : 1)

async function run(battery: Battery, info: StackInfo): Promise<Ran> {
  const { name, title } = battery
  console.log(`\n${name}: ${title}`)
  const startedAt = performance.now()
  const outcome = await battery
    .run({ stack: info, say: (line) => console.log(`  ${line}`) })
    .catch((error: Error): Outcome => ({ ran: '', measured: {}, findings: [`it failed to run: ${error.stack}`] }))
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  console.log(`  ran ${outcome.ran} (${seconds} s)`)
  for (const [what, value] of Object.entries(outcome.measured)) {
    console.log(`    ${what}: ${value}`)
  }
  for (const finding of outcome.findings) {
    console.log(`  FINDING ${finding}`)
  }
  console.log(`  ${outcome.findings.length === 0 ? 'passed' : 'FAILED'}`)
  return { name, title, seconds, ...outcome }
}
