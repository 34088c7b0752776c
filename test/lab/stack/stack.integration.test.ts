import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type ContainerSpec, launchContainer } from './container-server.ts'
import { freePort } from './free-port.ts'
import { Guard } from './guard.ts'
import { runCommand, until } from './run-command.ts'
import { launch, type ServerSpec } from './server.ts'
import { serverKind } from './server-kind.ts'
import { CONTAINER_SPECS, redisSpec } from './specs.ts'
import { attachStack, type Stack, startStack } from './stack.ts'
import { statOf } from './stopped.ts'

const GONE_WITHIN_MS = 20_000
/** How long a frozen server is watched saying nothing. */
const SILENCE_MS = 200
const KIND = await serverKind()

describe('the stack of this run', () => {
  test('answers, and can be reached by processes other than its owner', async () => {
    const stack = await attachStack(inject('stack'))
    expect(await redis(stack.redisUrl, 'PING')).toBe('+PONG')
    expect((await fetch(`${stack.registryUrl}/subjects`)).status).toBe(200)
    expect(await kcat(stack, '-L')).toContain('1 brokers')
  })

  test('reports that the stack does not run if its owner is gone', async () => {
    await expect(attachStack({ ...inject('stack'), control: join(tmpdir(), 'no-such.sock') })).rejects.toThrow()
  })
})

describe('a Redis', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await startStack({ only: ['redis'] })
  })
  afterAll(() => stack.stop())

  test('refuses writes rather than evicting, and keeps nothing on disk', async () => {
    expect(await redis(stack.redisUrl, 'CONFIG GET maxmemory-policy')).toContain('noeviction')
    expect(await redis(stack.redisUrl, 'CONFIG GET save')).toContain('$0')
  })

  test('that is killed and started again is empty and on its old port', async () => {
    const attached = await attachStack(JSON.parse(JSON.stringify(stack)))
    await redis(stack.redisUrl, 'SET key 1')
    await attached.redis.kill()
    await expect(redis(stack.redisUrl, 'PING')).rejects.toThrow('ECONNREFUSED')
    await attached.redis.start()
    expect(await redis(stack.redisUrl, 'GET key')).toBe('$-1')
  })

  test('that is paused answers when it is resumed', async () => {
    await stack.redis.pause()
    const reply = redis(stack.redisUrl, 'PING')
    expect(await Promise.race([reply, delay(SILENCE_MS, 'silence')])).toBe('silence')
    await stack.redis.resume()
    expect(await reply).toBe('+PONG')
  })

  test('of another stack runs beside it, and ends alone', async () => {
    const other = await startStack({ only: ['redis'] })
    const urls = [stack.redisUrl, other.redisUrl, inject('stack').redisUrl]
    expect(new Set(urls).size).toBe(3)
    await other.stop()
    expect(existsSync(other.directory)).toBe(false)
    await expect(redis(other.redisUrl, 'PING')).rejects.toThrow('ECONNREFUSED')
    expect(await redis(stack.redisUrl, 'PING')).toBe('+PONG')
  })
})

describe.runIf(KIND === 'packages')('a server from packages', () => {
  test('takes another port if its own was taken at the last moment', async () => {
    await using other = await startRedis()
    const taken = [other.port]
    let starts = 0
    const unlucky: ServerSpec = {
      ...redisSpec,
      command: (place) => redisSpec.command(starts++ === 0 ? { ...place, ports: taken } : place),
    }
    await using scratch = await scratchDirectory()
    const guard = new Guard(scratch.path)
    const server = await launch(unlucky, scratch.path, guard)
    expect(starts).toBe(2)
    expect(server.ports).not.toEqual(taken)
    await server.stop()
    await guard.close()
  })

  test('that does not start shows the end of its log', async () => {
    const broken: ServerSpec = { ...redisSpec, command: () => ['redis-server', '--no-such-setting', '1'] }
    await using scratch = await scratchDirectory()
    const guard = new Guard(scratch.path)
    await expect(launch(broken, scratch.path, guard)).rejects.toThrow(
      /redis ended before it was ready.*no-such-setting/s,
    )
    await guard.close()
  })
})

describe.runIf(KIND === 'containers')('a server in a container', () => {
  const [redisContainer] = CONTAINER_SPECS.filter(({ name }) => name === 'redis') as [ContainerSpec]

  test('takes another port if its own was taken at the last moment', async () => {
    await using other = await startRedis()
    await using scratch = await scratchDirectory()
    const guard = new Guard(scratch.path)
    const ports = [other.port, await freePort()]
    const server = await launchContainer(redisContainer, guard, async () => ports.shift() ?? freePort())
    expect(server.ports).not.toEqual([other.port])
    await server.stop()
    await guard.close()
  })

  test('that does not start shows the end of its log', async () => {
    const broken: ContainerSpec = { ...redisContainer, command: ['redis-server', '--no-such-setting', '1'] }
    await using scratch = await scratchDirectory()
    const guard = new Guard(scratch.path)
    await expect(launchContainer(broken, guard)).rejects.toThrow(/redis ended before it was ready.*no-such-setting/s)
    await guard.close()
  })
})

