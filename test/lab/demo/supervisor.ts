import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Deployment, RoleProcess } from '../harness/deployment.ts'

/** Starts each role in a process of its own, and restarts those that die, as an orchestrator would. */
export class Supervisor {
  readonly #deployment: Deployment
  readonly #directory: string
  readonly #say: (line: string) => void
  readonly #processes = new Map<string, RoleProcess>()
  #stopping = false

  /** Writes the pids to `pids.json` in the directory. */
  constructor(deployment: Deployment, directory: string, say: (line: string) => void) {
    this.#deployment = deployment
    this.#directory = directory
    this.#say = say
  }

  async start(role: string): Promise<RoleProcess> {
    const started = await this.#deployment.start([role])
    this.#processes.set(role, started)
    this.#writePids()
    void started.exited.then(async (reason) => {
      if (!this.#stopping) {
        this.#say(`the ${role} died (${reason}); starting it again`)
        await this.start(role).catch((error: Error) => this.#say(`the ${role} did not start: ${error.message}`))
      }
    })
    return started
  }

  async ready(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((one) => one.ready()))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all([...this.#processes.values()].map((one) => one.stop()))
  }

  /** For a test, or a person, to kill one. */
  #writePids(): void {
    const pids = Object.fromEntries([...this.#processes].map(([role, { pid }]) => [role, pid]))
    writeFileSync(join(this.#directory, 'pids.json'), `${JSON.stringify(pids)}\n`)
  }
}
