import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ContainerRuntimeClient,
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
  Wait,
} from 'testcontainers'
import { imageOf } from '../../../packages/testcontainers/src/images.ts'
import { freePort } from './free-port.ts'
import type { Guard } from './guard.ts'
import type { ServerControl, ServerName } from './server.ts'

type Container = ReturnType<ContainerRuntimeClient['container']['getById']>

/** How a server is run as a container. */
export interface ContainerSpec {
  readonly name: ServerName
  /** Its port inside the container; undefined for the same number as outside. */
  readonly containerPort?: number
  /** The line in its log that shows it is ready. */
  readonly ready: RegExp
  environment(port: number): Readonly<Record<string, string>>
  /** Undefined for the image's default. */
  readonly command?: readonly string[]
}

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_S = 20
const POLL_MS = 50
const PORT_ATTEMPTS = 5
const LOG_TAIL_CHARACTERS = 4_000
/** Labels the container of one start attempt. */
const LAUNCH_LABEL = 'paystatus.launch'
/** Docker's and Podman's messages. */
const PORT_TAKEN = /port is already allocated|address already in use/i

/**
 * Starts a server in a container, on a free host port that it keeps across restarts. A port chosen by Docker would change
 * with each start, and brokers tell clients their address.
 */
export async function launchContainer(
  spec: ContainerSpec,
  guard: Guard,
  choosePort: () => Promise<number> = freePort,
): Promise<ContainerServer> {
  // The guard removes this process's containers, however it ends, so testcontainers' own reaper is not needed.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true'
  const label = guard.watchContainers()
  for (let attempt = 1; ; attempt++) {
    const port = await choosePort()
    const launch = randomUUID()
    let log = ''
    const container = new GenericContainer(imageOf(spec.name, process.env))
      .withLabels({ ...label, [LAUNCH_LABEL]: launch })
      .withExposedPorts({ host: port, container: spec.containerPort ?? port })
      .withEnvironment({ ...spec.environment(port) })
      .withLogConsumer((lines) => {
        lines.on('data', (line: Buffer | string) => {
          log = (log + line).slice(-LOG_TAIL_CHARACTERS)
        })
      })
      .withWaitStrategy(Wait.forLogMessage(spec.ready))
      .withStartupTimeout(START_TIMEOUT_MS)
    if (spec.command) container.withCommand([...spec.command])
    try {
      return new ContainerServer(spec, port, await container.start())
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      if (attempt < PORT_ATTEMPTS && PORT_TAKEN.test(reason)) continue
      log ||= await lastWords(launch)
      throw new Error(`${spec.name} ended before it was ready: ${reason}; the end of its log:\n${log}`, {
        cause: error,
      })
    }
  }
}

/** The log of a container that ended before testcontainers, which waits for its port first, began to listen to it. */
async function lastWords(launch: string): Promise<string> {
  const { container } = await getContainerRuntimeClient()
  const ended = await container.fetchByLabel(LAUNCH_LABEL, launch, { status: ['exited', 'dead'] })
  return ended === undefined ? '' : (await logOf(ended)).slice(-LOG_TAIL_CHARACTERS)
}

async function logOf(container: Container, since = 0): Promise<string> {
  const log = await container.logs({ stdout: true, stderr: true, follow: false, since })
  return log.toString('utf8')
}

export class ContainerServer implements ServerControl {
  readonly name: string
  readonly ports: readonly number[]
  /** Not known: the process may be in a virtual machine, as on macOS. */
  readonly pid = undefined
  readonly #spec: ContainerSpec
  readonly #started: StartedTestContainer

  constructor(spec: ContainerSpec, port: number, started: StartedTestContainer) {
    this.name = spec.name
    this.ports = [port]
    this.#spec = spec
    this.#started = started
  }

  async start(): Promise<void> {
    const container = await this.#container()
    if ((await container.inspect()).State.Running) return
    await container.start()
    const { StartedAt } = (await container.inspect()).State
    const deadline = performance.now() + START_TIMEOUT_MS
    for (;;) {
      const log = await logOf(container, Date.parse(StartedAt) / 1000)
      if (this.#spec.ready.test(log)) return
      const { Running } = (await container.inspect()).State
      if (!Running || performance.now() > deadline) {
        const reason = Running ? `was not ready within ${START_TIMEOUT_MS / 1000} s` : 'ended before it was ready'
        throw new Error(`${this.name} ${reason}; the end of its log:\n${log.slice(-LOG_TAIL_CHARACTERS)}`)
      }
      await delay(POLL_MS)
    }
  }

  async kill(): Promise<void> {
    const container = await this.#container()
    const { Running, Paused } = (await container.inspect()).State
    // The signal would wait for the end of the pause.
    if (Paused) await container.unpause()
    if (Running) await container.kill()
    await this.#ended()
  }

  async stop(): Promise<void> {
    const container = await this.#container()
    if ((await container.inspect()).State.Running) await container.stop({ t: STOP_TIMEOUT_S })
    await this.#ended()
  }

  async pause(): Promise<void> {
    await (await this.#container()).pause()
  }

  async resume(): Promise<void> {
    await (await this.#container()).unpause()
  }

  /** Docker answers a kill before the process is gone. */
  async #ended(): Promise<void> {
    await (await this.#container()).wait({ condition: 'not-running' })
  }

  async #container(): Promise<Container> {
    return (await getContainerRuntimeClient()).container.getById(this.#started.getId())
  }
}
