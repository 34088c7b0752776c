import { encodeIfFits } from '../../avro/encode-if-fits.ts'
import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import { EVENT_BYTES_MAX, type PaymentEvent } from '../../payment/payment-event.ts'
import { EVENT_DEAD_LETTER_REASONS } from '../../processor/fold-batch.ts'
import { DEAD_LETTER_REASONS } from '../../providers/provider.ts'
import type { SourcesById } from '../../raw/sources-by-id.ts'
import { DLT_HEADERS, hasDltPlace } from '../../stream/dlt-headers.ts'
import { headerValue } from '../../stream/header-value.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { OutRecord } from '../../stream/record.ts'
import { type ResolvedLetter, toResolvedRecord } from '../../stream/resolved-letter.ts'
import type { TopicNames } from '../../topics.ts'
import { openIfPossible } from '../open-if-possible.ts'
import { type Effect, effectOf } from './effects.ts'
import { type LetterPlace, placeText } from './letter-place.ts'
import type { OpenLetter } from './open-letters.ts'
import { type Problem, type ReadAgain, readCallbackAgain, readEventAgain, staysBecause } from './read-again.ts'
import { REDRIVE_HEADERS, type StoredLetter } from './stored-letter.ts'

/** How often the events of a dead letter are published, unless `again` is set. */
export const REDRIVES_MAX = 5

/** Who redrives or closes dead letters, and why. */
export interface Decider {
  readonly by: string
  readonly reason: string
}

/** What a redrive needs. */
export interface RedrivePorts {
  readonly codecs: PaymentCodecs
  readonly bodies: OpensBodies
  readonly sources: SourcesById
  readonly topics: TopicNames
  readonly partitions: number
  /** The consumer group of the status processor. */
  readonly group: string
  /** The states in `current` of these payments. */
  readonly statesOf: (paymentKeys: ReadonlySet<string>) => Promise<Map<string, PaymentState>>
  /** Resolves when all in-sync replicas have the records. */
  readonly append: (
    topic: 'events' | 'resolvedDeadLetters',
    partition: number,
    records: readonly OutRecord[],
  ) => Promise<void>
  /** The clock, ms since the epoch. */
  readonly now: () => number
}

/** The result of redriving a dead letter, or in a dry run the expected result. */
export interface RedrivenLetter {
  readonly place: LetterPlace
  readonly provider: string
  readonly source: string
  /** The reason before this redrive. */
  readonly reason: string
  /**
   * `partly`: some events are new and were published, and something still cannot be read. `stays`: nothing was published.
   * `refused`: it was redriven too often.
   */
  readonly outcome: 'redriven' | 'partly' | 'stays' | 'refused'
  /** Why it stays; null if it does not. */
  readonly problem: Problem | null
  /** How often its events were published before. */
  readonly redrives: number
  /** One for each event that it gives now. */
  readonly effects: readonly Effect[]
}

interface Plan {
  readonly open: OpenLetter
  readonly result: RedrivenLetter
  readonly events: readonly { readonly partition: number; readonly record: OutRecord }[]
}

/**
 * Reads dead letters again and publishes the events that they give now. First the events are written and acknowledged by all
 * in-sync replicas, then the decisions are written, then the results are returned. If the process is killed before the decisions
 * are written, the next run publishes the events again, and the status processor recognises them as duplicates. Without `decider`
 * nothing is written.
 *
 * An event that would become a dead letter again (history full, too large) is not published: its dead letter stays.
 *
 * @param again whether to include dead letters that were redriven {@link REDRIVES_MAX} times.
 */
export async function redriveLetters(
  ports: RedrivePorts,
  letters: readonly OpenLetter[],
  decider: Decider | null,
  again: boolean,
  signal?: AbortSignal,
): Promise<readonly RedrivenLetter[]> {
  const plans = await planRedrive(ports, letters, again, signal)
  if (decider !== null) {
    await publish(ports, plans)
    await decide(ports, plans, decider)
  }
  return plans.map(({ result }) => result)
}

async function publish({ append }: RedrivePorts, plans: readonly Plan[]): Promise<void> {
  const events = plans.flatMap(({ events: of }) => of)
  const byPartition = Map.groupBy(events, ({ partition }) => partition)
  await Promise.all(
    [...byPartition].map(([partition, of]) =>
      append(
        'events',
        partition,
        of.map(({ record }) => record),
      ),
    ),
  )
}

async function decide({ append, now }: RedrivePorts, plans: readonly Plan[], decider: Decider): Promise<void> {
  const decided = plans.filter(({ result }) => result.outcome !== 'refused')
  await appendDecisions(
    append,
    decided.map(({ open, result, events }) => ({
      open,
      letter: {
        how: result.problem === null ? 'redriven' : 'stays',
        at: now(),
        ...decider,
        redrives: result.redrives + (events.length > 0 ? 1 : 0),
        newReason: result.problem?.reason ?? null,
      },
    })),
  )
}

