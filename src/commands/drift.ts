import type { Command } from 'commander'
import { driftLines, findDrift } from '../tools/drift.ts'
import { interrupted, type JsonOption, print, setUp } from './command-line.ts'

export function addDrift(program: Command): void {
  program
    .command('drift')
    .description(
      'list what the mapping does not know in the raw callbacks (fields, statuses, event types), unreadable times and repeated names',
    )
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config, logger } = setUp(program, 'kafka', 'encryption')
      const report = await findDrift(config, logger, interrupted())
      print(json, report, driftLines(report))
    })
}
