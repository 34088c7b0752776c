import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { imageOf } from '../../packages/testcontainers/src/images.ts'
import { runCommand, until } from '../lab/stack/run-command.ts'

/** The image as it is run: no shell, no root, no writable file system, no init. */

const IMAGE = imageOf('paystatus', process.env)
const HARDENED = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'] as const
const DEADLINE_MS = 60_000

const docker = (...args: string[]) => runCommand(['docker', ...args])

async function run(...args: string[]) {
  return docker('run', '--rm', ...HARDENED, IMAGE, ...args)
}

describe('the image', () => {
  test('runs the command line: help without a command, exit code 2 for a wrong one', async () => {
    expect(await run()).toMatchObject({ ok: true, output: expect.stringContaining('paystatus verify --all') })
    expect(await docker('run', '--rm', ...HARDENED, IMAGE, 'nonsense')).toMatchObject({ ok: false })
  })

  test('contains everything the code reads at run time', async () => {
    expect(await run('rules', '--json')).toMatchObject({ ok: true, output: expect.stringContaining('COMPLETED') })
  })

  test('contains no shell, no package manager and no source code', async () => {
    for (const file of ['/bin/sh', '/bin/bash', '/usr/bin/apt-get', '/usr/bin/npm']) {
      const { ok, output } = await docker('run', '--rm', '--entrypoint', file, IMAGE)
      expect([file, ok]).toEqual([file, false])
      expect(output).toMatch(/no such file|not found/i)
    }
    const find =
      "for (const name of ['src', 'test', 'node_modules/vitest']) console.log(require('fs').existsSync('/app/' + name))"
    const { output } = await docker('run', '--rm', '--entrypoint', '/nodejs/bin/node', IMAGE, '-e', find)
    expect(output.trim().split('\n')).toEqual(['false', 'false', 'false'])
  })

  test('declares its user, labels and health check', async () => {
    const { output } = await docker('image', 'inspect', IMAGE)
    const [{ Config }] = JSON.parse(output)
    expect(Config.User).toBe('65532:65532')
    expect(Config.Healthcheck.Test).toEqual(['CMD', '/nodejs/bin/node', '/app/dist/healthcheck.js', 'live'])
    expect(Object.keys(Config.Labels).toSorted()).toEqual(
      ['created', 'description', 'licenses', 'revision', 'title', 'version'].map(
        (key) => `org.opencontainers.image.${key}`,
      ),
    )
  })
})

describe('a role in the image, while Kafka is away', () => {
  const name = `paystatus-image-test-${randomBytes(4).toString('hex')}`

  beforeAll(async () => {
    const started = await docker(
      'run',
      '--detach',
      '--name',
      name,
      ...HARDENED,
      '--health-interval=1s',
      IMAGE,
      'normalizer',
    )
    expect(started).toMatchObject({ ok: true })
  })
  afterAll(() => docker('rm', '--force', name))

  test('is healthy because it is live, but not ready', async () => {
    const health = async () => (await docker('inspect', '--format', '{{.State.Health.Status}}', name)).output.trim()
    await until('it is healthy', DEADLINE_MS, async () => (await health()) === 'healthy')
    const ready = await docker('exec', name, '/nodejs/bin/node', '/app/dist/healthcheck.js', 'ready')
    expect(ready).toMatchObject({ ok: false, output: expect.stringContaining('"ready":false') })
  })

  test('ends on SIGTERM although it is process 1, and by itself', async () => {
    expect(await docker('stop', '--time', '55', name)).toMatchObject({ ok: true })
    // 137 would be the SIGKILL after the time.
    expect((await docker('inspect', '--format', '{{.State.ExitCode}}', name)).output.trim()).toBe('0')
  })
})
