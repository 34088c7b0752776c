import type { Kafka as KafkaClient, LogEntry } from 'kafkajs'
import type { KafkaConnection } from '../client-security/connections.ts'
import type { Logger } from '../observability/log.ts'
import { loginOf } from './kafka-login.ts'
import { Kafka, logLevel } from './kafkajs.ts'
import { answering } from './kafkajs-brokers.ts'

export interface KafkaClientOptions {
  readonly connection: KafkaConnection
  readonly clientId: string
  readonly logger: Logger
  /** A request without a response fails after this time, ms. */
  readonly requestTimeoutMs?: number
  /** Retries of a failed request before the call rejects. */
  readonly retries?: number
  readonly initialRetryTimeMs?: number
  readonly maxRetryTimeMs?: number
}

/**
 * A kafkajs client with our logger and explicit timeouts and retries. It can create several producers, consumers and
 * admin clients; each has its own connections.
 */
export function createKafka(options: KafkaClientOptions): KafkaClient {
  return new Kafka({
    clientId: options.clientId,
    // Called for every client created from this one; otherwise each would always start with the first broker of the
    // list.
    brokers: () => answering(options.connection.brokers),
    ...loginOf(options.connection),
    connectionTimeout: 2_000,
    requestTimeout: options.requestTimeoutMs ?? 10_000,
    enforceRequestTimeout: true,
    retry: {
      initialRetryTime: options.initialRetryTimeMs ?? 30,
      maxRetryTime: options.maxRetryTimeMs ?? 500,
      retries: options.retries ?? 20,
    },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => toOurLog(options.logger, entry),
  })
}

/**
 * kafkajs logs every retried request as an error, which would bury a real one. Its lines are kept for debugging; a
 * final failure reaches us as an error of the call and is logged where it is handled.
 */
function toOurLog(logger: Logger, entry: LogEntry): void {
  const { message, error, broker, groupId } = entry.log as Record<string, unknown> & { message: string }
  const fields = { kafkajs: entry.namespace, error: typeof error === 'string' ? error : undefined, broker, groupId }
  if (message.includes('Offset out of range')) {
    logger.error(fields, message)
  } else if (entry.level <= logLevel.WARN) {
    logger.debug(fields, message)
  } else {
    logger.trace(fields, message)
  }
}
