import type { Command } from 'commander'
import { foldFiles, orderDifferenceText } from '../tools/fold-files.ts'
import { EXHAUSTIVE_COUNT_MAX, SAMPLED_ORDERS } from '../tools/orders.ts'
import { type CallbackFilesOptions, callbackFilesCommand, translated } from './callback-files-command.ts'
import { exitWith, print } from './command-line.ts'
import { wholeNumber } from './option-values.ts'

interface FoldOptions extends CallbackFilesOptions {
  readonly permute?: boolean
  readonly seed: number
}

export function addFold(program: Command): void {
  callbackFilesCommand(program, 'fold')
    .description('compute the status of every payment in callback files, as if they had arrived in this order')
    .option('--permute', 'also try other arrival orders; exit code 1 if a payment depends on the order')
    .option('--seed <n>', 'with --permute: selects the orders when there are too many to try all', wholeNumber, 1)
    .addHelpText(
      'after',
      `
Prints one JSON document {"states": [...], "deadLetters": [...], "setAside": n, "duplicates": n}. A state has
paymentKey, status, statusVersion, attention, kind, relatesTo, children, details, and its events with id, verdict and
rule (see paystatus rules). Needs no configuration and no servers.

--permute tries, for each payment, all orders of the callbacks that mention it; with more than
${EXHAUSTIVE_COUNT_MAX} callbacks, ${SAMPLED_ORDERS} orders selected by the seed. Verdicts and versions describe the arrivals and may
differ; any other difference is a finding: "permute" then names the payment and two orders that disagree.
Exit codes: 0 done, also with dead letters; 1 orders disagree; 2 unreadable file, or wrong options.

Example:
  paystatus fold --provider instamed --permute authorization.json void.json | jq '.states[] | [.paymentKey, .status]'`,
    )
    .action((files: readonly string[], options: FoldOptions) => {
      const document = foldFiles(translated(files, options), options.permute ? { permuteSeed: options.seed } : {})
      print(true, document, [])
      const differences = document.permute?.differences ?? []
      for (const difference of differences) {
        process.stderr.write(`paystatus: ${orderDifferenceText(difference)}\n`)
      }
      exitWith(differences)
    })
}
