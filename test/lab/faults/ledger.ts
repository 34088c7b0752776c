import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import type { Answer } from '../../../src/tools/simulate/post-callbacks.ts'

/** `failed`: refused or unreachable; after a 503 the callback may still be in raw. `unknown`: no answer. */
type Outcome = 'ok' | 'failed' | 'unknown'

/** One attempt to deliver a callback: a line of the ledger file. */
export interface LedgerEntry {
  readonly callback: string
  readonly source: string
  readonly bodySha256: string
  readonly bodyBase64: string
  readonly outcome: Outcome
  /** ISO 8601. */
  readonly at: string
}

/** An attempt that reached a gateway and was not answered with success. */
export interface Refusal {
  /** On the clock of `performance.now()`. */
  readonly at: number
  /** Null if there was no answer. */
  readonly code: number | null
  readonly bodyBytes: number
}

/** What the providers know: every attempt with its answer. */
export class Ledger {
  readonly file: string
  readonly #out: WriteStream
  readonly #attempts: number[] = []
  readonly #refusals: Refusal[] = []

  constructor(file: string) {
    this.file = file
    this.#out = createWriteStream(file)
  }

  /** When each attempt ended, on the clock of `performance.now()`. */
  get attempts(): readonly number[] {
    return this.#attempts
  }

  /** Attempts that reached a gateway and were not answered with success. */
  get refusals(): readonly Refusal[] {
    return this.#refusals
  }

  record(callback: string, source: string, body: Buffer, answer: Answer, successCode: number): Outcome {
    const outcome = outcomeOf(answer, successCode)
    const now = performance.now()
    this.#attempts.push(now)
    if (outcome !== 'ok' && answer.kind !== 'unreachable') {
      const code = answer.kind === 'status' ? answer.statusCode : null
      this.#refusals.push({ at: now, code, bodyBytes: body.length })
    }
    const entry: LedgerEntry = {
      callback,
      source,
      bodySha256: createHash('sha256').update(body).digest('hex'),
      bodyBase64: body.toString('base64'),
      outcome,
      at: new Date().toISOString(),
    }
    this.#out.write(`${JSON.stringify(entry)}\n`)
    return outcome
  }

  async close(): Promise<void> {
    if (!this.#out.closed) {
      this.#out.end()
      await once(this.#out, 'close')
    }
  }
}

function outcomeOf(answer: Answer, successCode: number): Outcome {
  switch (answer.kind) {
    case 'status':
      return answer.statusCode === successCode ? 'ok' : 'failed'
    case 'unreachable':
      return 'failed'
    case 'unknown':
      return 'unknown'
    default:
      return answer satisfies never
  }
}
