import { randomBytes } from 'node:crypto'
import {
  GenericContainer,
  getContainerRuntimeClient,
  Network,
  RandomPortGenerator,
  type StartedNetwork,
  type StartedTestContainer,
  Wait,
} from 'testcontainers'
import { CallbackSender } from './callback-sender.ts'
import type { Callback, SourceId } from './callbacks.ts'
import { ChangeLog, type StatusChange } from './change-log.ts'
import { type ImageName, imageOf } from './images.ts'

export interface PaystatusStackOptions {
  /** Replace the images of this release; take precedence over the environment (`PAYSTATUS_IMAGE`, `PAYSTATUS_KAFKA_IMAGE`, …). */
  readonly images?: Partial<Readonly<Record<ImageName, string>>>
  /** Partitions of every topic; 3 by default. */
  readonly partitions?: number
  /** For each container; 240,000 by default, because a start can take minutes on a busy machine. */
  readonly startupTimeoutMs?: number
  /** Labels of every container, for example for clean-up jobs. */
  readonly labels?: Readonly<Record<string, string>>
}

/** The topics that subscribers read. docs/consumers.md of paystatus describes their contract. */
export const STATUS_TOPICS = { changes: 'payments.status.changes', current: 'payments.status.current' } as const

/**
 * A complete paystatus in Docker containers: Kafka, Redis, a schema registry, the topics and schemas, and all roles. Several
 * can run at the same time.
 */
export class PaystatusStack {
  readonly #options: PaystatusStackOptions

  constructor(options: PaystatusStackOptions = {}) {
    this.#options = options
  }

