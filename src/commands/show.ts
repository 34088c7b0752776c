import type { Command } from 'commander'
import { paymentJson, paymentStory } from '../tools/payment-story.ts'
import { findPayments } from '../tools/show.ts'
import { type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { type FindOptions, reportFound, reportNoView } from './found-payments.ts'
import { notEmpty } from './option-values.ts'

export function addShow(program: Command): void {
  program
    .command('show')
    .description('show the status and history of a payment')
    .argument('<payment>', "payment key, provider's id, or endToEndId", notEmpty)
    .option('--from-topic', 'read payments.status.current instead of the view in Redis')
    .option('--json', 'print one JSON document')
    .action(async (wanted: string, options: JsonOption & FindOptions) => {
      const fromTopic = options.fromTopic === true
      const { config, logger } = fromTopic ? setUp(program, ...STATUSES) : setUp(program, ...STATUSES, 'redis')
      const { states, from } = await findPayments(config, logger, wanted, { fromTopic, onNoView: reportNoView })
      print(options.json, { payments: states.map(paymentJson), from }, [states.map(paymentStory).join('\n\n')])
      reportFound(states.length)
    })
}
