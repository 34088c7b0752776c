import { type Command, Option } from 'commander'
import { audit, auditLines } from '../tools/audit/audit.ts'
import { ACTS, type ActName } from '../tools/audit/audit-record.ts'
import { interrupted, type JsonOption, print, setUp } from './command-line.ts'
import { isoTime } from './option-values.ts'

interface AuditCommandOptions extends JsonOption {
  readonly since?: number
  readonly act?: ActName
}

export function addAudit(program: Command): void {
  program
    .command('audit')
    .description('list who changed what, when and why with these commands')
    .option('--since <time>', 'only acts that began or ended since then (ISO 8601)', isoTime)
    .addOption(new Option('--act <name>', 'only acts of this kind').choices(ACTS))
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Each act is recorded in payments.audit before it begins and after it ended. Outcomes: done, failed (an error),
interrupted (by a signal), started (it still runs, or was killed). Acts that did not end can be repeated.
--json prints acts (act, id, by, at, endedAt, reason, scope, outcome, counts), leftOut, unreadable; times in ms.
Exit codes: 0 listed; 1 failed; 2 wrong options or configuration.

Example:
  paystatus audit --since 2026-03-01T00:00:00Z --act forget`,
    )
    .action(async ({ json, since, act }: AuditCommandOptions) => {
      const { config, logger } = setUp(program, 'kafka')
      const report = await audit(config, logger, {
        signal: interrupted(),
        ...(since !== undefined && { since }),
        ...(act !== undefined && { act }),
      })
      print(json, report, auditLines(report))
    })
}
