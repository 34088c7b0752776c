import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../../src/config.ts'
import { orderFreePart, type PaymentState, replacesReading } from '../../../src/payment/apply-event.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import { foldPayment } from '../../../src/payment/fold-payment.ts'
import { keepWithinBound, wholeEvent } from '../../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { readingThatCounts } from '../../../src/payment/reading.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { type TotalsDelta, totalsDifference } from '../../../src/payment/totals.ts'
import type { DeadLetter } from '../../../src/providers/provider.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { fromRawRecord } from '../../../src/raw/from-raw-record.ts'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { headerText } from '../../../src/stream/header-text.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import { createRandom } from '../../../src/tools/simulate/random.ts'
import type { Observer, ReadRecord } from './observer.ts'

/** All topics of an installation as a read_committed reader sees them, decoded. */
export interface Contents {
  readonly raw: readonly ReadRecord[]
  readonly rawDeadLetters: readonly ReadRecord[]
  readonly events: readonly PaymentEvent[]
  readonly eventRecords: readonly ReadRecord[]
  readonly eventDeadLetters: readonly ReadRecord[]
  /** The ids of the events that are dead letters. */
  readonly putAside: ReadonlySet<string>
  readonly changes: readonly StatusChangeRecord[]
  readonly changeRecords: readonly ReadRecord[]
  /** The records of `current` in order; null is a tombstone. */
  readonly currentRecords: readonly { readonly key: string; readonly state: PaymentState | null }[]
  readonly current: ReadonlyMap<string, PaymentState>
  readonly records: readonly ReadRecord[]
}

export async function readContents(observer: Observer): Promise<Contents> {
  const { codecs } = observer
  const [raw, rawDeadLetters, eventRecords, eventDeadLetters, changeRecords, currentRecords] = await Promise.all([
    observer.records('raw'),
    observer.records('rawDeadLetters'),
    observer.records('events'),
    observer.records('eventDeadLetters'),
    observer.records('changes'),
    observer.records('current'),
  ])
  const states = currentRecords.map(({ key, value }) => ({
    key: String(key),
    state: value === null ? null : codecs.state.decode(value),
  }))
  const current = new Map<string, PaymentState>()
  for (const { key, state } of states) {
    if (state === null) {
      current.delete(key)
    } else {
      current.set(key, state)
    }
  }
  return {
    raw,
    rawDeadLetters,
    events: eventRecords.map(({ value }) => codecs.event.decode(value as Buffer)),
    eventRecords,
    eventDeadLetters,
    putAside: new Set(eventDeadLetters.flatMap(({ value }) => eventIdIn(codecs, value))),
    changes: changeRecords.map(({ value }) => codecs.change.decode(value as Buffer)),
    changeRecords,
    currentRecords: states,
    current,
    records: [...raw, ...rawDeadLetters, ...eventRecords, ...eventDeadLetters, ...changeRecords, ...currentRecords],
  }
}

/** The event id in a dead letter; none if the event cannot be decoded. */
function eventIdIn(codecs: Observer['codecs'], value: Buffer | null): readonly string[] {
  try {
    return value === null ? [] : [codecs.event.decode(value).eventId]
  } catch {
    return []
  }
}

/**
 * Checks the invariants when nothing is in flight: one sentence per violation. Valid after any fault, because a crash may
 * repeat raw records, events and their dead letters, but nothing in `changes` and `current`.
 */
export function violationsOf(contents: Contents, config: Config): readonly string[] {
  return [
    ...elementsOf(contents, config),
    ...onceInChanges(contents),
    ...versionsOf(contents),
    ...foldsOf(contents),
    ...partitionsOf(contents, config),
  ]
}

