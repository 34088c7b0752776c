import { readFileSync, writeFileSync } from 'node:fs'
import { cell, withMeasured } from '../harness/measured-section.ts'
import type { Outcome } from './battery.ts'

export interface Ran extends Outcome {
  readonly name: string
  readonly title: string
  readonly seconds: number
}

export interface Run {
  readonly at: string
  readonly node: string
  readonly batteries: readonly Ran[]
}

/** The document with this run in place of the previous one. Throws if the place is not marked. */
export function withRun(document: string, run: Run): string {
  return withMeasured(document, 'make security', describe(run))
}

export function writeRun(path: string, run: Run): void {
  writeFileSync(path, withRun(readFileSync(path, 'utf8'), run))
}

function describe({ at, node, batteries }: Run): string {
  const findings = batteries.reduce((count, one) => count + one.findings.length, 0)
  const lines = [
    `${at.slice(0, 10)}, Node.js ${node}; attackers, gateway, Kafka and Redis share one machine. ` +
      `${batteries.length} batteries, findings: ${findings}.`,
    '',
    '| battery | attack | measured |',
    '|---|---|---|',
  ]
  for (const { name, title, ran, seconds, measured } of batteries) {
    const values = Object.entries(measured).map(([what, value]) => `${what}: ${value}`)
    const attack = `${sentence(title)} ${sentence(`${ran || 'It broke off'}, in ${seconds} s`)}`
    lines.push(`| ${name} | ${cell(attack)} | ${cell(values.join('; '))} |`)
  }
  lines.push('')
  lines.push(
    ...batteries.flatMap(({ name, findings: found }) => found.map((text) => `- FINDING ${name}: ${cell(text)}`)),
  )
  return `${lines.join('\n').trimEnd()}\n`
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}
