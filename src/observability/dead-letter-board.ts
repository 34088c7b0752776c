import type { LetterCounts } from '../stream/letter-watch.ts'

interface Entry {
  readonly counts: LetterCounts | null
  /** Why they are unknown or outdated. */
  readonly trouble: string | null
}

/** What `/health/ready` shows for one topic of dead letters. */
export interface DeadLetterDetails {
  readonly open: number
  readonly byReason: Readonly<Record<string, number>>
  /** Absent if all are counted. */
  readonly incomplete?: string
}

/** The dead letters that need a decision in the partitions of this process, by topic, for health, metrics and log. */
export class DeadLetterBoard {
  readonly #entries = new Map<string, Entry>()

  set(topic: string, counts: LetterCounts): void {
    this.#entries.set(topic, { counts, trouble: null })
  }

  /** Keeps the last counts. */
  fail(topic: string, trouble: string): void {
    this.#entries.set(topic, { counts: this.#entries.get(topic)?.counts ?? null, trouble })
  }

  details(): Readonly<Record<string, DeadLetterDetails>> | null {
    return this.#entries.size === 0 ? null : Object.fromEntries([...this.#entries].map(detailsOf))
  }

  series(): readonly (readonly [labels: { readonly topic: string; readonly reason: string }, count: number])[] {
    return [...this.#entries].flatMap(([topic, { counts }]) =>
      [...(counts?.open ?? [])].map(([reason, count]) => [{ topic, reason }, count] as const),
    )
  }

  /** For the log; null if there are no open dead letters. */
  waiting(): { readonly deadLetters: number; readonly byTopic: Readonly<Record<string, object>> } | null {
    const waiting = [...this.#entries].map(detailsOf).filter(([, { open }]) => open > 0)
    const deadLetters = waiting.reduce((sum, [, { open }]) => sum + open, 0)
    const byTopic = Object.fromEntries(waiting.map(([topic, { byReason }]) => [topic, byReason]))
    return deadLetters === 0 ? null : { deadLetters, byTopic }
  }
}

function detailsOf([topic, { counts, trouble }]: readonly [string, Entry]): readonly [string, DeadLetterDetails] {
  const open = counts?.open ?? new Map<string, number>()
  const incomplete = trouble ?? (counts?.complete === false ? 'older ones are still being counted' : null)
  return [
    topic,
    {
      open: [...open.values()].reduce((sum, count) => sum + count, 0),
      byReason: Object.fromEntries(open),
      ...(incomplete !== null && { incomplete }),
    },
  ]
}
