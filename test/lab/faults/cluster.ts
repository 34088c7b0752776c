import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TcpProxy } from '../harness/tcp-proxy.ts'
import { withClassArchives } from '../stack/class-archives.ts'
import { freePort } from '../stack/free-port.ts'
import { Guard } from '../stack/guard.ts'
import { ensurePackages, type Packages } from '../stack/packages.ts'
import { launch, type Place, Server } from '../stack/server.ts'
import { type KafkaNode, kafkaSpec, newClusterId, registrySpec } from '../stack/specs.ts'
import { type Fate, tamperedResponses } from './kafka-frames.ts'
import type { LabRedis } from './lab-redis.ts'
import { localUrl } from './local-url.ts'
import type { RedisKind } from './redis-kind.ts'
import { startRedis } from './start-redis.ts'

/** The role processes of the laboratory. Each has its own proxy to every broker. */
export const SLOTS = ['gateway-1', 'gateway-2', 'normalizer-1', 'normalizer-2', 'processor-1', 'processor-2'] as const
export type Slot = (typeof SLOTS)[number]

const BROKERS = 3
/** Short-lived brokers on a shared machine: little memory, and only the fast compiler. */
const JVM_OPTIONS = ['-Xms128m', '-Xmx384m', '-XX:TieredStopAtLevel=1']

interface Tampering {
  fateOf: (apiKey: number) => Fate
  isRefused: (apiKey: number) => boolean
}

/** The proxy between a role process and a broker. */
export class BrokerLink {
  readonly proxy: TcpProxy
  readonly #tampering: Tampering

  private constructor(proxy: TcpProxy, tampering: Tampering) {
    this.proxy = proxy
    this.#tampering = tampering
  }

  static async start(port: number): Promise<BrokerLink> {
    const tampering: Tampering = { fateOf: () => 'pass', isRefused: () => false }
    const filter = () =>
      tamperedResponses(
        (apiKey) => tampering.fateOf(apiKey),
        (apiKey) => tampering.isRefused(apiKey),
      )
    return new BrokerLink(await TcpProxy.start(localUrl(port), { filter }), tampering)
  }

  /** The fate of responses from now on, by the api key of their request; undefined: all pass. */
  tamper(fateOf: ((apiKey: number) => Fate) | undefined): void {
    this.#tampering.fateOf = fateOf ?? (() => 'pass')
  }

  /** Which requests are dropped from now on, by their api key; undefined: none. */
  refuse(isRefused: ((apiKey: number) => boolean) | undefined): void {
    this.#tampering.isRefused = isRefused ?? (() => false)
  }
}

export interface Broker {
  /** From 1. */
  readonly id: number
  readonly server: Server
  readonly links: ReadonlyMap<Slot, BrokerLink>
}

/**
 * Three brokers that are also controllers, Redis and a registry, all real and on this machine.
 *
 * A broker has one listener for brokers and observers, and one for each role process, for which it advertises the port of a
 * proxy: the cluster metadata that a process receives leads it back through its own proxies.
 */
export class Cluster {
  readonly brokers: readonly Broker[]
  readonly redisKind: RedisKind
  readonly redis: LabRedis
  readonly registry: Server
  /** Data and logs. */
  readonly directory: string
  readonly #guard: Guard

  private constructor(
    brokers: readonly Broker[],
    redisKind: RedisKind,
    redis: LabRedis,
    registry: Server,
    directory: string,
    guard: Guard,
  ) {
    this.brokers = brokers
    this.redisKind = redisKind
    this.redis = redis
    this.registry = registry
    this.directory = directory
    this.#guard = guard
  }

  /** No server outlives this process: see test/lab/stack/guard.ts. */
  static async start(report: (line: string) => void, redisKind: RedisKind = 'single'): Promise<Cluster> {
    const packages = await withClassArchives(await ensurePackages(report), report)
    const directory = await mkdtemp(join(tmpdir(), 'paystatus-faults-'))
    const guard = new Guard(directory)
    try {
      const [brokers, redis, registry] = await Promise.all([
        startBrokers(packages, directory, guard),
        startRedis(redisKind, directory, guard, report),
        launch(registrySpec(packages), directory, guard),
      ])
      return new Cluster(brokers, redisKind, redis, registry, directory, guard)
    } catch (error) {
      await guard.close()
      throw error
    }
  }

