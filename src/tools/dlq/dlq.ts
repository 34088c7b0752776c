import type { Config } from '../../config.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { createTopicLogs } from '../../kafka/topic-logs.ts'
import type { Logger } from '../../observability/log.ts'
import type { RedisStateStore } from '../../processor/redis-state-store.ts'
import { sourcesById } from '../../raw/sources-by-id.ts'
import type { ResolvedLetter } from '../../stream/resolved-letter.ts'
import { topicNames } from '../../topics.ts'
import { openAudit } from '../audit/open-audit.ts'
import { type ActCounts, recordAct } from '../audit/record-act.ts'
import { loadStates } from '../load-states.ts'
import { openToolLog } from '../open-tool-log.ts'
import { withClients, withView } from '../with-clients.ts'
import { type GroupedLetters, LetterGroups } from './group-letters.ts'
import type { LetterFilter } from './letter-filter.ts'
import { LETTER_TOPICS, type LetterPlace, placeText } from './letter-place.ts'
import { type OpenLetter, readLetter, readLettersAt, readOpenLetters } from './open-letters.ts'
import {
  appendDecisions,
  type Decider,
  type RedrivenLetter,
  type RedrivePorts,
  redriveLetters,
} from './redrive-letters.ts'
import type { Selection } from './select-letters.ts'
import type { StoredLetter } from './stored-letter.ts'

export interface DlqOptions {
  readonly signal?: AbortSignal
}

/** A place that was named and has no open dead letter. */
export interface AbsentLetter {
  readonly place: LetterPlace
  readonly why: 'no dead letter' | 'already resolved'
}

/** Dead letters processed at once: bounds the memory for their events and the states of their payments (I10). */
const AT_ONCE_MAX = 500

/** Groups the open dead letters of both topics. Reads both topics completely. */
export function listLetters(
  config: Config,
  logger: Logger,
  filter: LetterFilter,
  { signal }: DlqOptions = {},
): Promise<GroupedLetters> {
  return withLetters(config, logger, async (clients) => {
    const groups = new LetterGroups(Date.now())
    await readOpenLetters(
      clients,
      filter,
      (letters) => {
        for (const letter of letters) {
          groups.add(letter)
        }
      },
      signal,
    )
    return groups.grouped()
  })
}

/** A dead letter, the decision about it, and what a redrive would do with it now. */
export interface ShownLetter {
  readonly letter: StoredLetter
  readonly decided: ResolvedLetter | null
  /** Null if it was redriven or closed. */
  readonly now: RedrivenLetter | null
  /** The body, decrypted if it was encrypted; null if it cannot be read. */
  readonly body: Buffer | null
}

/** Null if there is no dead letter at this place. */
export function showLetter(
  config: Config,
  logger: Logger,
  place: LetterPlace,
  { signal }: DlqOptions = {},
): Promise<ShownLetter | null> {
  return withRedrive(config, logger, true, signal, async ({ clients, ports }) => {
    const found = await readLetter(clients, place, signal)
    if (found === null) {
      return null
    }
    const { letter, decided } = found
    const [opened] = await ports.bodies.open([letter.record], signal).catch(() => [])
    const body = opened === undefined || typeof opened === 'string' ? null : opened.value
    let now: RedrivenLetter | null = null
    await readLettersAt(
      clients,
      [place],
      async (letters) => {
        now = (await redriveLetters(ports, letters, null, true, signal))[0] ?? null
      },
      () => {},
      signal,
    )
    return { letter, decided, now, body }
  })
}

/** How many dead letters had each outcome. */
export interface RedriveReport {
  readonly applied: boolean
  readonly letters: number
  readonly redriven: number
  readonly partly: number
  readonly stays: number
  readonly refused: number
  /** Events that were published, or in a dry run would be, including known ones. */
  readonly events: number
  readonly duplicates: number
  /** Named places without an open dead letter. */
  readonly absent: number
}

