import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerSpec } from './container-server.ts'
import type { Packages } from './packages.ts'
import type { Place, ServerSpec } from './server.ts'

const KAFKA_SCRIPT = join(import.meta.dirname, 'kafka.sh')

export const redisSpec: ServerSpec = {
  name: 'redis',
  ports: 1,
  ready: /Ready to accept connections/,
  // No persistence: a Redis that was killed comes back empty, which is the worst case the processor must survive.
  command: ({ ports: [port], directory }) =>
    `redis-server --bind 127.0.0.1 --port ${port} --dir ${directory} --appendonly no --maxmemory-policy noeviction`
      .split(' ')
      .concat('--save', ''),
}

/** What makes a broker one of several. */
export interface KafkaNode {
  readonly name: string
  readonly clusterId: string
  readonly jvmOptions: readonly string[]
  /** On top of what every broker has. */
  config(place: Place): KafkaConfig
}

/** A broker that is alone, unless it is said of what it is a part. */
export function kafkaSpec(
  { java, kafkaClasspath, classArchives }: Packages,
  node: KafkaNode = loneBroker(),
): ServerSpec {
  const format = node.name === 'kafka' ? '--standalone' : ''
  return {
    name: node.name,
    ports: 2,
    ready: /Kafka Server started/,
    prepare: (place) => {
      const config = toProperties({ ...kafkaConfig(place), ...node.config(place) })
      return writeFile(join(place.directory, 'server.properties'), config)
    },
    command: ({ directory }) =>
      [
        'sh',
        KAFKA_SCRIPT,
        java,
        kafkaClasspath,
        directory,
        node.clusterId,
        format,
        ...sharing(classArchives?.kafka),
      ].concat(node.jvmOptions),
  }
}

/** Exactly one word, for a script; it may be empty. */
function sharing(archive: string | undefined): readonly [string] {
  return [archive === undefined ? '' : `-XX:SharedArchiveFile=${archive}`]
}

export function registrySpec(
  { java, registryJar, classArchives }: Packages,
  jvmOptions: readonly string[] = sharing(classArchives?.registry).filter((option) => option !== ''),
): ServerSpec {
  return {
    name: 'registry',
    ports: 1,
    ready: /Listening on: http:/,
    command: ({ ports: [port] }) => [
      java,
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      ...jvmOptions,
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${port}`,
      '-jar',
      registryJar,
    ],
  }
}

/** The same servers with the same settings, as containers. */
export const CONTAINER_SPECS: readonly ContainerSpec[] = [
  {
    name: 'kafka',
    ready: /Kafka Server started/,
    // Its port is the same inside and outside: the address that it tells its clients is right for itself, too.
    environment: (port) => ({
      ...toEnvironment({
        ...BROKER_SETTINGS,
        ...loneBrokerConfig(port, CONTROLLER_PORT, '0.0.0.0'),
        'controller.quorum.voters': `1@127.0.0.1:${CONTROLLER_PORT}`,
      }),
      CLUSTER_ID: newClusterId(),
      KAFKA_HEAP_OPTS: '-Xms256m -Xmx768m',
    }),
  },
  {
    name: 'redis',
    containerPort: 6_379,
    ready: /Ready to accept connections/,
    environment: () => ({}),
    command: ['redis-server', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--save', ''],
  },
  {
    name: 'registry',
    containerPort: 8_080,
    ready: /Listening on: http:/,
    environment: () => ({}),
  },
]

type KafkaConfig = Readonly<Record<string, string | number | boolean>>

export function loneBroker(): KafkaNode {
  return {
    name: 'kafka',
    clusterId: newClusterId(),
    jvmOptions: ['-Xms256m', '-Xmx768m'],
    config: ({ ports: [port, controllerPort] }) => ({
      ...loneBrokerConfig(port, controllerPort, '127.0.0.1'),
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    }),
  }
}

/** Any number: nothing outside of the container asks for it. */
const CONTROLLER_PORT = 19_999

function loneBrokerConfig(port: number | undefined, controllerPort: number | undefined, host: string): KafkaConfig {
  return {
    'node.id': 1,
    listeners: `PLAINTEXT://${host}:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
  }
}

/** How many partitions Kafka's own topics have here. */
export const INTERNAL_PARTITIONS = { __consumer_offsets: 5, __transaction_state: 10 } as const

const BROKER_SETTINGS: KafkaConfig = {
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'auto.create.topics.enable': false,
  'offsets.topic.num.partitions': INTERNAL_PARTITIONS.__consumer_offsets,
  'transaction.state.log.num.partitions': INTERNAL_PARTITIONS.__transaction_state,
  'group.initial.rebalance.delay.ms': 0,
  // What happens after a timeout happens soon, so that tests need not wait: group members may ask for short
  // sessions, abandoned transactions are ended, segments are compacted and deleted within about a second, and a
  // broker that was killed may register again without waiting out its old session.
  'group.min.session.timeout.ms': 1_000,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'log.cleaner.backoff.ms': 1_000,
  'log.segment.delete.delay.ms': 1_000,
  'broker.session.timeout.ms': 3_000,
  'broker.heartbeat.interval.ms': 500,
}

function kafkaConfig({ directory }: Place): KafkaConfig {
  return { ...BROKER_SETTINGS, 'log.dirs': join(directory, 'data') }
}

/** As Kafka's image takes settings: `node.id` is `KAFKA_NODE_ID`. */
function toEnvironment(config: KafkaConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [`KAFKA_${key.toUpperCase().replaceAll('.', '_')}`, String(value)]),
  )
}

function toProperties(config: KafkaConfig): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Kafka's form of a UUID; an id with a leading dash would read as an option. */
export function newClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newClusterId() : id
}
