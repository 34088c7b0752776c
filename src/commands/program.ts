import { Command, Option } from 'commander'
import { ROLES } from '../topology.ts'
import { VERSION } from '../version.ts'
import { EXIT_USAGE } from './command-line.ts'

type AddCommand = (program: Command) => void

/** The modules of the commands, with the names of their commands, in the order in which `--help` lists them. */
const COMMANDS: readonly (readonly [names: readonly string[], load: () => Promise<AddCommand>])[] = [
  [['run', ...ROLES.map(({ stage }) => stage)], async () => (await import('./run.ts')).addRun],
  [['topics'], async () => (await import('./topics.ts')).addTopics],
  [['schemas'], async () => (await import('./schemas.ts')).addSchemas],
  [['simulate'], async () => (await import('./simulate.ts')).addSimulate],
  [['status'], async () => (await import('./status.ts')).addStatus],
  [['lag'], async () => (await import('./lag.ts')).addLag],
  [['tail'], async () => (await import('./tail.ts')).addTail],
  [['drift'], async () => (await import('./drift.ts')).addDrift],
  [['overdue'], async () => (await import('./overdue.ts')).addOverdue],
  [['scorecard'], async () => (await import('./scorecard.ts')).addScorecard],
  [['show'], async () => (await import('./show.ts')).addShow],
  [['why'], async () => (await import('./why.ts')).addWhy],
  [['dlq'], async () => (await import('./dlq.ts')).addDlq],
  [['forget'], async () => (await import('./forget.ts')).addForget],
  [['audit'], async () => (await import('./audit.ts')).addAudit],
  [['verify'], async () => (await import('./verify.ts')).addVerify],
  [['repair'], async () => (await import('./repair.ts')).addRepair],
  [['reprocess'], async () => (await import('./reprocess.ts')).addReprocess],
  [['translate'], async () => (await import('./translate.ts')).addTranslate],
  [['fold'], async () => (await import('./fold.ts')).addFold],
  [['rules'], async () => (await import('./rules.ts')).addRules],
  [['openapi'], async () => (await import('./openapi.ts')).addOpenapi],
  [['asyncapi'], async () => (await import('./asyncapi.ts')).addAsyncapi],
  [['datacontract'], async () => (await import('./datacontract.ts')).addDatacontract],
  [['conformance'], async () => (await import('./conformance.ts')).addConformance],
  [['completion'], async () => (await import('./completion.ts')).addCompletion],
]

/**
 * The command line. Wrong options end the process with 2.
 *
 * @param words What was typed. Loads only the commands that it names, to start faster; all if it names none.
 */
export async function createProgram(words: readonly string[] = []): Promise<Command> {
  const program = new Command('paystatus')
    .description("Turns payment providers' callbacks into two Kafka topics: every payment's status and its steps.")
    .version(VERSION)
    .addOption(new Option('-c, --config <file>', 'YAML configuration').env('PAYSTATUS_CONFIG'))
    .showHelpAfterError('(run with --help for the options)')
    // All errors begin with the name of the program.
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'paystatus: ')) })
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE)
    })
    .addHelpText(
      'after',
      `
Examples:
  paystatus topics apply && paystatus schemas apply     prepare Kafka and the registry, once
  paystatus run -c paystatus.yaml                       run all stages in one process
  paystatus simulate --payments 100 --seed 7            send callbacks as the providers would
  paystatus status                                      is everything all right?
  paystatus tail                                        watch payments change status
  paystatus show <payment key or endToEndId>            the history of one payment
  paystatus why <payment key or endToEndId>             which callback decided its status
  paystatus verify --all                                recompute everything from raw and compare
  paystatus reprocess --all                             what a corrected mapping would change
  paystatus fold --provider instamed --permute *.json   statuses from callbacks in files, without servers

Environment: PAYSTATUS_CONFIG, and the overrides listed in docs/configuration.md.
Exit codes: 0 done; 1 failed; 2 wrong options or configuration.`,
    )
  for (const load of modulesFor(words)) {
    const add = await load()
    add(program)
  }
  return program
}

function modulesFor(words: readonly string[]): readonly (() => Promise<AddCommand>)[] {
  const named = COMMANDS.filter(([names]) => names.some((name) => words.includes(name)))
  // The script for the shell has all commands.
  const isPartial = named.length > 0 && !words.includes('completion')
  return (isPartial ? named : COMMANDS).map(([, load]) => load)
}
