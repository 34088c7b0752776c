import { insistently } from './insistently.ts'
import type { Lab } from './lab.ts'

/** A consumer group with all members stopped. */
export class GroupAtRest {
  readonly topic: string
  /** Committed offsets by partition; 0 where nothing was committed. */
  readonly committed: readonly bigint[]
  readonly #lab: Lab
  readonly #role: 'normalizer' | 'processor'
  readonly #groupId: string

  private constructor(
    lab: Lab,
    role: 'normalizer' | 'processor',
    topic: string,
    groupId: string,
    committed: readonly bigint[],
  ) {
    this.topic = topic
    this.committed = committed
    this.#lab = lab
    this.#role = role
    this.#groupId = groupId
  }

  static async of(lab: Lab, role: 'normalizer' | 'processor'): Promise<GroupAtRest> {
    const { config, topics } = lab.deployment
    const topic = role === 'normalizer' ? topics.raw : topics.events
    const groupId = config[role].group
    await lab.rest(role)
    const [found] = await insistently(() => lab.admin.fetchOffsets({ groupId, topics: [topic] }))
    const committed = Array.from({ length: lab.partitions }, () => 0n)
    for (const { partition, offset } of found?.partitions ?? []) {
      committed[partition] = BigInt(offset) < 0n ? 0n : BigInt(offset)
    }
    return new GroupAtRest(lab, role, topic, groupId, committed)
  }

  /** The range of offsets in the topic, by partition. */
  async ranges(): Promise<readonly { readonly start: bigint; readonly end: bigint }[]> {
    const found = await insistently(() => this.#lab.admin.fetchTopicOffsets(this.topic))
    return found
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ low, high }) => ({ start: BigInt(low), end: BigInt(high) }))
  }

  async moveTo(offsets: readonly bigint[]): Promise<void> {
    const partitions = offsets.map((offset, partition) => ({ partition, offset: String(offset) }))
    // Normalizing again only repeats events, which is not counted.
    this.#lab.offsetsMoved ||= this.#role === 'processor'
    await insistently(() => this.#lab.admin.setOffsets({ groupId: this.#groupId, topic: this.topic, partitions }))
  }

  async startAgain(): Promise<void> {
    await this.#lab.wake(this.#role)
  }

  async stop(): Promise<void> {
    await this.#lab.rest(this.#role)
  }
}