  /** Resolves when callbacks are accepted and processed. If a container does not start, removes the others and rejects. */
  async start(): Promise<StartedPaystatusStack> {
    const parts = new Parts(this.#options)
    try {
      return await startAll(parts, this.#options)
    } catch (error) {
      await parts.stop()
      throw error
    }
  }
}

/** A running stack. */
export class StartedPaystatusStack implements AsyncDisposable {
  /** Base URL for callbacks, without a trailing slash. */
  readonly gatewayUrl: string
  /** `host:port`, reachable from this machine. */
  readonly bootstrapServers: string
  /** URL of the schema registry's Confluent API. */
  readonly registryUrl: string
  readonly #parts: Pick<Parts, 'log' | 'stop'>
  readonly #changes: ChangeLog
  readonly #sender: CallbackSender
  readonly #inside: Inside
  #played = 0

  constructor(
    urls: Pick<StartedPaystatusStack, 'gatewayUrl' | 'bootstrapServers' | 'registryUrl'>,
    parts: Pick<Parts, 'log' | 'stop'>,
    changes: ChangeLog,
    secrets: Secrets,
    inside: Inside,
  ) {
    this.gatewayUrl = urls.gatewayUrl
    this.bootstrapServers = urls.bootstrapServers
    this.registryUrl = urls.registryUrl
    this.#parts = parts
    this.#changes = changes
    this.#inside = inside
    const headers = headersOf(secrets)
    this.#sender = new CallbackSender((callback) => postTo(this.gatewayUrl, callback, headers[callback.source]))
  }

  /** Sends a callback with its source's credentials. Rejects if the gateway does not accept it. */
  postCallback(callback: Callback): Promise<void> {
    return this.#sender.send(callback)
  }

  /**
   * Sends every callback that was accepted so far once more, as providers do: no record is published for any of them.
   * Resolves with their number.
   */
  repeatEverything(): Promise<number> {
    return this.#sender.repeatEverything()
  }

  /** Sends callbacks in the wrong order, the last one first: the statuses at the end are the same as in the right order. */
  outOfOrder(callbacks: readonly Callback[]): Promise<void> {
    return this.#sender.sendOutOfOrder(callbacks)
  }

  /** Empties Redis, which holds a copy only: paystatus notices before its next output and rebuilds it from Kafka. */
  async redisLost(): Promise<void> {
    const { exitCode, output } = await this.#inside.redis.exec(['redis-cli', 'FLUSHALL'])
    if (exitCode !== 0) {
      throw new Error(`Redis could not be emptied: ${output}`)
    }
  }

  /**
   * Writes a scenario of `paystatus conformance` (`paystatus conformance --list` prints them) into two topics of their own, and
   * resolves with what a subscriber must make of them. A scenario can be played several times; each has other topics.
   */
  async playScenario(name: string, { payments = 100 }: { readonly payments?: number } = {}): Promise<PlayedScenario> {
    this.#played += 1
    const topicPrefix = `scenario-${this.#played}.`
    const command = ['--topic-prefix', topicPrefix, '--play', '--scenario', name, '--payments', String(payments)]
    const output = await this.#inside.run(['conformance', ...command, '--json'])
    return {
      topics: { changes: topicPrefix + STATUS_TOPICS.changes, current: topicPrefix + STATUS_TOPICS.current },
      rows: toRows(name, output),
    }
  }

  /**
   * Waits until a payment has, or had, a status and returns the first such record of `payments.status.changes`. Rejects after
   * `timeoutMs` (30,000 by default) with the payment's other statuses and the end of the log.
   */
  awaitStatus(paymentKey: string, status: string, { timeoutMs = AWAIT_MS }: AwaitOptions = {}): Promise<StatusChange> {
    return this.#withLog(this.#changes.awaitStatus(paymentKey, status, timeoutMs))
  }

  /** Like `awaitStatus`, for the first record of a payment that `fits`. */
  awaitChange(
    paymentKey: string,
    fits: (change: StatusChange) => boolean,
    { timeoutMs = AWAIT_MS }: AwaitOptions = {},
  ): Promise<StatusChange> {
    return this.#withLog(this.#changes.awaitChange(paymentKey, fits, timeoutMs))
  }

  async #withLog<T>(waiting: Promise<T>): Promise<T> {
    try {
      return await waiting
    } catch (error) {
      throw new Error(`${(error as Error).message}; the end of the log:\n${this.log()}`, { cause: error })
    }
  }

  /** The changes of a payment published so far. */
  changesOf(paymentKey: string): readonly StatusChange[] {
    return this.#changes.of(paymentKey)
  }

  /** The latest output of paystatus and its servers. */
  log(): string {
    return this.#parts.log()
  }

  /** Stops and removes everything. */
  async stop(): Promise<void> {
    await this.#parts.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

export interface AwaitOptions {
  readonly timeoutMs?: number
}

/** A scenario in topics of its own. */
export interface PlayedScenario {
  readonly topics: { readonly changes: string; readonly current: string }
  /** The payments that a subscriber must have at the end; no others. */
  readonly rows: readonly ScenarioRow[]
}

export interface ScenarioRow {
  readonly paymentKey: string
  readonly incarnation: number
  readonly statusVersion: number
  readonly status: string
  readonly finality: string
  readonly kind: string
  /** What it counts for; `value` is decimal text. */
  readonly amount: { readonly value: string; readonly currency: string | null } | null
}

function toRows(name: string, output: string): readonly ScenarioRow[] {
  // The output may hold warnings, one per line.
  const line = output.split('\n').find((one) => one.startsWith('['))
  if (line === undefined) {
    throw new Error(`the scenario ${name} was not played: ${output.trim()}`)
  }
  return JSON.parse(line) as readonly ScenarioRow[]
}

async function postTo(
  gatewayUrl: string,
  { source, body, contentType = 'application/json' }: Callback,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const response = await fetch(`${gatewayUrl}/callbacks/${source}`, {
    method: 'POST',
    headers: { 'content-type': contentType, ...headers },
    body: typeof body === 'string' ? body : body instanceof Uint8Array ? Buffer.from(body) : JSON.stringify(body),
  })
  const answer = await response.text()
  if (!response.ok) {
    throw new Error(`the gateway answered ${response.status} to a callback of ${source}: ${answer}`)
  }
}

/** What can be reached in the containers' network only. */
interface Inside {
  readonly redis: Pick<StartedTestContainer, 'exec'>
  /** Runs a command of paystatus and resolves with its output; rejects if it fails. */
  readonly run: (command: readonly string[]) => Promise<string>
}

interface Secrets {
  readonly jpmV1: string
  readonly jpmV2: string
}

/** The port in the containers' network. */
const KAFKA_PORT = 19_092
const REGISTRY_PATH = '/apis/ccompat/v7'
const AWAIT_MS = 30_000
const PORT_ATTEMPTS = 5
const PREPARE_ATTEMPTS = 5
const PORT_TAKEN = /port is already allocated|address already in use/i
const CONFIG_FILE = '/etc/paystatus/paystatus.yaml'

async function startAll(parts: Parts, { partitions = 3 }: PaystatusStackOptions): Promise<StartedPaystatusStack> {
  const network = await parts.network()
  const secrets = { jpmV1: randomBytes(24).toString('base64url'), jpmV2: randomBytes(24).toString('base64url') }
  const paystatus = (command: readonly string[]) => (container: GenericContainer) =>
    container
      .withNetwork(network)
      .withCommand([...command])
      .withCopyContentToContainer([{ content: configuration(partitions), target: CONFIG_FILE }])
      .withEnvironment({
        PAYSTATUS_CONFIG: CONFIG_FILE,
        JPM_V1_SECRET: secrets.jpmV1,
        JPM_V2_PASSWORD: secrets.jpmV2,
      })
  const runOnce = (command: readonly string[]) =>
    parts.start('paystatus', (container) => paystatus(command)(container).withWaitStrategy(Wait.forOneShotStartup()))
  // Tried again: on a busy machine a server that is just up may be slow to its first client.
  const prepare = (command: readonly string[]) => withRetries(PREPARE_ATTEMPTS, () => runOnce(command))
  const startPreparedKafka = async () => {
    const kafka = await startKafka(parts, network)
    await prepare(['topics', 'apply'])
    return kafka
  }
  const startPreparedRegistry = async () => {
    const registry = await parts.start('registry', (container) =>
      container
        .withNetwork(network)
        .withNetworkAliases('registry')
        .withExposedPorts(8_080)
        .withWaitStrategy(Wait.forHttp('/health/ready', 8_080)),
    )
    await prepare(['schemas', 'apply'])
    return registry
  }
  // Each server is prepared as soon as it is up, while the other one still starts.
  const [kafka, registry, redis] = await allOrNone([
    startPreparedKafka(),
    startPreparedRegistry(),
    parts.start('redis', (container) =>
      container
        .withNetwork(network)
        .withNetworkAliases('redis')
        .withCommand(['redis-server', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'])
        .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/)),
    ),
  ])
  const changes = new ChangeLog()
  const [roles] = await allOrNone([
    parts.start('paystatus', (container) =>
      paystatus(['run'])(container)
        .withExposedPorts(8_080, 9_090)
        .withWaitStrategy(Wait.forHttp('/health/ready', 9_090)),
    ),
    // Supplies awaitStatus, so that this package needs no Kafka client. From the beginning, because it may start late.
    parts.start(
      'paystatus',
      // Not the health check of the image, which applies only to roles.
      (container) =>
        paystatus(['tail', '--from-beginning', '--json'])(container).withWaitStrategy(Wait.forListeningPorts()),
      (piece) => changes.write(piece),
    ),
  ])
  const host = roles.getHost()
  return new StartedPaystatusStack(
    {
      gatewayUrl: `http://${host}:${roles.getMappedPort(8_080)}`,
      bootstrapServers: kafka.bootstrapServers,
      registryUrl: `http://${host}:${registry.getMappedPort(8_080)}${REGISTRY_PATH}`,
    },
    parts,
    changes,
    secrets,
    { redis, run: async (command) => outputOf(await runOnce(command)) },
  )
}

/** The output of a container that has ended. */
async function outputOf(container: StartedTestContainer): Promise<string> {
  let output = ''
  for await (const piece of await container.logs()) {
    output += piece
  }
  return output
}

/** Chooses the host port in advance, because a broker must advertise its address to clients. */
async function startKafka(parts: Parts, network: StartedNetwork): Promise<{ readonly bootstrapServers: string }> {
  const { host } = (await getContainerRuntimeClient()).info.containerRuntime
  return withRetries(
    PORT_ATTEMPTS,
    async () => {
      const port = await new RandomPortGenerator().generatePort()
      await parts.start('kafka', (container) =>
        container
          .withNetwork(network)
          .withNetworkAliases('kafka')
          .withExposedPorts({ container: 9_092, host: port })
          .withEnvironment(kafkaEnvironment(`${host}:${port}`))
          .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/)),
      )
      return { bootstrapServers: `${host}:${port}` }
    },
    (error) => PORT_TAKEN.test(String(error)),
  )
}

async function withRetries<T>(
  attempts: number,
  attempt: () => Promise<T>,
  isWorthIt: (error: unknown) => boolean = () => true,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt()
    } catch (error) {
      if (count === attempts || !isWorthIt(error)) {
        throw error
      }
    }
  }
}

