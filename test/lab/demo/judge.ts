import { replacesReading } from '../../../src/payment/apply-event.ts'
import { totalsDifference } from '../../../src/payment/totals.ts'
import { findMismatches, mismatchText } from '../../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import type { Observer } from '../harness/observer.ts'

/** The demo's last line, as JSON. Scripts read it, so the names are stable. */
export interface DemoFigures {
  readonly callbacks: number
  readonly accepted: number
  readonly events: number
  readonly duplicates: number
  readonly late: number
  readonly revisions: number
  readonly conflicts: number
  readonly deadLetters: number
  readonly payments: number
  readonly mismatches: number
  /** Whether `paystatus verify --all` found no differences; false if an interrupt prevented it. */
  readonly verified: boolean
  readonly seconds: number
}

export interface Judgement {
  readonly figures: Omit<DemoFigures, 'callbacks' | 'accepted' | 'verified' | 'seconds'>
  /** Everything that is wrong, one sentence each. */
  readonly problems: readonly string[]
  readonly paymentsByStatus: ReadonlyMap<string, number>
}

/** A payment whose final status is known in advance. */
export interface Expected {
  readonly paymentKey: string
  readonly status: string
}

/** What of the simulator's report is compared. */
interface JudgedReport extends Pick<SimulationReport, 'payments'> {
  readonly expected: Pick<SimulationReport['expected'], 'events' | 'undeliveredPayments' | 'deadLetters'>
}

/**
 * Compares the topics with what the simulator sent: the final state of every payment, one record for every distinct event
 * besides restatements, versions without gaps or repeats, the dead letters, and that every event read was counted exactly once.
 */
export async function judge(
  observer: Pick<Observer, 'changes' | 'current' | 'records' | 'totals'>,
  report: JudgedReport,
  examples: readonly Expected[],
): Promise<Judgement> {
  const [changes, current, deadLetters, eventDeadLetters, totals] = await Promise.all([
    observer.changes(),
    observer.current(),
    observer.records('rawDeadLetters'),
    observer.records('eventDeadLetters'),
    observer.totals(),
  ])
  const problems = findMismatches(report, current).map(mismatchText)
  for (const { paymentKey, status } of examples) {
    const found = current.get(paymentKey)?.status ?? '(nothing)'
    if (found !== status) {
      problems.push(`${paymentKey} is ${found}, expected ${status}`)
    }
  }

  const versions = new Map<string, number>()
  const eventIds = new Set<string>()
  for (const change of changes) {
    const version = (versions.get(change.paymentKey) ?? 0) + 1
    versions.set(change.paymentKey, change.statusVersion)
    if (change.statusVersion !== version) {
      problems.push(`${change.paymentKey} has version ${change.statusVersion}, expected ${version}`)
    }
    if (change.event !== null) {
      if (eventIds.has(change.event.eventId) && !replacesReading(change.verdict)) {
        problems.push(`${change.paymentKey} has two records for one event`)
      }
      eventIds.add(change.event.eventId)
    }
  }
  const wanted = report.expected.events + examples.length
  if (report.expected.undeliveredPayments === 0 && eventIds.size !== wanted) {
    problems.push(`${eventIds.size} distinct events in changes, expected ${wanted}`)
  }
  const dead = deadLetters.length + eventDeadLetters.length
  if (dead < report.expected.deadLetters.min || dead > report.expected.deadLetters.max) {
    problems.push(
      `${dead} dead letters, expected ${report.expected.deadLetters.min} to ${report.expected.deadLetters.max}`,
    )
  }
  const { events, late, revision, conflict, duplicate } = totals
  const difference = totalsDifference(totals)
  if (difference !== 0) {
    problems.push(`${events} events were read, but ${events - difference} are accounted for`)
  }

  const paymentsByStatus = new Map<string, number>()
  for (const { status } of current.values()) {
    paymentsByStatus.set(status, (paymentsByStatus.get(status) ?? 0) + 1)
  }
  return {
    problems,
    paymentsByStatus,
    figures: {
      events: eventIds.size,
      duplicates: duplicate,
      late,
      revisions: revision,
      conflicts: conflict,
      deadLetters: dead,
      payments: current.size,
      mismatches: problems.length,
    },
  }
}
