import type { KafkaConnection } from '../client-security/connections.ts'
import type { Logger } from '../observability/log.ts'
import { Cluster } from './client/cluster.ts'
import { Connection } from './client/connection.ts'
import { loginOf } from './kafka-login.ts'

export interface KafkaClientOptions {
  readonly connection: KafkaConnection
  /** Names us to the brokers. */
  readonly clientId: string
  /** Retried failures are logged at debug level; the last one rejects the call. */
  readonly logger: Logger
  /** A request without a response fails after this time, ms. */
  readonly requestTimeoutMs?: number
  /** How long a request that fails is retried before the call rejects, ms. */
  readonly retryForMs?: number
}

/** Where Kafka is and how to log in. Connects on first use. */
export interface KafkaClient {
  /** For short queries. All users share its connections, which close when idle. */
  readonly queries: Cluster
  /** A cluster with its own connections; the caller closes it. */
  cluster(): Cluster
}

const RETRY_FOR_MS = 8_000
/** An idle connection does not keep the process alive; this only spares the broker. */
const IDLE_MS = 10_000

export function createKafka(options: KafkaClientOptions): KafkaClient {
  const { connection, clientId, logger, requestTimeoutMs, retryForMs = RETRY_FOR_MS } = options
  const { login, who } = loginOf(connection)
  const silent = new Set<string>()
  const common = {
    addresses: connection.brokers,
    silent,
    retryForMs,
    onRetry: (error: unknown) => logger.debug({ err: error, clientId }, 'a request to Kafka failed; trying again'),
    connect: (address: Connection['address']) =>
      Connection.open({
        address,
        clientId,
        tls: connection.tls,
        login,
        who,
        ...(requestTimeoutMs !== undefined && { requestMaxMs: requestTimeoutMs }),
      }),
  }
  return { queries: new Cluster({ ...common, idleMs: IDLE_MS }), cluster: () => new Cluster(common) }
}
