import { sleep } from '../../sleep.ts'
import { type Table, wrongWith } from './mismatches.ts'
import { missedSteps } from './missed-steps.ts'
import { parseTable, TableFormatError } from './parse-table.ts'
import { PHASES, type Phase } from './phases.ts'
import type { Evidence } from './rules.ts'
import type { Subscriber } from './subscriber-process.ts'
import { pairOf, pairText } from './table-row.ts'
import { type ReadTable, TableUnavailableError } from './table-source.ts'
import type { Expectation, Story, Write } from './tell-story.ts'

export interface PlayOptions {
  readonly story: Story
  readonly write: (writes: readonly Write[]) => Promise<void>
  readonly subscriber: Subscriber
  readonly readTable: ReadTable
  /** How long the subscriber may take for one phase, ms. */
  readonly timeoutMs: number
  /** Called when a phase begins. */
  readonly onPhase: (phase: Phase) => void
  readonly signal: AbortSignal
}

export type Played = Pick<Evidence, 'snapshots' | 'stopped' | 'unreadable' | 'restarted'>

const POLL_MS = 100
/** A large table is read less often: at most this share of the time is spent on reading it. */
const READING_SHARE = 1 / 4
/**
 * The share of the timeout that is waited for wrong rows when the last records of a phase were handled: a subscriber may fill a
 * gap, or write its table, a moment later.
 */
const SETTLE_SHARE = 1 / 6

/**
 * Writes phase after phase, and waits each time until the table is what it must be, or the time is over. Stops when the
 * subscriber has ended or does not get on. Rejects with the signal's reason.
 */
export async function playPhases(options: PlayOptions): Promise<Played> {
  const { story, write, subscriber, onPhase, signal } = options
  const snapshots: { -readonly [P in Phase]?: Table } = {}
  const known = new Set<string>()
  let lastsAtStart = false
  for (const phase of Object.keys(PHASES) as Phase[]) {
    onPhase(phase)
    if (phase === 'away') {
      await subscriber.kill?.()
    }
    await write(story.writes.filter((one) => one.phase === phase))
    if (phase === 'start' || (phase === 'away' && subscriber.kill !== null)) {
      await subscriber.start()
    }
    signal.throwIfAborted()
    const seen = await watch(phase, options, known)
    if (seen.unreadable !== null) {
      return { snapshots, stopped: null, unreadable: seen.unreadable, restarted: false }
    }
    const stopped = stopOf(phase, seen, lastsAtStart, story)
    if (stopped !== null) {
      delete snapshots[stopped.phase]
      return { snapshots, stopped, unreadable: null, restarted: false }
    }
    lastsAtStart ||= phase !== 'start' || seen.behind === null
    snapshots[phase] = seen.table
    for (const [paymentKey, expectation] of story.expectedAfter[phase]) {
      if (wrongWith(seen.table.get(paymentKey), expectation) !== null) {
        known.add(paymentKey)
      }
    }
  }
  return { snapshots, stopped: null, unreadable: null, restarted: subscriber.kill !== null }
}

interface Seen {
  readonly table: Table
  readonly ended: boolean
  /** Why it does not get on; null if it handled the last record of every partition. */
  readonly behind: string | null
  /** Why its table has no meaning. */
  readonly unreadable: string | null
}

/** Where the subscriber stopped, if it did. */
function stopOf(phase: Phase, { table, ended, behind }: Seen, wasReady: boolean, story: Story): Evidence['stopped'] {
  if (ended) {
    return { phase, problem: behind ?? '' }
  }
  if (phase === 'start') {
    // Whoever does not start from current may still follow. The next phase tells.
    return null
  }
  if (behind !== null) {
    return { phase: wasReady ? phase : 'start', problem: behind }
  }
  const atStart = [...story.expectedAfter.start.values()].filter(({ presence }) => presence === 'row')
  return !wasReady && atStart.every(({ paymentKey }) => table.has(paymentKey))
    ? { phase: 'start', problem: 'the table had what current held at the start only when further records were written' }
    : null
}

/** Waits for the table after a phase. `known`: payments that were wrong before, which are not waited for. */
async function watch(phase: Phase, options: PlayOptions, known: ReadonlySet<string>): Promise<Seen> {
  const { story, subscriber, readTable, timeoutMs, signal } = options
  const expected = [...story.expectedAfter[phase].values()]
  const lasts = expected.filter(({ paymentKey }) => story.lastWritten.has(paymentKey))
  const waitedFor = expected.filter(({ paymentKey }) => !known.has(paymentKey))
  const deadline = performance.now() + timeoutMs
  let settledBy = Number.POSITIVE_INFINITY
  for (;;) {
    const began = performance.now()
    const { table, unreadable, unavailable } = await tableNow(readTable)
    const ended = subscriber.ended()
    if (ended !== null) {
      return { table, ended: true, behind: ended, unreadable: null }
    }
    const behind = lasts.find((one) => wrongWith(table.get(one.paymentKey), one) !== null)
    if (behind === undefined) {
      // A subscriber may act on steps a moment after its table is right: it has another consumer for them.
      const hasSteps = [...table.values()].some(({ steps }) => steps !== undefined)
      const isRight = (one: Expectation) => {
        const row = table.get(one.paymentKey)
        return wrongWith(row, one) === null && !(hasSteps && missedSteps(row, one, phase).length > 0)
      }
      if (waitedFor.every(isRight)) {
        return { table, ended: false, behind: null, unreadable: null }
      }
      settledBy = Math.min(settledBy, performance.now() + timeoutMs * SETTLE_SHARE)
    }
    if (performance.now() > Math.min(deadline, settledBy)) {
      const text = behind && (unavailable ?? behindText(behind, table, timeoutMs))
      return { table, ended: false, behind: text ?? null, unreadable }
    }
    await sleep(Math.max(POLL_MS, (performance.now() - began) / READING_SHARE), signal)
  }
}

function behindText({ paymentKey, row }: Expectation, table: Table, timeoutMs: number): string {
  const found = table.get(paymentKey)
  const has = found === undefined ? 'has no row for it' : `has ${pairText(pairOf(found))}`
  return `the last record of a partition, ${pairText(pairOf(row))} of ${paymentKey}, was not in the table after ${timeoutMs / 1_000} s: it ${has}, and ${table.size} rows in all`
}

interface TableNow {
  /** Empty as long as none can be read. */
  readonly table: Table
  readonly unreadable: string | null
  /** Why there is no table, or none yet. */
  readonly unavailable: string | null
}

async function tableNow(readTable: ReadTable): Promise<TableNow> {
  try {
    return { table: parseTable(await readTable()), unreadable: null, unavailable: null }
  } catch (error) {
    if (error instanceof TableFormatError) {
      return { table: new Map(), unreadable: error.message, unavailable: null }
    }
    if (error instanceof TableUnavailableError) {
      return { table: new Map(), unreadable: null, unavailable: error.message }
    }
    throw error
  }
}
