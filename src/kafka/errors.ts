import { DefinedStop } from '../stream/partition-task.ts'
import { KafkaLoginError, UnreadableBatchError } from './client/client-errors.ts'

/**
 * The protocol error type nested in an error, for example `CONCURRENT_TRANSACTIONS`; otherwise the error's name.
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

/**
 * True for connection failures and errors that the protocol marks retriable; false for fencing, an out-of-order sequence and
 * an unknown producer.
 */
export function isRetriable(error: unknown): boolean {
  return (error as { retriable?: boolean }).retriable === true
}

const COORDINATOR_NOT_READY: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
])

/** Whether a coordinator refused because it has moved, or is still starting. */
export function isCoordinatorNotReady(error: unknown): boolean {
  return COORDINATOR_NOT_READY.has(kafkaErrorType(error))
}

/** Why Kafka refuses us; null for any other error. Retrying a refusal does not help until an operator acts. */
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
 * What to throw for an error of Kafka: a DefinedStop if it is a refusal, which names what was asked and which right is missing, or a
 * batch that cannot be read. Any other error is returned unchanged, also that of a login that may succeed later.
 */
export function asStop(error: unknown, asked: string): unknown {
  for (const link of chainOf(error)) {
    if (link instanceof UnreadableBatchError) {
      return new DefinedStop(
        'BATCH_UNREADABLE',
        `${asked}: ${link.message}. Nothing was skipped. If another replica of the partition has an intact copy, make that replica the leader; ` +
          'if none has, its records are lost, and the group can be moved past it (kafka-consumer-groups.sh --reset-offsets).',
      )
    }
  }
  const refusal = refusalOf(error)
  return refusal === null || error instanceof DefinedStop || isLoginPostponed(error)
    ? error
    : new DefinedStop('KAFKA_REFUSED', `Kafka refuses ${asked}: ${refusal}`)
}

/** Rejects with `asStop` of what `work` rejects with. */
export async function orStop<T>(asked: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asStop(error, asked)
  }
}

/** Whether we had no credentials to present, so that the broker has judged nothing: see KafkaLoginError. */
function isLoginPostponed(error: unknown): boolean {
  return [...chainOf(error)].some((link) => link instanceof KafkaLoginError && link.retriable)
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