function kafkaEnvironment(address: string): Record<string, string> {
  return {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENERS: `EXTERNAL://:9092,INTERNAL://:${KAFKA_PORT},CONTROLLER://localhost:9093`,
    KAFKA_ADVERTISED_LISTENERS: `EXTERNAL://${address},INTERNAL://kafka:${KAFKA_PORT}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'EXTERNAL:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '5',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '5',
    KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m',
  }
}

/** The configuration file; JSON is valid YAML. */
function configuration(partitions: number): string {
  return JSON.stringify({
    environment: 'testcontainers',
    kafka: { brokers: [`kafka:${KAFKA_PORT}`], partitions },
    redis: { url: 'redis://redis:6379' },
    registry: { url: `http://registry:8080${REGISTRY_PATH}` },
    sources: [
      {
        id: 'jpm-v1',
        provider: 'jpm-global-payments-v1',
        path: '/callbacks/jpm-v1',
        authentication: { type: 'header', header: 'x-callback-secret', secret: { env: 'JPM_V1_SECRET' } },
      },
      {
        id: 'jpm-v2',
        provider: 'jpm-global-payments-v2',
        path: '/callbacks/jpm-v2',
        authentication: { type: 'basic', username: 'jpm', password: { env: 'JPM_V2_PASSWORD' } },
      },
      {
        id: 'instamed',
        provider: 'instamed',
        path: '/callbacks/instamed',
        currency: 'USD',
        authentication: { type: 'none' },
      },
    ],
  })
}

