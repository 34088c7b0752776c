import { createRequire } from 'node:module'
import type { Message } from 'kafkajs'

/**
 * kafkajs 2.2.4 with mendings of ours. It is no longer maintained and the version is pinned exactly, so what must be
 * different is changed here, at load, and nowhere else. Everything that needs kafkajs at run time takes it from here.
 */
const require = createRequire(import.meta.url)

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  scheduleCheckPendingRequests(): void
}

const CHECK_PENDING_MS = 10

/**
 * The original arms a timer after every answer, with a negative delay, for ever: idle connections burn CPU and Node
 * warns. A timer is only needed while requests wait.
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
  const path = require.resolve('kafkajs/src/producer/groupMessagesPerPartition.js')
  require(path)
  const loaded = require.cache[path]
  if (loaded !== undefined) {
    loaded.exports = ({ topic, messages, partitionMetadata, partitioner }: Grouping) => {
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
    }
  }
}

armNoTimerWithoutNeed()
groupInLinearTime()

const kafkajs = require('kafkajs') as typeof import('kafkajs')
export const { Kafka, logLevel, ConfigResourceTypes } = kafkajs
