import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '../../../src/tools/simulate/random.ts'
import { COMMIT } from '../harness/commit.ts'
import { Observer } from '../harness/observer.ts'
import type { BranchCounts } from './branch-watch.ts'
import type { Cluster } from './cluster.ts'
import type { Fault } from './fault.ts'
import { FAULTS } from './faults.ts'
import type { Finding } from './finding.ts'
import { judge, judgeRebuiltView } from './judge.ts'
import { Lab, LOAD_SHIFT_MS } from './lab.ts'
import type { OracleCounts } from './oracle.ts'
import { type FaultSpan, type Recovery, RecoveryWatch } from './recovery-watch.ts'
import type { RedisKind } from './redis-kind.ts'
import { type Area, areasOf, type PlannedFault, planSchedule, type Schedule } from './schedule.ts'

export interface RunResult {
  readonly scenario: string
  readonly seed: number
  /** End of the run, ISO 8601. */
  readonly at: string
  /** As abbreviated by git; with `-dirty` if there were uncommitted changes, `unknown` without git. */
  readonly commit: string
  /** What ran as Redis. */
  readonly redis: RedisKind
  /** From the start of the load to the end of the run, ms. */
  readonly tookMs: number
  /** Faults that had an effect. */
  readonly faults: readonly string[]
  readonly callbacks: number
  readonly accepted: number
  readonly events: number
  readonly attempts: number
  readonly unexpectedExits: number
  /** Processes that stopped because only an operator could decide how to continue. */
  readonly definedStops: number
  /** Crashes by crash point. */
  readonly crashes: Readonly<Record<string, number>>
  /** How often the product took a code path that only failures lead to; a lower bound. */
  readonly branches: BranchCounts
  /** The oracle's counts. */
  readonly counts: OracleCounts
  readonly recoveries: readonly Recovery[]
  readonly findings: readonly Finding[]
}

/** A run in which the laboratory itself failed, so that nothing was judged. */
export interface BrokenRun extends Pick<RunResult, 'scenario' | 'seed' | 'at' | 'commit'> {
  readonly broke: string
}

/** From healing until the providers begin no more payments. */
const AFTERWARDS_MS = 2_000
/** Payments move again long before this, or the judgement reports them as late. */
const ALONE_MAX_MS = 60_000
/** Everything must be accepted and processed within this time after the last healing. */
const HEALED_MAX_MS = 60_000
const AT_REST_MIN_MS = 10_000

export interface RunOptions {
  /** The faults that a scenario may name; the laboratory's own by default. */
  readonly faults?: readonly Fault[]
  /** What the roles run instead of this checkout's `bin/paystatus`. */
  readonly program?: string
  /** See HEALED_MAX_MS. */
  readonly healedMaxMs?: number
}

