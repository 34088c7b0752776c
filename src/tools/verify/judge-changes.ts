import { isDeepStrictEqual } from 'node:util'
import { hasWholeHistory, type PaymentState, replacesReading } from '../../payment/apply-event.ts'
import { foldPayment } from '../../payment/fold-payment.ts'
import { type KeptEvent, keepWithinBound, wholeEvent } from '../../payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { restatementBy } from '../../payment/reading.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import type { Circumstances, Difference, DifferenceKind, PaymentEvidence } from './payment-evidence.ts'

/** One life of a payment in `changes`: from version 1 until the payment is forgotten. */
export interface Life {
  readonly incarnation: number
  /** Its events so far, by id, including those that only `current` still has. */
  readonly events: Map<string, PaymentEvent>
  /** The ids of those that `current` must have held when it was read. */
  readonly settled: Set<string>
  /** Those that a payment keeps. Applying the bound after every arrival gives the same result as applying it at the end. */
  kept: readonly KeptEvent[]
  last: StatusChangeRecord
  /** The last step that `current` must have held when it was read. */
  lastSettled: StatusChangeRecord | null
  /** False once a step is missing: a fold of the remaining events proves nothing. */
  foldable: boolean
}

export interface JudgedChanges {
  readonly lives: readonly Life[]
  readonly differences: readonly Difference[]
  /** Events restated after `current` was read, so that it may hold the previous reading. */
  readonly restatedSince: ReadonlySet<string>
  /** True if the beginning was deleted and its events were taken from `current`. */
  readonly partial: boolean
}

/** Judges repeats, versions and the status of every step of a payment in `changes`, and splits the steps into lives. Pure. */
export function judgeChanges(evidence: PaymentEvidence, circumstances: Circumstances): JudgedChanges {
  return new ChangesJudge(evidence, circumstances).judge()
}

class ChangesJudge {
  readonly #evidence: PaymentEvidence
  readonly #circumstances: Circumstances
  readonly #state: PaymentState | null
  readonly #differences: Difference[] = []
  readonly #restatedSince = new Set<string>()
  #partial = false

  constructor(evidence: PaymentEvidence, circumstances: Circumstances) {
    this.#evidence = evidence
    this.#circumstances = circumstances
    this.#state = evidence.current.kind === 'state' ? evidence.current.state : null
  }

  judge(): JudgedChanges {
    const lives = this.#lives()
    return { lives, differences: this.#differences, restatedSince: this.#restatedSince, partial: this.#partial }
  }

  #differs(kind: DifferenceKind, text: string): void {
    this.#differences.push({ kind, paymentKey: this.#evidence.paymentKey, text })
  }

  #lives(): readonly Life[] {
    const lives: Life[] = []
    for (const { offset, change } of this.#evidence.changes) {
      if (change === null || change.paymentKey !== this.#evidence.paymentKey) {
        const what = change === null ? 'cannot be read' : `is about ${change.paymentKey}`
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
          `event ${event.eventId} is repeated in changes, as v${statusVersion} at offset ${offset}`,
        )
      }
      const latest = lives.at(-1)
      if (life === undefined && (latest === undefined || latest.incarnation < incarnation)) {
        life = this.#beginLife(change, latest === undefined)
        lives.push(life)
      } else if (life === undefined || life !== latest) {
        if (!repeats) {
          this.#differs('wrongVersion', `changes returns to an earlier life with v${statusVersion} at offset ${offset}`)
        }
        continue
      } else if (!this.#continueLife(life, change, offset, repeats)) {
        continue
      }
      if (event !== null) {
        const others = known !== undefined ? life.kept.filter((one) => one.event.eventId !== event.eventId) : life.kept
        life.kept = keepWithinBound([...others, wholeEvent(event)])
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
        this.#differs('wrongStatus', `changes v1 starts from ${statusBefore} instead of no status`)
      }
      return life
    }
    if (!isFirst || this.#circumstances.changesFromStart) {
      this.#differs('wrongVersion', `changes starts at v${statusVersion}, v1 is missing`)
      life.foldable = false
      return life
    }
    // The beginning was deleted by retention; the history in `current` still has its events.
    this.#partial = true
    const ofThisLife = this.#state?.incarnation === incarnation ? this.#state.events : []
    const older = ofThisLife.filter((one) => one.statusVersion < statusVersion)
    for (const { event } of older) {
      life.events.set(event.eventId, event)
    }
    life.kept = keepWithinBound(older)
    // A reading that a later step replaced is in neither topic.
    const isWhole = !this.#state?.events.some(
      (one) => replacesReading(one.verdict) && one.statusVersion >= statusVersion,
    )
    life.foldable = life.events.size > 0 && (this.#state === null || hasWholeHistory(this.#state)) && isWhole
    return life
  }

  /** Whether the record is a step of this life that can be judged. */
  #continueLife(life: Life, change: StatusChangeRecord, offset: bigint, repeats: boolean): boolean {
    const { statusVersion, statusBefore } = change
    const expected = life.last.statusVersion + 1
    if (statusVersion === expected) {
      if (statusBefore !== life.last.statusAfter) {
        const before = life.last.statusAfter
        this.#differs(
          'wrongStatus',
          `changes v${statusVersion} starts from ${statusBefore}, but v${expected - 1} ended at ${before}`,
        )
      }
    } else if (repeats) {
      return false
    } else if (statusVersion < expected) {
      this.#differs('wrongVersion', `changes repeats v${statusVersion} at offset ${offset}, expected v${expected}`)
      return false
    } else {
      this.#differs('wrongVersion', `changes has v${statusVersion} at offset ${offset}, expected v${expected}`)
      life.foldable = false
    }
    life.last = change
    return true
  }

  /** I5: the status of a step is the fold of the events up to and including it. */
  #judgeStep(life: Life, { statusVersion, statusAfter, attention }: StatusChangeRecord): void {
    if (!life.foldable || life.events.size === 0) {
      return
    }
    const folded = foldPayment(life.kept.map((one) => one.event))
    if (folded.status !== statusAfter) {
      this.#differs('wrongStatus', `changes v${statusVersion} has ${statusAfter}, its events fold to ${folded.status}`)
    } else if (!isDeepStrictEqual(folded.attention, attention)) {
      const [found, expected] = [attentionText(attention), attentionText(folded.attention)]
      this.#differs('wrongStatus', `changes v${statusVersion} has attention ${found}, its events fold to ${expected}`)
    }
  }
}

/** Whether a step replaces the previously valid reading of its event. */
function isRestatement({ verdict, event }: StatusChangeRecord, known: PaymentEvent): boolean {
  return replacesReading(verdict) && event !== null && restatementBy(event, known) !== null
}

function attentionText(codes: readonly string[]): string {
  return codes.length === 0 ? 'none' : codes.join('+')
}
