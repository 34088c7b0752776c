import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { publishedFinalityOf } from '../../payment/status-change.ts'
import { addOutcome, type BatchOutput, emptyOutput, outputOfTimers } from '../../processor/batch-output.ts'
import { markOverdue } from '../../processor/due.ts'
import { foldBatch } from '../../processor/fold-batch.ts'
import { CHANGE_HEADERS, StepHeaders } from '../../processor/step-headers.ts'
import { buildEvent } from '../../providers/build-event.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { InRecord, OutRecord } from '../../stream/record.ts'
import type { TopicNames } from '../../topics.ts'
import { PHASES, type Phase } from './phases.ts'
import { type Act, KIND_OF_REFUND, type Reading } from './scenario.ts'
import { SCENARIOS, type ScenarioName } from './scenarios.ts'
import { type Pair, pairOf, type TableRow } from './table-row.ts'

/** Everything to write, in order, and what a subscriber must make of it. */
export interface Story {
  readonly writes: readonly Write[]
  /** What the table must hold about each payment after a phase, by payment key. */
  readonly expectedAfter: Readonly<Record<Phase, ReadonlyMap<string, Expectation>>>
  /** The payments of `every-partition`: the last records of a phase are theirs. */
  readonly lastWritten: ReadonlySet<string>
}

/** A record of one of the two topics. */
export interface Write {
  readonly phase: Phase
  readonly topic: 'changes' | 'current'
  readonly partition: number
  readonly record: OutRecord
  /** False: it is in a transaction that is aborted. */
  readonly committed: boolean
  readonly about: About
}

/** Which record it is, for messages. */
export interface About {
  readonly paymentKey: string
  /** Null for a tombstone. */
  readonly pair: Pair | null
  readonly status: string
  /** True for a record of `changes` that was written before. */
  readonly repeated: boolean
}

export interface Expectation {
  readonly scenario: ScenarioName | 'every-partition'
  readonly paymentKey: string
  /** `either`: a payment that was forgotten while the subscriber ran, or was away, may be kept or deleted. */
  readonly presence: 'row' | 'none' | 'either'
  readonly row: TableRow
  /** The pairs of its committed records in `changes`, in order, without repeats, by phase. */
  readonly steps: Readonly<Partial<Record<Phase, readonly Pair[]>>>
}

export interface StoryOptions {
  readonly scenarios: readonly ScenarioName[]
  readonly topics: TopicNames
  readonly codecs: PaymentCodecs
  /** Of a release with a newer schema. */
  readonly newer: PaymentCodecs
  /** At least 2: the last one stays empty. */
  readonly partitions: number
  /** Number of payments of `many-at-start`. */
  readonly manyPayments: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** When the history begins; it is the same in every run. */
const BEGIN_MS = Date.parse('2026-01-01T08:00:00Z')
const COPIES = 2
const NAMESPACE = 'conformance'
const DUE_POLICY = { retentionMs: 400 * DAY_MS, nextStatusWithin: { default: DAY_MS, providers: {} } }
const MAPPING = { id: 'conformance-kit', mappingVersion: 1 }

/**
 * Plays the scenarios through the fold and the processor's own code for records, so that a subscriber reads what it would read
 * in operation. Pure: the same options give the same story.
 */
export function tellStory(options: StoryOptions): Story {
  const teller = new Teller(options)
  for (const phase of Object.keys(PHASES) as Phase[]) {
    teller.tell(phase)
  }
  return teller.story()
}

interface Told {
  readonly scenario: Expectation['scenario']
  readonly paymentKey: string
  state: PaymentState | undefined
  /** What consumers with our schema read in place of the status of the state; null if it is the state's. */
  statusInstead: 'UNKNOWN' | null
  forgottenIn: Phase | null
  /** Latest provider's time, and the processor's clock. */
  providerMs: number
  clockMs: number
  readonly reports: PaymentEvent[]
  readonly changes: Write[]
  readonly steps: Partial<Record<Phase, Pair[]>>
  lastRow: TableRow | undefined
}

class Teller {
  readonly #options: StoryOptions
  readonly #writes: Write[] = []
  readonly #payments = new Map<string, Told>()
  readonly #expectedAfter: Partial<Record<Phase, ReadonlyMap<string, Expectation>>> = {}
  readonly #lastWritten: Set<string>
  readonly #stepHeaders: StepHeaders

  constructor(options: StoryOptions) {
    this.#options = options
    this.#lastWritten = new Set(lastKeys(options.partitions))
    this.#stepHeaders = new StepHeaders(options.topics.changes)
  }

  tell(phase: Phase): void {
    for (const scenario of this.#options.scenarios) {
      const { acts, copies } = copiesOf(scenario, this.#options.manyPayments)
      const now = acts.filter((act) => act.phase === phase)
      for (let copy = 1; now.length > 0 && copy <= copies; copy += 1) {
        for (const act of now) {
          this.#play(scenario, copy, act)
        }
      }
    }
    for (const paymentKey of this.#lastWritten) {
      const payment = this.#payment('every-partition', paymentKey)
      this.#report(payment, phase, 'both', this.#event(payment, { status: 'PROCESSING' }))
    }
    this.#expectedAfter[phase] = new Map(
      [...this.#payments.values()].flatMap((payment) => {
        const expectation = expectationOf(payment)
        return expectation === undefined ? [] : [[payment.paymentKey, expectation] as const]
      }),
    )
  }

