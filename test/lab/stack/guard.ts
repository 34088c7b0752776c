import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'

const LABEL = 'org.paystatus.guard'

/**
 * Ends the servers when this process has ended, in any way.
 *
 * A shell in its own session reads from a pipe what to end: pids, and a label of containers. The pipe closes when this
 * process ends, even by `kill -9`; the shell then kills the listed processes and containers and removes the data. No handler
 * in this process is needed.
 */
export class Guard {
  readonly #shell: ChildProcess
  readonly #pids = new Set<number>()
  readonly #containerLabel = randomBytes(8).toString('hex')
  #watchesContainers = false

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

  /** The label that a container must have to be removed at the end. Ask before it is created. */
  watchContainers(): Record<string, string> {
    this.#watchesContainers = true
    this.#tell()
    return { [LABEL]: this.#containerLabel }
  }

  /** Kills what is left, removes the data and resolves when both are done. */
  async close(): Promise<void> {
    if (this.#shell.exitCode !== null || this.#shell.signalCode !== null) return
    const exited = once(this.#shell, 'exit')
    this.#shell.stdin?.end()
    await exited
  }

  #tell(): void {
    const label = this.#watchesContainers ? [`label=${LABEL}=${this.#containerLabel}`] : []
    this.#shell.stdin?.write(`${[...this.#pids, ...label].join(' ')}\n`)
  }
}

/**
 * Each pid leads a process group. The second `rm` is for a server that wrote while it was being killed; the second look
 * for containers, for one that Docker was just creating.
 */
const GUARD = `
trap '' INT TERM HUP QUIT
words=
while read -r line; do words=$line; done
remove_containers() {
  containers=$(docker ps --all --quiet --filter "$1")
  [ -z "$containers" ] || docker rm --force --volumes $containers
}
for word in $words; do
  case $word in
    label=*) remove_containers "$word"; sleep 1; remove_containers "$word" ;;
    *) kill -s KILL -- "-$word" ;;
  esac
done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`
