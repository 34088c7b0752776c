import { DefinedStop } from '../stream/partition-task.ts'
import { UnreadableBatchError } from './inflate-batches.ts'

/** The protocol error type that kafkajs buried in an error, for example `CONCURRENT_TRANSACTIONS`; else its name. */
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

/** In these the network failed, not what was asked. */
const CONNECTION_ERRORS: ReadonlySet<string> = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSLockTimeout',
])

export function isConnectionError(error: unknown): boolean {
  return CONNECTION_ERRORS.has((error as Error).name)
}

/** kafkajs marks what the protocol calls retriable; being fenced, out of order or unknown to the broker is not. */
export function isRetriable(error: unknown): boolean {
  return (error as { retriable?: boolean }).retriable === true
}

const COORDINATOR_NOT_READY: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'COORDINATOR_LOAD_IN_PROGRESS',
])

/** A coordinator refuses because it has just moved or started. */
export function isCoordinatorNotReady(error: unknown): boolean {
  return COORDINATOR_NOT_READY.has(kafkaErrorType(error))
}

/** The broker does not take our password or token, or we have none to show. */
export class KafkaLoginError extends Error {
  readonly code = 'KAFKA_LOGIN_REFUSED'
  /** Only what the broker has not judged may pass by itself: a token endpoint that is away, a file that is not there yet. */
  readonly retriable: boolean

  constructor(who: string, cause: Error) {
    super(`the login (${who}) failed: ${cause.message}; see kafka.sasl`, { cause })
    this.name = 'KafkaLoginError'
    this.retriable = isRetriable(cause) && !cause.name.startsWith('KafkaJS')
  }
}

/** Why Kafka refuses us, if that is what an error says: trying again does not help before somebody did something. */
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

/** The same error, or, if it says that Kafka refuses us, the end of the process with what was asked for and by what right. */
export function stopIfRefused(error: unknown, asked: string): unknown {
  const refusal = refusalOf(error)
  return refusal === null || error instanceof DefinedStop
    ? error
    : new DefinedStop('KAFKA_REFUSED', `Kafka refuses ${asked}: ${refusal}`)
}

/** No broker leads the partition at present: all that have its records are away. It goes on once one of them is back. */
export class NoLeaderError extends Error {
  readonly code = 'NO_LEADER'
  readonly retriable = true

  constructor(topic: string, partition: number) {
    super(`${topic}[${partition}] has no leader: no broker that has its records is there`)
    this.name = 'NoLeaderError'
  }
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

/** The same for a reader, who also has to stop at a batch of records that nobody can read. */
export function stopIfUnreadable(error: unknown, asked: string): unknown {
  for (const link of chainOf(error)) {
    if (link instanceof UnreadableBatchError) {
      return new DefinedStop(
        'BATCH_UNREADABLE',
        `${asked}: ${link.message}. Nothing was skipped. If another replica of the partition has it whole, make that one the leader; ` +
          'if nobody has it, its records are lost, and the group can be set behind it (kafka-consumer-groups.sh --reset-offsets).',
      )
    }
  }
  return stopIfRefused(error, asked)
}
