import { randomBytes } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Admin } from 'kafkajs'
import { runSimulation, type SimulatedSource, type SimulationReport } from '../../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../harness/deployment.ts'
import { eventually } from '../harness/eventually.ts'
import { createAdmin } from '../harness/kafkajs-client.ts'
import type { ReadRecord } from '../harness/observer.ts'
import { TcpProxy } from '../harness/tcp-proxy.ts'
import { within } from '../harness/within.ts'
import { freePort } from '../stack/free-port.ts'
import { until } from '../stack/run-command.ts'
import { BranchWatch } from './branch-watch.ts'
import { type Broker, type BrokerLink, type Cluster, SLOTS, type Slot } from './cluster.ts'
import type { Finding } from './finding.ts'
import { INSIST_MS } from './insistently.ts'
import type { LabRedis, LabShard, RedisUser } from './lab-redis.ts'
import { Ledger } from './ledger.ts'

const PARTITIONS = 4
/**
 * Payments become overdue within seconds, so that faults coincide with it and the judges need not wait long. The retention is
 * the shortest allowed one: the fault forget-payments creates payments that exceed it.
 */
const PAYMENTS = {
  retention: '90d',
  nextStatusWithin: {
    default: '4s',
    'jpm-global-payments-v2': { default: '3s', SCHEDULED: 'never' },
    instamed: { AUTHORIZED: '5s' },
  },
}
const SESSION_TIMEOUT_MS = 6_000
/** New callbacks per second; retries come on top. */
const RATE = 90
const CALLBACKS_PER_PAYMENT = 1.88
/** Length of a shift. What a provider sends at the end of one may be long outdated. */
export const LOAD_SHIFT_MS = 8_000
/** Per run: keeps the seeds of runs apart. */
const SHIFTS_MAX = 1_000
/** Per shift; several shifts wait while nothing is accepted. */
const CONCURRENCY = 64
const RESTART_AFTER_MS = 1_000
const ADMIN_MAX_MS = 10_000
const SYNC_MAX_MS = 60_000
/** Per look at one process, before looking for its successor. */
const READY_LOOK_MS = 2_000
const SILENT_MAX_BYTES = 1_000_000
/** Codes of stops after which only an operator can say how to continue. */
const DEFINED_STOP = /\b(OFFSET_OUT_OF_RANGE|LOG_TRUNCATED|CHANGES_TRUNCATED|CURRENT_TRUNCATED|TOPIC_RECREATED)\b/g
const CRASH = /^crash point (\S+)$/m

/** Providers that never give up. A longer gap between attempts would only prolong the run. */
const MANNER = { timeoutMs: 3_000, attemptsMax: Number.POSITIVE_INFINITY, retryGapMs: () => 400 }
const MANNERS = { 'jpm-global-payments-v1': MANNER, 'jpm-global-payments-v2': MANNER, instamed: MANNER } as const

/** What the providers did, and the expected final state of every payment. */
export interface LoadReport
  extends Pick<SimulationReport['counts'], 'callbacks' | 'accepted' | 'attempts'>,
    Pick<SimulationReport, 'payments'> {}

export interface LabOptions {
  readonly seed: number
  /** For this run's configuration, ledger and logs. */
  readonly directory: string
  readonly say: (line: string) => void
  /** What the roles run instead of this checkout's `bin/paystatus`. */
  readonly program?: string | undefined
}

/** A record that a fault removed from raw for good. */
export interface RemovedRaw extends ReadRecord {
  /** Whether the normalizers had committed past it. If not, its events and dead letters may be missing. */
  readonly normalized: boolean
}

/** A process that exited with a defined stop. */
export interface DefinedStopSeen {
  readonly slot: Slot
  readonly code: string
  readonly output: string
}