function headersOf({ jpmV1, jpmV2 }: Secrets): Readonly<Record<SourceId, Readonly<Record<string, string>>>> {
  return {
    'jpm-v1': { 'x-callback-secret': jpmV1 },
    'jpm-v2': { authorization: `Basic ${Buffer.from(`jpm:${jpmV2}`).toString('base64')}` },
    instamed: {},
  }
}

const LOG_CHARACTERS = 4_000

/** Everything that was started, and its latest output. */
class Parts {
  readonly #options: PaystatusStackOptions
  readonly #containers: StartedTestContainer[] = []
  readonly #logs: { readonly name: string; text: string }[] = []
  #network: StartedNetwork | undefined

  constructor(options: PaystatusStackOptions) {
    this.#options = options
  }

  async network(): Promise<StartedNetwork> {
    this.#network = await new Network().start()
    return this.#network
  }

  /** Rejects with the end of the container's log if it does not start. */
  async start(
    image: ImageName,
    configure: (container: GenericContainer) => GenericContainer,
    onOutput: (piece: string) => void = () => {},
  ): Promise<StartedTestContainer> {
    const { images = {}, labels = {}, startupTimeoutMs = 240_000 } = this.#options
    const name = images[image] ?? imageOf(image, process.env)
    const log = { name, text: '' }
    this.#logs.push(log)
    const container = configure(new GenericContainer(name))
      .withLabels({ ...labels })
      .withStartupTimeout(startupTimeoutMs)
      .withLogConsumer((output) => {
        output.on('data', (piece: Buffer | string) => {
          log.text = (log.text + piece).slice(-LOG_CHARACTERS)
          onOutput(String(piece))
        })
      })
    try {
      const started = await container.start()
      this.#containers.push(started)
      return started
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${name} did not start: ${reason}; the end of its log:\n${log.text}`, { cause: error })
    }
  }

  log(): string {
    return this.#logs.map(({ name, text }) => `${name}:\n${text}`).join('\n')
  }

  /** Stops in reverse order, so that the roles stop before their servers. Ignores containers that are already gone. */
  async stop(): Promise<void> {
    for (const container of this.#containers.splice(0).reverse()) {
      await container.stop().catch(() => {})
    }
    await this.#network?.stop().catch(() => {})
    this.#network = undefined
  }
}

/** Waits for all starts, so that none is in progress when the first failure is reported. */
async function allOrNone<const T extends readonly Promise<unknown>[]>(
  starts: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(starts)
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) {
    throw failed.reason
  }
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as never
}
