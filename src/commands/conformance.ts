import { writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { judgeSubscriber, playScenarios } from '../tools/conformance/conformance.ts'
import { junitXml } from '../tools/conformance/junit-xml.ts'
import { PHASES } from '../tools/conformance/phases.ts'
import { reportLines } from '../tools/conformance/report-lines.ts'
import { RULES } from '../tools/conformance/rules.ts'
import { SCENARIO_NAMES, SCENARIOS, type ScenarioName } from '../tools/conformance/scenarios.ts'
import { foreignSubscriber, subscriberProcess } from '../tools/conformance/subscriber-process.ts'
import { type TablePlace, toTablePlace } from '../tools/conformance/table-source.ts'
import { exitWith, interrupted, type JsonOption, print, STATUSES, setUp } from './command-line.ts'
import { durationMs, wholeNumber } from './option-values.ts'

interface ConformanceCommandOptions extends JsonOption {
  readonly topicPrefix?: string
  readonly table?: TablePlace
  readonly play?: boolean
  readonly list?: boolean
  readonly scenario: readonly ScenarioName[]
  readonly payments: number
  /** ms */
  readonly timeout: number
  readonly junit?: string
  readonly keepTopics?: boolean
}

export function addConformance(program: Command): void {
  program
    .command('conformance')
    .description(
      'judge a subscriber: play scripted histories into test topics, and compare the table that it makes of them',
    )
    .option(
      '--topic-prefix <prefix>',
      'prefix of the test topics, which the command creates; no installation may use it',
    )
    .addOption(
      new Option('--table <place>', "the subscriber's table: a file, an http(s) address, or topic:<name>").argParser(
        toTablePlace,
      ),
    )
    .option('--scenario <names>', 'only these scenarios, separated by commas', scenarioNames, SCENARIO_NAMES)
    .option('--payments <n>', 'payments that are there at the start', wholeNumber, 10_000)
    .option('--timeout <duration>', 'how long the subscriber may take for one phase', durationMs, 60_000)
    .option('--junit <file>', 'also write the result as JUnit XML')
    .option('--keep-topics', 'do not delete the test topics at the end')
    .addOption(
      new Option('--play', 'only write the scenarios, and print the rows that a table must then have').conflicts([
        'table',
        'junit',
      ]),
    )
    .option('--list', 'print the scenarios and the rules')
    .option('--json', 'print one JSON document')
    .argument('[command...]', 'after --: starts the subscriber; without it, start it yourself when you are told')
    .addHelpText(
      'after',
      `
The command creates <prefix>payments.status.changes and <prefix>payments.status.current and writes what is there before a
subscriber starts. Then it runs your command with KAFKA_BROKERS, SCHEMA_REGISTRY_URL, CHANGES_TOPIC, CURRENT_TOPIC, GROUP_ID
and TABLE_FILE or TABLE_TOPIC in its environment, and reads the table until it is right or the time is over. The format of the
table, and what each rule means, is in docs/conformance.md.

Exit codes: 0 all rules that were judged hold; 1 one is broken, or the command failed; 2 wrong options or configuration.

Example:
  paystatus conformance --topic-prefix kit. --table table.jsonl --junit report.xml -- java -jar subscriber.jar`,
    )
    .action((command: readonly string[], options: ConformanceCommandOptions) =>
      runConformance(program, command, options),
    )
}

async function runConformance(
  program: Command,
  command: readonly string[],
  options: ConformanceCommandOptions,
): Promise<void> {
  const { json, list, play, table, topicPrefix, scenario: scenarios, payments: manyPayments } = options
  if (list) {
    print(json, listDocument(), listLines())
    return
  }
  if (topicPrefix === undefined || (table === undefined && !play)) {
    program.error('error: --topic-prefix, and --table or --play, must be given')
    return
  }
  const { config, logger } = setUp(program, ...STATUSES)
  const story = { topicPrefix, scenarios, manyPayments, signal: interrupted() }
  if (table === undefined) {
    const rows = await playScenarios(config, logger, story)
    print(
      json,
      rows,
      rows.map((row) => JSON.stringify(row)),
    )
    return
  }
  const began = performance.now()
  const judgements = await judgeSubscriber(config, logger, story, {
    table,
    subscriber: (environment) =>
      command.length === 0
        ? foreignSubscriber(() => tellToStart(environment))
        : subscriberProcess(command, { ...process.env, ...environment }, (text) => process.stderr.write(text)),
    timeoutMs: options.timeout,
    keepTopics: options.keepTopics ?? false,
    onPhase: (phase) => process.stderr.write(`records written ${PHASES[phase]}\n`),
  })
  if (options.junit !== undefined) {
    await writeFile(options.junit, junitXml(judgements, (performance.now() - began) / 1_000))
  }
  print(json, judgements, reportLines(judgements))
  exitWith(judgements.filter(({ verdict }) => verdict.outcome === 'broken'))
}

function tellToStart(environment: Readonly<Record<string, string>>): void {
  const lines = Object.entries(environment).map(([name, value]) => `  ${name}=${value}`)
  process.stderr.write(`start the subscriber now, with\n${lines.join('\n')}\n`)
}

function scenarioNames(text: string): readonly ScenarioName[] {
  return text.split(',').map((name) => {
    if (!(SCENARIO_NAMES as readonly string[]).includes(name)) {
      throw new InvalidArgumentError(`has no scenario ${name}; there are ${SCENARIO_NAMES.join(', ')}.`)
    }
    return name as ScenarioName
  })
}

function listDocument(): { readonly scenarios: Record<string, string>; readonly rules: Record<string, string> } {
  const sentences = (table: Readonly<Record<string, { readonly sentence: string }>>) =>
    Object.fromEntries(Object.entries(table).map(([name, { sentence }]) => [name, sentence]))
  return { scenarios: sentences(SCENARIOS), rules: sentences(RULES) }
}

function listLines(): readonly string[] {
  const { scenarios, rules } = listDocument()
  const lines = (table: Record<string, string>) =>
    Object.entries(table).map(([name, sentence]) => `  ${name.padEnd(20)} ${sentence}`)
  return ['scenarios', ...lines(scenarios), 'rules', ...lines(rules)]
}