/** I2: every element of every raw record is an event, a dead letter or set aside. */
function* elementsOf({ raw, rawDeadLetters, events }: Contents, config: Config): Iterable<string> {
  const written = new Set(events.map(elementName))
  const deadLetters = new Map(rawDeadLetters.map((record) => [deadLetterName(record), record]))
  const sources = sourcesById(config.sources)
  const expected = new Set<string>()
  const expectedDeadLetters = new Set<string>()
  for (const record of raw) {
    const source = config.sources.find(({ id }) => id === headerText(record, 'ce_source'))
    const raw = fromRawRecord(record, sources)
    if (source === undefined || typeof raw === 'string') {
      yield `I2: ${positionOf(record)} has no configured source`
      continue
    }
    const { callback, provider } = raw
    const { namespace, currency } = callback
    if (provider.id !== source.provider || namespace !== source.namespace || currency !== source.currency) {
      yield `I2: ${positionOf(record)} differs from its configured source`
    }
    const translation = provider.translate(callback)
    for (const event of withChildReports(translation.events)) {
      expected.add(elementName(event))
    }
    for (const { element, reason } of together(translation.deadLetters)) {
      const name = `${record.partition}/${record.offset}#${element ?? ''}`
      expectedDeadLetters.add(name)
      const found = deadLetters.get(name)
      if (found !== undefined && headerText(found, 'dlq_reason') !== reason) {
        yield `I2: the dead letter ${name} says ${headerText(found, 'dlq_reason')}, not ${reason}`
      }
      if (found !== undefined && !(found.value as Buffer).equals(record.value as Buffer)) {
        yield `I2: the dead letter ${name} differs from the raw body`
      }
      if (found !== undefined && !(found.key as Buffer).equals(record.key as Buffer)) {
        yield `I2: the dead letter ${name} has another key than the raw record`
      }
    }
    if (translation.events.length + translation.deadLetters.length + translation.setAside === 0) {
      yield `I2: the outcome of ${positionOf(record)} is missing: no event, no dead letter, nothing set aside`
    }
  }
  // Events that older mappings read differently were replaced or withdrawn; if not, the last status differs.
  for (const event of events.filter(isReplaced)) {
    const name = elementName(event)
    if (!expected.has(name)) {
      written.delete(name)
    }
  }
  yield* difference('I2: event', expected, written)
  yield* difference('I2: dead letter', expectedDeadLetters, new Set(deadLetters.keys()))
}

function isReplaced({ withdrawn, mappingVersion, provider }: PaymentEvent): boolean {
  return withdrawn || mappingVersion < (providerById(provider)?.mappingVersion ?? 0)
}

/** A callback with more dead letters is expected to have a single one. */
const DEAD_LETTERS_OF_CALLBACK_MAX = 16

function together(deadLetters: readonly DeadLetter[]): readonly Pick<DeadLetter, 'reason' | 'element'>[] {
  const [first] = deadLetters
  return first !== undefined && deadLetters.length > DEAD_LETTERS_OF_CALLBACK_MAX
    ? [{ reason: first.reason, element: null }]
    : deadLetters
}

/** I3: every distinct event has exactly one record in `changes`. */
function* onceInChanges({ events, changes, putAside }: Contents): Iterable<string> {
  const seen = new Set<string>()
  for (const { event, paymentKey, verdict } of changes) {
    if (event !== null) {
      if (seen.has(event.eventId) && !replacesReading(verdict)) {
        yield `I3: ${event.eventId} of ${paymentKey} is in changes twice`
      }
      seen.add(event.eventId)
    }
  }
  const expected = new Set(events.map(({ eventId }) => eventId).filter((eventId) => !putAside.has(eventId)))
  yield* difference('I3: distinct event', expected, seen)
}

/** I4: versions in `changes` are 1, 2, 3 …; `current` holds the last one and never goes back. */
function* versionsOf({ changes, current, currentRecords }: Contents): Iterable<string> {
  const last = new Map<string, StatusChangeRecord>()
  for (const change of changes) {
    const before = last.get(change.paymentKey)
    const sameLife = before?.incarnation === change.incarnation
    const expected = sameLife ? before.statusVersion + 1 : 1
    if (change.statusVersion !== expected) {
      yield `I4: ${change.paymentKey} has version ${change.statusVersion}, expected ${expected}`
    }
    if (sameLife && change.statusBefore !== before.statusAfter) {
      yield `I4: ${change.paymentKey} v${change.statusVersion} has statusBefore ${change.statusBefore}, the version before it ended with ${before.statusAfter}`
    }
    last.set(change.paymentKey, change)
  }
  for (const [paymentKey, change] of last) {
    const state = current.get(paymentKey)
    if (state !== undefined && (state.statusVersion !== change.statusVersion || state.status !== change.statusAfter)) {
      yield `I4: current has ${paymentKey} at v${state.statusVersion} ${state.status}, changes at v${change.statusVersion} ${change.statusAfter}`
    }
  }
  yield* difference('I4: payment', new Set(last.keys()), new Set(currentRecords.map(({ key }) => key)))
  const states = new Map<string, PaymentState | null>()
  for (const { key, state } of currentRecords) {
    const before = states.get(key) ?? null
    const advances = state === null || before === null || state.statusVersion > before.statusVersion
    if (!advances && !isDeepStrictEqual(withoutMappingVersions(state), withoutMappingVersions(before))) {
      yield `I4: current goes from v${before.statusVersion} to v${state.statusVersion} for ${key}`
    }
    states.set(key, state)
  }
}

/** A newer mapping that reads the same only raises the mapping version of the known event, which is no step. */
function withoutMappingVersions(state: PaymentState): PaymentState {
  const events = state.events.map((recorded) => ({ ...recorded, event: { ...recorded.event, mappingVersion: 0 } }))
  return { ...state, events }
}

