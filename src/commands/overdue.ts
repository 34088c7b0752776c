import type { Command } from 'commander'
import { findOverdue, overdueLines } from '../tools/overdue.ts'
import { interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'

export function addOverdue(program: Command): void {
  program
    .command('overdue')
    .description('list payments whose next status is late, longest wait first')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: JsonOption) => {
      const { config, logger } = setUp(program, ...STATUSES)
      const payments = await findOverdue(config, logger, interrupted())
      print(json, { payments }, overdueLines(payments, Date.now()))
    })
}
