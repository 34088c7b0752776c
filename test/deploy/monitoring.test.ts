import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import * as table from '../../src/observability/metric-table.ts'

/** The alerts name what exists: metrics of the table, and runbooks. monitoring.integration.test.ts runs them. */

const ROOT = join(import.meta.dirname, '../..')
const RUNBOOKS = join(ROOT, 'docs/runbooks')
const DASHBOARDS = join(ROOT, 'deploy/monitoring/dashboards')
const rulesText = readFileSync(join(ROOT, 'deploy/monitoring/rules.yaml'), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: { readonly summary: string; readonly runbook_url: string }
}
interface Dashboard {
  readonly uid: string
  readonly panels: readonly {
    readonly title: string
    readonly description: string
    readonly datasource: { readonly uid: string }
    readonly targets: readonly { readonly expr: string }[]
  }[]
}
const RULES = (parse(rulesText) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules)

const METRICS: readonly table.MetricRow[] = [
  table.GATEWAY_METRICS,
  table.NORMALIZER_METRICS,
  table.PROCESSOR_METRICS,
  table.RUNTIME_METRICS,
].flatMap((metrics) => Object.values(metrics))
/** As Prometheus names them. */
const SERIES = new Set(
  METRICS.flatMap(({ name, kind }) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
)

function metricsIn(text: string): readonly string[] {
  return text.match(/\bpaystatus_[a-z_]+/g) ?? []
}

test('every metric in a rule is in the metrics table', () => {
  expect(metricsIn(rulesText).length).toBeGreaterThan(10)
  expect(metricsIn(rulesText).filter((name) => !SERIES.has(name))).toEqual([])
})

test.each(readdirSync(DASHBOARDS))(
  'every metric in the dashboard %s is in the metrics table, or of the process',
  (file) => {
    const { uid, panels } = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as Dashboard
    expect(uid).toBe(`paystatus-${file.replace('.json', '')}`)
    expect(panels.length).toBeGreaterThan(5)
    for (const { title, description, datasource, targets } of panels) {
      expect([title, description, datasource.uid]).toEqual([
        expect.any(String),
        expect.stringMatching(/./),
        'paystatus',
      ])
      expect(targets.length).toBeGreaterThan(0)
      for (const { expr } of targets) {
        const named = expr.match(/\b(?:paystatus|process|nodejs)_[a-z0-9_]+|\bALERTS\b|\bup\b|\btime\(\)/g) ?? []
        expect([expr, named.length]).not.toEqual([expr, 0])
        expect(named.filter((name) => name.startsWith('paystatus_') && !SERIES.has(name))).toEqual([])
      }
    }
  },
)

test('every metric in a runbook is in the metrics table', () => {
  const found = readdirSync(RUNBOOKS).flatMap((file) => metricsIn(readFileSync(join(RUNBOOKS, file), 'utf8')))
  // `_bytes` stands for a second metric with the same beginning.
  expect(found.filter((name) => !SERIES.has(name))).toEqual([])
})

test('every rule has a severity, a sentence and a runbook of its name, and every runbook has a rule', () => {
  for (const { alert, labels, annotations } of RULES) {
    expect(['critical', 'warning', 'info']).toContain(labels.severity)
    expect(annotations.summary).toMatch(/\.$/)
    expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`)
    expect(existsSync(join(ROOT, annotations.runbook_url))).toBe(true)
  }
  const runbooks = readdirSync(RUNBOOKS).filter((file) => file !== 'README.md')
  expect(runbooks.toSorted()).toEqual(RULES.map(({ alert }) => `${alert}.md`).toSorted())
})

test('every runbook says what it means, what to look at, what to do, and how to know that it is over', () => {
  for (const { alert } of RULES) {
    const text = readFileSync(join(RUNBOOKS, `${alert}.md`), 'utf8')
    expect([...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading)).toEqual([
      alert,
      'What it means',
      'What to look at',
      'What to do',
      'How to know that it is over',
    ])
  }
})

test('every runbook begins with its effect and its urgency; what wakes somebody is to be acted on now, and nothing else is', () => {
  for (const { alert, labels } of RULES) {
    const text = readFileSync(join(RUNBOOKS, `${alert}.md`), 'utf8')
    const [, effect, urgency = ''] = /^# \w+\n\n\*\*Effect:\*\* (.+)\n\n\*\*Urgency:\*\* (.+)\n\n## /.exec(text) ?? []
    expect([alert, effect]).toEqual([alert, expect.stringMatching(/\.$/)])
    const words = {
      critical: /^Act now\b/,
      warning: /^(Today|Can wait until morning)\b/,
      info: /^Can wait until morning\b/,
    }
    expect(urgency).toMatch(words[labels.severity as keyof typeof words])
  }
})

test('every alert has a promtool test in which it is raised, and one in which it is not', () => {
  const { tests } = parse(readFileSync(join(import.meta.dirname, 'rules.test.yaml'), 'utf8')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[]
  }
  const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test)
  for (const { alert } of RULES) {
    const raised = cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length > 0)
    expect([alert, ...new Set(raised)].toSorted()).toEqual([alert, false, true].toSorted())
  }
})

test('every alert passed its drill, and no query of a dashboard was without data', () => {
  const page = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8')
  for (const { alert } of RULES) {
    expect(page).toMatch(new RegExp(`^\\| \\[${alert}\\]\\(${alert}\\.md\\) .* passed \\|$`, 'm'))
  }
  expect(page).toMatch(/: \d+ queries, 0 without data\./)
})
