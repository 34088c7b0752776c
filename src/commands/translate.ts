import type { Command } from 'commander'
import { type CallbackFilesOptions, callbackFilesCommand, translated } from './callback-files-command.ts'
import { print } from './command-line.ts'

export function addTranslate(program: Command): void {
  callbackFilesCommand(program, 'translate')
    .description('translate callbacks in files into events: one line of JSON per file')
    .addHelpText(
      'after',
      `
Each line is {"file", "events": [...], "deadLetters": [...], "setAside": n}: the events that the normalizer would
publish, including what refunds, returns and chargebacks report to their originals (childKey); what it would dead-letter,
and why; and how many parts are understood but carry no payment status. Needs no configuration and no servers.
Exit codes: 0 done, also with dead letters; 2 unreadable file, or wrong options.

Example:
  paystatus translate --provider jpm-global-payments-v1 rejected.json | jq '.events[].status'`,
    )
    .action((files: readonly string[], options: CallbackFilesOptions) => {
      for (const document of translated(files, options)) {
        print(true, document, [])
      }
    })
}