describe('a process that started servers', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('leaves nothing behind after %s', async (signal) => {
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'hold-redis.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const held: Pick<Stack, 'directory' | 'pids' | 'redisUrl'> = JSON.parse(await firstLine(holder))
    expect(await redis(held.redisUrl, 'PING')).toBe('+PONG')
    holder.kill(signal)
    await until('the server and its data are gone', GONE_WITHIN_MS, async () => {
      const answer = await redis(held.redisUrl, 'PING').catch(() => 'gone')
      return answer === 'gone' && processState(held.pids.redis) === 'gone' && !existsSync(held.directory)
    })
  })
})

describe.runIf(KIND === 'containers')('up and down with docker compose', () => {
  test('hold one stack for a checkout, of the servers alone', async () => {
    await using checkout = await scratchDirectory()
    await cp(
      join(import.meta.dirname, '..', '..', '..', 'docker-compose.yml'),
      join(checkout.path, 'docker-compose.yml'),
    )
    const main = await stackCommand(checkout.path, 'containers')
    expect(await main('up')).toMatchObject({ ok: true, output: expect.stringMatching(/Up after/) })
    const info = JSON.parse(readFileSync(join(checkout.path, '.stack', 'stack.json'), 'utf8'))
    expect(await redis(info.redisUrl, 'PING')).toBe('+PONG')
    expect((await fetch(`${info.registryUrl}/subjects`)).status).toBe(200)
    expect(await kcat(info, '-L')).toContain('1 brokers')
    expect(await main('up')).toMatchObject({ ok: true, output: expect.stringContaining('already up') })
    expect(await main('down')).toMatchObject({ ok: true })
    await expect(redis(info.redisUrl, 'PING')).rejects.toThrow('ECONNREFUSED')
    expect(await main('status')).toMatchObject({ ok: false })
  })
})

describe.runIf(KIND === 'packages')('up and down', () => {
  test('hold one stack for a checkout and leave nothing behind', async () => {
    await using checkout = await scratchDirectory()
    const main = await stackCommand(checkout.path, 'packages')
    expect(await main('up')).toMatchObject({ ok: true, output: expect.stringMatching(/Up after/) })
    const { keeperPid, ...info } = JSON.parse(readFileSync(join(checkout.path, '.stack', 'stack.json'), 'utf8'))
    expect(info.kafkaBrokers).not.toEqual(inject('stack').kafkaBrokers)
    expect(await main('up')).toMatchObject({ ok: true, output: expect.stringContaining('already up') })
    expect(await main('status')).toMatchObject({ ok: true, output: expect.stringContaining(info.redisUrl) })
    expect(await main('down')).toMatchObject({ ok: true })
    for (const pid of [keeperPid, ...Object.values(info.pids)]) expect(processState(pid)).toBe('gone')
    expect(existsSync(info.directory)).toBe(false)
    expect(await main('status')).toMatchObject({ ok: false })
    expect(await main('down')).toMatchObject({ ok: true, output: expect.stringContaining('not up') })
  })
})

/** `make up` and its like in a checkout of its own. */
async function stackCommand(checkout: string, kind: string) {
  const root = join(import.meta.dirname, '..', '..', '..')
  for (const part of ['test/lab/stack', 'packages/testcontainers/src', 'package.json']) {
    await cp(join(root, part), join(checkout, part), { recursive: true })
  }
  const file = join(checkout, 'test/lab/stack/main.ts')
  return (command: string) => runCommand([process.execPath, file, command], { env: { STACK: kind } })
}

async function startRedis(): Promise<AsyncDisposable & { readonly port: number }> {
  const stack = await startStack({ only: ['redis'] })
  return { port: Number(new URL(stack.redisUrl).port), [Symbol.asyncDispose]: () => stack.stop() }
}

/** A zombie counts as gone: it only waits for its parent to reap it. */
function processState(pid: number | undefined): 'running' | 'stopped' | 'gone' {
  if (pid === undefined) return 'gone'
  try {
    process.kill(pid, 0)
  } catch {
    return 'gone'
  }
  const stat = existsSync('/proc/self/stat') ? (statOf(String(pid))?.state ?? 'X') : 'R'
  if (stat === 'T') return 'stopped'
  return stat === 'Z' || stat === 'X' ? 'gone' : 'running'
}

/** The first reply to an inline command, without its line end. */
async function redis(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = createConnection(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`${command}\r\nQUIT\r\n`)
  let reply = ''
  for await (const chunk of socket) reply += chunk
  return reply.replace(/\+OK\r\n$/, '').trim()
}

async function kcat(stack: Pick<Stack, 'kafkaBrokers'>, ...args: string[]): Promise<string> {
  return (await runCommand(['kcat', '-b', stack.kafkaBrokers.join(','), ...args])).output
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('its output is piped')
  for await (const line of createInterface({ input: child.stdout })) return line
  throw new Error('the process ended without a word')
}

async function scratchDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'paystatus-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
