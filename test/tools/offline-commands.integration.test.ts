import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { PROVIDER_IDS } from '../../src/providers/registry.ts'
import { OFFLINE_SOURCE } from '../../src/tools/callback-files.ts'
import type { FoldedFiles } from '../../src/tools/fold-files.ts'
import { rules } from '../../src/tools/rules.ts'
import type { TranslatedFile } from '../../src/tools/translate-files.ts'
import { callbackOf } from '../providers/callback-of.ts'

/** Runs the commands in separate processes, without servers or configuration. */

// A process takes seconds to start on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

const ROOT = join(import.meta.dirname, '../..')
const SECRET = 'Private-4711'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function paystatus(...args: string[]): Promise<Ended> {
  return run(join(ROOT, 'bin/paystatus'), args)
}

function run(command: string, args: readonly string[]): Promise<Ended> {
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('PAYSTATUS_'))
  return new Promise((resolve) => {
    // Most of the time is start-up; the cache halves it.
    const env = { ...Object.fromEntries(environment), NODE_COMPILE_CACHE: join(folder, 'compiled') }
    const options = { cwd: folder, env, maxBuffer: 64 * 2 ** 20 }
    const child = execFile(command, args, options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paystatus-offline-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The callbacks in a folder, by name; the expected results are next to them. */
function callbacksIn(path: string): readonly string[] {
  return readdirSync(path)
    .filter((name) => /\.(json|form|xml)$/.test(name) && !/(^|\.)expected\.json$/.test(name))
    .map((name) => join(path, name))
}

/** The golden result of a fixture, without the fields that the gateway or other commands add. */
function goldenOf(fixture: string) {
  const { events, deadLetters, setAside } = JSON.parse(
    readFileSync(fixture.replace(/\.\w+$/, '.expected.json'), 'utf8'),
  )
  return { file: fixture, events: events.map(withoutReceipt), deadLetters, setAside }
}

function withoutReceipt(event: Record<string, unknown>): Record<string, unknown> {
  const { callbackId, receivedAt, source, ...said } = event
  return said
}

function documentsIn(stdout: string): readonly TranslatedFile[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe.each(PROVIDER_IDS)('the fixtures of %s', (provider) => {
  const path = join(ROOT, 'test/providers', provider, 'fixtures')
  const fixtures = callbacksIn(path)
  const flows = readdirSync(join(path, 'flows')).map((flow) => join(path, 'flows', flow))
  const { namespace, currency } = callbackOf('')

  test('translate prints the golden events', async () => {
    const { code, stdout, stderr } = await paystatus(
      'translate',
      ...['--provider', provider, '--namespace', namespace, '--currency', currency ?? ''],
      ...fixtures,
    )
    expect([code, stderr]).toEqual([0, ''])
    const documents = documentsIn(stdout)
    const own = (events: TranslatedFile['events']) => events.filter(({ childKey }) => childKey === null)
    expect(
      documents.map(({ events, ...rest }) => ({ ...rest, events: own(events).map((e) => withoutReceipt({ ...e })) })),
    ).toEqual(fixtures.map(goldenOf))
    // Plus the report of every child to its original payment, which the normalizer publishes, too.
    const events = documents.flatMap((document) => document.events)
    expect(events.flatMap(({ childKey, paymentKey }) => (childKey === null ? [] : [[childKey, paymentKey]]))).toEqual(
      events.flatMap(({ relatesTo, paymentKey }) => (relatesTo === null ? [] : [[paymentKey, relatesTo]])),
    )
    expect(new Set(documents.flatMap(({ events }) => events.map(({ source }) => source)))).toEqual(
      new Set([OFFLINE_SOURCE]),
    )
  })

  test('fold --permute finds no differences', async () => {
    const files = [...fixtures, ...flows.flatMap(callbacksIn)]
    const { code, stdout, stderr } = await paystatus(
      'fold',
      ...['--provider', provider, '--namespace', namespace, '--permute'],
      ...files,
    )
    expect([code, stderr]).toEqual([0, ''])
    const folded: FoldedFiles = JSON.parse(stdout)
    expect(folded.permute?.differences).toEqual([])
    expect(folded.permute?.orders).toBeGreaterThan(folded.states.length)
    expect(folded.deadLetters).toEqual(
      fixtures.map(goldenOf).flatMap(({ file, deadLetters }) => deadLetters.map((each: object) => ({ file, ...each }))),
    )
    for (const flow of flows) {
      const expected: { paymentKey: string }[] = JSON.parse(readFileSync(join(flow, 'expected.json'), 'utf8'))
      const keys = expected.map(({ paymentKey }) => paymentKey)
      const states = folded.states.filter(({ paymentKey }) => keys.includes(paymentKey))
      expect(states.toSorted((a, b) => (a.paymentKey < b.paymentKey ? -1 : 1))).toMatchObject(expected)
    }
  })
})

describe('fold', () => {
  const pending = {
    callbacks: [{ firmRootId: 'f1', paymentStatus: 'PENDING', createDateTime: '2024-01-01T00:00:00Z' }],
  }
  const rejected = {
    callbacks: [
      {
        firmRootId: 'f1',
        paymentStatus: 'REJECTED',
        createDateTime: '2024-01-01T00:01:00Z',
        exception: [{ errorCode: '1', errorDescription: SECRET }],
        accountNumber: SECRET,
      },
      { endToEndId: SECRET.repeat(20), paymentStatus: SECRET },
    ],
  }
  beforeAll(() => {
    writeFileSync(join(folder, 'pending.json'), JSON.stringify(pending))
    writeFileSync(join(folder, 'rejected.json'), JSON.stringify(rejected))
  })
  const fold = (...args: string[]) => paystatus('fold', '--provider', 'jpm-global-payments-v1', ...args)

  test('reads the callbacks in the order of the files', async () => {
    const inOrder: FoldedFiles = JSON.parse((await fold('pending.json', 'rejected.json')).stdout)
    const reversed: FoldedFiles = JSON.parse((await fold('rejected.json', 'pending.json', 'pending.json')).stdout)
    const verdictsOf = ({ states }: FoldedFiles) => states[0]?.events.map(({ verdict }) => verdict)
    expect([inOrder.states[0]?.status, verdictsOf(inOrder)]).toEqual(['REJECTED', ['APPLIED', 'APPLIED']])
    expect([reversed.states[0]?.status, verdictsOf(reversed)]).toEqual(['REJECTED', ['APPLIED', 'LATE']])
    expect(reversed.duplicates).toBe(1)
  })

  test('prints the same output every time, and nothing from a body that is not in an event', async () => {
    const [first, second] = await Promise.all([fold('rejected.json', '--permute'), fold('rejected.json', '--permute')])
    expect(first).toEqual(second)
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(first.stdout).deadLetters).toEqual([
      { file: 'rejected.json', reason: 'invalid-field', message: expect.any(String), element: 1 },
    ])
    const { stdout } = await paystatus('translate', '--provider', 'jpm-global-payments-v1', 'rejected.json')
    expect(first.stdout + stdout).not.toContain(SECRET)
  })

  test('uses the given content type', async () => {
    writeFileSync(join(folder, 'void.txt'), 'transactionID=a1&transactionStatus=V')
    const asForm = ['--content-type', 'application/x-www-form-urlencoded']
    const { stdout } = await paystatus('fold', '--provider', 'instamed', ...asForm, 'void.txt')
    expect(JSON.parse(stdout).states).toMatchObject([{ paymentKey: 'instamed:a1', status: 'VOIDED' }])
  })
})

describe('wrong options', () => {
  test.concurrent.each([
    [['translate', '--provider', 'nobody', 'a.json'], 'Allowed choices are jpm-global-payments-v1'],
    [['fold', 'a.json'], "required option '--provider <id>' not specified"],
    [['fold', '--provider', 'instamed'], "missing required argument 'file'"],
    [['fold', '--provider', 'instamed', '--seed', 'x', 'a.json'], 'must be a whole number'],
    [['fold', '--provider', 'instamed', '--currency', 'usd', 'a.json'], 'must be an ISO 4217 code'],
    [['translate', '--provider', 'instamed', '--namespace', 'a:b', 'a.json'], 'must be lower-case letters'],
    [['fold', '--provider', 'instamed', 'missing.json'], 'paystatus: cannot read missing.json: no such file\n'],
  ])('%j exits with 2 and a message', async (args, message) => {
    const { code, stdout, stderr } = await paystatus(...args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(message)
  })
})

describe('rules', () => {
  test('--json prints all rules', async () => {
    const { code, stdout } = await paystatus('rules', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual(rules())
  })

  test('prints everything to a slow reader', async () => {
    const piped = `'${join(ROOT, 'bin/paystatus')}' rules --json | { sleep 1; cat; }`
    expect(JSON.parse((await run('/bin/sh', ['-c', piped])).stdout)).toEqual(rules())
  })

  test('exits quietly when the reader closes the pipe', async () => {
    const piped = `'${join(ROOT, 'bin/paystatus')}' rules --json | head -c 1`
    expect(await run('/bin/sh', ['-c', piped])).toEqual({ code: 0, stdout: '{', stderr: '' })
    const full = `'${join(ROOT, 'bin/paystatus')}' rules > /dev/full`
    expect(await run('/bin/sh', ['-c', full])).toMatchObject({ code: 1, stderr: expect.stringContaining('(ENOSPC)') })
  })

  test('a check ends with what it found, whether or not somebody reads it to its end', async () => {
    const empty = createServer((_, response) => response.writeHead(404).end(JSON.stringify({ error_code: 40401 })))
    await once(empty.listen(0, '127.0.0.1'), 'listening')
    const { port } = empty.address() as AddressInfo
    writeFileSync(join(folder, 'paystatus.yaml'), `registry: { url: "http://127.0.0.1:${port}" }`)
    const check = `'${join(ROOT, 'bin/paystatus')}' -c paystatus.yaml schemas check --no-records`
    const of = (command: string) => run('/bin/bash', ['-o', 'pipefail', '-c', command])
    expect(await of(check)).toMatchObject({ code: 1, stdout: expect.stringContaining('does not exist') })
    for (const piped of [`${check} | true`, `${check} 2>&1 | true`]) {
      expect(await of(piped)).toEqual({ code: 1, stdout: '', stderr: '' })
    }
    empty.close()
  })

  test('prints tables for people', async () => {
    const { code, stdout } = await paystatus('rules')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^STATUSES\n/)
  })
})
