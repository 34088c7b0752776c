import type { Message } from 'kafkajs'
import { type BatchRecord, encodeRecordBatch } from './encode-record-batch.ts'
import { inflateBatches } from './inflate-batches.ts'
import { leaveSilentBrokers, splitAddressesRightly } from './kafkajs-brokers.ts'
import { oneSocketAtATime } from './kafkajs-connection.ts'
import { followTheCoordinator } from './kafkajs-coordinator.ts'
import { joinUntilJoined } from './kafkajs-joins.ts'
import { askForOurTopicsOnly } from './kafkajs-metadata.ts'
import { leaveOffsetsAlone } from './kafkajs-offsets.ts'
import { renewSessionsInTime } from './kafkajs-sessions.ts'
import { replaceModule, require } from './replace-module.ts'

/**
 * kafkajs 2.2.4 with our fixes. It is no longer maintained and its version is pinned exactly, so all changes to it are
 * made here, when it is loaded, and nowhere else. All code that needs kafkajs at run time imports it from here.
 */
interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const CHECK_PENDING_MS = 10

/**
 * The original arms a timer after every response, with a negative delay and without end: idle connections burn CPU and
 * Node warns. A timer is needed only while requests are pending.
 */
function armNoTimerWithoutNeed(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue/index.js') as { prototype: RequestQueue }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) {
      return
    }
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null
        this.checkPendingRequests()
      },
      Math.max(CHECK_PENDING_MS, this.throttledUntil - Date.now()),
    )
  }
}

interface Grouping {
  readonly topic: string
  readonly messages: readonly Message[]
  readonly partitionMetadata: unknown
  readonly partitioner: (of: { topic: string; partitionMetadata: unknown; message: Message }) => number
}

/** The original copies the group for every message, which is quadratic in the size of a send. */
function groupInLinearTime(): void {
  replaceModule(
    'kafkajs/src/producer/groupMessagesPerPartition.js',
    () =>
      ({ topic, messages, partitionMetadata, partitioner }: Grouping) => {
        const groups: Record<number, Message[]> = {}
        for (const message of messages) {
          const partition = partitioner({ topic, partitionMetadata, message })
          const group = groups[partition]
          if (group === undefined) {
            groups[partition] = [message]
          } else {
            group.push(message)
          }
        }
        return groups
      },
  )
}

interface Encoder {
  buf: Buffer
  offset: number
}

interface BatchOptions {
  readonly compression?: number
  readonly firstTimestamp?: number
  readonly maxTimestamp?: number
  readonly transactional?: boolean
  readonly producerId?: { toString(): string } | number
  readonly producerEpoch?: number
  readonly firstSequence?: number
  readonly records?: readonly BatchRecord[]
}

/** Records stay unencoded until their batch is written in one pass; see encode-record-batch.ts. */
function encodeBatchesInOnePass(): void {
  const encoderClass = require('kafkajs/src/protocol/encoder.js') as { prototype: Encoder }
  replaceModule('kafkajs/src/protocol/recordBatch/record/v0/index.js', () => (record: BatchRecord) => record)
  replaceModule('kafkajs/src/protocol/recordBatch/v0/index.js', (original) => ({
    ...(original as object),
    RecordBatch: async (options: BatchOptions): Promise<Encoder> => {
      if (options.compression !== undefined && options.compression !== 0) {
        throw new Error('compression is not supported by the batch encoder')
      }
      const now = Date.now()
      const buffer = encodeRecordBatch(options.records ?? [], {
        firstTimestamp: Number(options.firstTimestamp ?? now),
        maxTimestamp: Number(options.maxTimestamp ?? now),
        transactional: options.transactional === true,
        producerId: BigInt(String(options.producerId ?? -1)),
        producerEpoch: options.producerEpoch ?? 0,
        firstSequence: options.firstSequence ?? 0,
      })
      return Object.assign(Object.create(encoderClass.prototype) as Encoder, { buf: buffer, offset: buffer.length })
    },
  }))
}

/** Requests are written completely before anything reads them, so their buffers need no zeroing. */
function growWithoutZeroing(): void {
  const { prototype } = require('kafkajs/src/protocol/encoder.js') as {
    prototype: Encoder & { ensureAvailable(length: number): void }
  }
  prototype.ensureAvailable = function (this: Encoder, length: number) {
    const needed = this.offset + length
    if (needed > this.buf.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.buf.length))
      this.buf.copy(grown, 0, 0, this.offset)
      this.buf = grown
    }
  }
}

interface Decoder {
  readonly buffer: Buffer
  readonly offset: number
  canReadBytes(length: number): boolean
  readInt32(): number
  readBytes(length: number): Buffer
}

/**
 * A partition's part of a response begins with its size, followed by the first batch; this is the position of that
 * batch's magic byte.
 */
const FIRST_MAGIC_AT = 4 + 16
const RECORD_BATCH_MAGIC = 2
/** Bytes that the original requires before it decodes a batch. */
const RECORD_BATCH_OVERHEAD = 49

/**
 * The original supports only gzip, without a size limit, and reads nothing after a batch that it cannot decode: a topic
 * set to another compression even briefly could never be read again. It also passes all records of a batch to one call,
 * which overflows the stack for a very large number of records.
 */
function readAllCompressions(): void {
  const decoderClass = require('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => Decoder
  const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (
    decoder: Decoder,
  ) => Promise<{ readonly records: readonly unknown[] }>
  replaceModule(
    'kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js',
    (original) =>
      async (decoder: Decoder): Promise<readonly unknown[]> => {
        if (decoder.buffer[decoder.offset + FIRST_MAGIC_AT] !== RECORD_BATCH_MAGIC) {
          return (original as (decoder: Decoder) => Promise<readonly unknown[]>)(decoder)
        }
        const size = decoder.readInt32()
        if (size <= 0 || !decoder.canReadBytes(size)) {
          return []
        }
        const batches = new decoderClass(await inflateBatches(decoder.readBytes(size)))
        const records: unknown[] = []
        while (batches.canReadBytes(RECORD_BATCH_OVERHEAD)) {
          try {
            for (const record of (await decodeBatch(batches)).records) {
              records.push(record)
            }
          } catch (error) {
            // The last batch is often cut off by the size limit of the response.
            if ((error as Error).name === 'KafkaJSPartialMessageError') {
              break
            }
            throw error
          }
        }
        return records
      },
  )
}

// Before kafkajs itself is loaded, so that its modules load the replacements.
splitAddressesRightly()
oneSocketAtATime()
readAllCompressions()
leaveSilentBrokers()
askForOurTopicsOnly()
renewSessionsInTime()
joinUntilJoined()
followTheCoordinator()
leaveOffsetsAlone()
armNoTimerWithoutNeed()
groupInLinearTime()
encodeBatchesInOnePass()
growWithoutZeroing()

const kafkajs = require('kafkajs') as typeof import('kafkajs')
export const { Kafka, logLevel, ConfigResourceTypes } = kafkajs
