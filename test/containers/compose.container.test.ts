import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freePort } from '../lab/stack/free-port.ts'
import { runCommand } from '../lab/stack/run-command.ts'

/** `docker compose --profile demo`, from nothing until every payment has its expected status. */

const ROOT = join(import.meta.dirname, '..', '..')
const PROJECT = `paystatus-test-${randomBytes(4).toString('hex')}`
const DEMO = { DEMO_PAYMENTS: '200', DEMO_RATE: '100' }

async function compose(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  return runCommand(['docker', 'compose', '--project-name', PROJECT, '--profile', 'demo', ...args], {
    env: { ...env, COMPOSE_FILE: join(ROOT, 'docker-compose.yml') },
  })
}

async function ports(): Promise<NodeJS.ProcessEnv> {
  const names = ['KAFKA_PORT', 'REDIS_PORT', 'REGISTRY_PORT', 'GATEWAY_PORT', 'CONSOLE_PORT']
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, String(await freePort())])))
}

afterAll(async () => {
  await compose(['down', '--volumes', '--timeout', '10'])
}, 120_000)

test('people sign in to the console with the token in the log of `secrets`', async () => {
  const env = await ports()
  const { ok, output } = await compose(['up', '--detach', '--wait', 'console'], env)
  expect(ok, output).toBe(true)
  const { output: log } = await compose(['logs', '--no-log-prefix', 'secrets'], env)
  const token = /sign in with the token (\S+)/.exec(log)?.[1]
  const url = `http://127.0.0.1:${env['CONSOLE_PORT']}/api/lag`
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  await compose(['down', '--volumes', '--timeout', '10'], env)
}, 300_000)

test('I2 I3 I5: the demo of the compose file ends with 0 mismatches, and verify finds no difference', async () => {
  const env = { ...DEMO, ...(await ports()) }
  // Starts everything `verify` depends on, the simulator last, and exits like `verify`.
  const { ok, output } = await compose(['run', '--rm', 'verify'], env)
  const simulator = await compose(['logs', '--no-log-prefix', 'simulator'], env)
  expect(ok, `${output}\n${simulator.output}`).toBe(true)
  expect(simulator.output).toContain('0 mismatches against the expected statuses')
  const roles = await compose(['ps', '--format', '{{.Service}} {{.Health}}', 'gateway', 'normalizer', 'processor'], env)
  expect(roles.output.trim().split('\n').toSorted()).toEqual([
    'gateway healthy',
    'normalizer healthy',
    'processor healthy',
  ])
}, 600_000)
