import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../config.ts'
import { shownMessage } from '../observability/log.ts'
import { runStages } from '../run-stages.ts'
import { type StageName, TOPOLOGY } from '../topology.ts'
import { configuration, EXIT_FAILED } from './command-line.ts'

const STAGES: readonly StageName[] = TOPOLOGY.map((entry) => entry.stage)

/** `run`, and one command for each stage. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run stages in this process until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--roles <list>', `comma-separated: ${STAGES.join(', ')}`)
        .argParser(stageNames)
        .default(STAGES, 'all'),
    )
    .action((options: { roles: readonly StageName[] }) => run(program, options.roles))
  for (const stage of STAGES) {
    program
      .command(stage)
      .description(`run only the ${stage}`)
      .action(() => run(program, [stage]))
  }
}

async function run(program: Command, stages: readonly StageName[]): Promise<void> {
  const uses = TOPOLOGY.filter(({ stage }) => stages.includes(stage)).flatMap((entry) => entry.uses)
  const config = configuration(program, uses)
  if (stages.includes('gateway') && config.sources.length === 0) {
    throw new ConfigError(['sources: none is configured, so the gateway would accept nothing'])
  }
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) {
        // A second signal asks to end now.
        process.stderr.write(`paystatus: ${signal} again: ending without an orderly stop\n`)
        process.exit(EXIT_FAILED)
      }
      stop.abort()
    })
  }
  const reason = await runStages(config, stages, stop.signal, ({ gateway, admin }) => {
    process.stderr.write(`${gateway === undefined ? '' : `gateway ${gateway}, `}health and metrics ${admin}\n`)
  })
  if (reason.kind === 'fatal') {
    process.stderr.write(`paystatus: ${shownMessage(reason.error)}\n`)
    process.exit(EXIT_FAILED)
  }
  process.exit(0)
}

function stageNames(text: string): readonly StageName[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !STAGES.includes(name as StageName))
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`unknown: ${unknown.join(', ')}; the roles are ${STAGES.join(', ')}.`)
  }
  return [...new Set(names as StageName[])]
}