/** One installation on a cluster, the providers that call it, and all that a fault needs to act on it. */
export class Lab {
  readonly cluster: Cluster
  readonly deployment: Deployment
  readonly registry: TcpProxy
  readonly ledger: Ledger
  readonly say: (line: string) => void
  readonly seed: number
  readonly directory: string
  readonly admin: ReturnType<Lab['newAdmin']>
  /** Whether the processors' committed offsets were moved: then events are counted again. */
  offsetsMoved = false
  /** Records that were deleted from the events topic; the judges take them into account. */
  readonly deletedEvents: ReadRecord[] = []
  /** Processes that exited unasked. */
  unexpectedExits = 0
  /** Records that were removed from raw; the judges take them into account. */
  readonly removedRaw: RemovedRaw[] = []
  /** Whether lost changes were republished with `paystatus repair`. */
  repaired = false
  /** Whether a release with older mappings read callbacks, so that readings were replaced. */
  hadOlderMappings = false
  /** Whether a release made dead letters of good callbacks, which were redriven. */
  redriven = false
  /** Actions that a fault postpones until the load has ended and is processed, before the judgement. A rejection is a finding. */
  readonly atRest: (() => Promise<void>)[] = []
  /** Processes that exited because only an operator can decide how to continue. */
  readonly definedStops: DefinedStopSeen[] = []
  /** Codes of the stops that the active faults must cause; any other stop is a finding. */
  readonly wantedStops = new Set<string>()
  /** What must not have happened during the faults. */
  readonly findings: Finding[] = []
  /** Crashes by crash point. */
  readonly crashes = new Map<string, number>()
  readonly branches = new BranchWatch()
  readonly #gatewayPorts: ReadonlyMap<Slot, number>
  readonly #roles = new Map<Slot, RoleProcess>()
  readonly #wanted = new Set<Slot>()
  readonly #resting = new Set<Slot>()
  readonly #special = new Map<Slot, () => Readonly<Record<string, string>>>()
  readonly #programs = new Map<Slot, string>()
  readonly #turns = new Map<Slot, Promise<unknown>>()
  readonly #extra = new Set<RoleProcess>()

  private constructor(
    cluster: Cluster,
    deployment: Deployment,
    registry: TcpProxy,
    gatewayPorts: ReadonlyMap<Slot, number>,
    { seed, directory, say }: LabOptions,
  ) {
    this.cluster = cluster
    this.deployment = deployment
    this.registry = registry
    this.seed = seed
    this.directory = directory
    this.say = say
    this.ledger = new Ledger(join(directory, 'ledger.jsonl'))
    this.#gatewayPorts = gatewayPorts
    this.admin = this.newAdmin()
  }

  /** An admin client with its own connections; the caller connects and disconnects it. */
  newAdmin(): Admin {
    return createAdmin({ brokers: this.cluster.directBrokers })
  }