  story(): Story {
    const expectedAfter = this.#expectedAfter as Story['expectedAfter']
    return { writes: this.#writes, expectedAfter, lastWritten: this.#lastWritten }
  }

  #play(scenario: ScenarioName, copy: number, { phase, payment: name, does, published }: Act): void {
    const keyOf = (role: string) => keyOutside(`${NAMESPACE}:${scenario}-${role}-${copy}`, this.#options.partitions)
    const payment = this.#payment(scenario, keyOf(name))
    switch (does.kind) {
      case 'reports': {
        const { refunds, ...report } = does
        const original = refunds === undefined ? null : keyOf(refunds)
        const event = this.#event(payment, { ...report, original })
        payment.reports.push(event)
        for (const one of withChildReports([event])) {
          this.#report(this.#payment(scenario, one.paymentKey), phase, published, one)
        }
        return
      }
      case 'reads-again': {
        const event = payment.reports[does.report - 1] as PaymentEvent
        const read = readAgain(event, does.reading)
        payment.reports[does.report - 1] = read
        this.#report(payment, phase, published, read)
        return
      }
      case 'repeats':
        for (const position of does.records) {
          const { record, partition, about } = payment.changes[position - 1] as Write
          const headers = { ...record.headers, [CHANGE_HEADERS.repaired]: new Date(payment.clockMs).toISOString() }
          this.#writes.push({
            phase,
            topic: 'changes',
            partition,
            record: { ...record, headers },
            committed: true,
            about: { ...about, repeated: true },
          })
        }
        return
      case 'is-overdue':
        payment.clockMs += 2 * DAY_MS
        this.#timer(payment, phase)
        return
      case 'is-forgotten':
        payment.clockMs += DUE_POLICY.retentionMs
        this.#timer(payment, phase)
        return
      default:
        does satisfies never
    }
  }

  #payment(scenario: Expectation['scenario'], paymentKey: string): Told {
    const known = this.#payments.get(paymentKey)
    if (known !== undefined) {
      return known
    }
    const told: Told = {
      scenario,
      paymentKey,
      state: undefined,
      statusInstead: null,
      forgottenIn: null,
      providerMs: BEGIN_MS,
      clockMs: BEGIN_MS,
      reports: [],
      changes: [],
      steps: {},
      lastRow: undefined,
    }
    this.#payments.set(paymentKey, told)
    return told
  }

  #event(payment: Told, report: Reading & { status: PaymentEvent['status'] } & EventExtras): PaymentEvent {
    const { status, amount, lateByMinutes, original = null } = report
    payment.clockMs += MINUTE_MS
    const occurredAt =
      lateByMinutes === undefined
        ? Math.max(payment.providerMs + MINUTE_MS, payment.clockMs - MINUTE_MS)
        : payment.providerMs - lateByMinutes * MINUTE_MS
    payment.providerMs = Math.max(payment.providerMs, occurredAt)
    const occurredAtText = new Date(occurredAt).toISOString()
    const callback = {
      callbackId: '00000000-0000-7000-8000-000000000000',
      source: 'conformance-kit',
      namespace: NAMESPACE,
      currency: 'USD',
      receivedAt: payment.clockMs,
      contentType: 'application/json',
      authenticity: ['mtls'],
      body: Buffer.alloc(0),
    }
    return buildEvent(callback, MAPPING, 0, {
      paymentKey: payment.paymentKey,
      naturalKey: `${status} ${occurredAtText}`,
      status,
      sourceStatus: status,
      kind: original === null ? 'PAYMENT' : KIND_OF_REFUND,
      relatesTo: original,
      amount: amountOf(amount),
      endToEndId: payment.paymentKey.slice(NAMESPACE.length + 1),
      time: {
        occurredAt,
        occurredAtText,
        occurredAtPrecision: 'MILLISECOND',
        zoneAssumed: false,
        timeUnreadable: false,
      },
    })
  }

  /** An event arrives, and the processor publishes what it means. */
  #report(payment: Told, phase: Phase, published: Act['published'], event: PaymentEvent): void {
    const output = emptyOutput()
    const record: InRecord = { offset: 0n, key: null, value: null, headers: {}, timestamp: payment.clockMs }
    const outcome = foldBatch([{ record, event }], () => payment.state, payment.clockMs, output.totals)
    addOutcome(output, outcome, this.#context(published), payment.clockMs)
    const state = outcome.state ?? payment.state
    if (state !== undefined) {
      this.#publish(payment, phase, output, published, state)
    }
  }

  /** The payment's time has come. */
  #timer(payment: Told, phase: Phase): void {
    const { paymentKey, state, clockMs } = payment
    const output = outputOfTimers([paymentKey], () => state, this.#context('both'), clockMs)
    const isForgotten = output.totals.forgotten > 0
    this.#publish(
      payment,
      phase,
      output,
      'both',
      isForgotten || state === undefined ? undefined : markOverdue(state, clockMs),
    )
  }

  #publish(
    payment: Told,
    phase: Phase,
    output: BatchOutput,
    published: Act['published'],
    state: PaymentState | undefined,
  ): void {
    const committed = published !== 'rolled-back'
    const statusInstead = published === 'newer-schema' ? 'UNKNOWN' : null
    const pair = state === undefined ? null : pairOf(state)
    const status = state === undefined ? 'forgotten' : (statusInstead ?? state.status)
    const about: About = { paymentKey: payment.paymentKey, pair, status, repeated: false }
    const partition = partitionOf(Buffer.from(payment.paymentKey), this.#options.partitions)
    const writeTo = (topic: 'changes' | 'current', record: OutRecord) => {
      const write = { phase, topic, partition, record, committed, about }
      this.#writes.push(write)
      return write
    }
    for (const record of output.current) {
      writeTo('current', record)
    }
    for (const record of published === 'current-only' ? [] : output.changes) {
      const write = writeTo('changes', record)
      if (committed && pair !== null) {
        payment.changes.push(write)
        payment.steps[phase] = [...(payment.steps[phase] ?? []), pair]
      }
    }
    if (committed) {
      payment.lastRow = state === undefined ? payment.lastRow : rowOf(state, statusInstead)
      payment.forgottenIn = state === undefined ? phase : null
      payment.state = state
      payment.statusInstead = statusInstead
    }
  }

  #context(published: Act['published']) {
    const { codecs, newer, topics } = this.#options
    return {
      codecs: published === 'newer-schema' ? newer : codecs,
      topics,
      duePolicy: DUE_POLICY,
      partition: 0,
      stepHeaders: this.#stepHeaders,
    }
  }
}