export interface RedriveOptions extends DlqOptions {
  /** Null: a dry run. */
  readonly decider: Decider | null
  /** Whether to include dead letters that were redriven too often. */
  readonly again: boolean
  /** Awaited, so that a slow reader of the output slows the work down. */
  readonly onLetter: (letter: RedrivenLetter) => Promise<unknown> | undefined
  readonly onAbsent: (letter: AbsentLetter) => void
}

/**
 * Reads dead letters again and publishes the events that they give now (see redriveLetters); a dry run without `decider`. Can be
 * killed at any moment and run again.
 */
export function redrive(
  config: Config,
  logger: Logger,
  selection: Selection,
  { decider, again, signal, onLetter, onAbsent }: RedriveOptions,
): Promise<RedriveReport> {
  return withRedrive(config, logger, true, signal, async ({ clients, ports, act }) => {
    const work = async (counts: ActCounts) => {
      Object.assign(counts, {
        letters: 0,
        redriven: 0,
        partly: 0,
        stays: 0,
        refused: 0,
        events: 0,
        duplicates: 0,
        absent: 0,
      })
      const add = (name: string, by = 1) => {
        counts[name] = (counts[name] ?? 0) + by
      }
      await forEachLetter(
        clients,
        selection,
        async (letters) => {
          for (const result of await redriveLetters(ports, letters, decider, again, signal)) {
            const isPublished = result.outcome === 'redriven' || result.outcome === 'partly'
            const published = result.effects.filter(({ outcome }) => isPublished && outcome !== 'history-full')
            add('letters')
            add(result.outcome)
            add('events', published.length)
            add('duplicates', published.filter(({ outcome }) => outcome === 'duplicate').length)
            await onLetter(result)
          }
        },
        (absent) => {
          add('absent')
          onAbsent(absent)
        },
        signal,
      )
      return { ...counts, applied: decider !== null } as unknown as RedriveReport
    }
    return decider === null ? work({}) : act('redrive', decider, scopeOf(selection, config), work)
  })
}

export interface CloseReport {
  readonly closed: number
  readonly absent: number
}

/** Takes dead letters off the list without publishing anything. */
export function close(
  config: Config,
  logger: Logger,
  selection: Selection,
  options: DlqOptions & { readonly decider: Decider; readonly onAbsent: (letter: AbsentLetter) => void },
): Promise<CloseReport> {
  const { decider, signal, onAbsent } = options
  return withRedrive(config, logger, false, signal, ({ clients, ports, act }) =>
    act('close', decider, scopeOf(selection, config), async (counts) => {
      Object.assign(counts, { closed: 0, absent: 0 })
      await forEachLetter(
        clients,
        selection,
        async (letters) => {
          const closed = (open: OpenLetter): ResolvedLetter => ({
            how: 'closed',
            at: Date.now(),
            ...decider,
            redrives: open.redrives,
            newReason: null,
          })
          await appendDecisions(
            ports.append,
            letters.map((open) => ({ open, letter: closed(open) })),
          )
          counts['closed'] = (counts['closed'] ?? 0) + letters.length
        },
        (absent) => {
          counts['absent'] = (counts['absent'] ?? 0) + 1
          onAbsent(absent)
        },
        signal,
      )
      return { closed: counts['closed'] ?? 0, absent: counts['absent'] ?? 0 }
    }),
  )
}

type LetterPortsOf = Parameters<typeof readOpenLetters>[0]

async function forEachLetter(
  clients: LetterPortsOf,
  selection: Selection,
  onLetters: (letters: readonly OpenLetter[]) => Promise<void>,
  onAbsent: (letter: AbsentLetter) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const inParts = async (letters: readonly OpenLetter[]) => {
    for (let at = 0; at < letters.length; at += AT_ONCE_MAX) {
      signal?.throwIfAborted()
      await onLetters(letters.slice(at, at + AT_ONCE_MAX))
    }
  }
  await (selection.places === null
    ? readOpenLetters(clients, selection.filter, inParts, signal)
    : readLettersAt(clients, selection.places, inParts, (place, why) => onAbsent({ place, why }), signal))
}

