import { percentile } from '../harness/percentile.ts'
import type { Kind } from './finding.ts'
import type { RunResult } from './run-scenario.ts'

/** The results of all runs with one fault. */
export interface FaultSummary {
  readonly fault: string
  /** Injections, and how many of them alone. */
  readonly times: number
  readonly timesAlone: number
  readonly runs: number
  /** Callbacks accepted in these runs. */
  readonly callbacks: number
  readonly lost: number
  readonly duplicated: number
  readonly wrong: number
  readonly late: number
  /** From the injection until payments move again, ms; null without a measurement. */
  readonly recoveryP50Ms: number | null
  readonly recoveryP99Ms: number | null
  /** The same for injections alone. */
  readonly aloneP50Ms: number | null
  readonly aloneP99Ms: number | null
  /** The part of it after healing. */
  readonly afterHealMaxMs: number | null
}

/** Aggregates runs, in total and by fault. Pure. */
export function summaryOf(runs: readonly RunResult[]) {
  const all = runs.flatMap(({ recoveries }) => recoveries)
  return {
    runs: runs.length,
    callbacks: sum(runs, ({ callbacks }) => callbacks),
    accepted: sum(runs, ({ accepted }) => accepted),
    attempts: sum(runs, ({ attempts }) => attempts),
    events: sum(runs, ({ events }) => events),
    ...countsOf(runs),
    unexpectedExits: sum(runs, ({ unexpectedExits }) => unexpectedExits),
    definedStops: sum(runs, ({ definedStops }) => definedStops),
    recoveryP50Ms: percentile(all.map(recoveryMs), 0.5),
    recoveryP99Ms: percentile(all.map(recoveryMs), 0.99),
    crashes: added(runs.map(({ crashes }) => crashes)),
    branches: added(runs.map(({ branches }) => branches)),
    raw: sum(runs, ({ counts }) => counts.raw),
    changes: sum(runs, ({ counts }) => counts.changes),
    payments: sum(runs, ({ counts }) => counts.payments),
    perFault: [...new Set(all.map(({ fault }) => fault))].map((fault) => summaryOfFault(fault, runs)),
  }
}

function summaryOfFault(fault: string, runs: readonly RunResult[]): FaultSummary {
  const inRuns = runs.filter(({ faults }) => faults.includes(fault))
  const recoveries = inRuns.flatMap((run) => run.recoveries.filter((recovery) => recovery.fault === fault))
  const alone = recoveries.filter((recovery) => recovery.alone)
  return {
    fault,
    times: recoveries.length,
    timesAlone: alone.length,
    runs: inRuns.length,
    callbacks: sum(inRuns, ({ accepted }) => accepted),
    ...countsOf(inRuns),
    recoveryP50Ms: percentile(recoveries.map(recoveryMs), 0.5),
    recoveryP99Ms: percentile(recoveries.map(recoveryMs), 0.99),
    aloneP50Ms: percentile(alone.map(recoveryMs), 0.5),
    aloneP99Ms: percentile(alone.map(recoveryMs), 0.99),
    afterHealMaxMs: percentile(
      recoveries.map(({ afterHealMs }) => afterHealMs),
      1,
    ),
  }
}

function countsOf(runs: readonly RunResult[]): Readonly<Record<Kind, number>> {
  const count = (kind: Kind) => sum(runs, ({ findings }) => findings.filter((finding) => finding.kind === kind).length)
  return { lost: count('lost'), duplicated: count('duplicated'), wrong: count('wrong'), late: count('late') }
}

function sum(runs: readonly RunResult[], of: (run: RunResult) => number): number {
  return runs.reduce((total, run) => total + of(run), 0)
}

function added(counts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const total = new Map<string, number>()
  for (const [name, times] of counts.flatMap(Object.entries<number>)) {
    total.set(name, (total.get(name) ?? 0) + times)
  }
  return Object.fromEntries([...total].sort())
}

function recoveryMs(recovery: { readonly recoveryMs: number }): number {
  return recovery.recoveryMs
}