  /** Prepares topics and schemas and starts all roles; resolves when they are ready. */
  static async create(cluster: Cluster, options: LabOptions): Promise<Lab> {
    const { directory, program, seed } = options
    mkdirSync(directory, { recursive: true })
    const { redis } = cluster
    await redis.heal()
    await redis.empty()
    const registryUrl = new URL(`http://127.0.0.1:${cluster.registry.ports[0]}/apis/ccompat/v7`)
    const registry = await TcpProxy.start(registryUrl)
    registryUrl.port = String(registry.port)
    const deployment = await Deployment.create(
      {
        kafkaBrokers: cluster.directBrokers,
        redisUrl: '',
        registryUrl: registryUrl.href,
        pids: {},
        directory,
        control: '',
      },
      {
        directory,
        ...(program !== undefined && { program }),
        partitions: PARTITIONS,
        config: {
          log: { level: 'info' },
          kafka: { replicationFactor: 3, minInsyncReplicas: 2, sessionTimeoutMs: SESSION_TIMEOUT_MS },
          // Unique groups: commits of an earlier run on the same cluster do not matter.
          normalizer: { group: `normalizer-${seed}-${Date.now()}` },
          processor: { group: `processor-${seed}-${Date.now()}` },
          redis: { url: undefined, ...redis.connectionOf('observer') },
          payments: PAYMENTS,
          ...(seed % 2 === 0 && { encryption: encryptionIn(directory) }),
        },
      },
    )
    const gatewayPorts = new Map<Slot, number>()
    for (const slot of slotsOf('gateway')) {
      gatewayPorts.set(slot, await freePort())
    }
    const lab = new Lab(cluster, deployment, registry, gatewayPorts, options)
    await lab.admin.connect()
    await until('all replicas are in sync', SYNC_MAX_MS, () => lab.#inSync())
    await Promise.all(SLOTS.map((slot) => lab.start(slot)))
    await Promise.all([...lab.#roles.values()].map((role) => role.ready(60_000)))
    return lab
  }

  /** Resolves once it listens. Does nothing if it already runs. */
  async start(slot: Slot): Promise<void> {
    this.#wanted.add(slot)
    await this.#inTurn(slot, async () => {
      if (this.#wanted.has(slot) && !this.#roles.has(slot) && !this.#resting.has(slot)) {
        await this.#launch(slot)
      }
    })
  }

  /** No process of a role starts until `wake`, whoever else asks for it. Running ones continue. */
  startNone(role: Role): void {
    for (const slot of slotsOf(role)) {
      this.#resting.add(slot)
    }
  }

  /** SIGTERM to all processes of a role; none starts until `wake`. */
  async rest(role: Role): Promise<void> {
    this.startNone(role)
    await Promise.all(slotsOf(role).map((slot) => this.stop(slot)))
  }

  /** Starts all processes of a resting role. */
  async wake(role: Role): Promise<void> {
    const slots = slotsOf(role)
    for (const slot of slots) {
      this.#resting.delete(slot)
    }
    await Promise.all(slots.map((slot) => this.start(slot)))
  }

  async kill(slot: Slot): Promise<void> {
    await this.#end(slot, 'SIGKILL')
  }

  /** SIGTERM; returns the exit code. */
  async stop(slot: Slot): Promise<number | NodeJS.Signals | undefined> {
    return this.#end(slot, 'SIGTERM')
  }

  /** Kills and starts it with these variables; also used whenever it exits unasked, until the next `restart`. */
  async restart(slot: Slot, environment: () => Readonly<Record<string, string>> = () => ({})): Promise<void> {
    await this.kill(slot)
    this.#special.set(slot, environment)
    await this.start(slot)
  }

  /**
   * A deploy of one process: SIGTERM, and a new process once it has exited. From now on the slot runs `program`; without one,
   * what it ran before. Rejects if the process did not exit with 0.
   */
  async deploy(slot: Slot, program?: string): Promise<void> {
    const code = await this.stop(slot)
    // Undefined: another fault had stopped it. During a fault that expects a defined stop, the process may be exiting with 1.
    if (code !== 0 && code !== undefined && this.wantedStops.size === 0) {
      throw new Error(`${slot} ended with ${code} after SIGTERM`)
    }
    if (program !== undefined) {
      this.#programs.set(slot, program)
    }
    await this.start(slot)
  }

  freeze(slot: Slot): void {
    this.#roles.get(slot)?.signal('SIGSTOP')
  }

  thaw(slot: Slot): void {
    this.#roles.get(slot)?.signal('SIGCONT')
  }

  /** One more process that uses the proxies of a slot; the caller ends it. */
  async startExtra(slot: Slot): Promise<RoleProcess> {
    const role = await this.#startProcess(slot)
    this.branches.add(role)
    this.#extra.add(role)
    void role.exited.then((reason) => {
      this.#extra.delete(role)
      this.#keepOutput(`${slot}-extra`, role, reason)
    })
    return role
  }

  /**
   * Allows processes to stop with a code until the fault deletes it from `wantedStops`. The returned function resolves with
   * the first such stop, and rejects if there is none in time.
   */
  expectStop(code: string): () => Promise<DefinedStopSeen> {
    this.wantedStops.add(code)
    const before = this.definedStops.length
    return async () => {
      const found = () => this.definedStops.slice(before).find((stop) => stop.code === code)
      await until(`a process stops with ${code}`, INSIST_MS, async () => found() !== undefined)
      return found() as DefinedStopSeen
    }
  }

  /** Resolves once its process is ready, whichever process that is then: another fault may restart it meanwhile. */
  async ready(slot: Slot, timeoutMs: number): Promise<void> {
    await eventually(
      async () => {
        const role = this.#roles.get(slot)
        if (role === undefined) {
          throw new Error(`${slot} does not run`)
        }
        await role.ready(READY_LOOK_MS)
      },
      { timeoutMs, everyMs: 250 },
    )
  }

  /** Its process, if it runs. */
  processOf(slot: Slot): RoleProcess | undefined {
    return this.#roles.get(slot)
  }

  /** The output of its process so far. */
  outputOf(slot: Slot): string {
    return this.processOf(slot)?.output ?? ''
  }

  get redis(): LabRedis {
    return this.cluster.redis
  }

  /** The Redis servers that hold the view of a partition. */
  redisShardOf(partition: number): Promise<LabShard> {
    const { environment, processor } = this.deployment.config
    return this.redis.shardOf(`{${environment}.${processor.group}.p${partition}}:view`)
  }

  linksOf(slot: Slot): readonly BrokerLink[] {
    return this.cluster.linksOf(slot)
  }

  /** The current leader of a partition. */
  async leaderOf(topic: string, partition: number): Promise<Broker> {
    const { topics } = await within(ADMIN_MAX_MS, this.admin.fetchTopicMetadata({ topics: [topic] }))
    const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader
    return this.cluster.broker(leader ?? -1)
  }

  get partitions(): number {
    return this.deployment.config.kafka.partitions
  }

  get sources(): readonly SimulatedSource[] {
    const [first, ...others] = [...this.#gatewayPorts.values()].map((port) =>
      simulatedSources(this.deployment.config, `http://127.0.0.1:${port}`),
    )
    return (first ?? []).map((source, index) => ({
      ...source,
      otherUrls: others.flatMap((sources) => sources[index]?.url ?? []),
    }))
  }

  /**
   * Plays the providers, in shifts of distinct payments, until `enough` fires; resolves once every callback was accepted, or
   * when `giveUp` fires.
   */
  async load(enough: AbortSignal, giveUp: AbortSignal): Promise<LoadReport> {
    const shifts: Promise<SimulationReport>[] = []
    while (!enough.aborted) {
      shifts.push(this.#shift(shifts.length, giveUp))
      await delay(LOAD_SHIFT_MS, undefined, { signal: enough }).catch(() => {})
    }
    const reports = await Promise.all(shifts)
    const sum = (of: (counts: SimulationReport['counts']) => number) =>
      reports.reduce((total, { counts }) => total + of(counts), 0)
    return {
      callbacks: sum(({ callbacks }) => callbacks),
      accepted: sum(({ accepted }) => accepted),
      attempts: sum(({ attempts }) => attempts),
      payments: reports.flatMap(({ payments }) => payments),
    }
  }

  async #shift(number: number, signal: AbortSignal): Promise<SimulationReport> {
    const { sources } = this
    const successCodes = new Map(sources.map(({ id, successCode }) => [id, successCode]))
    return runSimulation({
      sources,
      seed: this.seed * SHIFTS_MAX + number,
      payments: Math.ceil((RATE * LOAD_SHIFT_MS) / 1_000 / CALLBACKS_PER_PAYMENT),
      duplicateShare: 0.2,
      reorderShare: 0.3,
      malformedShare: 0.05,
      multiPaymentShare: 0.3,
      lateShare: 0.1,
      ratePerSecond: RATE,
      concurrency: CONCURRENCY,
      timeScale: 1,
      giveUpAfterMs: Number.MAX_SAFE_INTEGER,
      manners: MANNERS,
      signal,
      onAttempt: ({ position, sourceId, body }, answer) => {
        this.ledger.record(`${number}-${position}`, sourceId, body, answer, successCodes.get(sourceId) ?? 200)
      },
    })
  }

  /** Posts one callback outside the simulation; returns the response code, null if there was none. */
  async post(name: string, source: SimulatedSource, body: Buffer, contentType: string): Promise<number | null> {
    if (body.length > SILENT_MAX_BYTES) {
      throw new RangeError('the body is too large: the ledger stores every body')
    }
    const answer = await fetch(source.url, {
      method: 'POST',
      headers: { 'content-type': contentType, ...source.headers },
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(MANNER.timeoutMs),
    }).then(
      async (response) => {
        await response.arrayBuffer()
        return { kind: 'status', statusCode: response.status } as const
      },
      () => ({ kind: 'unknown', cause: 'connection-lost' }) as const,
    )
    this.ledger.record(name, source.id, body, answer, source.successCode)
    return answer.kind === 'status' ? answer.statusCode : null
  }

  /** Posts JSON bodies of a fault to each source; returns the number of callbacks. */
  async postJson(
    name: string,
    sources: readonly SimulatedSource[],
    bodiesOf: () => readonly string[],
  ): Promise<number> {
    const bodies = sources.flatMap((source) => bodiesOf().map((body) => ({ source, body })))
    for (const [index, { source, body }] of bodies.entries()) {
      await this.post(`${name}-${index}`, source, Buffer.from(body), 'application/json')
    }
    return bodies.length
  }

  /** Heals everything, whatever was broken. */
  async heal(): Promise<void> {
    await this.cluster.heal()
    this.registry.up()
    this.registry.thaw()
    for (const slot of SLOTS) {
      this.thaw(slot)
    }
    this.#resting.clear()
    await Promise.all(SLOTS.map((slot) => this.start(slot)))
  }

  /** Stops all roles with SIGTERM; returns those that did not exit with 0. */
  async close(): Promise<readonly string[]> {
    const ends = await Promise.all(
      SLOTS.map(async (slot) => {
        const end = await Promise.race([this.stop(slot), delay(30_000, 'still running after 30 s')])
        return end === 0 || end === undefined ? [] : [`${slot} exited with ${end}`]
      }),
    )
    await this.ledger.close()
    await this.deployment.close()
    const topics = Object.values(this.deployment.topics)
    await within(ADMIN_MAX_MS, this.admin.deleteTopics({ topics })).catch(() => {})
    await this.admin.disconnect().catch(() => {})
    this.registry.close()
    return ends.flat()
  }

  /** Brokers may still be catching up after an earlier run on the same cluster. */
  async #inSync(): Promise<boolean> {
    // Kafka creates its two internal topics on first use.
    const own = ['__consumer_offsets', '__transaction_state'].map((topic) => this.#metadataOf([topic]).catch(() => []))
    const topics = (await Promise.all([this.#metadataOf(Object.values(this.deployment.topics)), ...own])).flat()
    return topics.every(({ partitions }) => partitions.every(({ isr, replicas }) => isr.length === replicas.length))
  }

  async #metadataOf(topics: string[]) {
    return (await within(ADMIN_MAX_MS, this.admin.fetchTopicMetadata({ topics }))).topics
  }

  #startProcess(slot: Slot): Promise<RoleProcess> {
    const program = this.#programs.get(slot) ?? this.deployment.program
    return this.deployment.start([roleOf(slot)], this.#environment(slot), { program })
  }

  async #launch(slot: Slot): Promise<void> {
    const role = await this.#startProcess(slot)
    this.branches.add(role)
    this.#roles.set(slot, role)
    void role.exited.then(async (reason) => {
      this.#keepOutput(slot, role, reason)
      if (this.#roles.get(slot) === role) {
        this.#roles.delete(slot)
      }
      if (this.#wanted.has(slot)) {
        const point = CRASH.exec(role.output)?.[1]
        // The last one: a client may have logged an error of the same name before.
        const code = [...role.output.matchAll(DEFINED_STOP)].at(-1)?.[1]
        if (point !== undefined) {
          this.crashes.set(point, (this.crashes.get(point) ?? 0) + 1)
        } else if (code !== undefined) {
          this.definedStops.push({ slot, code, output: role.output })
          if (!this.wantedStops.has(code)) {
            this.#found(`${slot} stopped with ${code}, which no fault had caused: ${lastLine(role.output)}`)
          }
        } else {
          this.unexpectedExits += 1
          this.#found(`${slot} exited unasked (${reason}): ${lastLine(role.output)}`)
        }
        await this.#startAgain(slot)
      }
    })
  }

  #found(text: string): void {
    this.say(text)
    this.findings.push({ kind: 'wrong', by: 'laboratory', text })
  }

  /** Restarts a process like an orchestrator. */
  async #startAgain(slot: Slot): Promise<void> {
    while (this.#wanted.has(slot) && !this.#roles.has(slot)) {
      await delay(RESTART_AFTER_MS)
      // It may have been stopped meanwhile, for good or by a fault.
      if (this.#wanted.has(slot)) {
        await this.start(slot).catch((error: Error) => this.say(`${slot} does not start: ${error.message}`))
      }
    }
  }

