import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/**
 * The error codes of the protocol, with their names, their texts and whether the same request may succeed later.
 *
 * This file is all we use of kafkajs. It is no longer maintained, so its version is pinned exactly.
 */
export const { createErrorFromCode } = require('kafkajs/src/protocol/error.js') as {
  createErrorFromCode: (code: number) => Error & {
    readonly type: string
    readonly code: number
    readonly retriable: boolean
  }
}

/** The payloads that members of a consumer group exchange, the same as those of the Java client. */
export const { MemberMetadata, MemberAssignment } =
  require('kafkajs/src/consumer/assignerProtocol.js') as typeof import('kafkajs').AssignerProtocol
