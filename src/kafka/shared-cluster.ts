import type { Kafka } from 'kafkajs'
import { isRetriable } from './errors.ts'
import { createCluster, type KafkaCluster } from './kafkajs-cluster.ts'

/** How long nobody has to need it until it is closed, ms. */
const CLOSE_AFTER_MS = 300

interface Shared {
  readonly cluster: KafkaCluster
  readonly connected: Promise<void>
  users: number
  closing: NodeJS.Timeout | undefined
}

/**
 * Connections for short questions, closed soon after nobody asks any more. Opening a partition asks half a dozen, and a
 * process opens all of its partitions at once.
 */
export class SharedCluster {
  readonly #kafka: Kafka
  #shared: Shared | undefined

  constructor(kafka: Kafka) {
    this.#kafka = kafka
  }

  /** What fails on connections that were there before is asked once more, on new ones: leaders may have moved. */
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
      // Who asks next begins anew; who is still asking here may finish.
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
