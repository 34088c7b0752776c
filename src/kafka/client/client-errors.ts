import { createErrorFromCode } from './kafkajs.ts'

/** An error that a broker returned. */
export interface ProtocolError extends Error {
  /** Its name in the protocol, for example `CONCURRENT_TRANSACTIONS`. */
  readonly type: string
  readonly code: number
  /** Whether the protocol says that the same request may succeed later. */
  readonly retriable: boolean
}

/** Error codes that kafkajs does not know. */
const NEWER: Readonly<Record<number, readonly [type: string, retriable: boolean, message: string]>> = {
  89: ['THROTTLING_QUOTA_EXCEEDED', true, 'The quota of the client is used up'],
  90: ['PRODUCER_FENCED', false, 'A newer producer has the same transactional id'],
  100: ['UNKNOWN_TOPIC_ID', true, 'The broker does not host a topic with this id'],
  103: ['INCONSISTENT_TOPIC_ID', true, 'The log has another topic id than the one requested'],
  120: ['TRANSACTION_ABORTABLE', false, 'The transaction can only be aborted'],
}

/** The error of a code other than 0. */
export function protocolError(code: number): ProtocolError {
  const newer = NEWER[code]
  if (newer === undefined) {
    return createErrorFromCode(code)
  }
  const [type, retriable, message] = newer
  return Object.assign(new Error(message), { name: 'KafkaProtocolError', type, code, retriable })
}

/** Throws the error of a code, unless it is 0. */
export function assertNoError(code: number): void {
  if (code !== 0) {
    throw protocolError(code)
  }
}

/**
 * The partition that a request was about. Throws a retriable error if the response leaves it out, as that of a throttled fetch does.
 */
export function onlyPartition<P>(topics: readonly { readonly partitions: readonly P[] }[]): P {
  const [partition] = topics[0]?.partitions ?? []
  if (partition === undefined) {
    throw protocolError(UNKNOWN_TOPIC_OR_PARTITION)
  }
  return partition
}

export const UNKNOWN_TOPIC_OR_PARTITION = 3

/** A failure of the connection rather than of the request: whether the broker executed the request is unknown. */
export class KafkaConnectionError extends Error {
  readonly code: 'CONNECTION_FAILED' | 'CONNECTION_CLOSED' | 'REQUEST_TIMED_OUT'
  readonly retriable = true

  constructor(code: KafkaConnectionError['code'], message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.name = 'KafkaConnectionError'
    this.code = code
  }
}

/** The broker rejected our password or token, or we have none to present. */
export class KafkaLoginError extends Error {
  readonly code = 'KAFKA_LOGIN_REFUSED'
  /**
   * True only if the broker has not judged the credentials: an unreachable token endpoint or a file that does not exist
   * yet may resolve itself.
   */
  readonly retriable: boolean

  constructor(who: string, cause: Error) {
    super(`the login (${who}) failed: ${cause.message}; see kafka.sasl`, { cause })
    this.name = 'KafkaLoginError'
    this.retriable = (cause as { retriable?: boolean }).retriable === true
  }
}

/** The client was closed by its user. */
export class ClientClosedError extends Error {
  readonly code = 'CLIENT_CLOSED'
  readonly retriable = false

  constructor() {
    super('the Kafka client was closed')
    this.name = 'ClientClosedError'
  }
}

/**
 * The partition currently has no leader: all brokers that hold its records are down. Resolves itself once one of them
 * is back.
 */
export class NoLeaderError extends Error {
  readonly code = 'NO_LEADER'
  readonly retriable = true

  constructor(topic: string, partition: number) {
    super(`${topic}[${partition}] has no leader: no broker that holds its records is available`)
    this.name = 'NoLeaderError'
  }
}

/** A record batch that cannot be read. Nothing of it is skipped: the reader must stop and report it. */
export class UnreadableBatchError extends Error {
  readonly code = 'BATCH_UNREADABLE'
  readonly retriable = false
  readonly offset: bigint

  constructor(offset: bigint, problem: string) {
    super(`the record batch at offset ${offset} cannot be read: ${problem}`)
    this.name = 'UnreadableBatchError'
    this.offset = offset
  }
}
