import { isDeepStrictEqual } from 'node:util'
import type { PaymentState } from '../../payment/apply-event.ts'
import { compareVersions } from '../../payment/compare-versions.ts'
import { foldPayment } from '../../payment/fold-payment.ts'
import { type KeptEvent, keepWithinBound, wholeEvent } from '../../payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { judgeChanges, type Life } from './judge-changes.ts'
import type { Circumstances, Difference, DifferenceKind, PaymentEvidence, RawEvent } from './payment-evidence.ts'

export interface Judgement {
  readonly differences: readonly Difference[]
  /** The events of callbacks that have no record: the status processor never recorded them, or not in the payment's present life. */
  readonly lost: readonly PaymentEvent[]
  /** Distinct events that were judged. */
  readonly events: number
  /** True if raw or `changes` does not reach back to the payment's beginning; older events were taken from `current`. */
  readonly partial: boolean
}

/**
 * Compares what the topics hold about a payment with the expected result of its callbacks. Pure. It shares only the fold with
 * the status processor and recomputes everything from the set of events.
 *
 * Reports each cause once where it can be identified: a record that repeats an event does not also count as a repeated
 * version, and statuses after a gap are not judged, because the missing records may explain them.
 */
export function judgePayment(evidence: PaymentEvidence, circumstances: Circumstances): Judgement {
  return new Judge(evidence, circumstances).judge()
}

/** The fields that the fold uses but the event id does not cover: our interpretation of the callback. */
const READINGS = [
  'withdrawn',
  'status',
  'kind',
  'occurredAt',
  'occurredAtPrecision',
  'zoneAssumed',
  'holdReason',
  'unknownBecause',
  'weakKey',
] as const

const HISTORY_FULL = 'history-full'

class Judge {
  readonly #evidence: PaymentEvidence
  readonly #circumstances: Circumstances
  readonly #state: PaymentState | null
  readonly #raw: ReadonlyMap<string, RawEvent>
  readonly #differences: Difference[]
  readonly #lost = new Set<string>()
  readonly #lostInRaw: PaymentEvent[] = []
  /** Events already reported as differing between `changes` and `current`. */
  readonly #retold = new Set<string>()
  readonly #restatedSince: ReadonlySet<string>
  readonly #lives: readonly Life[]
  #partial: boolean

  constructor(evidence: PaymentEvidence, circumstances: Circumstances) {
    this.#evidence = evidence
    this.#circumstances = circumstances
    this.#state = evidence.current.kind === 'state' ? evidence.current.state : null
    this.#raw = new Map(evidence.raw.map((one) => [one.event.eventId, one]))
    const { lives, differences, restatedSince, partial } = judgeChanges(evidence, circumstances)
    this.#lives = lives
    this.#differences = [...differences]
    this.#restatedSince = restatedSince
    this.#partial = partial
  }

