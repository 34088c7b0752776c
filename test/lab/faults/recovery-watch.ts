import { setTimeout as delay } from 'node:timers/promises'
import { createGroupOffsets } from '../../../src/kafka/group-offsets.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import type { GroupOffsets } from '../../../src/stream/group-offsets.ts'
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
    // Our own client gives up a frozen broker as soon as the controller does. One that went on asking it would see payments
    // stand still for as long as the broker is frozen.
    const { cluster, deployment } = this.#lab
    const connection = { brokers: cluster.directBrokers }
    const kafka = createKafka({ connection, clientId: 'recovery-watch', logger: deployment.logger, retryForMs: 0 })
    const offsets = createGroupOffsets(kafka)
    while (!this.#stopped.signal.aborted) {
      // Faults that take effect during this look are included from the next one on.
      const due = this.#waits.filter(({ recoveredAt }) => recoveredAt === undefined)
      const positions = await this.#look(offsets).catch(() => undefined)
      if (positions !== undefined) {
        for (const wait of due) {
          this.#compare(wait, positions)
        }
      }
      await delay(LOOK_EVERY_MS, undefined, { signal: this.#stopped.signal }).catch(() => {})
    }
    await kafka.queries.close()
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

  async #look(offsets: GroupOffsets): Promise<Positions> {
    const { config, topics } = this.#lab.deployment
    const stages = [
      [config.normalizer.group, topics.raw],
      [config.processor.group, topics.events],
    ] as const
    const positions = new Map<string, { committed: bigint; end: bigint }>()
    await Promise.all(
      stages.map(async ([group, topic]) => {
        const [ends, committed] = await Promise.all([offsets.highWatermarks(topic), offsets.committedAll(group, topic)])
        if (ends.size < this.#lab.partitions) {
          throw new Error(`${topic} has partitions without a leader`)
        }
        for (const [partition, end] of ends) {
          positions.set(`${topic}/${partition}`, { committed: committed.get(partition)?.offset ?? 0n, end })
        }
      }),
    )
    return positions
  }
}
