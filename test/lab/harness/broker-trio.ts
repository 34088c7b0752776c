import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Admin } from 'kafkajs'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { TOPICS, type TopicId, type TopicNames, toTopicConfig } from '../../../src/topics.ts'
import { freePort } from '../stack/free-port.ts'
import { Guard } from '../stack/guard.ts'
import { ensurePackages, type Packages } from '../stack/packages.ts'
import { Server } from '../stack/server.ts'
import { kafkaSpec, newClusterId } from '../stack/specs.ts'
import { eventually } from './eventually.ts'
import { createAdmin } from './kafkajs-client.ts'
import { SILENT } from './silent-logger.ts'

/** Short-lived brokers on a shared machine. */
const JVM_OPTIONS = ['-Xms64m', '-Xmx256m', '-XX:TieredStopAtLevel=1']

/** The replicas of each partition, preferred leader first. */
export type Placement = readonly (readonly number[])[]

/**
 * Three real brokers, 1 to 3, for tests that stop one. Broker 1 is the controller and stores Kafka's internal topics, so that
 * 2 and 3 can be stopped. No broker outlives this process: see test/lab/stack/guard.ts.
 */
export class BrokerTrio {
  readonly kafka: ReturnType<typeof createKafka>
  readonly admin: Admin
  readonly #servers: readonly Server[]
  readonly #guard: Guard

  private constructor(servers: readonly Server[], guard: Guard) {
    this.#servers = servers
    this.#guard = guard
    this.kafka = createKafka({ connection: { brokers: this.addresses }, clientId: 'trio', logger: SILENT })
    this.admin = createAdmin({ brokers: this.addresses })
  }

  static async start(): Promise<BrokerTrio> {
    const packages = await ensurePackages(() => {})
    const directory = await mkdtemp(join(tmpdir(), 'paystatus-trio-'))
    const guard = new Guard(directory)
    try {
      const controller = await freePort()
      const clusterId = newClusterId()
      const servers = await Promise.all(
        [1, 2, 3].map((id) => serverOf(packages, directory, guard, clusterId, id, controller)),
      )
      const trio = new BrokerTrio(servers, guard)
      await trio.broker(1).start()
      await trio.#makeInternalTopics()
      await Promise.all([trio.broker(2).start(), trio.broker(3).start()])
      await trio.admin.connect()
      return trio
    } catch (error) {
      await guard.close()
      throw error
    }
  }

  get addresses(): string[] {
    return this.#servers.map(({ ports }) => `127.0.0.1:${ports[0]}`)
  }

  broker(id: number): Server {
    const server = this.#servers[id - 1]
    if (server === undefined) {
      throw new Error(`unknown broker ${id}`)
    }
    return server
  }

  /** Creates a topic with the given placement. */
  async createTopic(topic: string, placement: Placement, config: Readonly<Record<string, string>> = {}): Promise<void> {
    await eventually(() =>
      this.admin.createTopics({
        waitForLeaders: false,
        topics: [
          {
            topic,
            replicaAssignment: placement.map((replicas, partition) => ({ partition, replicas: [...replicas] })),
            configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
          },
        ],
      }),
    )
    await this.leadersAre(
      topic,
      placement.map(([leader]) => leader as number),
    )
  }

  /** Creates the topics of an installation; by default each is on broker 1 only. */
  async createTopics(
    names: TopicNames,
    partitions: number,
    placements: Partial<Record<TopicId, { readonly placement: Placement; readonly minInsyncReplicas: number }>>,
  ): Promise<void> {
    for (const id of Object.keys(TOPICS) as TopicId[]) {
      const { placement = Array.from({ length: partitions }, () => [1]), minInsyncReplicas = 1 } = placements[id] ?? {}
      const config = { ...toTopicConfig(TOPICS[id].settings), 'min.insync.replicas': String(minInsyncReplicas) }
      await this.createTopic(names[id], placement, config)
    }
  }

  /** Resolves once the partitions of a topic have these leaders; -1 for none. */
  async leadersAre(topic: string, leaders: readonly number[]): Promise<void> {
    await eventually(async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
      const found = topics.flatMap(({ partitions }) =>
        [...partitions].sort((a, b) => a.partitionId - b.partitionId).map(({ leader }) => leader),
      )
      if (String(found) !== String(leaders)) {
        throw new Error(`the leaders of ${topic} are ${found}, not ${leaders}`)
      }
    })
  }

  /** Resolves once a partition has this number of in-sync replicas. */
  async inSync(topic: string, partition: number, replicas: number): Promise<void> {
    await eventually(async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
      const isr = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.isr ?? []
      if (isr.length !== replicas) {
        throw new Error(`${topic}[${partition}] has ${isr} in sync`)
      }
    })
  }

  async close(): Promise<void> {
    await this.admin.disconnect().catch(() => {})
    await Promise.all(this.#servers.map((server) => server.kill()))
    await this.#guard.close()
  }

  /** Called while only one broker runs. */
  async #makeInternalTopics(): Promise<void> {
    const connection = { brokers: [this.addresses[0] as string] }
    const { queries } = createKafka({ connection, clientId: 'trio', logger: SILENT })
    await eventually(() => queries.coordinatorOf('group', 'trio'))
    await eventually(() => queries.coordinatorOf('transaction', 'trio'))
    await queries.close()
  }
}

async function serverOf(
  packages: Packages,
  directory: string,
  guard: Guard,
  clusterId: string,
  id: number,
  controller: number,
): Promise<Server> {
  const isController = id === 1
  const spec = kafkaSpec(packages, {
    name: `kafka-${id}`,
    clusterId,
    jvmOptions: JVM_OPTIONS,
    config: ({ ports: [port] }) => ({
      'node.id': id,
      'process.roles': isController ? 'broker,controller' : 'broker',
      'controller.quorum.voters': `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${port}${isController ? `,CONTROLLER://127.0.0.1:${controller}` : ''}`,
      'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'offsets.topic.replication.factor': 1,
      'transaction.state.log.replication.factor': 1,
      'transaction.state.log.min.isr': 1,
      'num.network.threads': 1,
      'num.io.threads': 2,
    }),
  })
  const place = { directory: join(directory, `kafka-${id}`), ports: [await freePort()] }
  await mkdir(place.directory)
  await spec.prepare?.(place)
  return new Server(spec, place, guard)
}
