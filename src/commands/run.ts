import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError } from '../config.ts'
import { shownMessage } from '../observability/log.ts'
import { runStages } from '../run-stages.ts'
import { ROLES, type RoleName, type StageName, TOPOLOGY } from '../topology.ts'
import { configuration, EXIT_FAILED, exitCodeOf } from './command-line.ts'

const STAGES: readonly StageName[] = TOPOLOGY.map((entry) => entry.stage)
const ALL: readonly RoleName[] = ROLES.map((entry) => entry.stage)

/** `run`, and one command for each stage. */
export function addRun(program: Command): void {
  program
    .command('run')
    .description('run stages in this process until SIGTERM or Ctrl-C')
    .addOption(
      new Option('--roles <list>', `comma-separated: ${ALL.join(', ')}`)
        .argParser(roleNames)
        .default(STAGES, 'all but the console'),
    )
    .action((options: { roles: readonly RoleName[] }) => run(program, options.roles))
  for (const role of ALL) {
    program
      .command(role)
      .description(`run only the ${role}`)
      .action(() => run(program, [role]))
  }
}

async function run(program: Command, stages: readonly RoleName[]): Promise<void> {
  const uses = ROLES.filter(({ stage }) => stages.includes(stage)).flatMap((entry) => entry.uses)
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
  const reason = await runStages(config, stages, stop.signal, ({ gateway, console, admin }) => {
    const urls = [
      ...(gateway === undefined ? [] : [`gateway ${gateway}`]),
      ...(console === undefined ? [] : [`console ${console}`]),
      `health and metrics ${admin}`,
    ]
    process.stderr.write(`${urls.join(', ')}\n`)
  })
  if (reason.kind === 'fatal') {
    process.stderr.write(`paystatus: ${shownMessage(reason.error)}\n`)
    process.exit(exitCodeOf(reason.error))
  }
  process.exit(0)
}

function roleNames(text: string): readonly RoleName[] {
  const names = text.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !ALL.includes(name as RoleName))
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`unknown: ${unknown.join(', ')}; the roles are ${ALL.join(', ')}.`)
  }
  return [...new Set(names as RoleName[])]
}
