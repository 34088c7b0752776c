import { setTimeout as delay } from 'node:timers/promises'
import { within } from '../harness/within.ts'
import type { Lab } from './lab.ts'
import { type Positions, spanIsAlone, ThroughAgain } from './recovery.ts'

export interface Recovery {
  readonly fault: string
  /** Whether no other fault was active at the time. */
  readonly alone: boolean
  /**
   * From the start of the injection until callbacks that arrived after it are accepted, normalized and processed in all
   * partitions.
   */
  readonly recoveryMs: number
  /** The part of `recoveryMs` after healing; 0 if the system recovered before it. */
  readonly afterHealMs: number
}

/** A fault and its milestones, on the clock of `performance.now()`. */
export interface WatchedFault {
  /** The fault is in effect. */
  harmed(): void
  healed(): void
  /** It measured its recovery times by itself. */
  measured(recoveriesMs: readonly number[]): void
  /** It turned out to have no effect and is not counted. */
  withdrawn(): void
  /** Resolves when payments move again, or it was withdrawn. */
  readonly over: Promise<void>
}

/** When a fault was active. */
export interface FaultSpan {
  readonly fault: string
  readonly alone: boolean
  readonly since: number
  readonly healedAt: number
}

interface Wait {
  readonly fault: string
  readonly since: number
  /** Undefined until the fault is in effect. */
  through: ThroughAgain | undefined
  healedAt: number
  recoveredAt: number | undefined
  measuredMs: readonly number[] | undefined
  readonly end: () => void
}

const LOOK_EVERY_MS = 250
const LOOK_MAX_MS = 3_000

/** Observes from outside, several times a second, whether payments get through. */
export class RecoveryWatch {
  readonly #lab: Lab
  readonly #waits: Wait[] = []
  readonly #stopped = new AbortController()
  readonly #running: Promise<void>
  #loadIsOver = false

  constructor(lab: Lab) {
    this.#lab = lab
    this.#running = this.#run()
  }

  /** A fault is about to be injected. */
  begins(fault: string): WatchedFault {
    const { promise: over, resolve: end } = Promise.withResolvers<void>()
    const wait: Wait = {
      fault,
      since: performance.now(),
      through: undefined,
      healedAt: Number.POSITIVE_INFINITY,
      recoveredAt: undefined,
      measuredMs: undefined,
      end,
    }
    return {
      over,
      harmed: () => {
        wait.through = new ThroughAgain()
        this.#waits.push(wait)
      },
      healed: () => {
        wait.healedAt = performance.now()
      },
      measured: (recoveriesMs) => {
        wait.measuredMs = recoveriesMs
      },
      withdrawn: () => {
        this.#waits.splice(this.#waits.indexOf(wait), 1)
        end()
      },
    }
  }

  /** No more callbacks will come: from now on it is enough to have caught up. */
  loadIsOver(): void {
    this.#loadIsOver = true
  }

  /** Called when processing has caught up: faults without a recovery time recover now. */
  async stop(): Promise<readonly Recovery[]> {
    const now = performance.now()
    this.#stopped.abort()
    await this.#running
    return this.#waits.flatMap((wait) => {
      const { fault, since, healedAt, recoveredAt = now, measuredMs } = wait
      const alone = this.#isAlone(wait, now)
      if (measuredMs !== undefined) {
        return measuredMs.map((recoveryMs) => ({ fault, alone, recoveryMs, afterHealMs: 0 }))
      }
      const afterHealMs = Math.round(Math.max(0, recoveredAt - healedAt))
      return [{ fault, alone, recoveryMs: Math.round(recoveredAt - since), afterHealMs }]
    })
  }

  /** The spans of all faults. */
  spans(): readonly FaultSpan[] {
    const now = performance.now()
    return this.#waits.map((wait) => ({
      fault: wait.fault,
      since: wait.since,
      healedAt: wait.healedAt,
      alone: this.#isAlone(wait, now),
    }))
  }

  #isAlone(wait: Wait, now: number): boolean {
    const spanOf = ({ since, healedAt, recoveredAt = now }: Wait) => ({ since, over: Math.max(healedAt, recoveredAt) })
    return spanIsAlone(spanOf(wait), this.#waits.filter((other) => other !== wait).map(spanOf))
  }

  async #run(): Promise<void> {
    let admin = this.#lab.newAdmin()
    while (!this.#stopped.signal.aborted) {
      // Faults that take effect during this look are included from the next one on.
      const due = this.#waits.filter(({ recoveredAt }) => recoveredAt === undefined)
      const positions = await within(LOOK_MAX_MS, this.#look(admin)).catch(() => undefined)
      if (positions === undefined) {
        // The client may keep using a dead broker and fail for longer than the payments are blocked.
        void admin.disconnect().catch(() => {})
        admin = this.#lab.newAdmin()
      } else {
        for (const wait of due) {
          this.#compare(wait, positions)
        }
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
    await admin.disconnect().catch(() => {})
  }

  #compare(wait: Wait, positions: Positions): void {
    if (wait.through?.look(positions, this.#loadIsOver) === true) {
      wait.recoveredAt = performance.now()
      wait.end()
      this.#lab.say(
        `${wait.fault}: payments move again, ${Math.round(wait.recoveredAt - wait.since)} ms after it began`,
      )
    }
  }

  async #look(admin: Lab['admin']): Promise<Positions> {
    await admin.connect()
    const { config, topics } = this.#lab.deployment
    const stages = [
      [config.normalizer.group, topics.raw],
      [config.processor.group, topics.events],
    ] as const
    const positions = new Map<string, { committed: bigint; end: bigint }>()
    await Promise.all(
      stages.map(async ([groupId, topic]) => {
        const [ends, [committed]] = await Promise.all([
          admin.fetchTopicOffsets(topic),
          admin.fetchOffsets({ groupId, topics: [topic] }),
        ])
        const done = new Map(committed?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]))
        for (const { partition, high } of ends) {
          positions.set(`${topic}/${partition}`, { committed: done.get(partition) ?? 0n, end: BigInt(high) })
        }
      }),
    )
    return positions
  }
}
