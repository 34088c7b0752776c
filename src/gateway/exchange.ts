import type { FastifyReply } from 'fastify'
import type { AnswerCode } from '../observability/answer-codes.ts'
import type { GatewayMetrics } from '../observability/metrics.ts'
import type { AppendWatch } from './append-watch.ts'
import type { Budget } from './budget.ts'

/** What the exchanges of one gateway share. */
export interface ExchangeContext {
  readonly answerDeadlineMs: number
  readonly answerReadTimeoutMs: number
  readonly budget: Budget
  readonly watch: Pick<AppendWatch, 'failed'>
  readonly metrics: Pick<GatewayMetrics, 'answered' | 'disconnected' | 'connectionCut'>
}

/** One TCP connection, and its requests whose answers are not complete; several if the caller pipelines. */
export interface Connection {
  /** What counts as one caller: see address-key.ts. */
  readonly address: string
  pending: number
  latest: Exchange | null
  /** Ends after the answer to its latest request: what followed was not HTTP, or the gateway is stopping. */
  ending: boolean
  /** The last request was answered before it was complete; its remainder is still being discarded. */
  answeredEarly: boolean
  /** The final response is written; later input is ignored. */
  leaving: boolean
  /** The caller of its last request was admitted, whatever the answer was: the connection may stay open for the next request. */
  served: boolean
  /** `performance.now()` when it was opened or last answered; meaningful while nothing is pending. */
  idleSince: number
}

const RETRY_AFTER_SECONDS = 5
/** Answers to callers that were not admitted. */
const STRANGERS_CODES: ReadonlySet<AnswerCode> = new Set([400, 401, 404, 405, 431])

/**
 * One request and its answer: exactly one, no later than the deadline, which covers reading the body and the append.
 *
 * The deadline is a timer of its own because Fastify's `handlerTimeout` ends with the request's `close` event, which Node
 * emits as soon as the body is read.
 */
export class Exchange {
  readonly source: string
  readonly connection: Connection
  readonly #context: ExchangeContext
  readonly #reply: FastifyReply
  readonly #challenge: string | null
  readonly #startedAt: number
  readonly #deadline: NodeJS.Timeout
  #aborter: AbortController | null = null
  #unread: NodeJS.Timeout | null = null
  #settled = false
  #callerGone = false
  #chunks: Buffer[] = []
  #heldBytes = 0

  constructor(
    context: ExchangeContext,
    connection: Connection,
    source: string,
    challenge: string | null,
    reply: FastifyReply,
  ) {
    this.source = source
    this.connection = connection
    this.#context = context
    this.#reply = reply
    this.#challenge = challenge
    this.#startedAt = performance.now()
    this.#deadline = setTimeout(expire, context.answerDeadlineMs, this)
    context.budget.requestOpened()
    connection.pending += 1
    connection.latest = this
    connection.answeredEarly = false
    reply.raw.on('close', () => this.#close())
  }

  /** True once the request is answered, or its caller left before it was complete. */
  get settled(): boolean {
    return this.#settled
  }

  /** The rest of this request will never arrive: the connection's input was invalid, too slow, or ended. */
  breakOff(): void {
    this.connection.ending = true
    if (!this.#reply.request.raw.complete) {
      this.answer(400)
    }
  }

  /** Aborts at the deadline; after that the result of the append no longer matters to this caller. */
  appendSignal(): AbortSignal {
    this.#aborter = new AbortController()
    return this.#aborter.signal
  }

  /** Keeps a chunk of the body. It counts against the budget until the body is taken or the request is settled. */
  hold(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
    this.#context.budget.hold(chunk.length)
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** The whole body, which no longer counts against the budget. */
  takeBody(): Buffer {
    // A chunk is Node's own copy of exactly its bytes, so a single one needs no copy.
    const body = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#heldBytes)
    this.#letGo()
    return body
  }

  /** Answers, unless the request is already settled. */
  answer(code: AnswerCode, retryAfterSeconds = RETRY_AFTER_SECONDS): void {
    if (this.#settled) {
      return
    }
    this.#settle()
    if (this.#callerGone) {
      return
    }
    this.connection.served = !STRANGERS_CODES.has(code)
    // Node would hold an unread answer without a time limit.
    this.#unread = setTimeout(cut, this.#context.answerReadTimeoutMs, this)
    this.#context.metrics.answered(this.source, code, (performance.now() - this.#startedAt) / 1_000)
    const reply = this.#reply
    if (this.connection.ending) {
      this.#closeConnectionAfterLast()
    }
    reply.code(code)
    switch (code) {
      case 200:
      case 201:
        reply.header('content-type', 'application/json').send('{}')
        return
      case 401:
        if (this.#challenge !== null) {
          reply.header('www-authenticate', this.#challenge)
        }
        break
      case 405:
        reply.header('allow', 'POST')
        break
      case 429:
      case 503:
        reply.header('retry-after', String(retryAfterSeconds))
        break
      default:
        break
    }
    reply.send()
  }

  expire(): void {
    if (this.#aborter !== null) {
      this.#context.watch.failed(`no acknowledgement within ${this.#context.answerDeadlineMs} ms`)
      // The answer first: aborting rejects the append at once.
      this.answer(503)
      this.#aborter.abort()
    } else {
      this.answer(503)
    }
  }

  cut(): void {
    this.#context.metrics.connectionCut('unread')
    // Not the reply's socket: it has none until the answers before it are out.
    this.#reply.request.raw.socket.destroy()
  }

  #settle(): void {
    this.#settled = true
    clearTimeout(this.#deadline)
    this.#letGo()
  }

  #letGo(): void {
    this.#context.budget.release(this.#heldBytes)
    this.#heldBytes = 0
    this.#chunks = []
  }

  /** Only the last answer on a connection may close it; otherwise later pipelined requests would lose theirs. */
  #closeConnectionAfterLast(): void {
    if (this.connection.latest === this) {
      this.#reply.raw.setHeader('connection', 'close')
    } else {
      this.#reply.raw.removeHeader('connection')
    }
  }

  /** The answer is out, or the connection broke. */
  #close(): void {
    if (this.#unread !== null) {
      clearTimeout(this.#unread)
    }
    if (!this.#settled) {
      this.#context.metrics.disconnected(this.source)
      this.#callerGone = true
      // A complete callback is on its way to the broker. Its sender may never repeat it, so the append continues to the deadline.
      if (this.#aborter === null) {
        this.#settle()
      }
    }
    this.connection.pending -= 1
    this.connection.idleSince = performance.now()
    if (this.connection.latest === this) {
      this.connection.latest = null
      this.connection.answeredEarly = !this.#reply.request.raw.complete
    }
    this.#context.budget.requestClosed()
  }
}

function expire(exchange: Exchange): void {
  exchange.expire()
}

function cut(exchange: Exchange): void {
  exchange.cut()
}
