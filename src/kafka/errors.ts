import { DefinedStop } from '../stream/partition-task.ts'
import { UnreadableBatchError } from './inflate-batches.ts'

/**
 * The protocol error type nested in a kafkajs error, for example `CONCURRENT_TRANSACTIONS`; otherwise the error's name.
 */
export function kafkaErrorType(error: unknown): string {
  for (const { type } of chainOf(error)) {
    if (typeof type === 'string') {
      return type
    }
  }
  return error instanceof Error ? error.name : 'unknown'
}

interface Link {
  readonly type?: unknown
  readonly message?: unknown
}

/** An error, its cause, and so on. */
function* chainOf(error: unknown): Iterable<Link> {
  let current: unknown = error
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    yield current as Link
    current = (current as { cause?: unknown }).cause
  }
}

/** Failures of the connection rather than of the request. */
const CONNECTION_ERRORS: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
])

export function isConnectionError(error: unknown): boolean {
  return CONNECTION_ERRORS.has((error as Error).name)
}

/**
 * kafkajs marks the errors that the protocol calls retriable; fencing, an out-of-order sequence and an unknown producer
 * are not among them.
 */
export function isRetriable(error: unknown): boolean {
  return (error as { retriable?: boolean }).retriable === true
}

const COORDINATOR_NOT_READY: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'COORDINATOR_LOAD_IN_PROGRESS',
])

/** Whether a coordinator refused because it has just moved or started. */
export function isCoordinatorNotReady(error: unknown): boolean {
  return COORDINATOR_NOT_READY.has(kafkaErrorType(error))
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
    this.retriable = isRetriable(cause) && !cause.name.startsWith('KafkaJS')
  }
}

/** Why Kafka refuses us, or null if the error says something else. Retrying does not help until somebody acts. */
export function refusalOf(error: unknown): string | null {
  for (const link of chainOf(error)) {
    if (link instanceof KafkaLoginError) {
      return link.message
    }
    const { type, message } = link
    if (typeof type === 'string' && (type.endsWith('_AUTHORIZATION_FAILED') || type === 'UNSUPPORTED_SASL_MECHANISM')) {
      const help =
        type === 'UNSUPPORTED_SASL_MECHANISM' ? 'see kafka.sasl' : 'paystatus topics acls prints what is needed'
      return `${String(message)} (${type}); ${help}`
    }
  }
  return null
}

/**
 * Turns a refusal by Kafka into a DefinedStop that names what was requested and which right is missing; returns any
 * other error unchanged.
 */
export function stopIfRefused(error: unknown, asked: string): unknown {
  const refusal = refusalOf(error)
  return refusal === null || error instanceof DefinedStop
    ? error
    : new DefinedStop('KAFKA_REFUSED', `Kafka refuses ${asked}: ${refusal}`)
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

/** The broker's response to a produce request does not acknowledge our records. */
export class ProduceReplyError extends Error {
  readonly code = 'PRODUCE_REPLY_INVALID'
  readonly retriable = true

  constructor(topic: string, partition: number) {
    super(`the reply does not acknowledge ${topic}[${partition}]`)
    this.name = 'ProduceReplyError'
  }
}

/** Like `stopIfRefused`, for readers: an unreadable record batch also becomes a DefinedStop. */
export function stopIfUnreadable(error: unknown, asked: string): unknown {
  for (const link of chainOf(error)) {
    if (link instanceof UnreadableBatchError) {
      return new DefinedStop(
        'BATCH_UNREADABLE',
        `${asked}: ${link.message}. Nothing was skipped. If another replica of the partition has an intact copy, make that replica the leader; ` +
          'if none has, its records are lost, and the group can be moved past it (kafka-consumer-groups.sh --reset-offsets).',
      )
    }
  }
  return stopIfRefused(error, asked)
}