interface EventExtras {
  readonly lateByMinutes?: number
  readonly original?: string | null
}

function copiesOf(scenario: ScenarioName, manyPayments: number): { acts: readonly Act[]; copies: number } {
  return { acts: SCENARIOS[scenario].acts, copies: scenario === 'many-at-start' ? manyPayments : COPIES }
}

function amountOf(amount: string | undefined) {
  return amount === undefined ? null : { value: amount, currency: 'USD' }
}

/** The event by a newer mapping: the same id, because what the provider said is the same. */
function readAgain(event: PaymentEvent, reading: Reading | 'withdrawn' | 'same'): PaymentEvent {
  const read = { ...event, mappingVersion: event.mappingVersion + 1 }
  if (reading === 'same') {
    return read
  }
  if (reading === 'withdrawn') {
    return { ...read, withdrawn: true }
  }
  const { status = event.status, amount } = reading
  return { ...read, status, amount: amount === undefined ? event.amount : amountOf(amount) }
}

function rowOf(state: PaymentState, statusInstead: 'UNKNOWN' | null): TableRow {
  return {
    paymentKey: state.paymentKey,
    incarnation: state.incarnation,
    statusVersion: state.statusVersion,
    status: statusInstead ?? state.status,
    finality: statusInstead === null ? publishedFinalityOf(state.status) : 'OPEN',
    kind: state.kind,
    amount: state.details.amount,
  }
}

/** Undefined for a payment that exists only in aborted transactions and never had a row. */
function expectationOf({ scenario, paymentKey, forgottenIn, lastRow, steps }: Told): Expectation | undefined {
  const copied = Object.fromEntries(Object.entries(steps).map(([phase, pairs]) => [phase, [...pairs]]))
  if (lastRow === undefined) {
    return { scenario, paymentKey, presence: 'none', row: noRow(paymentKey), steps: copied }
  }
  // Whoever reads current from its beginning learns what was forgotten before the start.
  const presence = forgottenIn === null ? 'row' : forgottenIn === 'start' ? 'none' : 'either'
  return { scenario, paymentKey, presence, row: lastRow, steps: copied }
}

function noRow(paymentKey: string): TableRow {
  return { paymentKey, incarnation: 0, statusVersion: 0, status: 'none' }
}

/** The key, with a suffix that keeps it out of the last partition, which stays empty. */
function keyOutside(key: string, partitions: number): string {
  return firstKey(key, (partition) => partition !== partitions - 1, partitions)
}

/** One key for each partition, except the last. */
function lastKeys(partitions: number): readonly string[] {
  return Array.from({ length: partitions - 1 }, (_, wanted) =>
    firstKey(`${NAMESPACE}:every-partition`, (partition) => partition === wanted, partitions),
  )
}

function firstKey(key: string, fits: (partition: number) => boolean, partitions: number): string {
  for (let number = 0; ; number += 1) {
    const candidate = number === 0 ? key : `${key}-${number}`
    if (fits(partitionOf(Buffer.from(candidate), partitions))) {
      return candidate
    }
  }
}
