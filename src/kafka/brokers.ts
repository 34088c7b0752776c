import type { Admin } from 'kafkajs'

/** The brokers do not answer. Trying again is right: a broker that is away is a state, not an error of ours. */
class BrokersUnreachableError extends Error {
  readonly code = 'BROKERS_UNREACHABLE'
  readonly retriable = true

  constructor(brokers: readonly string[], cause: unknown) {
    super(`Kafka at ${brokers.join(', ')} cannot be reached: ${(cause as Error).message}`, { cause })
    this.name = 'BrokersUnreachableError'
  }
}

/** Runs a call of the admin client; everything that it gives up on counts as unreachable. */
export async function onBrokers<T>(brokers: readonly string[], call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw new BrokersUnreachableError(brokers, error)
  }
}

/** Connects the admin client. Rejects with BrokersUnreachableError. */
export function connectAdmin(admin: Admin, brokers: readonly string[]): Promise<void> {
  return onBrokers(brokers, () => admin.connect())
}
