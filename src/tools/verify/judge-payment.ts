import { isDeepStrictEqual } from 'node:util'
import type { PaymentState } from '../../payment/apply-event.ts'
import { foldPayment, HISTORY_EVENTS_MAX, keepWithinBound } from '../../payment/fold-payment.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { restatementBy } from '../../payment/reading.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'

/** What `verify` tells apart. */
export const DIFFERENCE_KINDS = [
  'lost',
  'duplicated',
  'wrongStatus',
  'wrongVersion',
  'viewDiffers',
  'unexplained',
] as const
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

export interface Difference {
  readonly kind: DifferenceKind
  readonly paymentKey: string
  /** One sentence; ids, statuses and positions only. */
  readonly text: string
}

/** All that the topics hold of one payment. */
export interface PaymentEvidence {
  readonly paymentKey: string
  /** The distinct events that the raw callbacks give. */
  readonly raw: readonly RawEvent[]
  /** Its records in `payments.status.changes`, in their order. */
  readonly changes: readonly ChangeRecord[]
  /** Its last record in `payments.status.current`. */
  readonly current: CurrentRecord
  /** Ids of its events in `payments.events.dlq`, each with the reason. */
  readonly deadLetters: ReadonlyMap<string, string>
}

export interface RawEvent {
  readonly event: PaymentEvent
  /** Where the first callback stands that says it, for people. */
  readonly position: string
  /** When the last callback was received that says it and that both stages have behind them; null if none is. */
  readonly dueAt: number | null
}

export interface ChangeRecord {
  readonly offset: bigint
  /** Null if the record cannot be read. */
  readonly change: StatusChangeRecord | null
}

export type CurrentRecord =
  | { readonly kind: 'none' }
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'state'; readonly state: PaymentState }

/** What holds for all payments of a partition. Times are ms since the epoch. */
export interface Circumstances {
  /** Every callback that was received since then is in raw. */
  readonly rawReachesBackTo: number
  /** `changes` still has its first record: nothing of it was deleted. */
  readonly changesFromStart: boolean
  /** What `changes` has before this offset is in `current` too, as it was read. */
  readonly changesSettledTo: bigint
  /** When the looking began: what was received later may have been missed. */
  readonly startedAt: number
  readonly forgetAfterMs: number
  readonly sourceIds: ReadonlySet<string>
  /** Receipt ids of callbacks whose body cannot be read any more: what they said is taken from what was recorded. */
  readonly unreadableCallbacks: ReadonlySet<string>
  /** False for an event that our own schema refuses, which the normalizer makes a dead letter of. */
  readonly canBeWritten: (event: PaymentEvent) => boolean
}

export interface Judgement {
  readonly differences: readonly Difference[]
  /** Distinct events that were judged. */
  readonly events: number
  /** Raw or `changes` do not reach back to the payment's beginning: what is older was taken from `current`. */
  readonly partial: boolean
}

/**
 * Compares what the topics hold of a payment with what must have come of its callbacks. Pure, and shares nothing with
 * the status processor but the fold: what it recomputes, it recomputes from the set of events.
 *
 * Every cause is named once as far as that can be told: a record that repeats an event does not also count as a repeated
 * version, and after a gap the statuses that follow it are not judged, because what is missing may explain them.
 */
export function judgePayment(evidence: PaymentEvidence, circumstances: Circumstances): Judgement {
  return new Judge(evidence, circumstances).judge()
}

/** A life of a payment in `changes`: from version 1 until it is forgotten. */
interface Life {
  readonly incarnation: number
  /** Its events so far by id, also those whose record was deleted and that only `current` still has. */
  readonly events: Map<string, PaymentEvent>
  /** Of those, the ones whose record `current` had to hold when it was read. */
  readonly settled: Set<string>
  /** Of those, the ones that a payment keeps: keeping after every arrival gives the same as keeping once at the end. */
  kept: readonly PaymentEvent[]
  last: StatusChangeRecord
  /** The last one that `current` had to hold when it was read. */
  lastSettled: StatusChangeRecord | null
  /** False once something is missing in between: then a fold of what is there says nothing. */
  foldable: boolean
}

