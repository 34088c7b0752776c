/** The protocol error type that kafkajs buried in an error, for example `CONCURRENT_TRANSACTIONS`; else its name. */
export function kafkaErrorType(error: unknown): string {
  let current: unknown = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    const { type, cause } = current as { type?: unknown; cause?: unknown }
    if (typeof type === 'string') {
      return type
    }
    current = cause
  }
  return error instanceof Error ? error.name : 'unknown'
}

/** The broker's answer to a produce request does not say that what we sent was appended. */
export class ProduceReplyError extends Error {
  readonly code = 'PRODUCE_REPLY_INVALID'
  readonly retriable = true

  constructor(topic: string, partition: number) {
    super(`the reply does not acknowledge ${topic}[${partition}]`)
    this.name = 'ProduceReplyError'
  }
}
