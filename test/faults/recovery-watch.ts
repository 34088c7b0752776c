import { setTimeout as delay } from 'node:timers/promises'
import { within } from '../../src/kafka/within.ts'
import type { Lab } from './lab.ts'

export interface Recovery {
  readonly fault: string
  /** Whether nothing else was broken at the time. */
  readonly alone: boolean
  /** From the injection until callbacks are accepted and the committed offsets of all partitions move again. */
  readonly recoveryMs: number
  /** The part of it after the healing; 0 if the system did not need it. */
  readonly afterHealMs: number
}

interface Wait {
  readonly fault: string
  readonly alone: boolean
  readonly since: number
  healedAt: number
  /** The first look after the injection. */
  base: ReadonlyMap<number, bigint> | undefined
  recoveredAt: number | undefined
}

const LOOK_EVERY_MS = 250
const LOOK_MAX_MS = 3_000

/** Looks from outside, several times a second, whether payments move. */
export class RecoveryWatch {
  readonly #lab: Lab
  readonly #waits: Wait[] = []
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>

  constructor(lab: Lab) {
    this.#lab = lab
    this.#running = this.#run()
  }

  /** A fault was injected just now; call the result when it is healed. */
  injected(fault: string, alone: boolean): () => void {
    const wait: Wait = {
      fault,
      alone,
      since: performance.now(),
      healedAt: Number.POSITIVE_INFINITY,
      base: undefined,
      recoveredAt: undefined,
    }
    this.#waits.push(wait)
    return () => {
      wait.healedAt = performance.now()
    }
  }

  /** What has not recovered yet has done so now, when the caller found that nothing is left to do. */
  async stop(): Promise<readonly Recovery[]> {
    const now = performance.now()
    this.#stopped.abort()
    await this.#running
    return this.#waits.map(({ fault, alone, since, healedAt, recoveredAt = now }) => ({
      fault,
      alone,
      recoveryMs: Math.round(recoveredAt - since),
      afterHealMs: Math.round(Math.max(0, recoveredAt - healedAt)),
    }))
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      const startedAt = performance.now()
      // Who cannot look now learns later that it moved.
      const offsets = await this.#look().catch(() => undefined)
      if (offsets !== undefined) {
        for (const wait of this.#waits.filter(
          ({ recoveredAt, since }) => recoveredAt === undefined && since < startedAt,
        )) {
          this.#compare(wait, offsets)
        }
      }
      await delay(LOOK_EVERY_MS)
    }
  }

  #compare(wait: Wait, offsets: ReadonlyMap<number, bigint>): void {
    wait.base ??= offsets
    const { base } = wait
    const moved = [...offsets].every(([partition, offset]) => offset > (base.get(partition) ?? 0n))
    if (moved && this.#lab.ledger.lastOkAt > wait.since) {
      wait.recoveredAt = performance.now()
      this.#lab.say(
        `${wait.fault}: payments move again, ${Math.round(wait.recoveredAt - wait.since)} ms after it began`,
      )
    }
  }

  async #look(): Promise<ReadonlyMap<number, bigint>> {
    const { admin, deployment } = this.#lab
    const groupId = deployment.config.processor.group
    const answer = await within(LOOK_MAX_MS, admin.fetchOffsets({ groupId, topics: [deployment.topics.events] }))
    return new Map((answer[0]?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)]))
  }
}
