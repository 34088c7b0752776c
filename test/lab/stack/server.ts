import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import type { Guard } from './guard.ts'
import { until } from './run-command.ts'
import { isGroupStopped } from './stopped.ts'

export type ServerName = 'kafka' | 'redis' | 'registry'

/** A server's directory and port; both stay the same across restarts. */
export interface Place {
  readonly directory: string
  readonly ports: readonly number[]
}

export interface ServerSpec {
  /** Of its directory and its log. */
  readonly name: string
  readonly ports: number
  /** Its own log says that it is ready: a port that answers could belong to another checkout's server. */
  readonly ready: RegExp
  /** Runs once, before the first start. */
  prepare?(place: Place): Promise<void>
  command(place: Place): readonly string[]
}

/** What a fault test can do to a server. Every call resolves once it has taken effect. */
export interface ServerControl {
  /** SIGKILL. */
  kill(): Promise<void>
  /** SIGTERM, and SIGKILL if it takes too long. */
  stop(): Promise<void>
  /** Starts it again on the same ports with the same data. */
  start(): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): Promise<void>
  /** SIGCONT. */
  resume(): Promise<void>
}

const START_TIMEOUT_MS = 180_000
const STOP_TIMEOUT_MS = 20_000
const POLL_MS = 15
const PORT_ATTEMPTS = 5
const LOG_TAIL_BYTES = 4_000
/** In the words of Kafka and Redis, and of the registry. */
const PORT_TAKEN = /address already in use|in use by another process/i

/** Whether a server failed to start because its port was taken; `text` is its log or the error. */
export function portWasTaken(text: string): boolean {
  return PORT_TAKEN.test(text)
}

/** Starts a server on reserved ports, and on others if an unrelated program took one. */
export async function launch(spec: ServerSpec, directory: string, guard: Guard): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const ports = await Promise.all(Array.from({ length: spec.ports }, freePort))
    const place = { directory: join(directory, `${spec.name}-${attempt}`), ports }
    await mkdir(place.directory)
    await spec.prepare?.(place)
    const server = new Server(spec, place, guard)
    try {
      await server.start()
      return server
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !(error instanceof StartError && portWasTaken(error.logTail))) throw error
    }
  }
}

class StartError extends Error {
  readonly logTail: string

  constructor(name: string, reason: string, logTail: string) {
    super(`${name} ${reason}; the end of its log:\n${logTail}`)
    this.name = 'StartError'
    this.logTail = logTail
  }
}

export class Server implements ServerControl {
  readonly name: string
  readonly ports: readonly number[]
  readonly #spec: ServerSpec
  readonly #place: Place
  readonly #guard: Guard
  readonly #logFile: string
  #child: ChildProcess | undefined

  constructor(spec: ServerSpec, place: Place, guard: Guard) {
    this.name = spec.name
    this.ports = place.ports
    this.#spec = spec
    this.#place = place
    this.#guard = guard
    this.#logFile = `${place.directory}.log`
  }

  /** Where its data is; its log is beside it. */
  get directory(): string {
    return this.#place.directory
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  async start(): Promise<void> {
    if (this.#child) return
    const log = openSync(this.#logFile, 'a')
    const logStart = (await stat(this.#logFile)).size
    // The shell waits for its word until the guard knows its pid, then becomes the server: at no moment can this
    // process die and leave an unknown server. In a session of its own, so that Ctrl-C does not reach it.
    const child = spawn('sh', ['-c', 'read -r _ && exec "$@" <&-', 'sh', ...this.#spec.command(this.#place)], {
      stdio: ['pipe', log, log],
      cwd: this.#place.directory,
      detached: true,
    })
    closeSync(log)
    await once(child, 'spawn')
    const { pid } = child
    if (pid === undefined) throw new Error('a spawned process has a pid')
    this.#child = child
    this.#guard.add(pid)
    child.on('exit', () => {
      this.#guard.drop(pid)
      this.#child = undefined
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end('go\n')
    await this.#becomesReady(child, logStart)
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  async pause(): Promise<void> {
    const group = this.#child?.pid
    if (group === undefined) return
    this.#signal('SIGSTOP')
    await until(`${this.name} is stopped`, STOP_TIMEOUT_MS, () => isGroupStopped(group))
  }

  async resume(): Promise<void> {
    this.#signal('SIGCONT')
  }

  /** To the whole group: while Kafka formats its storage it is two processes. */
  #signal(signal: NodeJS.Signals): void {
    if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, signal)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child) return
    const exited = once(child, 'exit')
    const overdue = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT_MS)
    this.#signal(signal)
    await exited
    clearTimeout(overdue)
  }

  async #becomesReady(child: ChildProcess, logStart: number): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!this.#spec.ready.test(await readFrom(this.#logFile, logStart))) {
      const gone = this.#child !== child
      if (gone || performance.now() > deadline) {
        await this.kill()
        const reason = gone ? 'ended before it was ready' : `was not ready within ${START_TIMEOUT_MS / 1000} s`
        throw new StartError(this.name, reason, (await readFrom(this.#logFile, logStart)).slice(-LOG_TAIL_BYTES))
      }
      await delay(POLL_MS)
    }
  }
}

async function readFrom(file: string, start: number): Promise<string> {
  await using handle = await open(file)
  const { size } = await handle.stat()
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - start), 0, size - start, start)
  return buffer.toString('utf8', 0, bytesRead)
}
