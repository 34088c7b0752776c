import { DefinedStop } from '../stream/partition-task.ts'
import type { AvroCodec } from './codec.ts'
import { SchemaIdError, schemaIdRemedy } from './errors.ts'

export interface SchemaWatchOptions {
  readonly codecs: readonly Pick<AvroCodec<never>, 'schemaId' | 'confirm'>[]
  /** How often the registry is asked, ms. */
  readonly intervalMs: number
  /** How soon it is asked again after it said that something is wrong, ms. */
  readonly recheckMs: number
  /** How the schemas are, after every look that the registry answered. */
  readonly onLook: (problem: string | null) => void
  /** The registry could not be asked. Nothing follows from that. */
  readonly onUnanswered: (error: Error) => void
  /** Twice in a row something was wrong. */
  readonly onStop: (error: DefinedStop) => void
}

/**
 * Asks the registry at intervals whether the ids that we write still mean our schemas. A service looks them up once and
 * would otherwise go on for weeks to write what nobody can read, after the registry lost its schemas or gave the ids anew.
 *
 * From the first answer that says so the codecs refuse to write (see {@link AvroCodec.encode}). What is wrong only for a
 * moment, such as with one of several registries that lags behind, goes on by itself; the second answer stops the process.
 */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions
  #timer: NodeJS.Timeout | undefined
  #stopped = false
  #wasWrong = false

  constructor(options: SchemaWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#next(this.#options.intervalMs)
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #next(delayMs: number): void {
    if (!this.#stopped) {
      this.#timer = setTimeout(() => void this.look(), delayMs)
      this.#timer.unref()
    }
  }

  /** One look, and the next one planned. Never rejects. */
  async look(): Promise<void> {
    const { codecs, intervalMs, recheckMs, onLook, onUnanswered, onStop } = this.#options
    const answers = await Promise.allSettled(codecs.map((codec) => codec.confirm(codec.schemaId)))
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []))
    const wrong = errors.find((error) => error instanceof SchemaIdError)
    if (this.#stopped) {
      return
    }
    if (wrong === undefined) {
      const [unanswered] = errors
      if (unanswered === undefined) {
        this.#wasWrong = false
        onLook(null)
      } else {
        onUnanswered(unanswered)
      }
      this.#next(this.#wasWrong ? recheckMs : intervalMs)
      return
    }
    const problem = `${wrong.message}, although records are written with it`
    onLook(problem)
    if (this.#wasWrong) {
      this.stop()
      onStop(
        new DefinedStop(
          'SCHEMAS_LOST',
          `${problem}. Nothing more is written, and nothing was skipped. ${schemaIdRemedy(wrong.problem)}`,
        ),
      )
      return
    }
    this.#wasWrong = true
    this.#next(recheckMs)
  }
}
