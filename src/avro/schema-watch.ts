import { DefinedStop } from '../stream/partition-task.ts'
import type { AvroCodec } from './codec.ts'
import { SchemaIdError, schemaIdRemedy } from './errors.ts'

export interface SchemaWatchOptions {
  readonly codecs: readonly Pick<AvroCodec<never>, 'schemaId' | 'confirm'>[]
  /** How often the registry is asked, ms. */
  readonly intervalMs: number
  /** How soon it is asked again after it reported a problem, ms. */
  readonly recheckMs: number
  /** Called after every check that the registry answered, with the problem found, or null. */
  readonly onLook: (problem: string | null) => void
  /** Called when the registry could not be asked. This has no consequences. */
  readonly onUnanswered: (error: Error) => void
  /** Called when two checks in a row found a problem. */
  readonly onStop: (error: DefinedStop) => void
}

/**
 * Asks the registry at intervals whether the ids that we write still stand for our schemas. A service looks them up
 * once; if the registry then lost its schemas or reassigned the ids, it would otherwise write unreadable records for
 * weeks.
 *
 * From the first answer that reports a problem, the codecs refuse to write (see {@link AvroCodec.encode}). A temporary
 * problem, such as one of several registry instances lagging behind, resolves itself; a second such answer in a row
 * stops the process.
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

  /** Checks once and schedules the next check. Never rejects. */
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
    const problem = `${wrong.message}, although records are being written with it`
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
