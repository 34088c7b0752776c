import { type Command, Option } from 'commander'
import { crashPointsOf } from '../crash-point.ts'
import { type ReprocessApply, reprocess } from '../tools/reprocess/reprocess.ts'
import { isLeft, paymentDocument, paymentLines, reprocessLines } from '../tools/reprocess/reprocess-report.ts'
import { type ReprocessScope, unknownName } from '../tools/reprocess/reprocess-scope.ts'
import { inFlightLine } from '../tools/verify/verify-report.ts'
import { type ActOptions, byOption, reasonOption } from './act-options.ts'
import { exitWith, interrupted, type JsonOption, print, printPaced, STATUSES, setUp } from './command-line.ts'
import { isoTime, notEmpty, positiveNumber } from './option-values.ts'
import { hideProgress, showProgress } from './show-progress.ts'

interface ReprocessCommandOptions extends JsonOption, ActOptions {
  readonly all?: boolean
  readonly since?: number
  readonly until?: number
  readonly source?: string
  readonly payment?: string
  readonly apply?: boolean
  readonly rate: number
  readonly wait: boolean
}

/** Events per second; the status processor handles many times more. */
const RATE = 1_000

export function addReprocess(program: Command): void {
  program
    .command('reprocess')
    .description('read raw again with the mapping of this release and correct payments that were read differently')
    .addOption(new Option('--all', 'all payments').conflicts(['since', 'source', 'payment']))
    .addOption(
      new Option('--since <time>', 'payments with a callback received since then (ISO 8601)')
        .argParser(isoTime)
        .conflicts(['source', 'payment']),
    )
    .option('--until <time>', 'with --since: received before then', isoTime)
    .addOption(
      new Option('--source <id>', 'payments with a callback of this source').argParser(notEmpty).conflicts('payment'),
    )
    .option('--payment <key>', 'one payment', notEmpty)
    .option('--apply', 'publish the corrections; a dry run without it')
    .addOption(reasonOption())
    .addOption(byOption())
    .option('--rate <events>', 'with --apply: events published per second', positiveNumber, RATE)
    .option('--no-wait', 'with --apply: do not wait until the status processor has processed the events')
    .option('--json', 'print one JSON document per payment and line, and the report last')
    .addHelpText(
      'after',
      `
Prints every payment that would change: its status before and after, and for each event the rule and the versions of the
mapping. A payment is corrected with all of its events, including those before --since and those of other sources.

  lost       the event of a callback was never recorded
  restated   this release reads a recorded event differently
  withdrawn  this release no longer reads a recorded event from its callback

The corrections are published to payments.events. The status processor applies them, exactly once, and publishes each as a
step in payments.status.changes. The command can be interrupted or killed at any moment and run again. Events whose
callback can no longer be read stay as they are and are counted, with the reason. Upgrade all normalizers and processors
first: --apply refuses to run with an older processor, or if a newer mapping read some payments. If a mapping moves events
to another payment, --payment corrects only the named one: use --since or --source.
Exit codes: 0 nothing to correct, or all corrections are published and processed; 1 a dry run found corrections, events in
flight are left, there is no such payment or source, or it failed, was refused or interrupted; 2 wrong options or
configuration.

Examples:
  paystatus reprocess --source bank --json > changes.jsonl
  paystatus reprocess --source bank --apply --reason "mapping of BOOKED corrected"`,
    )
    .action((options: ReprocessCommandOptions) => runReprocess(program, options))
}

async function runReprocess(program: Command, options: ReprocessCommandOptions): Promise<void> {
  const scope = scopeOf(program, options)
  const apply = applyOf(program, options)
  const { config, logger } = setUp(program, ...STATUSES, 'encryption')
  const report = await reprocess(config, logger, {
    scope,
    apply,
    signal: interrupted(),
    onInFlight: (inFlight) => process.stderr.write(`${inFlightLine(inFlight)}\n`),
    onProgress: showProgress,
    onPayment: (payment) => {
      hideProgress()
      return printPaced(options.json, paymentDocument(payment), paymentLines(payment))
    },
    onWaiting: waitingLine(),
  })
  print(options.json, report, reprocessLines(report))
  const unknown = unknownName(scope, report.payments, config.sources)
  if (unknown !== null) {
    process.stderr.write(`${unknown}\n`)
  }
  exitWith(unknown !== null || isLeft(report) ? [report] : [])
}

function scopeOf(program: Command, { all, since, until, source, payment }: ReprocessCommandOptions): ReprocessScope {
  if (until !== undefined && since === undefined) {
    program.error('--until needs --since')
  }
  if (since !== undefined) {
    return { kind: 'time', since, until: until ?? null }
  }
  if (source !== undefined) {
    return { kind: 'source', source }
  }
  if (payment !== undefined) {
    return { kind: 'payment', payment }
  }
  return all ? { kind: 'all' } : program.error('say what to reprocess: --all, --since, --source or --payment')
}

function applyOf(program: Command, { apply, reason, by, rate, wait }: ReprocessCommandOptions): ReprocessApply | null {
  if (!apply) {
    return null
  }
  if (reason === undefined) {
    program.error('--apply needs --reason')
  }
  // Only fault tests set it.
  const crashPoint = crashPointsOf(process.env['PAYSTATUS_CRASH_POINTS'])
  return { by, reason, ratePerSecond: rate, wait, crashPoint }
}

/** Reports the number whenever it has changed. */
function waitingLine(): (records: number) => void {
  let last = -1
  return (records) => {
    if (records !== last) {
      last = records
      process.stderr.write(`waiting until the status processor has processed ${records} records of payments.events\n`)
    }
  }
}
