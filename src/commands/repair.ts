import type { Command } from 'commander'
import { isLeft, repair, repairLines } from '../tools/repair/repair.ts'
import { type ActOptions, byOption, reasonOption } from './act-options.ts'
import { exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'

export function addRepair(program: Command): void {
  program
    .command('repair')
    .description('republish records that changes or current lost, each from the other; a dry run without --apply')
    .option('--apply', 'make the changes; all processors must be stopped')
    .addOption(byOption())
    .addOption(reasonOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
After a power failure with an unclean leader election a topic can end before records that were committed to it. The
processor then stops and says so. payments.status.current holds the history of every payment, payments.status.changes
every step: repair rebuilds what one lost from the other and updates the ends recorded with the committed offsets.
Republished records carry the header paystatus_repaired and can follow later versions of their payment.

Each line names a finding. "not exact" names a value that cannot be known (when a payment became overdue). "cannot be
repaired" names what both topics lost: set the group's offset back, or see paystatus verify. With --apply it is recorded in
the audit trail (paystatus audit) and needs the permissions of the processor and of the maintainer.
Exit codes: 0 nothing to repair, or repaired; 1 failed, or something is left to do; 2 wrong options or configuration.

Example:
  paystatus repair && echo nothing to do || paystatus repair --apply`,
    )
    .action(async ({ apply, by, reason, json }: JsonOption & ActOptions & { apply?: boolean }) => {
      const { config, logger } = setUp(program, ...STATUSES)
      const report = await repair(config, logger, {
        act: apply ? { by, reason: reason ?? null } : null,
        signal: interrupted(),
      })
      print(json, report, repairLines(report))
      exitWith(isLeft(report) ? [report] : [])
    })
}