  async #end(slot: Slot, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals | undefined> {
    this.#wanted.delete(slot)
    return this.#inTurn(slot, async () => {
      const role = this.#roles.get(slot)
      role?.signal(signal)
      const end = await role?.exited
      this.#roles.delete(slot)
      return end
    })
  }

  /** Serializes starts and stops per slot: several faults may act on it. */
  #inTurn<T>(slot: Slot, action: () => Promise<T>): Promise<T> {
    const result = (this.#turns.get(slot) ?? Promise.resolve()).then(action)
    this.#turns.set(
      slot,
      result.catch(() => {}),
    )
    return result
  }

  #environment(slot: Slot): Record<string, string> {
    const role = roleOf(slot)
    const gatewayPort = this.#gatewayPorts.get(slot)
    const { url: redisUrl } = role === 'processor' ? this.redis.connectionOf(slot as RedisUser) : {}
    return {
      PAYSTATUS_KAFKA_BROKERS: this.cluster.brokersFor(slot).join(','),
      ...(redisUrl !== undefined && { PAYSTATUS_REDIS_URL: redisUrl }),
      ...(gatewayPort !== undefined && { PAYSTATUS_GATEWAY_PORT: String(gatewayPort) }),
      ...this.#special.get(slot)?.(),
    }
  }

  #keepOutput(name: string, role: RoleProcess, reason: unknown): void {
    writeFileSync(join(this.directory, `${name}-${role.pid}.log`), role.output)
    appendFileSync(join(this.directory, 'exits.log'), `${new Date().toISOString()} ${name} ${role.pid} ${reason}\n`)
  }
}

/** Every other run encrypts bodies, with its own key-encryption key. */
function encryptionIn(directory: string): Record<string, unknown> {
  const file = join(directory, 'key-encryption-key')
  writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
  return { active: 'kek-of-this-run', dataKeyPer: 'payment', keys: [{ id: 'kek-of-this-run', file }] }
}

export type Role = 'gateway' | 'normalizer' | 'processor'

export function roleOf(slot: Slot): Role {
  return slot.slice(0, slot.indexOf('-')) as Role
}

export function slotsOf(role: Role): readonly Slot[] {
  return SLOTS.filter((slot) => roleOf(slot) === role)
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
}
