import type { Command } from 'commander'
import { driftLines, findDrift } from '../tools/drift.ts'
import { interrupted, type JsonOption, print, setUp } from './command-line.ts'

export function addDrift(program: Command): void {
  program
    .command('drift')
    .description('list fields, statuses and event types in the raw callbacks that the mapping does not know')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config, logger } = setUp(program, 'kafka', 'encryption')
      const report = await findDrift(config, logger, interrupted())
      print(json, report, driftLines(report))
    })
}