/** One run: load, faults, healing, judgement. Rejects only if the laboratory itself fails. */
export async function runScenario(
  cluster: Cluster,
  seed: number,
  scenario: string,
  directory: string,
  print: (line: string) => void,
  { faults = FAULTS, program, healedMaxMs = HEALED_MAX_MS }: RunOptions = {},
): Promise<RunResult> {
  const schedule = planSchedule(seed, scenario, faults)
  let startedAt = performance.now()
  const say = (line: string) => print(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`)
  const lab = await Lab.create(cluster, { seed, directory, say, program })
  writeFileSync(join(directory, 'schedule.json'), `${JSON.stringify({ seed, scenario, ...schedule }, null, 2)}\n`)
  say('all roles are ready')
  startedAt = performance.now()
  const enough = new AbortController()
  const giveUp = new AbortController()
  const load = lab.load(enough.signal, giveUp.signal)
  const watch = new RecoveryWatch(lab)
  try {
    const findings = await injectAll(lab, faults, schedule, watch, startedAt)
    await lab.heal()
    say('everything is healed')
    await delay(AFTERWARDS_MS)
    enough.abort()
    // The current shift may still continue; earlier callbacks must be accepted in time.
    const dueAt = performance.now() + LOAD_SHIFT_MS + healedMaxMs
    const overdue = setTimeout(() => giveUp.abort(), dueAt - performance.now())
    const report = await load
    watch.loadIsOver()
    clearTimeout(overdue)
    const { callbacks, accepted, attempts } = report
    say(`${accepted} of ${callbacks} callbacks are accepted, in ${attempts} attempts`)
    if (accepted < callbacks) {
      const text = `${callbacks - accepted} callbacks are not accepted`
      findings.push({ kind: 'late', by: 'laboratory', text })
    }
    await lab.ledger.close()
    findings.push(...(await actAtRest(lab, Math.max(AT_REST_MIN_MS, dueAt - performance.now()))))
    const judgement = await judge(lab, report, Math.max(5_000, dueAt - performance.now()))
    const spans = watch.spans()
    const recoveries = await watch.stop()
    findings.push(
      ...judgement.findings,
      ...refusalFindings(lab, faults, spans, startedAt),
      ...standstillFindings(faults, recoveries),
    )
    say(`judged: ${judgement.counts.events} events, ${findings.length} findings`)
    findings.push(...(await judgeRebuiltView(lab)))
    const branches = await lab.branches.stop()
    say(
      `paths taken: ${
        Object.entries(branches)
          .map(([name, times]) => `${name} ${times}`)
          .join(', ') || 'none'
      }`,
    )
    const badEnds = await lab.close()
    findings.push(...lab.findings, ...badEnds.map((text): Finding => ({ kind: 'wrong', by: 'laboratory', text })))
    return {
      scenario,
      seed,
      at: new Date().toISOString(),
      commit: COMMIT,
      redis: cluster.redisKind,
      tookMs: Math.round(performance.now() - startedAt),
      faults: [...new Set(recoveries.map(({ fault }) => fault))],
      callbacks,
      accepted,
      events: judgement.counts.events,
      attempts,
      unexpectedExits: lab.unexpectedExits,
      definedStops: lab.definedStops.length,
      crashes: Object.fromEntries(lab.crashes),
      branches,
      counts: judgement.counts,
      recoveries,
      findings,
    }
  } catch (error) {
    // Otherwise the laboratory would keep starting its roles and sending callbacks, also during the next run.
    enough.abort()
    giveUp.abort()
    await Promise.allSettled([load, watch.stop()])
    await lab.close().catch(() => {})
    throw error
  }
}

/** What faults left to be done once everything is processed. */
async function actAtRest(lab: Lab, caughtUpMaxMs: number): Promise<readonly Finding[]> {
  if (lab.atRest.length === 0) {
    return []
  }
  const observer = await Observer.create(lab.deployment)
  try {
    await observer.caughtUp(caughtUpMaxMs)
    for (const act of lab.atRest) {
      await act()
    }
    return []
  } catch (error) {
    return [{ kind: 'wrong', by: 'laboratory', text: (error as Error).message }]
  } finally {
    await observer.close()
  }
}

async function injectAll(
  lab: Lab,
  known: readonly Fault[],
  schedule: Schedule,
  watch: RecoveryWatch,
  startedAt: number,
): Promise<Finding[]> {
  /** How long the schedule's clock was stopped. */
  let stoodMs = 0
  const at = (ms: number) => delay(Math.max(0, startedAt + stoodMs + ms - performance.now()))
  /** Faults of one area never overlap, even if healing takes longer than planned. */
  const areas = new Map<Area, Promise<void>>()
  const one = async ({ name, atMs, healAtMs, alone, seed }: PlannedFault): Promise<Finding[]> => {
    const fault = known.find((candidate) => candidate.name === name) as Fault
    await at(atMs)
    const before = areasOf(fault).map((area) => areas.get(area))
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    for (const area of areasOf(fault)) {
      areas.set(area, over)
    }
    try {
      await Promise.all(before)
      const watched = watch.begins(name)
      const injected = await fault.inject(lab, createRandom(seed, name))
      watched.harmed()
      if (injected.recoveriesMs !== undefined) {
        watched.measured(injected.recoveriesMs)
      }
      lab.say(`${name}: ${injected.what}`)
      // A fault that began late, because an earlier healing took long, still lasts its minimum.
      await Promise.all([at(healAtMs), delay(fault.lastsMs[0])])
      await injected.heal()
      watched.healed()
      lab.say(`${name}: healed`)
      if (injected.bit?.() === false) {
        watched.withdrawn()
        lab.say(`${name}: it had no effect and is not counted`)
      }
      await (alone && Promise.race([watched.over, delay(ALONE_MAX_MS)]))
      return []
    } catch (error) {
      const text = `${name}: ${(error as Error).message}`
      lab.say(text)
      return [{ kind: 'wrong', by: 'laboratory', text }]
    } finally {
      end()
    }
  }
  const findings: Finding[] = []
  for (const planned of schedule.faults.filter(({ alone }) => alone)) {
    findings.push(...(await one(planned)))
    stoodMs = Math.max(stoodMs, performance.now() - startedAt - planned.healAtMs)
  }
  const others = schedule.faults.filter(({ alone }) => !alone)
  return [...findings, ...(await Promise.all(others.map(one))).flat()]
}

/** Faults that the system must outlive. */
function standstillFindings(known: readonly Fault[], recoveries: readonly Recovery[]): readonly Finding[] {
  const stoodStill = recoveries.filter(
    ({ fault, alone, afterHealMs }) =>
      alone && afterHealMs > 0 && known.some(({ name, outlived }) => name === fault && outlived),
  )
  return stoodStill.map(({ fault, recoveryMs }) => ({
    kind: 'late',
    by: 'laboratory',
    text: `${fault}: payments moved again only after it was healed, ${recoveryMs} ms after it began`,
  }))
}

/** Per 1,000 attempts: on a shared machine a broker occasionally misses a gateway's deadline. */
const REFUSED_MAX = 5
/** An attempt that began during a fault may end a little later. */
const ANSWERED_LATER_MS = 1_000

/** Bodies of a permitted size are answered only with success or "try again"; a deploy causes no refusals. */
function refusalFindings(
  lab: Lab,
  known: readonly Fault[],
  spans: readonly FaultSpan[],
  startedAt: number,
): readonly Finding[] {
  const { refusals, attempts } = lab.ledger
  const { bodyBytesMax } = lab.deployment.config.gateway
  const lawful = (code: number | null, bodyBytes: number) =>
    code === null || code === 503 || (code === 413 && bodyBytes > bodyBytesMax)
  const quiet = spans.length === 0 ? [{ fault: 'nothing', since: startedAt, healedAt: performance.now() }] : []
  const unnoticed = spans.filter(
    ({ fault, alone }) => alone && known.some((one) => one.name === fault && one.unnoticed),
  )
  const texts = [
    ...refusals
      .filter(({ code, bodyBytes }) => !lawful(code, bodyBytes))
      .map(({ code, bodyBytes }) => `a callback of ${bodyBytes} bytes was answered with ${code}`),
    ...[...quiet, ...unnoticed].flatMap(({ fault, since, healedAt }) => {
      const isThen = (at: number) => at >= since && at <= healedAt + ANSWERED_LATER_MS
      const refused = refusals.filter(({ at }) => isThen(at)).length
      const attempted = attempts.filter(isThen).length
      lab.say(`${fault}: ${refused} of ${attempted} attempts were not answered with success meanwhile`)
      return refused * 1_000 > REFUSED_MAX * attempted
        ? [`${refused} of ${attempted} callbacks were refused although only ${fault} was active`]
        : []
    }),
  ]
  return texts.map((text) => ({ kind: 'wrong', by: 'laboratory', text }))
}
