import type { KafkaConnection } from '../client-security/connections.ts'
import { refusalOf } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'

/** The brokers do not answer. Retriable: an unavailable broker is a condition to wait out, not an error of ours. */
class BrokersUnreachableError extends Error {
  readonly code = 'BROKERS_UNREACHABLE'
  readonly retriable = true

  constructor({ brokers, tls, sasl }: KafkaConnection, cause: unknown) {
    const { message } = cause as Error
    // A broker closes the connection without explanation if the client uses plaintext where TLS is expected, or does
    // not log in where it must.
    const hint =
      message.includes('Closed connection') && (tls === undefined || sasl === undefined)
        ? ` (does it require ${[tls ?? 'kafka.tls', sasl ?? 'kafka.sasl'].filter((name) => typeof name === 'string').join(' or ')}?)`
        : ''
    super(`Kafka at ${brokers.join(', ')} cannot be reached: ${message}${hint}`, { cause })
    this.name = 'BrokersUnreachableError'
  }
}

/**
 * The brokers answered with a refusal. A starting process still waits, and logs the reason, so that correcting a
 * password or an ACL does not require a restart.
 */
class BrokersRefusedError extends Error {
  readonly code = 'BROKERS_REFUSED'
  readonly retriable = true

  constructor({ brokers }: KafkaConnection, refusal: string, cause: unknown) {
    super(`Kafka at ${brokers.join(', ')} refuses us: ${refusal}`, { cause })
    this.name = 'BrokersRefusedError'
  }
}

/** Runs a query. A failure counts as unreachable, unless the brokers refused the call. */
export async function onBrokers<T>(connection: KafkaConnection, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const refusal = refusalOf(error)
    throw refusal === null
      ? new BrokersUnreachableError(connection, error)
      : new BrokersRefusedError(connection, refusal, error)
  }
}

/** Rejects with BrokersUnreachableError or BrokersRefusedError if no broker answers us; may be called again. */
export async function assertBrokersAnswer(kafka: KafkaClient, connection: KafkaConnection): Promise<void> {
  await onBrokers(connection, () => kafka.queries.retried(() => kafka.queries.describe([])))
}
