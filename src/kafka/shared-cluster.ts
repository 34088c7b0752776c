import type { Kafka } from 'kafkajs'
import { isRetriable } from './errors.ts'
import { createCluster, type KafkaCluster } from './kafkajs-cluster.ts'

/** Idle time before it is closed, ms. */
const CLOSE_AFTER_MS = 300

interface Shared {
  readonly cluster: KafkaCluster
  readonly connected: Promise<void>
  users: number
  closing: NodeJS.Timeout | undefined
}

/**
 * Shared connections for short requests, closed soon after the last user. Opening a partition takes half a dozen
 * requests, and a process opens all of its partitions at once.
 */
export class SharedCluster {
  readonly #kafka: Kafka
  #shared: Shared | undefined

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  /** A failure on existing connections is retried once, on new ones: leaders may have moved. */
  async with<T>(ask: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
    const before = this.#shared
    try {
      return await this.#once(ask)
    } catch (error) {
      if (before === undefined || !isRetriable(error)) {
        throw error
      }
      return this.#once(ask)
    }
  }

  async #once<T>(ask: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
    const shared = this.#use()
    try {
      await shared.connected
      return await ask(shared.cluster)
    } catch (error) {
      // The next caller gets new connections; current callers may finish on these.
      if (this.#shared === shared) {
        this.#shared = undefined
      }
      throw error
    } finally {
      shared.users -= 1
      if (shared.users === 0) {
        shared.closing = setTimeout(() => this.#close(shared), this.#shared === shared ? CLOSE_AFTER_MS : 0)
      }
    }
  }

  #use(): Shared {
    if (this.#shared === undefined) {
      const cluster = createCluster(this.#kafka)
      this.#shared = { cluster, connected: cluster.connect(), users: 0, closing: undefined }
    }
    const shared = this.#shared
    clearTimeout(shared.closing)
    shared.users += 1
    return shared
  }

  #close(shared: Shared): void {
    if (this.#shared === shared) {
      this.#shared = undefined
    }
    void shared.cluster.disconnect().catch(() => {})
  }
}
