import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import { isSchemaStop } from '../../avro/schema-stop.ts'
import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { confirmUndecodable, decodeEvent, prepareEvents } from '../../processor/decode-event.ts'
import { EVENT_DEAD_LETTER_REASONS } from '../../processor/fold-batch.ts'
import { keyOf } from '../../processor/fold-portion.ts'
import { DEAD_LETTER_REASONS } from '../../providers/provider.ts'
import { summaryOf } from '../../providers/summary-of.ts'
import type { SourcesById } from '../../raw/sources-by-id.ts'
import { translateRaw } from '../../raw/translate-raw.ts'
import { STAYS_REASONS } from '../../stages/open-letter-reasons.ts'
import type { TopicNames } from '../../topics.ts'
import type { OpenedIfPossible } from '../open-if-possible.ts'
import { asRead, type StoredLetter } from './stored-letter.ts'

/** The result of reading a dead letter again. */
export interface ReadAgain {
  /** The events that it gives now. A refund, return or chargeback is followed by its report to the original payment. */
  readonly events: readonly PaymentEvent[]
  /** Why all or part of it still cannot be read; null if the dead letter is resolved once its events are published. */
  readonly problem: Problem | null
}

export interface Problem {
  readonly reason: string
  /** Names fields and positions, never a value of the body (I9). */
  readonly message: string
}

/**
 * Reads a callback with the current mapping and sources. Pure.
 *
 * If the dead letter is about one element, only that element counts: the other elements were handled when the callback
 * arrived. An element that is understood now but reports no status gives neither an event nor a problem.
 */
export function readCallbackAgain(letter: StoredLetter, opened: OpenedIfPossible, sources: SourcesById): ReadAgain {
  if (typeof opened === 'string') {
    return { events: [], problem: opened === 'undecryptable' ? UNDECRYPTABLE : staysBecause(UNOPENED[opened]) }
  }
  const { events, deadLetters } = translateRaw(asRead(opened), sources).translation
  const isMeant = (element: number | null) => letter.element === null || element === null || element === letter.element
  return {
    events: withChildReports(events.filter(({ element }) => isMeant(element))),
    problem: summaryOf(deadLetters.filter(({ element }) => isMeant(element))),
  }
}

/** Reads an event as the status processor would. Rejects while the registry does not answer. */
export async function readEventAgain(
  { place, record }: StoredLetter,
  codecs: PaymentCodecs,
  topics: TopicNames,
  group: string,
): Promise<ReadAgain> {
  try {
    const from = { codecs, topics: { ...topics, events: topics[place.topic] }, partition: place.partition, group }
    await prepareEvents([record], from)
    const input = decodeEvent(record, keyOf(record), from, () => {})
    if ('event' in input) {
      return { events: [input.event], problem: null }
    }
    await confirmUndecodable([input], from)
    return { events: [], problem: { reason: input.rejected, message: EVENT_DEAD_LETTER_REASONS[input.rejected] } }
  } catch (error) {
    if (isSchemaStop(error)) {
      return { events: [], problem: staysBecause('schema-unknown') }
    }
    throw error
  }
}

export function staysBecause(reason: keyof typeof STAYS_REASONS): Problem {
  return { reason, message: STAYS_REASONS[reason] }
}

const UNOPENED = { forgotten: 'forgotten', 'no-key': 'key-missing' } as const
const UNDECRYPTABLE: Problem = { reason: 'undecryptable', message: DEAD_LETTER_REASONS.undecryptable }
