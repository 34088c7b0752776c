import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Prometheus } from './prometheus.ts'

const DASHBOARDS = join(import.meta.dirname, '../../../deploy/monitoring/dashboards')
/** What Grafana would put in: several scrapes. */
const RATE_INTERVAL = '30s'

interface Panel {
  readonly dashboard: string
  readonly panel: string
  readonly expression: string
}

function panels(): readonly Panel[] {
  return readdirSync(DASHBOARDS).flatMap((file) => {
    const { panels: found } = JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8')) as {
      panels: { title: string; targets: { expr: string }[] }[]
    }
    return found.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({
        dashboard: file,
        panel: title,
        expression: expr.replaceAll('$__rate_interval', RATE_INTERVAL),
      })),
    )
  })
}

/** Runs the query of every panel; those that return nothing, or an error. */
export async function emptyPanels(
  prometheus: Prometheus,
): Promise<{ readonly queries: number; readonly empty: readonly string[] }> {
  const all = panels()
  const empty: string[] = []
  for (const { dashboard, panel, expression } of all) {
    const series = await prometheus.count(expression).catch((error: Error) => error.message)
    if (series === 0 || typeof series === 'string') {
      empty.push(`${dashboard}: ${panel}: ${series === 0 ? 'no data' : series}: ${expression}`)
    }
  }
  return { queries: all.length, empty }
}
