import type { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import type { KafkaConfig } from 'kafkajs'
import type { Observe } from './observation.ts'

export interface OpenOptions {
  readonly brokers: readonly string[]
  /** Its address, such as `http://registry:8080/apis/ccompat/v7`, or a client with the login that it needs. */
  readonly registry: string | SchemaRegistry
  /** The instances of one service share a group; each partition is read by one of them. */
  readonly groupId: string
  /** What stands before the names of the topics, if the installation has such a prefix. */
  readonly topicPrefix?: string
  /** The topics by name, if they are called otherwise. */
  readonly changesTopic?: string
  readonly currentTopic?: string
  /** `ssl`, `sasl`, `clientId` and whatever else kafkajs takes. Its log is off unless you set `logLevel`: see `observe`. */
  readonly kafka?: Omit<KafkaConfig, 'brokers'>
  /**
   * Which payments `get` and `payments` know: those of the partitions that are assigned to this instance (default), or all.
   * Each takes about as much memory as its record in `current`, typically 1 to 2 kB.
   */
  readonly table?: 'assigned' | 'all'
  /** Most calls of the handler at the same time, each for another partition. 1 by default: no two calls overlap. */
  readonly concurrency?: number
  /** kafkajs's settings of the consumer group, ms. */
  readonly sessionTimeout?: number
  readonly heartbeatInterval?: number
  readonly rebalanceTimeout?: number
  /** Told what happens, for metrics and logs. Must not throw. */
  readonly observe?: Observe
}
