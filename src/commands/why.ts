import type { Command } from 'commander'
import { explainPayments } from '../tools/why/why.ts'
import { whyStory } from '../tools/why/why-story.ts'
import { interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { type FindOptions, reportFound, reportNoView } from './found-payments.ts'
import { notEmpty } from './option-values.ts'

export function addWhy(program: Command): void {
  program
    .command('why')
    .description("explain a payment's status: its callbacks, what each changed, and the status without it")
    .argument('<payment>', "payment key, provider's id, or endToEndId", notEmpty)
    .option('--from-topic', 'find the payment in payments.status.current instead of the view in Redis')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Shows for every callback: the position of its raw record (topic, partition, offset, SHA-256 of the body), its verdict
and the rule that decided it, what it changed, and what removing it would change: status, deciding event, attention.
A raw record deleted by retention is reported as gone. Bodies are never printed.

"without it" removes this callback only; if other callbacks report the same, nothing changes. "without all reports of it"
removes all of them. Verdicts that payments.status.changes does not have: DUPLICATE (reported before), DEAD_LETTER,
PENDING (not processed yet), MISSING (processed but not recorded: see paystatus verify).
Exit codes: 0 done; 1 no such payment; 2 wrong options or configuration.

Example:
  paystatus why --json E2E-4711 | jq '.payments[].callbacks[] | select(.decides) | .raw'`,
    )
    .action((wanted: string, options: JsonOption & FindOptions) => why(program, wanted, options))
}

async function why(program: Command, wanted: string, options: JsonOption & FindOptions): Promise<void> {
  const fromTopic = options.fromTopic === true
  const { config, logger } = setUp(program, ...STATUSES, 'encryption', ...(fromTopic ? [] : (['redis'] as const)))
  const { payments, from } = await explainPayments(config, logger, wanted, {
    fromTopic,
    onNoView: reportNoView,
    signal: interrupted(),
    ...(process.stderr.isTTY && {
      onReading: (topic: string, partition: number) => process.stderr.write(`reading ${topic}[${partition}]\n`),
    }),
  })
  print(options.json, { payments, from }, [payments.map(whyStory).join('\n\n')])
  reportFound(payments.length)
}
