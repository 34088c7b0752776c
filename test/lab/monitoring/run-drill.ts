import { setTimeout as delay } from 'node:timers/promises'
import type { DrillWorld } from './drill-world.ts'
import type { Drill } from './drills.ts'
import type { Alert } from './prometheus.ts'
import type { Snapshots } from './snapshots.ts'

export interface DrillResult {
  readonly alert: string
  readonly severity: string
  readonly fault: string
  readonly healing: string
  /** From the fault to the alert, and from healing to its end; null if it did not happen in time. */
  readonly raisedSeconds: number | null
  readonly withinSeconds: number
  readonly endedSeconds: number | null
  /** Other alerts that fired meanwhile and may. */
  readonly also: readonly string[]
  /** Why the drill failed. */
  readonly findings: readonly string[]
}

const POLL_MS = 250
/** Most time until an alert ends after healing, and until nothing is pending any more. */
const END_MAX_MS = 120_000

/** Waits until nothing fires, injects the fault, waits for the alert, heals, waits for its end. Nothing else may fire. */
export async function runDrill(
  drill: Drill,
  world: DrillWorld,
  snapshots: Snapshots | null = null,
): Promise<DrillResult> {
  const { prometheus } = world
  const findings: string[] = []
  const quiet = await untilAlerts(world, (alerts) => alerts.length === 0, END_MAX_MS)
  if (quiet === null) {
    findings.push(`before the fault: ${namesOf(await prometheus.alerts()).join(', ')}`)
  }
  await snapshots?.before(world)
  const begunAt = Date.now()
  await drill.inject(world)
  const raisedSeconds = await untilAlerts(
    world,
    (alerts) => alerts.some((alert) => isRaised(alert, drill)),
    drill.withinSeconds * 1_000 - (Date.now() - begunAt),
  )
  const raisedAt = Date.now()
  if (raisedSeconds === null) {
    findings.push(`not raised within ${drill.withinSeconds} s; seen: ${namesOf(await prometheus.alerts()).join(', ')}`)
  }
  await snapshots?.take(world, drill.alert, drill.pages ?? [])
  await drill.heal(world)
  const healedAt = Date.now()
  const ended = await untilAlerts(world, (alerts) => !alerts.some(({ name }) => name === drill.alert), END_MAX_MS)
  if (ended === null) {
    findings.push(`not ended within ${END_MAX_MS / 1_000} s after healing`)
  }
  const endedAt = Date.now()
  await untilAlerts(world, (alerts) => alerts.length === 0, END_MAX_MS)
  const fired = await prometheus.firedBetween(begunAt, Date.now())
  const others = [...fired].filter((name) => name !== drill.alert)
  const also = others.filter((name) => drill.mayAlso?.[name] !== undefined)
  const unexpected = others.filter((name) => !also.includes(name))
  if (unexpected.length > 0) {
    findings.push(`also fired: ${unexpected.join(', ')}`)
  }
  return {
    alert: drill.alert,
    severity: drill.labels['severity'] ?? '',
    fault: drill.fault,
    healing: drill.healing,
    raisedSeconds: raisedSeconds === null ? null : toSeconds(raisedAt - begunAt),
    withinSeconds: drill.withinSeconds,
    endedSeconds: ended === null ? null : toSeconds(endedAt - healedAt),
    also,
    findings,
  }
}

function isRaised({ name, labels, state }: Alert, drill: Drill): boolean {
  return (
    name === drill.alert &&
    state === 'firing' &&
    Object.entries(drill.labels).every(([label, value]) => labels[label] === value)
  )
}

/** Resolves with how long it took, ms, or null if it took too long. */
async function untilAlerts(
  { prometheus }: DrillWorld,
  isSo: (alerts: readonly Alert[]) => boolean,
  timeoutMs: number,
): Promise<number | null> {
  const startedAt = performance.now()
  while (!isSo(await prometheus.alerts())) {
    if (performance.now() - startedAt > timeoutMs) {
      return null
    }
    await delay(POLL_MS)
  }
  return performance.now() - startedAt
}

function namesOf(alerts: readonly Alert[]): readonly string[] {
  return alerts.map(({ name, state, labels }) => `${name} (${state}, ${JSON.stringify(labels)})`)
}

function toSeconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
