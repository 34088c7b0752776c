const CAUSES_MAX = 5
const CHARS_MAX = 200

/** What the protocol's names mean, for those that an operator can do something about. */
const KAFKA_WORDS: Readonly<Record<string, string>> = {
  MESSAGE_TOO_LARGE: 'record too large',
  RECORD_LIST_TOO_LARGE: 'record too large',
  INVALID_TIMESTAMP: 'timestamp out of range',
  NOT_ENOUGH_REPLICAS: 'too few replicas in sync',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'too few replicas in sync',
  REQUEST_TIMED_OUT: 'replicas too slow',
  LEADER_NOT_AVAILABLE: 'no leader',
  UNKNOWN_TOPIC_OR_PARTITION: 'no such topic or partition',
  KAFKA_STORAGE_ERROR: "the broker's disk fails",
  POLICY_VIOLATION: 'refused by a policy of the broker',
  INVALID_PRODUCER_EPOCH: 'fenced by another owner',
  PRODUCER_FENCED: 'fenced by another owner',
  UNKNOWN_PRODUCER_ID: 'the broker forgot the producer',
}

/**
 * Why something does not work, in a few words for `/health/ready` and the log. From the first link of the chain of causes
 * that says so in the words of Kafka (`timestamp out of range (INVALID_TIMESTAMP)`) or Redis (`Redis: MOVED`), else from the
 * outermost error that has a code. Of any other error only its class is said: its message may quote a body (I9).
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
 * Whether an error says that a server is away or not able to at present, so that it passes by itself and no other process
 * would do better. The innermost link that knows decides: clients wrap what they gave up on, and what they cannot send.
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

/** A text without the user and password of the addresses in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/[^@/\s]*@/g, '//(redacted)@')
}
