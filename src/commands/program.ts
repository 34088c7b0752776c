import { Command, Option } from 'commander'
import { VERSION } from '../version.ts'
import { addAsyncapi } from './asyncapi.ts'
import { addAudit } from './audit.ts'
import { EXIT_USAGE } from './command-line.ts'
import { addCompletion } from './completion.ts'
import { addConformance } from './conformance.ts'
import { addDatacontract } from './datacontract.ts'
import { addDlq } from './dlq.ts'
import { addDrift } from './drift.ts'
import { addFold } from './fold.ts'
import { addForget } from './forget.ts'
import { addLag } from './lag.ts'
import { addOpenapi } from './openapi.ts'
import { addOverdue } from './overdue.ts'
import { addRepair } from './repair.ts'
import { addReprocess } from './reprocess.ts'
import { addRules } from './rules.ts'
import { addRun } from './run.ts'
import { addSchemas } from './schemas.ts'
import { addScorecard } from './scorecard.ts'
import { addShow } from './show.ts'
import { addSimulate } from './simulate.ts'
import { addStatus } from './status.ts'
import { addTail } from './tail.ts'
import { addTopics } from './topics.ts'
import { addTranslate } from './translate.ts'
import { addVerify } from './verify.ts'
import { addWhy } from './why.ts'

/** Commands in the order in which `--help` lists them. */
const COMMANDS: readonly ((program: Command) => void)[] = [
  addRun,
  addTopics,
  addSchemas,
  addSimulate,
  addStatus,
  addLag,
  addTail,
  addDrift,
  addOverdue,
  addScorecard,
  addShow,
  addWhy,
  addDlq,
  addForget,
  addAudit,
  addVerify,
  addRepair,
  addReprocess,
  addTranslate,
  addFold,
  addRules,
  addOpenapi,
  addAsyncapi,
  addDatacontract,
  addConformance,
  addCompletion,
]

/** The command line. Wrong options end the process with 2. */
export function createProgram(): Command {
  const program = new Command('paystatus')
    .description("Turns payment providers' callbacks into two Kafka topics: every payment's status and its steps.")
    .version(VERSION)
    .addOption(new Option('-c, --config <file>', 'YAML configuration').env('PAYSTATUS_CONFIG'))
    .showHelpAfterError('(run with --help for the options)')
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
  for (const add of COMMANDS) {
    add(program)
  }
  return program
}
