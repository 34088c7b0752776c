import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino'
import { withoutCredentials } from '../stream/short-reason.ts'

export type Logger = PinoLogger
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug'

export interface LoggerOptions {
  readonly level: LogLevel
  /** What this process does, on every line. */
  readonly role: string
  /** Standard output by default. */
  readonly destination?: DestinationStream
}

/**
 * One JSON object per line. Quiet when healthy; never a body, an account or a secret (I9). Callers log positions, reasons
 * and hashes; the redaction here is only a second safeguard.
 */
export function createLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { role: options.role },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED_PATHS, censor: '(redacted)' },
      serializers: { err: (error: unknown) => serializeError(error), error: (error: unknown) => serializeError(error) },
      hooks: {
        logMethod(args, method) {
          // A line without a message of its own would take the error's, bypassing the serializer.
          method.apply(this, args.length === 1 && typeof args[0] === 'object' ? [args[0], ''] : args)
        },
      },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

const REDACTED_NAMES = [
  'authorization',
  'password',
  'secret',
  'token',
  'cookie',
  'headers',
  'body',
  'payload',
  'accountNumber',
]
const REDACTED_PATHS = REDACTED_NAMES.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])

export interface SerializedError {
  readonly name: string
  readonly code?: string | number
  readonly retriable?: boolean
  readonly message: string
  readonly stack: string
  readonly cause?: SerializedError
}

const CAUSES_MAX = 4
const MESSAGE_CHARS_MAX = 500
const STACK_LINES_MAX = 20

/**
 * Only name, code, message, stack and causes: other properties of library errors hold commands and their arguments
 * (ioredis) or whole requests. A SyntaxError's message quotes the text that did not parse, possibly a callback's body, so
 * it is left out.
 */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) {
    return { name: typeof error, message: 'something that is not an Error was thrown', stack: '' }
  }
  const { code, retriable } = error as { code?: unknown; retriable?: unknown }
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof retriable === 'boolean' ? { retriable } : {}),
    message: messageOf(error),
    stack: framesOf(error),
    ...(error.cause !== undefined && depth < CAUSES_MAX ? { cause: serializeError(error.cause, depth + 1) } : {}),
  }
}

function messageOf(error: Error): string {
  return shownMessage(error).slice(0, MESSAGE_CHARS_MAX)
}

/** An error's message, safe to print: without quoted input and without credentials in addresses. */
export function shownMessage(error: Error): string {
  return error instanceof SyntaxError ? '(left out: it may quote the input)' : withoutCredentials(error.message)
}

/**
 * What a process prints when it ends by an unexpected error: class, code and place, also of the causes. Never the message,
 * which may quote the input that caused the error, such as part of a callback.
 */
export function crashText(error: unknown): string {
  const parts: string[] = []
  for (let cause = error, depth = 0; cause !== undefined && depth <= CAUSES_MAX; depth += 1) {
    const { name, code, stack } = serializeError(cause)
    const classOf = cause instanceof Error ? cause.constructor.name : name
    parts.push(
      `${classOf}${code === undefined ? '' : ` ${code}`} (its message is left out: it may quote a callback)\n${stack}`,
    )
    cause = cause instanceof Error ? cause.cause : undefined
  }
  return parts.join('\ncaused by ')
}

/** The stack without the first lines, which repeat the message. */
function framesOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return lines.slice(0, STACK_LINES_MAX).join('\n')
}
