import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensurePrometheus } from '../lab/stack/prometheus.ts'
import { runCommand } from '../lab/stack/run-command.ts'

/** What promtool says about the rules of deploy/monitoring. */

const RULES = join(import.meta.dirname, '../../deploy/monitoring/rules.yaml')

let promtool: string
let folder: string
beforeAll(async () => {
  promtool = (await ensurePrometheus(console.error)).promtool
  folder = mkdtempSync(join(tmpdir(), 'paystatus-rules-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function tested(rules: string) {
  const file = join(folder, 'test.yaml')
  const tests = readFileSync(join(import.meta.dirname, 'rules.test.yaml'), 'utf8')
  writeFileSync(file, tests.replace('[RULES]', JSON.stringify([rules])))
  return runCommand([promtool, 'test', 'rules', file])
}

test('the rules are valid', async () => {
  const { ok, output } = await runCommand([promtool, 'check', 'rules', RULES])
  expect([ok, output]).toEqual([true, expect.stringMatching(/SUCCESS: \d+ rules found/)])
})

test('each alert is raised by what it is for and ends after it', async () => {
  const { ok, output } = await tested(RULES)
  expect([ok, output]).toEqual([true, expect.stringContaining('SUCCESS')])
})

test('a rule whose threshold is wrong does not pass', async () => {
  const broken = join(folder, 'broken.yaml')
  writeFileSync(
    broken,
    readFileSync(RULES, 'utf8').replace('paystatus_lag_seconds) > 60', 'paystatus_lag_seconds) > 600'),
  )
  const { ok, output } = await tested(broken)
  expect([ok, output]).toEqual([false, expect.stringContaining('PaystatusStatusesLate')])
})