/** What was selected, for the audit trail. */
function scopeOf(selection: Selection, config: Config): Readonly<Record<string, string>> {
  const topics = topicNames(config.kafka.topicPrefix)
  if (selection.places !== null) {
    const [first] = selection.places
    return {
      places: String(selection.places.length),
      ...(first !== undefined && { first: placeText(first, topics) }),
    }
  }
  const { topic, since, until, ...names } = selection.filter
  return {
    topic: topic === undefined ? LETTER_TOPICS.map((one) => topics[one]).join(', ') : topics[topic],
    ...names,
    ...(since !== undefined && { since: new Date(since).toISOString() }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  }
}

function withLetters<T>(config: Config, logger: Logger, work: (clients: LetterPortsOf) => Promise<T>): Promise<T> {
  return withClients({ config, logger, tool: 'dlq' }, ['codecs'], ({ topics, kafka, reader, codecs }) =>
    work({ topics, reader, codecs, logs: createTopicLogs(kafka), partitions: config.kafka.partitions }),
  )
}

interface RedriveClients {
  readonly clients: LetterPortsOf
  readonly ports: RedrivePorts
  /** Records the act in the audit trail. */
  readonly act: <T>(
    act: 'redrive' | 'close',
    decider: Decider,
    scope: Readonly<Record<string, string>>,
    work: (counts: ActCounts) => Promise<T>,
  ) => Promise<T>
}

/**
 * Runs the work of a command with its clients. Connects to the output topics only when something is written.
 *
 * @param withStates whether the work needs the states of payments.
 */
function withRedrive<T>(
  config: Config,
  logger: Logger,
  withStates: boolean,
  signal: AbortSignal | undefined,
  work: (clients: RedriveClients) => Promise<T>,
): Promise<T> {
  return withClients({ config, logger, tool: 'dlq' }, ['codecs'], async ({ topics, kafka, reader, codecs }) => {
    const { partitions } = config.kafka
    const logs = {
      events: openToolLog(kafka, topics.events, partitions),
      resolvedDeadLetters: openToolLog(kafka, topics.resolvedDeadLetters, partitions),
    }
    const audit = openAudit(kafka, topics.audit, partitions)
    const withStore = (store: RedisStateStore | null) =>
      work({
        clients: { topics, reader, codecs, logs: createTopicLogs(kafka), partitions },
        ports: {
          codecs,
          bodies: createBodyOpener(config, topics, reader),
          sources: sourcesById(config.sources),
          topics,
          partitions,
          group: config.processor.group,
          statesOf: async (keys) => {
            const load = { reader, codecs, topics, partitions, store, readTopic: <R>(read: () => Promise<R>) => read() }
            const loaded = await loadStates(load, [...keys], signal)
            return new Map([...loaded].map(([key, { state }]) => [key, state]))
          },
          append: (topic, partition, records) => logs[topic].log.append(partition, records),
          now: Date.now,
        },
        act: (act, { by, reason }, scope, run) => recordAct(audit.ports, { act, by, reason, scope }, signal, run),
      })
    try {
      return await (withStates ? withViewIfThere(config, logger, withStore) : withStore(null))
    } finally {
      await Promise.all([logs.events.close(), logs.resolvedDeadLetters.close(), audit.close()])
    }
  })
}

/** Runs the work without the view if Redis does not answer: the states are also in `current`. */
async function withViewIfThere<T>(
  config: Config,
  logger: Logger,
  work: (store: RedisStateStore | null) => Promise<T>,
): Promise<T> {
  let began = false
  try {
    return await withView(config, logger, (store) => {
      began = true
      return work(store)
    })
  } catch (error) {
    if (began) {
      throw error
    }
    return work(null)
  }
}
