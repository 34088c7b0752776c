const CAUSES_MAX = 5
const CHARS_MAX = 200

/** Plain words for protocol errors that an operator can act on. */
const KAFKA_WORDS: Readonly<Record<string, string>> = {
  MESSAGE_TOO_LARGE: 'record too large',
  RECORD_LIST_TOO_LARGE: 'record too large',
  INVALID_TIMESTAMP: 'timestamp out of range',
  NOT_ENOUGH_REPLICAS: 'too few replicas in sync',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'too few replicas in sync',
  REQUEST_TIMED_OUT: 'replicas too slow',
  LEADER_NOT_AVAILABLE: 'no leader',
  UNKNOWN_TOPIC_OR_PARTITION: 'no such topic or partition',
  KAFKA_STORAGE_ERROR: 'disk error on the broker',
  POLICY_VIOLATION: 'rejected by a broker policy',
  INVALID_PRODUCER_EPOCH: 'fenced by another owner',
  PRODUCER_FENCED: 'fenced by another owner',
  UNKNOWN_PRODUCER_ID: 'the broker no longer knows the producer',
}

/**
 * Why something failed, in a few words for `/health/ready` and the log. Taken from the first error in the chain of causes with a
 * Kafka code (`timestamp out of range (INVALID_TIMESTAMP)`) or a Redis code (`Redis: MOVED`), otherwise from the outermost error
 * with a code. For any other error only its class is given: its message may quote a body (I9).
 */
export function shortReason(error: unknown): string {
  const chain = chainOf(error)
  for (const { name, type, message } of chain) {
    if (typeof type === 'string') {
      const words = KAFKA_WORDS[type]
      return words === undefined ? `Kafka: ${type}` : `${words} (${type})`
    }
    const word = name === 'ReplyError' ? /^[A-Z]{2,32}\b/.exec(message)?.[0] : undefined
    if (word !== undefined) {
      return `Redis: ${word}`
    }
  }
  const coded = chain.find(({ code, name }) => typeof code === 'string' || name.startsWith('KafkaJS'))
  if (coded !== undefined) {
    return (withoutCredentials(coded.message).split('\n', 1)[0] as string).slice(0, CHARS_MAX)
  }
  return chain[0]?.name ?? 'unknown'
}

/**
 * Whether an error says that a server is unreachable or temporarily unable to serve, so that it resolves by itself and no other
 * process would do better. The innermost error with a `retriable` flag decides: clients wrap the errors of requests that failed.
 */
export function passesByItself(error: unknown): boolean {
  return chainOf(error).findLast(({ retriable }) => typeof retriable === 'boolean')?.retriable === true
}

type Link = Error & { readonly type?: unknown; readonly code?: unknown; readonly retriable?: unknown }

function chainOf(error: unknown): readonly Link[] {
  const chain: Link[] = []
  for (let link = error; link instanceof Error && chain.length < CAUSES_MAX; link = link.cause) {
    chain.push(link)
  }
  return chain
}

/** The text without the user names and passwords in its addresses. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^@/\s]*@/g, '//(redacted)@')
}
