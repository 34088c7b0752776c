import type { Command } from 'commander'
import { findStatus } from '../tools/status.ts'
import { problemsOf, statusDocument, statusLines } from '../tools/status-report.ts'
import { coloursFor } from './colours.ts'
import { exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { adminUrls, durationMs } from './option-values.ts'

interface StatusOptions extends JsonOption {
  readonly process?: readonly string[]
  readonly late: number
}

const LATE_MS = 60_000

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('show on one screen whether everything is all right; exits with 1 if not')
    .option(
      '--process <url>',
      'address of a process that must be ready, such as http://gateway:9090 (repeatable)',
      adminUrls,
    )
    .option('--late <duration>', 'age of the oldest record left from which a stage is late', durationMs, LATE_MS)
    .option('--json', 'print one JSON document')
    .action((options: StatusOptions) => status(program, options))
}

async function status(program: Command, { process: processes = [], late, json }: StatusOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES)
  const found = await findStatus(config, logger, processes, interrupted())
  const { green, red } = coloursFor(process.stdout, process.env)
  const paint = { good: green, bad: red, plain: (text: string) => text }
  const lines = statusLines(found, late).map(({ tone, text }) => paint[tone](text.trimEnd()))
  print(json, statusDocument(found, late), lines)
  exitWith(problemsOf(found, late))
}
