import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { Guard } from './guard.ts'
import { runCommand, until } from './run-command.ts'
import { launch, type ServerSpec } from './server.ts'
import { redisSpec } from './specs.ts'
import { attachStack, type Stack, startStack } from './stack.ts'

const GONE_WITHIN_MS = 10_000

describe('the stack of this run', () => {
  test('answers, and can be reached by other processes than its owner', async () => {
    const stack = await attachStack(inject('stack'))
    expect(await redis(stack.redisUrl, 'PING')).toBe('+PONG')
    expect((await fetch(`${stack.registryUrl}/subjects`)).status).toBe(200)
    expect(await kcat(stack, '-L')).toContain('1 brokers')
  })

  test('says that nobody runs the stack whose owner is gone', async () => {
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
    await until('Redis is stopped', GONE_WITHIN_MS, () => processState(stack.pids.redis) !== 'running')
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

  test('takes another port when its own was taken in the last moment', async () => {
    const taken = [Number(new URL(stack.redisUrl).port)]
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

describe('a process that started servers', () => {
  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('leaves nothing behind after %s', async (signal) => {
    const holder = spawn(process.execPath, [join(import.meta.dirname, 'hold-redis.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const { directory, pids }: Pick<Stack, 'directory' | 'pids'> = JSON.parse(await firstLine(holder))
    expect(processState(pids.redis)).toBe('running')
    holder.kill(signal)
    await until('the server and its data are gone', GONE_WITHIN_MS, () => {
      return processState(pids.redis) === 'gone' && !existsSync(directory)
    })
  })
})

describe('up and down', () => {
  test('hold one stack for a checkout and leave nothing behind', async () => {
    await using checkout = await scratchDirectory()
    await cp(import.meta.dirname, join(checkout.path, 'test', 'stack'), { recursive: true })
    const main = (command: string) => {
      const file = join(checkout.path, 'test', 'stack', 'main.ts')
      return runCommand([process.execPath, file, command], { env: { STACK: 'packages' } })
    }
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

/** A zombie is gone too: it waits for whoever adopted it to take note. */
function processState(pid: number | undefined): 'running' | 'stopped' | 'gone' {
  if (pid === undefined) return 'gone'
  try {
    process.kill(pid, 0)
  } catch {
    return 'gone'
  }
  const stat = existsSync('/proc/self/stat') ? readStat(pid) : 'R'
  if (stat === 'T') return 'stopped'
  return stat === 'Z' || stat === 'X' ? 'gone' : 'running'
}

function readStat(pid: number): string {
  try {
    // The state follows the command's name, which is in parentheses and may hold anything.
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0] ?? 'X'
  } catch {
    return 'X'
  }
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

async function kcat(stack: Stack, ...args: string[]): Promise<string> {
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