  judge(): Judgement {
    const lives = this.#lives
    const recorded = this.#recordedEvents(lives)
    this.#judgeOrigins(recorded)
    this.#judgeCallbacks(lives, recorded)
    this.#judgeCurrent(lives)
    const judged = new Set([...this.#raw.keys(), ...recorded.keys()])
    return { differences: this.#differences, lost: this.#lostInRaw, events: judged.size, partial: this.#partial }
  }

  #differs(kind: DifferenceKind, text: string): void {
    this.#differences.push({ kind, paymentKey: this.#evidence.paymentKey, text })
  }

  #losing(eventId: string, text: string): void {
    this.#lost.add(eventId)
    this.#differs('lost', text)
  }

  /** Every event in `changes` or `current`, as recorded. */
  #recordedEvents(lives: readonly Life[]): ReadonlyMap<string, PaymentEvent> {
    const recorded = new Map<string, PaymentEvent>()
    for (const life of lives) {
      for (const [eventId, event] of life.events) {
        recorded.set(eventId, event)
      }
    }
    const seen = new Set<string>()
    for (const { event } of this.#state?.events ?? []) {
      if (seen.has(event.eventId)) {
        this.#differs('duplicated', `current holds event ${event.eventId} twice`)
      }
      seen.add(event.eventId)
      const told = recorded.get(event.eventId)
      if (this.#restatedSince.has(event.eventId)) {
        continue
      }
      const fields = told === undefined ? [] : readingsThatDiffer(told, event)
      if (fields.length > 0) {
        this.#retold.add(event.eventId)
        this.#differs(
          'wrongStatus',
          `event ${event.eventId} differs between current and changes in ${fields.join(', ')}`,
        )
      }
      recorded.set(event.eventId, event)
    }
    return recorded
  }

  /** Every recorded event comes from a callback and agrees with it, or was withdrawn because no callback reports it. */
  #judgeOrigins(recorded: ReadonlyMap<string, PaymentEvent>): void {
    const { rawReachesBackTo, startedAt, sourceIds, unreadableCallbacks } = this.#circumstances
    for (const event of recorded.values()) {
      const origin = this.#raw.get(event.eventId)
      if (origin !== undefined) {
        this.#judgeReading(origin.event, event)
      } else if (event.withdrawn) {
        // As it should be.
      } else if (
        event.receivedAt < rawReachesBackTo ||
        !sourceIds.has(event.source) ||
        unreadableCallbacks.has(event.callbackId)
      ) {
        this.#partial = true
      } else if (event.receivedAt < startedAt) {
        this.#differs(
          'unexplained',
          `event ${event.eventId} (${event.status}) was recorded, but no callback in raw reports it`,
        )
      }
    }
  }

  #judgeReading(said: PaymentEvent, recorded: PaymentEvent): void {
    if (recorded.mappingVersion > said.mappingVersion) {
      return // Translated by a newer release, whose reading counts.
    }
    const fields = this.#retold.has(said.eventId) ? [] : readingsThatDiffer(said, recorded)
    if (fields.length > 0) {
      const values = fields.map((field) => `${field} ${recorded[field]} instead of ${said[field]}`).join(', ')
      this.#differs('wrongStatus', `event ${said.eventId} was recorded with ${values} from its callback`)
    }
  }

  /** I3: every event of a callback that both stages have processed was recorded. */
  #judgeCallbacks(lives: readonly Life[], recorded: ReadonlyMap<string, PaymentEvent>): void {
    const { changesFromStart, canBeWritten } = this.#circumstances
    const { current, deadLetters } = this.#evidence
    // The earlier events of a forgotten payment may be left only in raw.
    const mayBeForgotten = current.kind === 'tombstone' && !changesFromStart
    const last = lives.at(-1)
    for (const { event, position, dueAt } of this.#raw.values()) {
      const { eventId, status } = event
      if (dueAt === null || deadLetters.has(eventId)) {
        continue
      }
      if (!recorded.has(eventId)) {
        if (!mayBeForgotten && !this.#mayBePushedOut(event) && canBeWritten(event)) {
          this.#lostInRaw.push(event)
          this.#losing(eventId, `event ${eventId} (${status}) of the callback at ${position} has no record in changes`)
        }
      } else if (lives.length > 1 && last !== undefined && dueAt >= last.incarnation && !this.#isIn(last, eventId)) {
        this.#lostInRaw.push(event)
        this.#losing(
          eventId,
          `event ${eventId} (${status}) was repeated at ${position} in a later life, but has no record in it`,
        )
      }
    }
  }

  /** The event may have been recorded: a full history would not keep it, and that part of `changes` may be deleted. */
  #mayBePushedOut(event: PaymentEvent): boolean {
    if (this.#circumstances.changesFromStart || this.#state === null) {
      return false
    }
    const kept = keepWithinBound<KeptEvent>([...this.#state.events, wholeEvent(event)])
    return !kept.some((one) => one.event.eventId === event.eventId)
  }

  #isIn(life: Life, eventId: string): boolean {
    return (
      life.events.has(eventId) ||
      (this.#state?.incarnation === life.incarnation &&
        this.#state.events.some(({ event }) => event.eventId === eventId))
    )
  }

  #judgeCurrent(lives: readonly Life[]): void {
    const { current, paymentKey } = this.#evidence
    switch (current.kind) {
      case 'none':
      case 'tombstone':
        this.#judgeAbsence(lives)
        break
      case 'unreadable':
        this.#differs('wrongStatus', 'the record in current cannot be read')
        break
      case 'state':
        if (current.state.paymentKey !== paymentKey) {
          this.#differs('wrongStatus', `current holds the state of ${current.state.paymentKey} under this key`)
        }
        this.#judgeVersion(current.state, lives)
        this.#judgeState(current.state, lives)
        break
      default:
        current satisfies never
    }
  }

  /** A payment leaves `current` only if it was not touched for the retention period. */
  #judgeAbsence(lives: readonly Life[]): void {
    const settled = lives.findLast(({ lastSettled }) => lastSettled !== null)?.lastSettled ?? null
    const { forgetAfterMs, startedAt } = this.#circumstances
    if (settled !== null && settled.recordedAt + forgetAfterMs > startedAt) {
      const how = this.#evidence.current.kind === 'tombstone' ? 'was removed from current' : 'is not in current'
      const { statusVersion, statusAfter } = settled
      this.#differs(
        'lost',
        `the payment ${how}, although changes has v${statusVersion} ${statusAfter} and its retention has not ended`,
      )
    }
  }

  /** I4: `current` has the last version in `changes`. */
  #judgeVersion({ incarnation, statusVersion, status }: PaymentState, lives: readonly Life[]): void {
    const newest = lives.at(-1)
    if (newest === undefined) {
      if (this.#circumstances.changesFromStart) {
        this.#differs('wrongVersion', `current has v${statusVersion} ${status}, changes has nothing`)
      }
      this.#partial = true
      return
    }
    const settled = lives.findLast(({ lastSettled }) => lastSettled !== null)?.lastSettled ?? null
    const isBehind = settled !== null && compareVersions({ incarnation, statusVersion }, settled) < 0
    if (isBehind) {
      this.#differs(
        'wrongVersion',
        `current has v${statusVersion} ${status}, changes has v${settled.statusVersion} ${settled.statusAfter}`,
      )
    } else if (compareVersions({ incarnation, statusVersion }, newest.last) > 0) {
      const { statusVersion: last, statusAfter } = newest.last
      this.#differs('wrongVersion', `current has v${statusVersion} ${status}, changes ends at v${last} ${statusAfter}`)
    }
  }

  /** I5: the state is the fold of all its events, regardless of their order. */
  #judgeState(state: PaymentState, lives: readonly Life[]): void {
    const life = lives.find(({ incarnation }) => incarnation === state.incarnation)
    if (lives.some(({ incarnation }) => incarnation > state.incarnation)) {
      return // Behind by a whole life, which is already reported.
    }
    const history = new Map<string, KeptEvent>(state.events.map((one) => [one.event.eventId, one]))
    const events = new Map(history)
    for (const [eventId, event] of life?.events ?? []) {
      if (!events.has(eventId) && life?.settled.has(eventId)) {
        events.set(eventId, wholeEvent(event))
      }
    }
    const earlier = lives.filter(({ incarnation }) => incarnation < state.incarnation)
    for (const { event, dueAt } of this.#raw.values()) {
      const isOfThisLife =
        dueAt !== null && (dueAt >= state.incarnation || !earlier.some(({ events: of }) => of.has(event.eventId)))
      const reason = this.#evidence.deadLetters.get(event.eventId) ?? HISTORY_FULL
      if (
        isOfThisLife &&
        reason === HISTORY_FULL &&
        !events.has(event.eventId) &&
        this.#circumstances.canBeWritten(event)
      ) {
        events.set(event.eventId, wholeEvent(event))
      }
    }
    const kept = keepWithinBound([...events.values()])
    for (const { event } of kept) {
      const { eventId, status } = event
      if (!history.has(eventId) && !this.#lost.has(eventId)) {
        this.#losing(eventId, `event ${eventId} (${status}) is missing from the history in current`)
      }
    }
    for (const eventId of history.keys()) {
      if (life !== undefined && !life.events.has(eventId) && !this.#lost.has(eventId)) {
        this.#losing(eventId, `event ${eventId} is in current but has no record in changes`)
      }
    }
    // The state of an older release can have more, until the payment's next event.
    const isWithin = keepWithinBound(state.events) === state.events
    this.#judgeFold(state, isWithin ? kept : state.events)
  }

  #judgeFold(state: PaymentState, events: readonly KeptEvent[]): void {
    if (events.length === 0) {
      this.#differs('wrongStatus', 'current holds a payment without events')
      return
    }
    const folded = foldPayment(events.map((one) => one.event))
    if (folded.status !== state.status) {
      const lost = this.#lost.size === 0 ? '' : ', including the lost ones'
      this.#differs('wrongStatus', `current has ${state.status}, its events fold to ${folded.status}${lost}`)
      return
    }
    const fields = Object.keys(folded) as (keyof typeof folded)[]
    const wrong = fields.filter((field) => !isDeepStrictEqual(folded[field], state[field]))
    if (wrong.length > 0) {
      this.#differs('wrongStatus', `current differs from the fold of its events in ${wrong.join(', ')}`)
    }
  }
}

function readingsThatDiffer(said: PaymentEvent, recorded: PaymentEvent): readonly (typeof READINGS)[number][] {
  return READINGS.filter((field) => said[field] !== recorded[field])
}
