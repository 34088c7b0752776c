import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { KafkaConnection } from '../../../src/client-security/connections.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { SILENT } from './silent-logger.ts'

/** kafkajs as it is: a second client, written by others, that administers topics for tests and reads and writes as a stranger. */
export function createKafkaJs({ brokers }: Pick<KafkaConnection, 'brokers'>): Kafka {
  return new Kafka({
    clientId: 'kafkajs',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { initialRetryTime: 30, maxRetryTime: 500, retries: 10 },
  })
}

/**
 * kafkajs's admin client, except that metadata comes from our client: kafkajs fails if any partition has no leader, and tests
 * look at exactly those. Such a partition has the leader -1.
 */
export function createAdmin(connection: Pick<KafkaConnection, 'brokers'>): Admin {
  const admin = createKafkaJs(connection).admin()
  const { queries } = createKafka({ connection, clientId: 'test', logger: SILENT })
  const fetchTopicMetadata: Admin['fetchTopicMetadata'] = async ({ topics = [] } = { topics: [] }) => {
    await queries.retried(() => queries.refresh(topics))
    const described = await queries.describe(topics)
    return {
      topics: described.map(({ name, partitions }) => ({
        name: name ?? '',
        partitions: partitions.map(({ partition, leader, replicas, inSync, offline, errorCode }) => ({
          partitionId: partition,
          leader: queries.knownTopic(name ?? '')?.leaders[partition] ?? leader,
          partitionErrorCode: errorCode,
          replicas: [...replicas],
          isr: [...inSync],
          offlineReplicas: [...offline],
        })),
      })),
    }
  }
  return Object.assign(admin, { fetchTopicMetadata })
}
