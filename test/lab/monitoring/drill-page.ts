import type { DrillResult } from './run-drill.ts'
import { SPEED } from './scaled-rules.ts'

export interface DrillRun {
  readonly at: string
  readonly prometheus: string
  readonly results: readonly DrillResult[]
  /** The queries of the dashboards, and those that returned no data. */
  readonly panels: { readonly queries: number; readonly empty: readonly string[] }
}

/** docs/runbooks/README.md. */
export function drillPage({ at, prometheus, results, panels }: DrillRun): string {
  const rows = results.map(
    ({ alert, severity, fault, healing, raisedSeconds, withinSeconds, endedSeconds, also, findings }) =>
      `| [${alert}](${alert}.md) | ${severity} | ${fault} | ${raisedSeconds ?? '**not raised**'} (${withinSeconds}) | ${healing} | ${endedSeconds ?? '**not ended**'} | ${also.join(', ') || 'nothing'} | ${findings.length === 0 ? 'passed' : `**failed**: ${findings.join('; ')}`} |`,
  )
  const failed = results.filter(({ findings }) => findings.length > 0).length
  return `# Runbooks

Written by \`make drill\`; do not edit. One page for each alert of
[deploy/monitoring/rules.yaml](../../deploy/monitoring/rules.yaml): what it means, what to look at, what to do, how to know that it is over.
Each begins with what happens to callbacks and statuses meanwhile, and how urgent it is. Run its commands on any host that has paystatus and
its configuration; many are also pages of the console.

**Drilled** on ${at.slice(0, 10)} with ${prometheus}: ${results.length} alerts, ${failed} failed. The drill starts Kafka, Redis, the registry, a process per
role and a Prometheus with these rules, all real, under a steady load of three sources. For each alert it injects a fault, waits for the
alert, heals, and waits for its end. The durations of the rules are divided by ${SPEED}, so hours become a minute; the time that a fault
takes to show in a metric is real. Times are in seconds; in brackets, the most that is allowed. "Also fired" lists alerts that say
the truth about the same fault at this speed; any other alert fails the drill.

| alert | severity | fault | raised after | healed by | ended after | also fired | result |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

**Dashboards.** After the drills and simulated callbacks of every kind, the query of every panel of
[deploy/monitoring/dashboards](../../deploy/monitoring/dashboards) was run against that Prometheus: ${panels.queries} queries, ${panels.empty.length} without data${panels.empty.length === 0 ? '.' : `:\n\n${panels.empty.map((one) => `- ${one}`).join('\n')}\n\n`} Grafana
itself was not run: Debian has no package of it.
`
}
