import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { type Config, loadConfig } from '../../../src/config.ts'
import { createLogger, type Logger } from '../../../src/observability/log.ts'
import { applySchemas } from '../../../src/tools/schemas.ts'
import { applyTopics } from '../../../src/tools/topics.ts'
import { type TopicNames, topicNames } from '../../../src/topics.ts'
import { Guard } from '../stack/guard.ts'
import type { StackInfo } from '../stack/stack.ts'
import { eventually } from './eventually.ts'

export const PAYSTATUS = fileURLToPath(new URL('../../../bin/paystatus', import.meta.url))

export interface DeploymentOptions {
  readonly partitions?: number
  /** Merged into the configuration, section by section. */
  readonly config?: Readonly<Record<string, Record<string, unknown>>>
  /** In addition to the sources that every deployment has. */
  readonly sources?: readonly Readonly<Record<string, unknown>>[]
  /** Directory for configuration and secrets; by default a temporary one, removed at the end. */
  readonly directory?: string
  /** Program to start instead of this checkout's `bin/paystatus`. */
  readonly program?: string
  /** Whether to prepare topics and schemas; true by default. */
  readonly prepare?: boolean
}

/**
 * One installation of paystatus on a running stack: topics with their own prefix, a configuration file with one source per
 * provider and generated secrets, and real processes started from `bin/paystatus`.
 *
 * Nothing outlives this process: see test/lab/stack/guard.ts.
 */
export class Deployment {
  readonly config: Config
  readonly configFile: string
  readonly topics: TopicNames
  readonly logger: Logger
  /** What is started, unless another program is named. */
  readonly program: string
  readonly #guard: Guard
  readonly #processes = new Set<RoleProcess>()

  private constructor(configFile: string, config: Config, guard: Guard, program: string) {
    this.configFile = configFile
    this.config = config
    this.topics = topicNames(config.kafka.topicPrefix)
    this.logger = createLogger({ level: 'fatal', role: 'test' })
    this.#guard = guard
    this.program = program
  }

  /** Writes the configuration and prepares topics and schemas. */
  static async create(stack: StackInfo, options: DeploymentOptions = {}): Promise<Deployment> {
    const id = randomBytes(4).toString('hex')
    const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'paystatus-deployment-'))
    const configFile = writeConfiguration(directory, id, stack, options)
    const guard = new Guard(options.directory === undefined ? directory : join(directory, 'nothing-to-remove'))
    const deployment = new Deployment(configFile, loadConfig(configFile, {}), guard, options.program ?? PAYSTATUS)
    if (options.prepare !== false) {
      await applyTopics(deployment.config, deployment.logger)
      await applySchemas(deployment.config.registry, deployment.topics, () => {})
    }
    return deployment
  }

  /** Starts a process with some roles; resolves once it listens. Await `ready()` for more. */
  async start(
    roles: readonly string[],
    env: Readonly<Record<string, string>> = {},
    { configFile = this.configFile, program = this.program } = {},
  ): Promise<RoleProcess> {
    const child = spawn(program, ['--config', configFile, 'run', '--roles', roles.join(',')], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    const started = new RoleProcess(child, roles)
    this.#guard.add(started.pid)
    this.#processes.add(started)
    void started.exited.then(() => {
      this.#guard.drop(started.pid)
      this.#processes.delete(started)
    })
    await started.listening
    return started
  }

  /** The last output of the running processes, for failure messages. */
  get lastWords(): string {
    return [...this.#processes].map(({ roles, output }) => `${roles.join('+')}:\n${output.slice(-2_000)}`).join('\n')
  }

  /**
   * Runs a command of the CLI to its end, or until the signal kills it with SIGKILL. If `unread`, the reader of its standard
   * output leaves at once, as `head` does after some lines.
   */
  command(
    args: readonly string[],
    {
      configFile = this.configFile,
      signal,
      env = {},
      unread = false,
    }: { configFile?: string; signal?: AbortSignal; env?: Readonly<Record<string, string>>; unread?: boolean } = {},
  ): Promise<CommandEnd> {
    const { promise, resolve } = Promise.withResolvers<CommandEnd>()
    const options = {
      maxBuffer: 64 << 20,
      timeout: 120_000,
      killSignal: 'SIGKILL',
      signal,
      env: { ...process.env, ...env },
    } as const
    const child = execFile(this.program, ['--config', configFile, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? 'unknown'), stdout, stderr })
    })
    if (unread) {
      child.stdout?.destroy()
    }
    return promise
  }

  /** Kills all running processes. */
  async close(): Promise<void> {
    const running = [...this.#processes]
    for (const running_ of running) {
      running_.signal('SIGKILL')
    }
    await Promise.all(running.map((one) => one.exited))
    await this.#guard.close()
  }
}

