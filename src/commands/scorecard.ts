import type { Command } from 'commander'
import { findScorecard } from '../tools/scorecard/scorecard.ts'
import { scorecardDocument, scorecardLines } from '../tools/scorecard/scorecard-report.ts'
import { interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { adminUrls, timeOrAge } from './option-values.ts'

interface ScorecardOptions extends JsonOption {
  readonly since: number
  readonly process?: readonly string[]
}

const DAY_MS = 86_400_000

export function addScorecard(program: Command): void {
  program
    .command('scorecard')
    .description('compare the sources: repeats, late, out of order and unreadable callbacks, how late they are')
    .option('--since <time>', 'ISO 8601 time, or how long ago, such as 24h (the default)', timeOrAge)
    .option(
      '--process <url>',
      'address of a gateway, for its answer codes, such as http://gateway:9090 (repeatable)',
      adminUrls,
    )
    .option('--json', 'print one JSON document')
    .action((options: Partial<ScorecardOptions>) =>
      scorecard(program, { ...options, since: options.since ?? Date.now() - DAY_MS }),
    )
}

async function scorecard(program: Command, { since, process: gateways = [], json }: ScorecardOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES)
  const card = await findScorecard(config, logger, since, gateways, interrupted())
  print(json, scorecardDocument(card), scorecardLines(card))
}
