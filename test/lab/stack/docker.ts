import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { runCommand } from './run-command.ts'
import type { StackInfo } from './stack.ts'

/** Only these services of docker-compose.yml; the roles are started from the checkout. */
const SERVERS = ['kafka', 'redis', 'registry']
const PROBE_TIMEOUT_MS = 10_000

export async function composeUp(root: string): Promise<StackInfo> {
  const [kafka, redis, registry] = await Promise.all([freePort(), freePort(), freePort()])
  const env = { KAFKA_PORT: String(kafka), REDIS_PORT: String(redis), REGISTRY_PORT: String(registry) }
  const { ok, output } = await runCommand([...compose(root), 'up', '--detach', '--wait', ...SERVERS], { env })
  if (!ok) {
    await composeDown(root)
    throw new Error(`docker compose up failed:\n${output.slice(-3_000)}`)
  }
  return {
    kafkaBrokers: [`127.0.0.1:${kafka}`],
    redisUrl: `redis://127.0.0.1:${redis}`,
    registryUrl: `http://127.0.0.1:${registry}/apis/ccompat/v7`,
    pids: {},
    directory: '',
    control: '',
  }
}

export async function composeDown(root: string): Promise<void> {
  const { ok, output } = await runCommand([...compose(root), 'down', '--volumes'])
  if (!ok) throw new Error(`docker compose down failed:\n${output.slice(-3_000)}`)
}

export async function isComposeRunning(root: string): Promise<boolean> {
  const { ok, output } = await runCommand([...compose(root), 'ps', '--quiet'], { timeoutMs: PROBE_TIMEOUT_MS })
  return ok && output.trim() !== ''
}

/** A separate project name per checkout. */
function compose(root: string): [string, ...string[]] {
  const project = `paystatus-${createHash('sha256').update(root).digest('hex').slice(0, 8)}`
  return ['docker', 'compose', '--project-name', project, '--file', join(root, 'docker-compose.yml')]
}
