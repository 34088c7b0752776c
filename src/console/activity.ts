import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { shortReason } from '../stream/short-reason.ts'

export interface ActivityOptions {
  readonly reader: Pick<TimedPartitionReader, 'range' | 'offsetAt'>
  readonly topics: { readonly raw: string; readonly changes: string }
  readonly partitions: number
  /** ms since the epoch. */
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Records appended between two moments. `changes` also counts one marker per transaction. */
export interface ActivityPoint {
  readonly from: number
  readonly to: number
  readonly raw: number
  readonly changes: number
}

interface Mark {
  readonly at: number
  readonly raw: bigint
  readonly changes: bigint
}

const SPAN_MS = 60 * 60_000
const STEP_MS = 2 * 60_000
const SAMPLE_MS = 10_000

/**
 * How many callbacks were appended and how many steps were published in the last hour, from the offsets of the two topics. Costs
 * two requests per partition every ten seconds, and at the start one per partition for each plotted moment.
 */
export class Activity {
  readonly #options: ActivityOptions
  readonly #stopped = new AbortController()
  readonly #marks: Mark[] = []
  #latest: Mark | null = null
  #trouble: string | null = null
  #running: Promise<void> = Promise.resolve()

  constructor(options: ActivityOptions) {
    this.#options = options
  }

  get trouble(): string | null {
    return this.#trouble
  }

  /** Oldest first. */
  get points(): readonly ActivityPoint[] {
    const marks = [...this.#marks, ...(this.#latest === null ? [] : [this.#latest])]
    return marks.slice(1).map((mark, index) => {
      const before = marks[index] as Mark
      return {
        from: before.at,
        to: mark.at,
        raw: Math.max(0, Number(mark.raw - before.raw)),
        changes: Math.max(0, Number(mark.changes - before.changes)),
      }
    })
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const { now, sleep } = this.#options
    while (!signal.aborted) {
      try {
        if (this.#marks.length === 0) {
          await this.#lookBack(now())
        }
        await this.sample()
        this.#trouble = null
      } catch (error) {
        this.#trouble = shortReason(error as Error)
      }
      await sleep(SAMPLE_MS, signal).catch(() => {})
    }
  }

  async #lookBack(now: number): Promise<void> {
    const marks: Mark[] = []
    for (let at = now - SPAN_MS; at < now; at += STEP_MS) {
      this.#stopped.signal.throwIfAborted()
      const { topics } = this.#options
      marks.push({ at, raw: await this.#sumAt(topics.raw, at), changes: await this.#sumAt(topics.changes, at) })
    }
    this.#marks.push(...marks)
  }

  /** Takes the ends of both topics. */
  async sample(): Promise<void> {
    const { topics, now } = this.#options
    const at = now()
    this.#latest = { at, raw: await this.#sumOfEnds(topics.raw), changes: await this.#sumOfEnds(topics.changes) }
    const last = this.#marks.at(-1)
    if (last === undefined || at - last.at >= STEP_MS) {
      this.#marks.push(this.#latest)
      this.#latest = null
    }
    while ((this.#marks[0]?.at ?? at) < at - SPAN_MS - STEP_MS) {
      this.#marks.shift()
    }
  }

  async #sumAt(topic: string, at: number): Promise<bigint> {
    const { reader, partitions } = this.#options
    let sum = 0n
    for (let partition = 0; partition < partitions; partition += 1) {
      sum += await reader.offsetAt(topic, partition, at)
    }
    return sum
  }

  async #sumOfEnds(topic: string): Promise<bigint> {
    const { reader, partitions } = this.#options
    let sum = 0n
    for (let partition = 0; partition < partitions; partition += 1) {
      sum += (await reader.range(topic, partition)).end
    }
    return sum
  }
}
