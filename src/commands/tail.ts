import type { Command } from 'commander'
import { changeLine } from '../tools/payment-story.ts'
import { tailChanges } from '../tools/tail.ts'
import { interruptedOrUnread, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { countFromOne, notEmpty } from './option-values.ts'

interface TailOptions extends JsonOption {
  readonly fromBeginning?: boolean
  readonly payment?: string
  readonly max?: number
}

export function addTail(program: Command): void {
  program
    .command('tail')
    .description('follow payments.status.changes')
    .option('--from-beginning', 'include the changes already in the topic')
    .option('--payment <key>', 'only this payment', notEmpty)
    .option('--max <n>', 'stop after this many changes', countFromOne)
    .option('--json', 'print one JSON document per line')
    .action((options: TailOptions) => tail(program, options))
}

async function tail(program: Command, options: TailOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES)
  const enough = new AbortController()
  let seen = 0
  await tailChanges(config, logger, {
    fromBeginning: options.fromBeginning === true,
    signal: AbortSignal.any([interruptedOrUnread(), enough.signal]),
    onChange: (change) => {
      if (options.payment !== undefined && options.payment !== change.paymentKey) {
        return
      }
      print(options.json, change, [changeLine(change)])
      seen += 1
      if (seen === options.max) {
        enough.abort()
      }
    },
  })
}
