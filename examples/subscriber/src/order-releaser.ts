import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { type Consumer, Kafka, logLevel } from 'kafkajs'

export interface OrderReleaserOptions {
  readonly brokers: readonly string[]
  readonly registryUrl: string
  readonly groupId: string
  /** Called once for each order whose payment is completed; the endToEndId is the order number. */
  readonly release: (orderNumber: string) => Promise<void> | void
}

/** The fields used here; the schema has more. */
interface StatusChange {
  readonly paymentKey: string
  readonly incarnation: number
  readonly statusVersion: number
  readonly statusAfter: string
  readonly endToEndId: string | null
}

const PAID = new Set(['COMPLETED', 'SETTLED', 'CREDITED'])

/**
 * A subscriber of `payments.status.changes` that releases an order when its payment is completed.
 *
 * Follows the contract in docs/consumers.md: reads only committed records, decides by `statusAfter`, and skips records that
 * are not newer than the last one seen of a payment, so that reading a record again has no effect. A real service stores the
 * contents of `#seen` and `#released` in its database, in the same transaction as the release.
 */
export class OrderReleaser {
  readonly #options: OrderReleaserOptions
  readonly #registry: SchemaRegistry
  readonly #consumer: Consumer
  readonly #seen = new Map<string, readonly [incarnation: number, statusVersion: number]>()
  readonly #released = new Set<string>()

  constructor(options: OrderReleaserOptions) {
    this.#options = options
    this.#registry = new SchemaRegistry({ host: options.registryUrl })
    const kafka = new Kafka({ brokers: [...options.brokers], clientId: 'order-releaser', logLevel: logLevel.ERROR })
    this.#consumer = kafka.consumer({ groupId: options.groupId, readUncommitted: false })
  }

  async start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topic: 'payments.status.changes', fromBeginning: true })
    await this.#consumer.run({
      eachMessage: async ({ message }) => {
        if (message.value !== null) {
          await this.#take(await this.#registry.decode(message.value))
        }
      },
    })
  }

  async stop(): Promise<void> {
    await this.#consumer.disconnect()
  }

  /** The last version seen of a payment; undefined if none. */
  seenVersion(paymentKey: string): number | undefined {
    return this.#seen.get(paymentKey)?.[1]
  }

  async #take({ paymentKey, incarnation, statusVersion, statusAfter, endToEndId }: StatusChange): Promise<void> {
    const [seenIncarnation, seenVersion] = this.#seen.get(paymentKey) ?? [-1, -1]
    const isNewer = incarnation > seenIncarnation || (incarnation === seenIncarnation && statusVersion > seenVersion)
    if (!isNewer) {
      return
    }
    this.#seen.set(paymentKey, [incarnation, statusVersion])
    if (PAID.has(statusAfter) && endToEndId !== null && !this.#released.has(endToEndId)) {
      this.#released.add(endToEndId)
      await this.#options.release(endToEndId)
    }
  }
}