export interface CommandEnd {
  /** Exit code, or what ended it. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** A running paystatus process. */
export class RoleProcess {
  readonly roles: readonly string[]
  readonly pid: number
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  readonly listening: Promise<void>
  gatewayUrl = ''
  consoleUrl = ''
  adminUrl = ''
  #output = ''
  readonly #child: ChildProcess

  constructor(child: ChildProcess, roles: readonly string[]) {
    this.#child = child
    this.roles = roles
    this.pid = child.pid ?? 0
    // Not `exit`: its last output may still be in the pipe then.
    this.exited = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.listening = promise
    const read = (chunk: Buffer) => {
      this.#output = (this.#output + chunk.toString()).slice(-200_000)
      const found = /(?:gateway (\S+), )?(?:console (\S+), )?health and metrics (\S+)/.exec(this.#output)
      if (found !== null && this.adminUrl === '') {
        this.gatewayUrl = found[1] ?? ''
        this.consoleUrl = found[2] ?? ''
        this.adminUrl = found[3] ?? ''
        resolve()
      }
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    void this.exited.then((reason) => reject(new Error(`${roles.join('+')} ended with ${reason}:\n${this.#output}`)))
    promise.catch(() => {})
  }

  /** Everything it wrote to its two outputs. */
  get output(): string {
    return this.#output
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, and the exit code. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.signal('SIGTERM')
    return this.exited
  }

  async health(): Promise<{ ready: boolean; components: Record<string, { ok: boolean; reason?: string }> }> {
    const response = await fetch(`${this.adminUrl}/health/ready`)
    return (await response.json()) as Awaited<ReturnType<RoleProcess['health']>>
  }

  /** The metrics as scraped, as text. */
  async metricsText(): Promise<string> {
    return (await fetch(`${this.adminUrl}/metrics`)).text()
  }

  /** A metric by name and labels as they are printed, such as `paystatus_lanes{stage="processor",state="open"}`. */
  async metric(series: string): Promise<number> {
    const line = (await this.metricsText()).split('\n').find((candidate) => candidate.startsWith(`${series} `))
    if (line === undefined) {
      throw new Error(`there is no metric ${series}`)
    }
    return Number(line.slice(series.length + 1))
  }

  /** Resolves once every component is ready. */
  async ready(timeoutMs = 120_000): Promise<void> {
    await eventually(
      async () => {
        const health = await this.health()
        if (!health.ready) {
          throw new Error(`${this.roles.join('+')} is not ready: ${JSON.stringify(health.components)}\n${this.#output}`)
        }
      },
      { timeoutMs },
    )
  }
}

function writeConfiguration(directory: string, id: string, stack: StackInfo, options: DeploymentOptions): string {
  const secretFile = (name: string) => {
    const file = join(directory, `${name}.secret`)
    writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 })
    return { file }
  }
  const sections: Record<string, Record<string, unknown>> = {
    log: { level: 'warn' },
    kafka: {
      brokers: stack.kafkaBrokers,
      topicPrefix: `t${id}.`,
      partitions: options.partitions ?? 3,
      sessionTimeoutMs: 6_000,
    },
    redis: { url: stack.redisUrl },
    registry: { url: stack.registryUrl },
    // There is no load balancer that needs time to notice a stop.
    gateway: { port: 0, shutdown: { waitMs: 250 } },
    admin: { port: 0 },
    console: { port: 0 },
  }
  for (const [name, values] of Object.entries(options.config ?? {})) {
    sections[name] = { ...sections[name], ...values }
  }
  const configFile = join(directory, 'paystatus.yaml')
  writeFileSync(
    configFile,
    stringify({
      environment: `t${id}`,
      ...sections,
      sources: [
        {
          id: 'jpm-v1',
          provider: 'jpm-global-payments-v1',
          path: '/callbacks/jpm-v1',
          authentication: { type: 'header', header: 'x-callback-secret', secret: secretFile('jpm-v1') },
        },
        {
          id: 'jpm-v2',
          provider: 'jpm-global-payments-v2',
          path: '/callbacks/jpm-v2',
          authentication: { type: 'basic', username: 'jpm', password: secretFile('jpm-v2') },
        },
        {
          id: 'instamed',
          provider: 'instamed',
          path: `/callbacks/instamed-${randomBytes(9).toString('base64url')}x`,
          currency: 'USD',
          authentication: { type: 'none' },
        },
        ...(options.sources ?? []),
      ],
    }),
  )
  return configFile
}