/** Writes the decisions about dead letters. */
export async function appendDecisions(
  append: RedrivePorts['append'],
  decisions: readonly { readonly open: OpenLetter; readonly letter: ResolvedLetter }[],
): Promise<void> {
  const byPartition = Map.groupBy(decisions, ({ open }) => open.letter.place.partition)
  await Promise.all(
    [...byPartition].map(([partition, of]) =>
      append(
        'resolvedDeadLetters',
        partition,
        of.map(({ open: { topicId, letter: stored }, letter }) =>
          toResolvedRecord({ topicId, partition, offset: stored.place.offset }, letter),
        ),
      ),
    ),
  )
}

async function planRedrive(
  ports: RedrivePorts,
  letters: readonly OpenLetter[],
  again: boolean,
  signal: AbortSignal | undefined,
): Promise<readonly Plan[]> {
  const readings = await readAgain(ports, letters, signal)
  const keys = new Set(readings.flatMap(({ events }) => events.map(({ paymentKey }) => paymentKey)))
  const states = await ports.statesOf(keys)
  return letters.map((open, index) => {
    const reading = readings[index] as ReadAgain
    const isRefused = !again && open.redrives >= REDRIVES_MAX && reading.events.length > 0
    return isRefused ? refused(open) : planLetter(ports, open, reading, states)
  })
}

/** Reads dead letters again; the results are in the same order. */
async function readAgain(
  { bodies, codecs, sources, topics, group }: RedrivePorts,
  letters: readonly OpenLetter[],
  signal?: AbortSignal,
): Promise<readonly ReadAgain[]> {
  const callbacks = letters.filter(({ letter }) => letter.place.topic === 'rawDeadLetters')
  const records = callbacks.map(({ letter }) => letter.record)
  const opened = await openIfPossible(bodies, records, signal)
  const bodyOf = new Map(callbacks.map(({ letter }, index) => [letter, opened[index] ?? 'no-key']))
  const readings: ReadAgain[] = []
  for (const { letter } of letters) {
    const body = bodyOf.get(letter)
    readings.push(
      body === undefined
        ? await readEventAgain(letter, codecs, topics, group)
        : readCallbackAgain(letter, body, sources),
    )
  }
  return readings
}

function planLetter(
  ports: RedrivePorts,
  open: OpenLetter,
  reading: ReadAgain,
  states: Map<string, PaymentState>,
): Plan {
  const effects: Effect[] = []
  const events: { partition: number; record: OutRecord }[] = []
  let { problem } = reading
  for (const event of reading.events) {
    const value = bytesOf(ports, open.letter, event)
    if (value === null) {
      problem ??= { reason: 'internal-error', message: DEAD_LETTER_REASONS['internal-error'] }
      continue
    }
    if (value.length > EVENT_BYTES_MAX) {
      problem ??= { reason: 'too-large', message: EVENT_DEAD_LETTER_REASONS['too-large'] }
      continue
    }
    const effect = effectOf(event, states, ports.now())
    effects.push(effect)
    if (effect.outcome === 'history-full') {
      problem ??= { reason: 'history-full', message: EVENT_DEAD_LETTER_REASONS['history-full'] }
      continue
    }
    const key = Buffer.from(event.paymentKey)
    const partition = partitionOf(key, ports.partitions)
    events.push({ partition, record: { key, value, headers: headersOf(ports.topics, open) } })
  }
  if (problem === null) {
    return { open, events, result: { ...resultOf(open), outcome: 'redriven', problem, effects } }
  }
  // The dead letter stays open, so its events are published only if at least one of them is new.
  const isNew = effects.some(({ outcome }) => outcome === 'recorded')
  const result = { ...resultOf(open), outcome: isNew ? 'partly' : 'stays', problem, effects } as const
  return { open, events: isNew ? events : [], result }
}

function refused(open: OpenLetter): Plan {
  const problem = staysBecause('redriven-too-often')
  return { open, events: [], result: { ...resultOf(open), outcome: 'refused', problem, effects: [] } }
}

function resultOf({ letter: { place, provider, source }, reason, redrives }: OpenLetter) {
  return { place, provider, source, reason, redrives }
}

/** The bytes of an event: those in the dead letter of an event, otherwise newly encoded. Null if it does not fit our schema. */
function bytesOf({ codecs }: RedrivePorts, { place, record }: StoredLetter, event: PaymentEvent): Buffer | null {
  if (place.topic === 'eventDeadLetters') {
    return record.value
  }
  return encodeIfFits(codecs.event, event)
}

function headersOf(topics: TopicNames, { letter, redrives }: OpenLetter): Record<string, Buffer | string> {
  const headers: Record<string, Buffer | string> = {
    [REDRIVE_HEADERS.redrives]: String(redrives + 1),
    [REDRIVE_HEADERS.from]: placeText(letter.place, topics),
  }
  if (hasDltPlace(letter.record, topics.events)) {
    // Keep its original position, in case it becomes a dead letter again.
    for (const name of [DLT_HEADERS.topic, DLT_HEADERS.partition, DLT_HEADERS.offset, DLT_HEADERS.timestamp]) {
      const value = headerValue(letter.record, name)
      if (value !== undefined) {
        headers[name] = value
      }
    }
  }
  return headers
}
