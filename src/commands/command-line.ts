import { once } from 'node:events'
import type { Command } from 'commander'
import { type Config, type ConfigPart, loadConfig } from '../config.ts'
import { createLogger, type Logger } from '../observability/log.ts'
import { UsageError } from '../usage-error.ts'

/** Exit codes: 0 done, 1 failed (or findings), 2 wrong options or configuration. */
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): number {
  return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
}

/**
 * What to say about an error of the standard output; such a command ends with 1 at least. Null if the reader has only seen
 * enough, as in `paystatus rules | head`.
 */
export function lostOutputMessage({ code }: NodeJS.ErrnoException): string | null {
  return code === 'EPIPE'
    ? null
    : `paystatus: the standard output cannot be written (${code}); what was printed is incomplete\n`
}

/** What a command needs to read the published topics. */
export const STATUSES: readonly ConfigPart[] = ['kafka', 'registry']

export interface JsonOption {
  readonly json?: boolean
}

/** `uses`: the parts whose secrets and files must be there. */
export function configuration(program: Command, uses: readonly ConfigPart[]): Config {
  return loadConfig(program.opts<{ config?: string }>().config, process.env, uses)
}

/** For tools: their output is for reading, so only errors are logged. */
export function setUp(program: Command, ...uses: readonly ConfigPart[]): { config: Config; logger: Logger } {
  const config = configuration(program, uses)
  return { config, logger: createLogger({ level: config.log.level === 'debug' ? 'debug' : 'error', role: 'tool' }) }
}

/** Aborts on the first SIGINT or SIGTERM. */
export function interrupted(): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  process.once('SIGTERM', () => controller.abort())
  return controller.signal
}

/** Aborts as well once the standard output cannot be written: for commands that only print, until they are stopped. */
export function interruptedOrUnread(): AbortSignal {
  const unread = new AbortController()
  process.stdout.once('error', () => unread.abort())
  return AbortSignal.any([interrupted(), unread.signal])
}

/** Prints the document as JSON, or the lines. */
export function print(json: boolean | undefined, document: unknown, lines: readonly string[]): void {
  const text = json ? JSON.stringify(document) : lines.join('\n')
  // Once writing has failed, the rest is dropped.
  if (text !== '' && process.stdout.errored === null) {
    // Not through the file descriptor: a pipe with a slow reader answers EAGAIN, and the rest would be lost.
    process.stdout.write(`${text}\n`)
  }
}

/** As `print`; resolves when the reader can take more, or has gone. Never rejects. */
export async function printPaced(...args: Parameters<typeof print>): Promise<void> {
  print(...args)
  if (process.stdout.writableNeedDrain) {
    await once(process.stdout, 'drain').catch(() => {})
  }
}

export function okOr(findings: readonly string[], ok: string): readonly string[] {
  return findings.length === 0 ? [ok] : findings
}

/** Any finding makes the command end with 1. */
export function exitWith(findings: readonly unknown[]): void {
  if (findings.length > 0) {
    process.exitCode = EXIT_FAILED
  }
}
