import type { TrafficFilter } from '../harness/tcp-proxy.ts'

/** Api keys of Kafka's protocol. */
export const API_KEYS = {
  produce: 0,
  fetch: 1,
  offsetCommit: 8,
  joinGroup: 11,
  heartbeat: 12,
  syncGroup: 14,
  initProducerId: 22,
  addPartitionsToTxn: 24,
  endTxn: 26,
  txnOffsetCommit: 28,
} as const

/** Size, api key, api version, correlation id. */
const REQUEST_HEAD_BYTES = 12
/** Size, correlation id. */
const RESPONSE_HEAD_BYTES = 8
const SIZE_BYTES = 4

/** The fate of a response. */
export type Fate = 'pass' | 'lose' | { readonly delayMs: number }

/**
 * Loses or delays Kafka's responses: the broker has executed the request, but the client never learns of it, or learns of
 * it late.
 *
 * `fateOf` is called for every response with the api key of its request. A lost response cuts the connection before its first
 * byte; a delayed one also holds back all later responses, as the protocol requires. A refused request cuts the connection
 * and never reaches the broker.
 */
export function tamperedResponses(
  fateOf: (apiKey: number) => Fate,
  isRefused: (apiKey: number) => boolean = () => false,
): TrafficFilter {
  const apiKeys = new Map<number, number>()
  const requests = new FrameHeads(REQUEST_HEAD_BYTES)
  const responses = new FrameHeads(RESPONSE_HEAD_BYTES)
  return {
    request(chunk) {
      requests.feed(chunk, (head) => {
        const apiKey = head.readInt16BE(4)
        apiKeys.set(head.readInt32BE(8), apiKey)
        return !isRefused(apiKey)
      })
      return requests.stopped
    },
    response(chunk) {
      let delayMs = 0
      const pass = responses.feed(chunk, (head) => {
        const correlationId = head.readInt32BE(4)
        const apiKey = apiKeys.get(correlationId)
        apiKeys.delete(correlationId)
        const fate = apiKey === undefined ? 'pass' : fateOf(apiKey)
        if (typeof fate === 'object') {
          delayMs = Math.max(delayMs, fate.delayMs)
        }
        return fate !== 'lose'
      })
      return { pass, cut: responses.stopped, delayMs }
    },
  }
}

/** Finds the frame headers in a stream of arbitrary chunks. */
class FrameHeads {
  readonly #head: Buffer
  #headBytes = 0
  #restBytes = 0
  stopped = false

  constructor(headBytes: number) {
    this.#head = Buffer.alloc(headBytes)
  }

  /** Returns the part of the chunk to forward. An incomplete header waits for more; false stops before it. */
  feed(chunk: Buffer, onHead: (head: Buffer) => boolean): Buffer {
    const pass: Buffer[] = []
    let at = 0
    while (at < chunk.length && !this.stopped) {
      if (this.#restBytes > 0) {
        const rest = chunk.subarray(at, at + this.#restBytes)
        this.#restBytes -= rest.length
        at += rest.length
        pass.push(rest)
        continue
      }
      const copied = chunk.copy(this.#head, this.#headBytes, at)
      this.#headBytes += copied
      at += copied
      if (this.#headBytes === this.#head.length) {
        this.#headBytes = 0
        this.#restBytes = this.#head.readInt32BE(0) + SIZE_BYTES - this.#head.length
        this.stopped = !onHead(this.#head)
        if (!this.stopped) {
          pass.push(Buffer.from(this.#head))
        }
      }
    }
    return Buffer.concat(pass)
  }
}
