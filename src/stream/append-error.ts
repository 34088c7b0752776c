/** Every way an append can fail, and whether trying the same append again can help. */
const RETRIABLE = {
  /** The queue to the broker is full. Nothing was sent. */
  APPEND_QUEUE_FULL: true,
  /** The send failed. Outcome unknown: the records may be in the topic. */
  APPEND_FAILED: true,
  /** The caller's signal aborted before the records were handed over. Nothing was sent. */
  APPEND_ABORTED: true,
  /** The records exceed the limits of the whole queue, so they can never fit. Nothing was sent. */
  APPEND_TOO_LARGE: false,
  /** The log was closed before the records were handed over. Nothing was sent. */
  APPEND_CLOSED: false,
} as const satisfies Record<string, boolean>

export type AppendErrorCode = keyof typeof RETRIABLE

/** An append that did not reach, or may not have reached, all in-sync replicas. */
export class AppendError extends Error {
  readonly code: AppendErrorCode
  /** Whether the same append may succeed later. */
  readonly retriable: boolean

  constructor(code: AppendErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options)
    this.name = 'AppendError'
    this.code = code
    this.retriable = RETRIABLE[code]
  }
}
