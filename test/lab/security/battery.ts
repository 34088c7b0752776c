import { Deployment, type DeploymentOptions, type RoleProcess } from '../harness/deployment.ts'
import type { StackInfo } from '../stack/stack.ts'

/** What the runner passes to a battery. */
export interface World {
  readonly stack: StackInfo
  /** Prints progress. */
  readonly say: (line: string) => void
}

/** One set of attacks or checks. A file here exports one, and main.ts lists it. */
export interface Battery {
  /** For the command line and the summary. */
  readonly name: string
  /** What it does, as a sentence. */
  readonly title: string
  run(world: World): Promise<Outcome>
}

export interface Outcome {
  /** What was run, with sizes and versions, as a sentence. */
  readonly ran: string
  /** What was measured, for the table of docs/security.md. */
  readonly measured: Readonly<Record<string, number | string>>
  /** What is wrong. Empty: the battery passed. */
  readonly findings: readonly string[]
}

/** Runs something against real processes of a separate installation, and stops them afterwards. */
export async function withDeployment<T>(
  world: World,
  roles: readonly string[],
  options: DeploymentOptions,
  use: (deployment: Deployment, running: RoleProcess) => Promise<T>,
): Promise<T> {
  const deployment = await Deployment.create(world.stack, options)
  try {
    const running = await deployment.start(roles)
    await running.ready()
    return await use(deployment, running)
  } finally {
    await deployment.close()
  }
}
