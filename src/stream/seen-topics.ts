import { assertSameTopics, type OriginCheck } from './origin.ts'
import type { TopicFacts } from './topic-logs.ts'

/**
 * The topics that a process has worked with. Kafka deletes a group's offsets together with the topic, including the origin that
 * would reveal a recreated topic (origin.ts). A process that worked with the former topic still knows its id.
 */
export class SeenTopics {
  readonly #facts = new Map<string, TopicFacts>()

  /** Throws DefinedStop if a topic is not the one that was seen under its name before. */
  assertSame(check: Pick<OriginCheck, 'group' | 'topic' | 'facts'>): void {
    assertSameTopics(check, this.#facts)
    for (const [name, facts] of check.facts) {
      this.#facts.set(name, facts)
    }
  }
}
