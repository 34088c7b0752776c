import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Ends the servers when this process is gone, however it went.
 *
 * A shell in a session of its own reads our pids from a pipe. The pipe closes when this process ends, be it by
 * `kill -9`; the shell then kills what it was told of and removes the data. No handler of ours has to run for that.
 */
export class Guard {
  readonly #shell: ChildProcess
  readonly #pids = new Set<number>()

  constructor(directory: string) {
    this.#shell = spawn('sh', ['-c', GUARD, 'paystatus-stack-guard', directory], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    this.#shell.stdin?.on('error', () => {})
    this.#shell.on('error', () => {})
  }

  add(pid: number): void {
    this.#pids.add(pid)
    this.#tell()
  }

  drop(pid: number): void {
    this.#pids.delete(pid)
    this.#tell()
  }

  /** Kills what is left, removes the data and resolves when both are done. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    const exited = once(this.#shell, 'exit')
    this.#shell.stdin?.end()
    await exited
  }

  #tell(): void {
    this.#shell.stdin?.write(`${[...this.#pids].join(' ')}\n`)
  }
}

/** Each pid leads a process group. The second `rm` is for a server that wrote while it was being killed. */
const GUARD = `
trap '' INT TERM HUP QUIT
pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -s KILL -- "-$pid"; done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`
