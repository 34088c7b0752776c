import { type Command, InvalidArgumentError, Option } from 'commander'
import { PROVIDER_IDS } from '../providers/registry.ts'
import { type AbsentLetter, close, listLetters, redrive, showLetter } from '../tools/dlq/dlq.ts'
import {
  absentLine,
  closeLines,
  listDocument,
  listLines,
  redriveLines,
  redrivenDocument,
  redrivenLines,
  shownDocument,
  shownLines,
} from '../tools/dlq/dlq-lines.ts'
import type { LetterFilter } from '../tools/dlq/letter-filter.ts'
import { LETTER_TOPICS, type LetterPlace, toPlace } from '../tools/dlq/letter-place.ts'
import type { RedrivenLetter } from '../tools/dlq/redrive-letters.ts'
import { notAPlace, type Selection, selectLetters } from '../tools/dlq/select-letters.ts'
import { type TopicNames, topicNames } from '../topics.ts'
import { type ActOptions, byOption, reasonOption } from './act-options.ts'
import {
  EXIT_FAILED,
  exitWith,
  interrupted,
  type JsonOption,
  print,
  printPaced,
  STATUSES,
  setUp,
} from './command-line.ts'
import { isoTime, notEmpty } from './option-values.ts'

interface FilterOptions {
  readonly topic?: 'callbacks' | 'events'
  readonly provider?: string
  readonly source?: string
  /** Not `--reason`, which says why somebody acts. */
  readonly cause?: string
  readonly since?: number
  readonly until?: number
}

interface SelectOptions extends FilterOptions {
  readonly all?: boolean
}

export function addDlq(program: Command): void {
  const dlq = program.command('dlq').description('list, show, redrive and close dead letters, which need a decision')
  withFilters(dlq.command('list'))
    .description('count the open dead letters by topic, provider, source, reason and age')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Reads both topics of dead letters, and the decisions about them. "within" is the age: 1 hour, 1 day, 1 week, older. A dead
letter that was redriven without success has its new reason. Provider and source of an undecodable event are unknown.
Exit codes: 0 done; 1 failed; 2 wrong options or configuration.

Example:
  paystatus dlq list --topic callbacks --json | jq '.groups[] | [.count, .source, .reason]'`,
    )
    .action((options: JsonOption & FilterOptions) => list(program, options))
  dlq
    .command('show')
    .description('show one dead letter: place, reason, headers, and what it becomes if it is read again')
    .argument('<place>', 'topic[partition]@offset, as list and redrive print it')
    .option('--body', 'print the body, too; it can contain personal data')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
"now" is what a redrive would do. An encrypted body is decrypted if its keys are available. In JSON, a body that is not UTF-8
is in base64.
Exit codes: 0 done; 1 failed, or no dead letter at this place; 2 wrong options or configuration.

Example:
  paystatus dlq show 'payments.callbacks.dlq[2]@41'`,
    )
    .action((place: string, options: JsonOption & { body?: boolean }) => show(program, place, options))
  withSelection(dlq.command('redrive'))
    .description('read dead letters again and publish their events; a dry run without --apply')
    .option('--apply', 'publish the events and record the result; needs --reason')
    .option('--again', 'also those whose events were published 5 times and became dead letters again')
    .addOption(reasonOption())
    .addOption(byOption())
    .option('--json', 'print one JSON document per dead letter, then one with the totals')
    .addHelpText(
      'after',
      `
Reads callbacks with the current mapping and sources, and events with the current schemas. Prints what each dead letter becomes
and, for each event, the payment's status before and after. The events are published to payments.events before the dead letter
is taken off the list, so a run that was killed can be repeated: the status processor recognises known events. What still cannot
be read stays on the list with its new reason. Recorded in the audit trail. Needs the permissions of the maintainer.

  redriven  all its events were published, or it can be read and reports no payment status
  partly    some events were published, the rest still cannot be read: stays
  stays     cannot be read, or would become a dead letter again
  refused   redriven 5 times already: see --again
Exit codes: 0 all redriven; 1 failed, or something stays; 2 wrong options or configuration.

Example:
  paystatus dlq redrive --cause unknown-source --source clinic-b
  paystatus dlq redrive --cause unknown-source --source clinic-b --apply --reason "source configured, CHG-4711"`,
    )
    .action((places: readonly string[], options: RedriveCommandOptions) => runRedrive(program, places, options))
  withSelection(dlq.command('close'))
    .description('take dead letters off the list without publishing anything')
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(byOption())
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
The dead letters stay in their topic until retention deletes them; show still finds them. Recorded in the audit trail. Needs the
permissions of the maintainer.
Exit codes: 0 closed; 1 failed, or a place has no open dead letter; 2 wrong options or configuration.