/** I5: the status of every change is the fold of the events up to it, and the last one of all events in any order. */
function* foldsOf({ events, changes, current }: Contents): Iterable<string> {
  const upTo = new Map<string, PaymentEvent[]>()
  for (const { event, incarnation, paymentKey, statusAfter, statusVersion } of changes) {
    if (event !== null) {
      const life = `${paymentKey} ${incarnation}`
      const known = upTo.get(life) ?? []
      const restated = known.findIndex(({ eventId }) => eventId === event.eventId)
      known.splice(restated === -1 ? known.length : restated, 1, event)
      upTo.set(life, known)
      const { status } = foldPayment(known)
      if (status !== statusAfter) {
        yield `I5: ${paymentKey} v${statusVersion} says ${statusAfter}, the fold of its events is ${status}`
      }
    }
  }
  const random = createRandom(1, 'shuffle')
  for (const [paymentKey, ofPayment] of Map.groupBy(events, ({ paymentKey }) => paymentKey)) {
    const distinct = [...Map.groupBy(random.shuffle(ofPayment), ({ eventId }) => eventId).values()].map((readings) =>
      readings.reduce(readingThatCounts),
    )
    const state = current.get(paymentKey)
    if (state === undefined) {
      continue
    }
    const { status, decidedBy, attention } = foldPayment(distinct)
    const have = orderFreePart(state)
    const kept = keepWithinBound(distinct.map(wholeEvent)).map(({ event }) => event.eventId)
    const want = { status, decidedBy, attention, eventIds: kept.sort() }
    if (
      !isDeepStrictEqual(want, {
        status: have.status,
        decidedBy: have.decidedBy,
        attention: have.attention,
        eventIds: have.eventIds,
      })
    ) {
      yield `I5: current has ${paymentKey} as ${have.status}, the fold of all its events in another order is ${status}`
    }
  }
}

function* partitionsOf({ changeRecords, raw }: Contents, config: Config): Iterable<string> {
  for (const record of [...changeRecords, ...raw]) {
    if (partitionOf(record.key as Buffer, config.kafka.partitions) !== record.partition) {
      yield `${positionOf(record)} is not in the partition of its key`
    }
  }
}

/** I8: compares the counts in the commits with the records in the topics. */
export function totalsViolations(
  totals: TotalsDelta,
  { events, changes, eventDeadLetters }: Contents,
): readonly string[] {
  const ofVerdict = (verdict: string) => changes.filter((change) => change.verdict === verdict).length
  const expected = {
    events: events.length,
    applied: ofVerdict('APPLIED'),
    late: ofVerdict('LATE'),
    revision: ofVerdict('REVISION'),
    conflict: ofVerdict('CONFLICT'),
    unknown: ofVerdict('UNKNOWN'),
    restated: ofVerdict('RESTATED'),
    withdrawn: ofVerdict('WITHDRAWN'),
    overdue: ofVerdict('OVERDUE'),
    duplicate: events.length - changes.filter(({ event }) => event !== null).length - eventDeadLetters.length,
    deadLetter: eventDeadLetters.length,
  }
  const wrong = Object.entries(expected)
    .filter(([name, count]) => totals[name as keyof TotalsDelta] !== count)
    .map(
      ([name, count]) => `I8: the totals count ${totals[name as keyof TotalsDelta]} ${name}, the topics hold ${count}`,
    )
  const missing = totalsDifference(totals)
  return missing === 0 ? wrong : [...wrong, `I8: ${missing} events are unaccounted for`]
}

/** I6: when nothing is in flight, the view equals `current` byte for byte. */
export async function viewViolations(observer: Observer): Promise<readonly string[]> {
  const [view, current] = await Promise.all([observer.viewBytes(), observer.currentBytes()])
  return current.flatMap((payments, partition) => {
    const seen = view[partition] ?? new Map<string, Buffer>()
    const wrong = [...payments]
      .filter(([key, bytes]) => !seen.get(key)?.equals(bytes))
      .map(([key]) => `I6: the view of partition ${partition} and current differ in ${key}`)
    const extra = [...seen.keys()]
      .filter((key) => !payments.has(key))
      .map((key) => `I6: the view of partition ${partition} has ${key}, which is not in current`)
    return [...wrong, ...extra]
  })
}

function* difference(what: string, expected: ReadonlySet<string>, found: ReadonlySet<string>): Iterable<string> {
  for (const name of expected) {
    if (!found.has(name)) {
      yield `${what} ${name} is missing`
    }
  }
  for (const name of found) {
    if (!expected.has(name)) {
      yield `${what} ${name} is unexpected`
    }
  }
}

function elementName(event: PaymentEvent): string {
  return `${event.callbackId}#${event.element} ${event.eventId}`
}

function deadLetterName(record: ReadRecord): string {
  const header = (name: string) => headerText(record, name)
  return `${header('dlq_partition')}/${header('dlq_offset')}#${header('dlq_element')}`
}

function positionOf(record: ReadRecord): string {
  return `record ${record.partition}/${record.offset}`
}
