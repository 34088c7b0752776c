import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, ChangeHandler, StoringHandler } from './change.ts'
import type { ChangeStore } from './change-store.ts'
import type { Observe } from './observation.ts'
import { Turns } from './turns.ts'
import { isNewer } from './version.ts'

const RETRY_FIRST_MS = 100
const RETRY_MAX_MS = 30_000

/** Tells the handler a change until it has taken it. */
export class Teller {
  readonly #take: (change: Change) => Promise<void>
  readonly #turns: Turns
  readonly #observe: Observe

  private constructor(take: (change: Change) => Promise<void>, concurrency: number, observe: Observe) {
    this.#take = take
    this.#turns = new Turns(concurrency)
    this.#observe = observe
  }

  static atLeastOnce(handler: ChangeHandler, concurrency: number, observe: Observe): Teller {
    return new Teller(async (change) => handler(change), concurrency, observe)
  }

  /** The version that was handled is compared and kept in the handler's own transaction. */
  static exactlyOnce<Tx>(
    handler: StoringHandler<Tx>,
    store: ChangeStore<Tx>,
    concurrency: number,
    observe: Observe,
  ): Teller {
    const take = (change: Change) =>
      store.transaction(async (tx) => {
        const { paymentKey, version } = change
        const known = await store.versionOf(tx, paymentKey)
        // A tombstone is about the version that was handled last.
        const isDue =
          change.kind === 'forgotten' ? known === undefined || !isNewer(known, version) : isNewer(version, known)
        if (isDue) {
          await handler(change, tx)
          await store.setVersion(tx, paymentKey, version)
        }
      })
    return new Teller(take, concurrency, observe)
  }

  /** Resolves once the change is handled. Rejects only if `signal` is aborted, with its reason. */
  async tell(change: Change, partition: number, signal: AbortSignal): Promise<void> {
    const { paymentKey, kind } = change
    for (let retryInMs = RETRY_FIRST_MS; ; retryInMs = Math.min(2 * retryInMs, RETRY_MAX_MS)) {
      signal.throwIfAborted()
      const startedAt = performance.now()
      try {
        await this.#turns.run(() => {
          signal.throwIfAborted()
          return this.#take(change)
        })
        const ageMs = change.kind === 'step' ? Date.now() - change.step.recordedAt : null
        this.#observe({ type: 'handled', partition, kind, durationMs: performance.now() - startedAt, ageMs })
        return
      } catch (error) {
        signal.throwIfAborted()
        this.#observe({ type: 'handler-failed', partition, paymentKey, error, retryInMs })
        await sleep(retryInMs, undefined, { signal }).catch(() => signal.throwIfAborted())
      }
    }
  }
}