/** What the fold looks at and the event's id does not cover: our own reading of what the provider said. */
const READINGS = [
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
  readonly #differences: Difference[] = []
  readonly #lost = new Set<string>()
  /** Events of which it was said that `changes` and `current` tell them differently. */
  readonly #retold = new Set<string>()
  /** Events that were restated after `current` was read, so that it may hold the reading before. */
  readonly #restatedSince = new Set<string>()
  #partial = false

  constructor(evidence: PaymentEvidence, circumstances: Circumstances) {
    this.#evidence = evidence
    this.#circumstances = circumstances
    this.#state = evidence.current.kind === 'state' ? evidence.current.state : null
    this.#raw = new Map(evidence.raw.map((one) => [one.event.eventId, one]))
  }

  judge(): Judgement {
    const lives = this.#livesOfChanges()
    const recorded = this.#recordedEvents(lives)
    this.#judgeOrigins(recorded)
    this.#judgeCallbacks(lives, recorded)
    this.#judgeCurrent(lives)
    const judged = new Set([...this.#raw.keys(), ...recorded.keys()])
    return { differences: this.#differences, events: judged.size, partial: this.#partial }
  }

  #differs(kind: DifferenceKind, text: string): void {
    this.#differences.push({ kind, paymentKey: this.#evidence.paymentKey, text })
  }

  #losing(eventId: string, text: string): void {
    this.#lost.add(eventId)
    this.#differs('lost', text)
  }

  /** Walks through `changes`: repeats, versions, and the status of every step. */
  #livesOfChanges(): readonly Life[] {
    const lives: Life[] = []
    for (const { offset, change } of this.#evidence.changes) {
      if (change === null || change.paymentKey !== this.#evidence.paymentKey) {
        const what = change === null ? 'cannot be read' : `speaks of ${change.paymentKey}`
        this.#differs('unexplained', `the record of changes at offset ${offset} ${what}`)
        continue
      }
      const { incarnation, statusVersion, event } = change
      let life = lives.find((one) => one.incarnation === incarnation)
      const known = event === null ? undefined : life?.events.get(event.eventId)
      const repeats = event !== null && known !== undefined && !isRestatement(change, known)
      if (repeats) {
        this.#differs(
          'duplicated',
          `event ${event.eventId} is in changes again, as v${statusVersion} at offset ${offset}`,
        )
      }
      const latest = lives.at(-1)
      if (life === undefined && (latest === undefined || latest.incarnation < incarnation)) {
        life = this.#beginLife(change, latest === undefined)
        lives.push(life)
      } else if (life === undefined || life !== latest) {
        if (!repeats) {
          this.#differs(
            'wrongVersion',
            `changes goes back to an earlier life with v${statusVersion} at offset ${offset}`,
          )
        }
        continue
      } else if (!this.#continueLife(life, change, offset, repeats)) {
        continue
      }
      if (event !== null) {
        const others = known !== undefined ? life.kept.filter(({ eventId }) => eventId !== event.eventId) : life.kept
        life.kept = bounded([...others, event])
        life.events.set(event.eventId, event)
        if (known !== undefined && offset >= this.#circumstances.changesSettledTo) {
          this.#restatedSince.add(event.eventId)
        }
      }
      if (offset < this.#circumstances.changesSettledTo) {
        life.lastSettled = change
        if (event !== null) {
          life.settled.add(event.eventId)
        }
      }
      this.#judgeStep(life, change)
    }
    return lives
  }

  #beginLife(change: StatusChangeRecord, isFirst: boolean): Life {
    const { incarnation, statusVersion, statusBefore } = change
    const life: Life = {
      incarnation,
      events: new Map(),
      settled: new Set(),
      kept: [],
      last: change,
      lastSettled: null,
      foldable: true,
    }
    if (statusVersion === 1) {
      if (statusBefore !== null) {
        this.#differs('wrongStatus', `changes v1 begins at ${statusBefore}, before it there was nothing`)
      }
      return life
    }
    if (!isFirst || this.#circumstances.changesFromStart) {
      this.#differs('wrongVersion', `changes begins at v${statusVersion}, v1 is missing`)
      life.foldable = false
      return life
    }
    // The beginning was deleted by retention; the history in `current` still has its events.
    this.#partial = true
    const older = this.#state?.incarnation === incarnation ? this.#state.events : []
    for (const { event, statusVersion: version } of older) {
      if (version < statusVersion) {
        life.events.set(event.eventId, event)
      }
    }
    life.kept = bounded(life.events.values())
    // What a later step replaced is in neither topic.
    const isWhole = !this.#state?.events.some((one) => one.verdict === 'RESTATED' && one.statusVersion >= statusVersion)
    life.foldable = life.events.size > 0 && (this.#state?.events.length ?? 0) < HISTORY_EVENTS_MAX && isWhole
    return life
  }

  /** Whether the record is a step of this life, to be judged as such. */
  #continueLife(life: Life, change: StatusChangeRecord, offset: bigint, repeats: boolean): boolean {
    const { statusVersion, statusBefore } = change
    const expected = life.last.statusVersion + 1
    if (statusVersion === expected) {
      if (statusBefore !== life.last.statusAfter) {
        const before = life.last.statusAfter
        this.#differs(
          'wrongStatus',
          `changes v${statusVersion} begins at ${statusBefore}, v${expected - 1} ended at ${before}`,
        )
      }
    } else if (repeats) {
      return false
    } else if (statusVersion < expected) {
      this.#differs('wrongVersion', `changes has v${statusVersion} again, at offset ${offset}; v${expected} was due`)
      return false
    } else {
      this.#differs('wrongVersion', `changes has v${statusVersion} at offset ${offset} where v${expected} was due`)
      life.foldable = false
    }
    life.last = change
    return true
  }

  /** I5: the status of a step is the fold of the events up to it. */
  #judgeStep(life: Life, { statusVersion, statusAfter, attention }: StatusChangeRecord): void {
    if (!life.foldable || life.events.size === 0) {
      return
    }
    const folded = foldPayment(life.kept)
    if (folded.status !== statusAfter) {
      this.#differs('wrongStatus', `changes v${statusVersion} says ${statusAfter}, its events come to ${folded.status}`)
    } else if (!isDeepStrictEqual(folded.attention, attention)) {
      const [said, due] = [attentionText(attention), attentionText(folded.attention)]
      this.#differs('wrongStatus', `changes v${statusVersion} carries the attention ${said}, its events ${due}`)
    }
  }

  /** Every event that `changes` or `current` holds, as it was recorded. */
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
          `event ${event.eventId} has another ${fields.join(', ')} in current than in changes`,
        )
      }
      recorded.set(event.eventId, event)
    }
    return recorded
  }

  /** Everything recorded comes of a callback, and says what that says. */
  #judgeOrigins(recorded: ReadonlyMap<string, PaymentEvent>): void {
    const { rawReachesBackTo, startedAt, sourceIds, unreadableCallbacks } = this.#circumstances
    for (const event of recorded.values()) {
      const origin = this.#raw.get(event.eventId)
      if (origin !== undefined) {
        this.#judgeReading(origin.event, event)
      } else if (
        event.receivedAt < rawReachesBackTo ||
        !sourceIds.has(event.source) ||
        unreadableCallbacks.has(event.callbackId)
      ) {
        this.#partial = true
      } else if (event.receivedAt < startedAt) {
        this.#differs(
          'unexplained',
          `event ${event.eventId} (${event.status}) was recorded, but no callback in raw says it`,
        )
      }
    }
  }

  #judgeReading(said: PaymentEvent, recorded: PaymentEvent): void {
    if (recorded.mappingVersion > said.mappingVersion) {
      return // Read by a newer release, which counts.
    }
    const fields = this.#retold.has(said.eventId) ? [] : readingsThatDiffer(said, recorded)
    if (fields.length > 0) {
      const values = fields.map((field) => `${field} ${recorded[field]}, not ${said[field]}`).join(', ')
      this.#differs('wrongStatus', `event ${said.eventId} was recorded with ${values} as its callback says`)
    }
  }

  /** I3: every event of a callback that is behind both stages was recorded. */
  #judgeCallbacks(lives: readonly Life[], recorded: ReadonlyMap<string, PaymentEvent>): void {
    const { changesFromStart, canBeWritten } = this.#circumstances
    const { current, deadLetters } = this.#evidence
    // What a forgotten payment was told before may be gone from everywhere but raw.
    const mayBeForgotten = current.kind === 'tombstone' && !changesFromStart
    const last = lives.at(-1)
    for (const { event, position, dueAt } of this.#raw.values()) {
      const { eventId, status } = event
      if (dueAt === null || deadLetters.has(eventId)) {
        continue
      }
      if (!recorded.has(eventId)) {
        if (!mayBeForgotten && !this.#mayBePushedOut(event) && canBeWritten(event)) {
          this.#losing(eventId, `event ${eventId} (${status}) of the callback at ${position} has no record in changes`)
        }
      } else if (lives.length > 1 && last !== undefined && dueAt >= last.incarnation && !this.#isIn(last, eventId)) {
        this.#losing(
          eventId,
          `event ${eventId} (${status}) came again at ${position} in a later life, and has no record there`,
        )
      }
    }
  }

  /** A full history does not keep it, and the part of `changes` that had it was deleted: it may have been recorded. */
  #mayBePushedOut(event: PaymentEvent): boolean {
    if (this.#circumstances.changesFromStart || this.#state === null) {
      return false
    }
    return !bounded([...this.#state.events.map((one) => one.event), event]).includes(event)
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
        this.#differs('wrongStatus', 'what current holds cannot be read')
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

  /** A payment leaves `current` only after nobody touched it for the retention. */
  #judgeAbsence(lives: readonly Life[]): void {
    const settled = lives.findLast(({ lastSettled }) => lastSettled !== null)?.lastSettled ?? null
    const { forgetAfterMs, startedAt } = this.#circumstances
    if (settled !== null && settled.recordedAt + forgetAfterMs > startedAt) {
      const how = this.#evidence.current.kind === 'tombstone' ? 'was removed from current' : 'is not in current'
      const { statusVersion, statusAfter } = settled
      this.#differs(
        'lost',
        `the payment ${how}, although changes has it at v${statusVersion} ${statusAfter} and it is not to be forgotten yet`,
      )
    }
  }

  /** I4: `current` holds the last version of `changes`. */
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

  /** I5: the state is the fold of all its events, whatever their order was. */
  #judgeState(state: PaymentState, lives: readonly Life[]): void {
    const life = lives.find(({ incarnation }) => incarnation === state.incarnation)
    if (lives.some(({ incarnation }) => incarnation > state.incarnation)) {
      return // It is behind by a whole life, which was said.
    }
    const history = new Map(state.events.map(({ event }) => [event.eventId, event]))
    const events = new Map(history)
    for (const [eventId, event] of life?.events ?? []) {
      if (!events.has(eventId) && life?.settled.has(eventId)) {
        events.set(eventId, event)
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
        events.set(event.eventId, event)
      }
    }
    const kept = bounded(events.values())
    for (const { eventId, status } of kept) {
      if (!history.has(eventId) && !this.#lost.has(eventId)) {
        this.#losing(eventId, `event ${eventId} (${status}) is missing in the history that current holds`)
      }
    }
    for (const eventId of history.keys()) {
      if (life !== undefined && !life.events.has(eventId) && !this.#lost.has(eventId)) {
        this.#losing(eventId, `event ${eventId} is in current and has no record in changes`)
      }
    }
    this.#judgeFold(state, kept)
  }

  #judgeFold(state: PaymentState, events: readonly PaymentEvent[]): void {
    if (events.length === 0) {
      this.#differs('wrongStatus', 'current holds a payment without events')
      return
    }
    const folded = foldPayment(events)
    if (folded.status !== state.status) {
      const lost = this.#lost.size === 0 ? '' : ', with those that were lost'
      this.#differs('wrongStatus', `current says ${state.status}, its events come to ${folded.status}${lost}`)
      return
    }
    const fields = Object.keys(folded) as (keyof typeof folded)[]
    const wrong = fields.filter((field) => !isDeepStrictEqual(folded[field], state[field]))
    if (wrong.length > 0) {
      this.#differs('wrongStatus', `current has another ${wrong.join(', ')} than its events come to`)
    }
  }
}

/** Whether a step replaces the reading of its event that counted until then. */
function isRestatement({ verdict, event }: StatusChangeRecord, known: PaymentEvent): boolean {
  return verdict === 'RESTATED' && event !== null && restatementBy(event, known) !== null
}

function readingsThatDiffer(said: PaymentEvent, recorded: PaymentEvent): readonly (typeof READINGS)[number][] {
  return READINGS.filter((field) => said[field] !== recorded[field])
}

interface Version {
  readonly incarnation: number
  readonly statusVersion: number
}

function compareVersions(a: Version, b: Version): number {
  return a.incarnation - b.incarnation || a.statusVersion - b.statusVersion
}

function bounded(events: Iterable<PaymentEvent>): readonly PaymentEvent[] {
  return keepWithinBound([...events], (event) => event, HISTORY_EVENTS_MAX)
}

function attentionText(codes: readonly string[]): string {
  return codes.length === 0 ? 'none' : codes.join('+')
}