  /** Addresses that bypass all proxies. */
  get directBrokers(): string[] {
    return this.brokers.map(({ server }) => `127.0.0.1:${server.ports[0]}`)
  }

  brokersFor(slot: Slot): string[] {
    return this.brokers.map(({ links }) => `127.0.0.1:${links.get(slot)?.proxy.port}`)
  }

  linksOf(slot: Slot): readonly BrokerLink[] {
    return this.brokers.flatMap(({ links }) => links.get(slot) ?? [])
  }

  broker(id: number): Broker {
    const broker = this.brokers.find((candidate) => candidate.id === id)
    if (broker === undefined) {
      throw new Error(`unknown broker ${id}`)
    }
    return broker
  }

  /** Restarts and resumes all servers and lets all traffic through, whatever was broken. */
  async heal(): Promise<void> {
    for (const link of this.brokers.flatMap(({ links }) => [...links.values()])) {
      link.tamper(undefined)
      link.refuse(undefined)
      link.proxy.up()
      link.proxy.thaw()
    }
    await Promise.all(
      [...this.brokers.map(({ server }) => server), this.registry].map(async (server) => {
        await server.resume()
        await server.start()
      }),
    )
    await this.redis.heal()
  }

  async close(): Promise<void> {
    for (const { links } of this.brokers) {
      for (const { proxy } of links.values()) {
        proxy.close()
      }
    }
    this.redis.close()
    const servers = [...this.brokers.map(({ server }) => server), ...this.redis.servers, this.registry]
    await Promise.all(servers.map((server) => server.kill()))
    await this.#guard.close()
  }
}

/** Like a replaced disk. The broker must be stopped. */
export async function deleteDisk({ server }: Broker): Promise<void> {
  await rm(join(server.directory, 'data'), { recursive: true })
}

async function startBrokers(packages: Packages, directory: string, guard: Guard): Promise<readonly Broker[]> {
  const clusterId = newClusterId()
  const controllers = await Promise.all(Array.from({ length: BROKERS }, freePort))
  const voters = controllers.map((port, index) => `${index + 1}@127.0.0.1:${port}`).join(',')
  return Promise.all(
    controllers.map(async (controller, index): Promise<Broker> => {
      const id = index + 1
      const slotPorts = await Promise.all(SLOTS.map(freePort))
      const links = await Promise.all(slotPorts.map((port) => BrokerLink.start(port)))
      const node: KafkaNode = {
        name: `kafka-${id}`,
        clusterId,
        jvmOptions: JVM_OPTIONS,
        config: (place) => brokerConfig(id, voters, controller, place, slotPorts, links),
      }
      const place = { directory: join(directory, node.name), ports: [await freePort()] }
      const spec = kafkaSpec(packages, node)
      await mkdir(place.directory)
      await spec.prepare?.(place)
      const server = new Server(spec, place, guard)
      await server.start()
      return { id, server, links: new Map(SLOTS.map((slot, at) => [slot, links[at] as BrokerLink])) }
    }),
  )
}

function brokerConfig(
  id: number,
  voters: string,
  controllerPort: number,
  { ports: [directPort] }: Place,
  slotPorts: readonly number[],
  links: readonly BrokerLink[],
) {
  const names = SLOTS.map((slot) => slot.toUpperCase().replace('-', ''))
  const listener = (name: string, port: number | undefined) => `${name}://127.0.0.1:${port}`
  const direct = listener('DIRECT', directPort)
  return {
    'node.id': id,
    'controller.quorum.voters': voters,
    listeners: [
      direct,
      listener('CONTROLLER', controllerPort),
      ...names.map((name, at) => listener(name, slotPorts[at])),
    ].join(),
    'advertised.listeners': [direct, ...names.map((name, at) => listener(name, links[at]?.proxy.port))].join(),
    'inter.broker.listener.name': 'DIRECT',
    'listener.security.protocol.map': ['DIRECT', 'CONTROLLER', ...names].map((name) => `${name}:PLAINTEXT`).join(),
    'offsets.topic.replication.factor': BROKERS,
    'transaction.state.log.replication.factor': BROKERS,
    'transaction.state.log.min.isr': BROKERS - 1,
    'min.insync.replicas': BROKERS - 1,
    'default.replication.factor': BROKERS,
    // Between brokers: a frozen broker holds up the markers of a transaction for this long.
    'request.timeout.ms': 5_000,
    // Many listeners, few connections.
    'num.network.threads': 1,
    'num.io.threads': 4,
  }
}
