import { type Mismatch, mismatchesOf, type Snapshots, type Table } from './mismatches.ts'
import { missedSteps } from './missed-steps.ts'
import { PHASES, type Phase } from './phases.ts'
import type { ScenarioName } from './scenarios.ts'
import { comparePairs, type Pair, pairOf, pairText, type TableRow } from './table-row.ts'
import type { Expectation, Story } from './tell-story.ts'

/** What the kit saw of a subscriber. */
export interface Evidence {
  readonly story: Story
  readonly scenarios: readonly ScenarioName[]
  readonly snapshots: Snapshots
  readonly mismatches: readonly Mismatch[]
  /** Where the subscriber ended or no longer got on, and how; null if it did not. That phase has no snapshot. */
  readonly stopped: { readonly phase: Phase; readonly problem: string } | null
  /** Why its table has no meaning; null if it has. Then nothing else is judged from that phase on. */
  readonly unreadable: string | null
  /** Whether the kit killed it and started it again. */
  readonly restarted: boolean
}

export interface Finding {
  /** Null if the finding is not about one payment. */
  readonly paymentKey: string | null
  /** Of the row that is wrong, if it has one: names the record that it comes from. */
  readonly row: TableRow | undefined
  readonly text: string
}

export type Verdict =
  | { readonly outcome: 'holds' }
  | { readonly outcome: 'broken'; readonly findings: readonly Finding[] }
  | { readonly outcome: 'not judged'; readonly because: string }

export interface Rule {
  readonly sentence: string
  readonly check: (evidence: Evidence) => Verdict
}