Example:
  paystatus dlq close 'payments.callbacks.dlq[2]@41' --reason "test message of the provider"`,
    )
    .action((places: readonly string[], options: CloseCommandOptions) => runClose(program, places, options))
}

function withFilters(command: Command): Command {
  return command
    .addOption(new Option('--topic <topic>', 'only from this topic').choices(['callbacks', 'events']))
    .addOption(new Option('--provider <id>', 'only from this provider').choices([...PROVIDER_IDS]))
    .option('--source <id>', 'only from this source', notEmpty)
    .option('--cause <reason>', 'only with this reason, such as missing-status', reasonName)
    .option('--since <time>', 'only those that became dead letters since then (ISO 8601)', isoTime)
    .option('--until <time>', 'only those that became dead letters before then (ISO 8601)', isoTime)
}

function withSelection(command: Command): Command {
  return withFilters(
    command.argument('[places...]', 'topic[partition]@offset of single dead letters, instead of filters'),
  ).option('--all', 'all open dead letters')
}

function reasonName(text: string): string {
  if (!/^[a-z][a-z0-9-]*$/.test(text)) {
    throw new InvalidArgumentError('must be a reason as list prints it, such as missing-status.')
  }
  return text
}

function filterOf({ topic, cause, provider, source, since, until }: FilterOptions): LetterFilter {
  return {
    ...(topic !== undefined && { topic: LETTER_TOPICS[topic === 'callbacks' ? 0 : 1] }),
    ...(provider !== undefined && { provider }),
    ...(source !== undefined && { source }),
    ...(cause !== undefined && { reason: cause }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
  }
}

/** Ends the process with a message if it is not clear what is selected. */
function selectionOf(
  program: Command,
  topics: TopicNames,
  places: readonly string[],
  options: SelectOptions,
): Selection {
  const selection = selectLetters(topics, places, filterOf(options), options.all === true)
  return typeof selection === 'string' ? program.error(selection) : selection
}

function placeOf(program: Command, topics: TopicNames, text: string): LetterPlace {
  return toPlace(text, topics) ?? program.error(notAPlace(text, topics))
}

async function list(program: Command, { json, ...options }: JsonOption & FilterOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES)
  const topics = topicNames(config.kafka.topicPrefix)
  const grouped = await listLetters(config, logger, filterOf(options), { signal: interrupted() })
  print(json, listDocument(grouped, topics), listLines(grouped, topics))
}

async function show(program: Command, text: string, options: JsonOption & { body?: boolean }): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES, 'redis', 'encryption')
  const topics = topicNames(config.kafka.topicPrefix)
  const shown = await showLetter(config, logger, placeOf(program, topics, text), { signal: interrupted() })
  if (shown === null) {
    process.stderr.write(`no dead letter at ${text}\n`)
    process.exitCode = EXIT_FAILED
    return
  }
  const withBody = options.body === true
  print(options.json, shownDocument(shown, topics, withBody), shownLines(shown, topics, withBody))
}

interface RedriveCommandOptions extends JsonOption, SelectOptions, ActOptions {
  readonly apply?: boolean
  readonly again?: boolean
}

async function runRedrive(program: Command, places: readonly string[], options: RedriveCommandOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES, 'redis', 'encryption')
  const topics = topicNames(config.kafka.topicPrefix)
  const { json, apply, again, by, reason } = options
  const selection = selectionOf(program, topics, places, options)
  if (apply === true && reason === undefined) {
    program.error('--apply needs --reason')
  }
  const report = await redrive(config, logger, selection, {
    decider: apply === true && reason !== undefined ? { by, reason } : null,
    again: again === true,
    signal: interrupted(),
    onLetter: (letter: RedrivenLetter) =>
      printPaced(json, redrivenDocument(letter, topics), redrivenLines(letter, topics)),
    onAbsent: tellAbsent(topics),
  })
  print(json, report, redriveLines(report))
  exitWith(report.partly + report.stays + report.refused + report.absent > 0 ? [report] : [])
}

interface CloseCommandOptions extends JsonOption, SelectOptions, ActOptions {
  readonly reason: string
}

async function runClose(program: Command, places: readonly string[], options: CloseCommandOptions): Promise<void> {
  const { config, logger } = setUp(program, ...STATUSES, 'encryption')
  const topics = topicNames(config.kafka.topicPrefix)
  const selection = selectionOf(program, topics, places, options)
  const { by, reason } = options
  const report = await close(config, logger, selection, {
    decider: { by, reason },
    signal: interrupted(),
    onAbsent: tellAbsent(topics),
  })
  print(options.json, report, closeLines(report))
  exitWith(report.absent > 0 ? [report] : [])
}

function tellAbsent(topics: TopicNames) {
  return (letter: AbsentLetter) => process.stderr.write(`${absentLine(letter, topics)}\n`)
}
