import type { Command } from 'commander'
import { forgetDataKeys, forgetLines, forgetPayment } from '../tools/forget.ts'
import { type ActOptions, byOption, reasonOption } from './act-options.ts'
import { exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { notEmpty } from './option-values.ts'

interface ForgetOptions extends JsonOption, ActOptions {
  readonly dataKey?: readonly string[]
  readonly withShared?: boolean
  readonly force?: boolean
}

export function addForget(program: Command): void {
  program
    .command('forget')
    .description("make the bodies of a payment's callbacks unreadable for good by deleting their data keys")
    .argument('[payment]', "payment key, provider's id, or endToEndId", notEmpty)
    .option('--data-key <id...>', 'forget these data keys instead, whatever they encrypt')
    .option('--with-shared', "also forget the data keys of other payments' callbacks that mention this payment")
    .option(
      '--force',
      'do not wait for the normalizer; statuses in callbacks not yet normalized are lost. Also for lost data keys',
    )
    .addOption(byOption())
    .addOption(reasonOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Statuses stay. Works for callbacks received with encryption on. Takes some seconds: every gateway must stop using the
keys, and the normalizer must pass everything they encrypted, so that no status is lost. Can be repeated, also after an
interruption. Recorded in the audit trail (paystatus audit).

A callback about several payments is encrypted with a data key of the first one (with dataKeyPer: source-and-day, of its
source and day). For the other payments it is listed as "left" unless --with-shared is given.
Exit codes: 0 forgotten, now or before; 1 failed, no such payment or data key, or something about the payment is still
readable; 2 wrong options or configuration.

Example:
  paystatus forget --json jpm-global-payments-v2:5eedbab3-8342-4b10-ad5f-d9f408c7a97e | jq .forgotten`,
    )
    .action((payment: string | undefined, options: ForgetOptions) => forget(program, payment, options))
}

async function forget(program: Command, payment: string | undefined, options: ForgetOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES, 'encryption')
  if ((payment === undefined) === (options.dataKey === undefined)) {
    program.error('name a payment, or data keys with --data-key')
  }
  let waitingFor = ''
  const how = {
    withShared: options.withShared === true,
    force: options.force === true,
    by: options.by,
    reason: options.reason ?? null,
    signal: interrupted(),
    onWaiting: (what: string) => {
      if (what !== waitingFor) {
        waitingFor = what
        process.stderr.write(`waiting ${what}\n`)
      }
    },
  }
  const report =
    payment === undefined
      ? await forgetDataKeys(config, logger, options.dataKey ?? [], how)
      : await forgetPayment(config, logger, payment, how)
  print(options.json, report, forgetLines(report))
  exitWith([...report.shared, ...report.notEncrypted])
}
