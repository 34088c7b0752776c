import { readFileSync, writeFileSync } from 'node:fs'
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

const BEGIN = '<!-- measured: written by `make security` -->'
const END = '<!-- /measured -->'

/** The document with this run in the place of the one before it. Throws if the place is not marked. */
export function withRun(document: string, run: Run): string {
  const from = document.indexOf(BEGIN)
  const to = document.indexOf(END, from)
  if (from < 0 || to < 0) {
    throw new Error(`no place for what was measured: ${BEGIN} … ${END}`)
  }
  return `${document.slice(0, from)}${BEGIN}\n${describe(run)}${document.slice(to)}`
}

export function writeRun(path: string, run: Run): void {
  writeFileSync(path, withRun(readFileSync(path, 'utf8'), run))
}

function describe({ at, node, batteries }: Run): string {
  const findings = batteries.reduce((count, one) => count + one.findings.length, 0)
  const parts = [
    `${at.slice(0, 10)}, Node.js ${node}, on one machine that attackers, gateway, Kafka and Redis share: ` +
      `${batteries.length} batteries, findings: ${findings}.\n`,
  ]
  for (const { name, title, ran, seconds, measured, findings: found } of batteries) {
    parts.push(`### ${name}\n\n${sentence(title)} ${sentence(`${ran || 'It broke off'}, in ${seconds} s`)}\n`)
    const rows = Object.entries(measured).map(([what, value]) => `| ${cell(what)} | ${cell(`${value}`)} |`)
    if (rows.length > 0) {
      parts.push(`| measured | |\n|---|---|\n${rows.join('\n')}\n`)
    }
    parts.push(found.length === 0 ? 'No finding.\n' : `${found.map((text) => `- FINDING ${cell(text)}`).join('\n')}\n`)
  }
  return parts.join('\n')
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
}
