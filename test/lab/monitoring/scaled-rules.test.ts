import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { DRILLS } from './drills.ts'
import { scaledRules } from './scaled-rules.ts'

const RULES = readFileSync(join(import.meta.dirname, '../../../deploy/monitoring/rules.yaml'), 'utf8')
const rulesOf = (text: string) =>
  (parse(text) as { groups: { rules: { alert: string; expr: string; for?: string }[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  )

test('only durations and thresholds that are times differ from the real rules', () => {
  const scaled = rulesOf(scaledRules(RULES))
  expect(scaled.map(({ alert }) => alert)).toEqual(rulesOf(RULES).map(({ alert }) => alert))
  const withoutTimes = (text: string) =>
    text.replaceAll(/\[\w+\]/g, '[]').replaceAll(/(lag|transaction|timestamp)_seconds\) > \d+/g, '$1')
  expect(scaled.map(({ expr }) => withoutTimes(expr))).toEqual(rulesOf(RULES).map(({ expr }) => withoutTimes(expr)))
  expect(scaled.find(({ alert }) => alert === 'PaystatusPaymentsOverdue')?.expr).toContain('[60000ms]')
  expect(scaled.find(({ alert }) => alert === 'PaystatusDeadLetters')?.for).toBe('5000ms')
})

test('a threshold that was changed in the rules must be changed here', () => {
  expect(() => scaledRules(RULES.replace('lag_seconds) > 60', 'lag_seconds) > 90'))).toThrow('update scaled-rules.ts')
})

test('every alert is drilled', () => {
  expect(DRILLS.map(({ alert }) => alert).toSorted()).toEqual(
    rulesOf(RULES)
      .map(({ alert }) => alert)
      .toSorted(),
  )
})