/** Everything that is judged, in the order of the report. */
export const RULES = {
  'table-can-be-read': {
    sentence: 'the table has the documented format',
    check: ({ unreadable }) => judged(unreadable === null ? [] : [general(unreadable)]),
  },
  'becomes-ready': {
    sentence:
      'it gets past the end of current, a compacted topic: the last offset of a partition is not a record, and a partition can be empty',
    check: (evidence) => orStopped(evidence, 'start', () => inPhase(evidence, 'start', () => [])),
  },
  'keeps-running': {
    sentence: 'it follows every partition and does not end',
    check: (evidence) =>
      orStopped(evidence, 'live', () =>
        orStopped(evidence, 'closing', () => inPhase(evidence, 'live', () => rowsOf(evidence, ['every-partition']))),
      ),
  },
  'starts-from-current': {
    sentence: 'what current holds at the start is in the table',
    check: (evidence) =>
      inPhase(evidence, 'start', () => [
        ...evidence.mismatches.filter(isMissingAtStart).map(findingOf),
        ...rowsOf(evidence, ['many-at-start']),
      ]),
  },
  'newest-version-wins': {
    sentence: 'a record whose (incarnation, statusVersion) is not greater changes nothing',
    check: ofScenarios('older-than-start', 'repeats', 'unchanged-repeat'),
  },
  'status-after-decides': {
    sentence: 'the status is statusAfter, not that of the event; a step may have no event',
    check: ofScenarios('late-events', 'overdue'),
  },
  'read-committed': {
    sentence: 'what an aborted transaction wrote is not read',
    check: ofScenarios('rolled-back'),
  },
  tombstones: {
    sentence: 'a payment that current shows as forgotten at the start has no row',
    check: ofScenarios('tombstone'),
  },
  incarnations: {
    sentence: 'a greater incarnation is newer, whatever the versions are',
    check: ofScenarios('two-incarnations'),
  },
  'unknown-values': {
    sentence:
      'with its own schema as reader schema it reads a newer release: an unfamiliar status is UNKNOWN, its finality OPEN',
    check: (evidence) => orStopped(evidence, 'newer', () => ofScenarios('newer-schema')(evidence)),
  },
  'gaps-filled': {
    sentence: 'what a missing version said is taken from current',
    check: ofScenariosWithAmounts('gap'),
  },
  'restated-replaces': {
    sentence: 'another reading of a known event replaces the first one',
    check: ofScenarios('restatement'),
  },
  'withdrawn-removes': {
    sentence: 'an event that is withdrawn counts for nothing',
    check: ofScenarios('withdrawal'),
  },
  'child-not-summed': {
    sentence: 'the report about a refund does not count for the payment that was refunded',
    check: ofScenariosWithAmounts('refund-first'),
  },
  'no-step-twice': {
    sentence: 'every step is acted on once, in order, and none that current already had at the start',
    check: (evidence) => withSteps(evidence, stepsTwice),
  },
  'no-step-missed': {
    sentence: 'every step after the start is acted on',
    check: (evidence) => withSteps(evidence, stepsMissed),
  },
  'survives-restart': {
    sentence: 'after it was killed and started again, the table is right',
    check: (evidence) =>
      orStopped(evidence, 'away', () =>
        evidence.restarted || evidence.snapshots.away === undefined
          ? inPhase(evidence, 'away', () =>
              evidence.mismatches
                .filter(({ phase, expectation }) => phase === 'away' || expectation.scenario === 'restart')
                .filter((mismatch) => !isMissingAtStart(mismatch))
                .map(findingOf),
            )
          : notJudged('the kit did not start the subscriber, so it cannot restart it'),
      ),
  },
  'no-other-payments': {
    sentence: 'the table has no payments that were never published',
    check: ({ story, snapshots }) => {
      const known = story.expectedAfter.closing
      const others = new Map(Object.values(snapshots).flatMap((table) => [...table].filter(([key]) => !known.has(key))))
      return judged(
        [...others.values()].map((row) => ({
          paymentKey: row.paymentKey,
          row: undefined,
          text: 'it was never published',
        })),
      )
    },
  },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof RULES

export interface Judgement {
  readonly rule: RuleName
  readonly sentence: string
  readonly verdict: Verdict
}

/** Which rules hold. Pure. */
export function judge(seen: Omit<Evidence, 'mismatches'>): readonly Judgement[] {
  const evidence = { ...seen, mismatches: mismatchesOf(seen.story, seen.snapshots) }
  return (Object.keys(RULES) as RuleName[]).map((rule) => {
    const { sentence, check } = RULES[rule]
    return { rule, sentence, verdict: check(evidence) }
  })
}

function judged(findings: readonly Finding[]): Verdict {
  return findings.length === 0 ? { outcome: 'holds' } : { outcome: 'broken', findings }
}

function notJudged(because: string): Verdict {
  return { outcome: 'not judged', because }
}

function general(text: string): Finding {
  return { paymentKey: null, row: undefined, text }
}

function findingOf({ phase, expectation, row, text }: Mismatch): Finding {
  return { paymentKey: expectation.paymentKey, row, text: `${PHASES[phase]}: ${text}` }
}

/** The rule is broken if the subscriber stopped in this phase, because this is what the phase is for. */
function orStopped(evidence: Evidence, phase: Phase, check: () => Verdict): Verdict {
  const { stopped } = evidence
  return stopped?.phase === phase ? judged([general(stopped.problem)]) : check()
}

function inPhase({ snapshots }: Evidence, phase: Phase, check: () => readonly Finding[]): Verdict {
  return snapshots[phase] === undefined ? notJudged('the subscriber did not get so far') : judged(check())
}

/** Rows that were there before the restart are judged by `survives-restart`; rows missing at the start by `starts-from-current`. */
function rowsOf(
  { mismatches, restarted }: Evidence,
  scenarios: readonly Expectation['scenario'][],
): readonly Finding[] {
  return mismatches
    .filter((mismatch) => scenarios.includes(mismatch.expectation.scenario) && !isMissingAtStart(mismatch))
    .filter(({ phase }) => !(restarted && phase === 'away'))
    .map(findingOf)
}

function isMissingAtStart({ phase, row }: Mismatch): boolean {
  return phase === 'start' && row === undefined
}

function ofScenarios(...names: readonly ScenarioName[]): (evidence: Evidence) => Verdict {
  return (evidence) => {
    const played = names.filter((name) => evidence.scenarios.includes(name))
    const last = lastPhaseOf(evidence.story, played)
    return played.length === 0 || last === undefined
      ? notJudged('its scenarios were not played')
      : inPhase(evidence, last, () => rowsOf(evidence, played))
  }
}

function ofScenariosWithAmounts(...names: readonly ScenarioName[]): (evidence: Evidence) => Verdict {
  return (evidence) => {
    const verdict = ofScenarios(...names)(evidence)
    return verdict.outcome === 'holds' && !someRow(evidence, ({ amount }) => amount !== undefined)
      ? notJudged('the table has no amounts')
      : verdict
  }
}

/** The last phase, before the subscriber was killed, in which something was written about these scenarios. */
function lastPhaseOf({ writes, expectedAfter }: Story, names: readonly ScenarioName[]): Phase | undefined {
  const isAbout = (paymentKey: string) => names.some((name) => expectedAfter.closing.get(paymentKey)?.scenario === name)
  return writes.findLast(({ about }) => isAbout(about.paymentKey))?.phase
}

function someRow({ snapshots }: Evidence, has: (row: TableRow) => boolean): boolean {
  return Object.values(snapshots).some((table) => [...table.values()].some(has))
}

function withSteps(evidence: Evidence, check: (evidence: Evidence) => readonly Finding[]): Verdict {
  return someRow(evidence, ({ steps }) => steps !== undefined)
    ? inPhase(evidence, 'live', () => check(evidence))
    : notJudged('the table has no steps')
}

function stepsTwice({ snapshots, story }: Evidence): readonly Finding[] {
  const found = new Map<string, Finding>()
  for (const table of Object.values(snapshots)) {
    for (const [paymentKey, row] of table) {
      const text = found.has(paymentKey) ? null : wrongOrder(row.steps ?? [], story.expectedAfter.start.get(paymentKey))
      if (text !== null) {
        found.set(paymentKey, { paymentKey, row: undefined, text })
      }
    }
  }
  return [...found.values()]
}

function wrongOrder(steps: readonly Pair[], atStart: Expectation | undefined): string | null {
  for (const [index, step] of steps.entries()) {
    const before = steps[index - 1]
    if (before !== undefined && comparePairs(step, before) <= 0) {
      return `the step ${pairText(step)} was acted on after ${pairText(before)}`
    }
    if (atStart?.presence === 'row' && comparePairs(step, pairOf(atStart.row)) <= 0) {
      return `the step ${pairText(step)} was acted on, but current held ${pairText(pairOf(atStart.row))} at the start`
    }
  }
  return null
}

function stepsMissed({ snapshots, story }: Evidence): readonly Finding[] {
  const found = new Map<string, Finding>()
  for (const [phase, table] of Object.entries(snapshots) as [Phase, Table][]) {
    for (const [paymentKey, expectation] of story.expectedAfter[phase]) {
      const missed = missedSteps(table.get(paymentKey), expectation, phase)
      if (missed.length > 0 && !found.has(paymentKey)) {
        const text = `the step ${missed.map(pairText).join(', ')} was not acted on`
        found.set(paymentKey, { paymentKey, row: undefined, text })
      }
    }
  }
  return [...found.values()]
}
