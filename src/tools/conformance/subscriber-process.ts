import { spawn } from 'node:child_process'
import { sleep } from '../../sleep.ts'

/** The subscriber that is judged. */
export interface Subscriber {
  /** Resolves once it runs; it need not be ready. */
  start(): Promise<void>
  /** Ends it without a warning. Null if the kit cannot, because it did not start it. */
  readonly kill: (() => Promise<void>) | null
  /** Why it ended by itself; null while it runs. */
  ended(): string | null
  stop(): Promise<void>
}

const OUTPUT_LINES = 15
const STOP_MAX_MS = 10_000

/** Runs a command, without a shell, in a process group of its own. Its output goes to `onOutput`. */
export function subscriberProcess(
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  onOutput: (text: string) => void,
): Subscriber {
  let running: { readonly pid: number | undefined; readonly exited: Promise<void> } | undefined
  let ended: string | null = null

  async function start(): Promise<void> {
    ended = null
    let output = ''
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own group, because the command may be a script that starts the subscriber.
      detached: true,
    })
    const take = (piece: Buffer) => {
      output = `${output}${piece}`.split('\n').slice(-OUTPUT_LINES).join('\n')
      onOutput(String(piece))
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const { promise: exited, resolve } = Promise.withResolvers<void>()
    const end = (how: string) => {
      ended ??= `the subscriber ended ${how}${output.trim() && `; its last output:\n${output.trim()}`}`
      resolve()
    }
    child.once('error', (error) => end(`at once: ${error.message}`))
    child.once('close', (code, signal) => end(signal === null ? `with exit code ${code}` : `by ${signal}`))
    running = { pid: child.pid, exited }
  }

  function signal(name: NodeJS.Signals): void {
    if (running?.pid !== undefined) {
      try {
        process.kill(-running.pid, name)
      } catch {
        // The group has ended.
      }
    }
  }

  async function kill(): Promise<void> {
    signal('SIGKILL')
    await running?.exited
  }

  async function stop(): Promise<void> {
    signal('SIGTERM')
    const waited = new AbortController()
    await Promise.race([running?.exited, sleep(STOP_MAX_MS, waited.signal).catch(() => {})])
    waited.abort()
    await kill()
  }

  return { start, kill, ended: () => ended, stop }
}

/** A subscriber that somebody else starts, when they are told. */
export function foreignSubscriber(tellToStart: () => void): Subscriber {
  return { start: async () => tellToStart(), kill: null, ended: () => null, stop: async () => {} }
}
