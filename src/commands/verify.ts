import { type Command, Option } from 'commander'
import { verify } from '../tools/verify/verify.ts'
import { inFlightLine, verifyLines } from '../tools/verify/verify-report.ts'
import { EXIT_FAILED, exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { isoTime, notEmpty } from './option-values.ts'
import { showProgress } from './show-progress.ts'

interface VerifyCommandOptions extends JsonOption {
  readonly payment?: string
  readonly since?: number
  readonly view: boolean
}

export function addVerify(program: Command): void {
  program
    .command('verify')
    .description('recompute payments from the raw callbacks; compare with changes, current and the view in Redis')
    .addOption(new Option('--all', 'all payments (default)').conflicts(['payment', 'since']))
    .addOption(new Option('--payment <key>', 'only this payment').argParser(notEmpty).conflicts('since'))
    .option('--since <time>', 'only payments with a callback received since then (ISO 8601)', isoTime)
    .option('--no-view', 'skip the view in Redis, for example while Redis is down')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Read-only. It shares only the fold with the status processor and can run beside it at any time. Records that the stages
have not processed yet are counted first and left out. It applies the mapping of this release: after an upgrade that reads
callbacks differently, "wrong status", "lost" and "unexplained" are what paystatus reprocess corrects.

  lost           the event of a callback has no record, or a payment is gone before its retention ended
  duplicated     an event has two records in payments.status.changes that are not restatements
  wrong status   the status, attention or details do not follow from the events
  wrong version  a gap, a repeat, or current is not at the last version
  view differs   Redis and payments.status.current differ
  unexplained    something was recorded that no callback in raw reports

Payments older than raw ("partial") are judged starting from their history in payments.status.current.
--json prints callbacks, events, payments, lost, duplicated, wrongStatus, wrongVersion, viewDiffers, unexplained,
partial, rawReachesBackTo, unknownSource, inFlight, seconds, ok, differences (the first 100: kind, paymentKey, text).
Exit codes: 0 no differences; 1 differences, or the comparison failed; 2 wrong options or configuration.

Example:
  paystatus verify --since 2026-03-01T08:00:00Z --json | jq '.differences[] | [.kind, .paymentKey]'`,
    )
    .action((options: VerifyCommandOptions) => runVerify(program, options))
}

async function runVerify(program: Command, { json, payment, since, view }: VerifyCommandOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES, 'redis', 'encryption')
  const report = await verify(config, logger, {
    view,
    signal: interrupted(),
    ...(payment !== undefined && { payment }),
    ...(since !== undefined && { since }),
    onInFlight: (inFlight) => process.stderr.write(`${inFlightLine(inFlight)}\n`),
    onProgress: showProgress,
  })
  print(json, report, verifyLines(report))
  if (payment !== undefined && report.payments === 0) {
    process.stderr.write('no payment with this key\n')
    process.exitCode = EXIT_FAILED
  }
  exitWith(report.ok ? [] : [report])
}
