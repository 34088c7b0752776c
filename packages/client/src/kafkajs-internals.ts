import { createRequire } from 'node:module'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs, { type Kafka } from 'kafkajs'

/**
 * What this package uses of kafkajs beyond its public interface, which is why the version is pinned: its connections, to ask
 * for offsets of both isolation levels and to fetch a compacted topic, and the decoder of record batches.
 */

export interface InternalBroker {
  listOffsets(request: {
    readonly replicaId: number
    readonly isolationLevel: number
    readonly topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
    }[]
  }): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }>
  readonly connectionPool: {
    send<T>(exchange: {
      readonly request: object
      readonly response: { decode(raw: Buffer): Promise<T>; parse(decoded: T): Promise<T> }
    }): Promise<T>
  }
}

export interface InternalCluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadata(): Promise<void>
  findBroker(of: { readonly nodeId: number }): Promise<InternalBroker>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[]
}

export interface InternalDecoder {
  readInt16(): number
  readInt32(): number
  readInt64(): { toString(): string }
  readString(): string
  readBytes(length: number): Buffer
  readArray<T>(read: (decoder: InternalDecoder) => T): T[]
  readArrayAsync<T>(read: (decoder: InternalDecoder) => Promise<T>): Promise<T[]>
}

export interface InternalMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, unknown>>
  readonly isControlRecord: boolean
}

export interface AbortedTransaction {
  readonly producerId: string
  readonly firstOffset: string
}

const require = createRequire(import.meta.url)

export const Decoder: new (bytes: Buffer) => InternalDecoder = require('kafkajs/src/protocol/decoder')
export const decodeRecordBatch: (
  decoder: InternalDecoder,
) => Promise<{ readonly records: readonly InternalMessage[] }> = require('kafkajs/src/protocol/recordBatch/v0/decoder')
export const fetchRequest: (request: object) => object = require('kafkajs/src/protocol/requests/fetch/v11/request')
export const withoutAborted: (of: {
  readonly messages: readonly InternalMessage[]
  readonly abortedTransactions: readonly AbortedTransaction[]
}) => readonly InternalMessage[] = require('kafkajs/src/consumer/filterAbortedMessages')
export const errorOfCode: (code: number) => Error = require('kafkajs/src/protocol/error').createErrorFromCode
const murmur2: (key: Buffer | string) => number = require('kafkajs/src/producer/partitioners/default/murmur2')

/** Where Java's default partitioner, and so paystatus, puts a key. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions
}

/** A cluster with the settings and logins of this client. */
export function clusterOf(kafka: Kafka): InternalCluster {
  const create = Object.getOwnPropertySymbols(kafka).find(({ description }) => description?.endsWith('createCluster'))
  const factory = create && (kafka as unknown as Record<symbol, (options: object) => InternalCluster>)[create]
  if (factory === undefined) {
    throw new TypeError('this version of kafkajs is not the one that @paystatus/client was made for')
  }
  return factory({ metadataMaxAge: 60_000, allowAutoTopicCreation: false })
}

/** kafkajs knows no zstd, but Node.js does: topics with `compression.type=zstd` are read, unless somebody set another codec. */
export function readZstd(): void {
  const { CompressionCodecs, CompressionTypes } = kafkajs
  try {
    CompressionCodecs[CompressionTypes.ZSTD]()
  } catch {
    CompressionCodecs[CompressionTypes.ZSTD] = () => ({
      compress: async ({ buffer }: { readonly buffer: Buffer }) => zstdCompressSync(buffer),
      decompress: async (bytes: Buffer) => zstdDecompressSync(bytes),
    })
  }
}
