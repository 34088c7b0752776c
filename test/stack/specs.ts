import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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

export function kafkaSpec({ java, kafkaClasspath }: Packages): ServerSpec {
  return {
    name: 'kafka',
    ports: 2,
    ready: /Kafka Server started/,
    prepare: (place) => writeFile(join(place.directory, 'server.properties'), toProperties(kafkaConfig(place))),
    command: ({ directory }) => ['sh', KAFKA_SCRIPT, java, kafkaClasspath, directory, newClusterId()],
  }
}

export function registrySpec({ java, registryJar }: Packages): ServerSpec {
  return {
    name: 'registry',
    ports: 1,
    ready: /Listening on: http:/,
    command: ({ ports: [port] }) => [
      java,
      '-Xmx256m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${port}`,
      '-jar',
      registryJar,
    ],
  }
}

function kafkaConfig({ directory, ports: [port, controllerPort] }: Place): Record<string, string | number | boolean> {
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(directory, 'data'),
    'auto.create.topics.enable': false,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 5,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 10,
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
}

function toProperties(config: Record<string, string | number | boolean>): string {
  return Object.entries(config)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

/** Kafka's form of a UUID; an id with a leading dash would read as an option. */
function newClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? newClusterId() : id
}
