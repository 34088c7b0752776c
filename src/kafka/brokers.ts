import type { Admin } from 'kafkajs'
import type { KafkaConnection } from '../client-security/connections.ts'
import { refusalOf } from './errors.ts'

/** The brokers do not answer. Trying again is right: a broker that is away is a state, not an error of ours. */
class BrokersUnreachableError extends Error {
  readonly code = 'BROKERS_UNREACHABLE'
  readonly retriable = true

  constructor({ brokers, tls, sasl }: KafkaConnection, cause: unknown) {
    const { message } = cause as Error
    // A broker says nothing to somebody who speaks plainly where it expects TLS, or does not log in where it must.
    const hint =
      message.includes('Closed connection') && (tls === undefined || sasl === undefined)
        ? ` (does it ask for ${[tls ?? 'kafka.tls', sasl ?? 'kafka.sasl'].filter((name) => typeof name === 'string').join(' or ')}?)`
        : ''
    super(`Kafka at ${brokers.join(', ')} cannot be reached: ${message}${hint}`, { cause })
    this.name = 'BrokersUnreachableError'
  }
}

/**
 * The brokers answer, and the answer is no. A process that starts waits all the same, and says why: whoever corrects a
 * password or an ACL need not start it again.
 */
class BrokersRefusedError extends Error {
  readonly code = 'BROKERS_REFUSED'
  readonly retriable = true

  constructor({ brokers }: KafkaConnection, refusal: string, cause: unknown) {
    super(`Kafka at ${brokers.join(', ')} refuses us: ${refusal}`, { cause })
    this.name = 'BrokersRefusedError'
  }
}

/** Runs a call of the admin client; what it gives up on counts as unreachable, unless the brokers said no. */
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

/**
 * Connects the admin client. Rejects with BrokersUnreachableError or BrokersRefusedError, and leaves no connection behind
 * then; it may be called again.
 */
export async function connectAdmin(admin: Admin, connection: KafkaConnection): Promise<void> {
  try {
    await onBrokers(connection, () => admin.connect())
  } catch (error) {
    await admin.disconnect().catch(() => {})
    throw error
  }
}
