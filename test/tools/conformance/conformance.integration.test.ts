import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { XMLParser } from 'fast-xml-parser'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { judgeSubscriber } from '../../../src/tools/conformance/conformance.ts'
import { parseTable } from '../../../src/tools/conformance/parse-table.ts'
import { reportLines } from '../../../src/tools/conformance/report-lines.ts'
import type { Judgement, RuleName } from '../../../src/tools/conformance/rules.ts'
import { SCENARIO_NAMES } from '../../../src/tools/conformance/scenarios.ts'
import { tableReader } from '../../../src/tools/conformance/table-source.ts'
import { type Flaw, ReferenceSubscriber } from '../../lab/conformance/reference-subscriber.ts'
import { Deployment, PAYSTATUS } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { TopicBench } from '../../lab/harness/topic-bench.ts'

/** The kit on a real Kafka and registry. A kit that calls a wrong subscriber right is worse than none. */

let deployment: Deployment
let folder: string

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { prepare: false })
  folder = mkdtempSync(join(tmpdir(), 'paystatus-conformance-'))
})

afterAll(async () => {
  rmSync(folder, { recursive: true })
  await deployment?.close()
})

let runs = 0

async function judged(manyPayments: number, timeoutMs: number, flaw?: Flaw): Promise<readonly Judgement[]> {
  runs += 1
  const name = `kit-${runs}`
  const { config, logger } = deployment
  return judgeSubscriber(
    config,
    logger,
    {
      topicPrefix: `${config.kafka.topicPrefix}${name}.`,
      scenarios: SCENARIO_NAMES,
      manyPayments,
      signal: new AbortController().signal,
    },
    {
      table: { kind: 'file', path: join(folder, `${name}.jsonl`) },
      subscriber: (environment) => new ReferenceSubscriber(environment, flaw),
      timeoutMs,
      keepTopics: false,
      onPhase: () => {},
    },
  )
}

function broken(judgements: readonly Judgement[]): readonly RuleName[] {
  return judgements.filter(({ verdict }) => verdict.outcome === 'broken').map(({ rule }) => rule)
}

test('a correct subscriber passes every rule, with 10,000 payments at the start', async () => {
  const judgements = await judged(10_000, 60_000)
  expect(
    judgements.filter(({ verdict }) => verdict.outcome !== 'holds'),
    reportLines(judgements).join('\n'),
  ).toEqual([])
})

describe('a wrong subscriber is caught by the rule that names it', () => {
  /** The rule that names it, and those that the same mistake breaks, in the order of the report. */
  const EXPECTED: Readonly<Record<Flaw, readonly RuleName[]>> = {
    'arrival order: takes the status of the event': [
      'status-after-decides',
      'unknown-values',
      'withdrawn-removes',
      'child-not-summed',
    ],
    'no version: takes every record': ['newest-version-wins', 'no-step-twice', 'no-step-missed'],
    'no incarnation: compares versions only': ['incarnations'],
    'reads uncommitted': ['read-committed'],
    'ignores tombstones': ['tombstones'],
    'ends on a newer schema': ['unknown-values'],
    'does not read current at the start': [
      'starts-from-current',
      'no-step-twice',
      'no-step-missed',
      'survives-restart',
    ],
    'waits for a record at the last offset of current': ['becomes-ready'],
    'does not fill gaps': ['gaps-filled'],
    'sums children': ['child-not-summed'],
    'counts a restated event twice': ['restated-replaces'],
    'keeps what was withdrawn': ['withdrawn-removes'],
    'acts on a step before it looks at the version': ['no-step-twice'],
    'acts on changes of the status only': ['no-step-missed'],
    'ends on a step without an event': ['keeps-running'],
    'does not read current after a restart': ['survives-restart'],
    'invents a payment for a child': ['no-other-payments'],
    'writes no JSON': ['table-can-be-read'],
  }

  const found = new Map<Flaw, readonly Judgement[]>()
  beforeAll(async () => {
    const flaws = Object.keys(EXPECTED) as Flaw[]
    await Promise.all(flaws.map(async (flaw) => found.set(flaw, await judged(20, 6_000, flaw))))
  })

  test.each(Object.entries(EXPECTED) as [Flaw, readonly RuleName[]][])('%s', (flaw, rules) => {
    const judgements = found.get(flaw) ?? []
    expect(broken(judgements), reportLines(judgements).join('\n')).toEqual(rules)
  })
})

describe('the command', () => {
  interface Ended {
    readonly code: number
    readonly stdout: string
    readonly stderr: string
  }

  function conformance(...args: readonly string[]): Promise<Ended> {
    return new Promise((resolve) => {
      const command = ['--config', deployment.configFile, 'conformance', ...args]
      const child = execFile(PAYSTATUS, command, (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr })
      })
    })
  }

  const prefix = (name: string) => `${deployment.config.kafka.topicPrefix}${name}.`
  const subscriber = join(import.meta.dirname, '../../lab/conformance/main.ts')

  test('starts, kills and restarts a process, and reports what is broken as text and as JUnit XML', async () => {
    const junit = join(folder, 'report.xml')
    const table = join(folder, 'command.jsonl')
    const { code, stdout, stderr } = await conformance(
      ...['--topic-prefix', prefix('command'), '--table', table, '--junit', junit, '--timeout', '20s'],
      ...['--scenario', 'tombstone,restart', '--', process.execPath, subscriber, 'ignores tombstones'],
    )
    expect({ code, stderr }).toMatchObject({ code: 1 })
    expect(stdout, stderr).toMatch(
      /^broken +tombstones .*\n +conformance:tombstone-\S+: before the subscriber starts: there must be no row/m,
    )
    expect(stdout).toMatch(/The row comes from \S+payments\.status\.(changes|current)\[\d\]@\d+$/m)
    expect(stdout).toMatch(/^holds +survives-restart/m)
    expect(stdout).toMatch(/^not judged +incarnations .*its scenarios were not played/m)
    const { testsuites } = new XMLParser({ ignoreAttributes: false }).parse(readFileSync(junit))
    const cases = testsuites.testsuite.testcase as Record<string, unknown>[]
    expect(testsuites['@_failures']).toBe('1')
    expect(cases.filter((one) => one['failure'] !== undefined).map((one) => one['@_name'])).toEqual(['tombstones'])
  })

  test('says what the last output of a subscriber was that ended', async () => {
    const { code, stdout } = await conformance(
      ...['--topic-prefix', prefix('ended'), '--table', join(folder, 'ended.jsonl'), '--scenario', 'repeats'],
      ...['--', process.execPath, '-e', 'console.error("no route to host"); process.exit(3)'],
    )
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^broken +becomes-ready .*\n +the subscriber ended with exit code 3; its last output:\nno route to host$/m,
    )
  })

  test('refuses topics that exist, and those of the installation in the configuration', async () => {
    const { topicPrefix } = deployment.config.kafka
    const own = await conformance('--topic-prefix', topicPrefix, '--table', 'x')
    expect(own).toMatchObject({ code: 2, stdout: '' })
    expect(own.stderr).toContain('is a topic of the installation in the configuration')
    const played = await conformance('--topic-prefix', prefix('played'), '--play', '--scenario', 'late-events')
    expect(
      played.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).status),
    ).toContain('SETTLED')
    const again = await conformance('--topic-prefix', prefix('played'), '--play')
    expect(again).toMatchObject({ code: 2, stdout: '' })
    expect(again.stderr).toContain('exists: choose a prefix of which no topic exists')
  })
})

describe('the table', () => {
  test('in a topic: the last record of a payment counts, and a tombstone removes its row', async () => {
    const bench = await TopicBench.create(inject('stack'))
    try {
      const topic = await bench.createTopic('table')
      const transactions = await bench.transactions('table', { inputTopic: topic })
      const record = (key: string, statusVersion: number) => ({
        key,
        value: Buffer.from(JSON.stringify({ paymentKey: key, incarnation: 1, statusVersion, status: 'COMPLETED' })),
      })
      await transactions.run(async (scope) => {
        const records = [record('a', 1), record('b', 1), record('a', 2), { key: 'b', value: null }]
        await scope.append(topic, 0, records)
      })
      // The commit is answered before it is visible.
      await eventually(async () => {
        const rows = parseTable(await tableReader({ kind: 'topic', topic }, bench.kafka)())
        expect([...rows.values()].map(({ paymentKey, statusVersion }) => [paymentKey, statusVersion])).toEqual([
          ['a', 2],
        ])
      })
    } finally {
      await bench.close()
    }
  })

  test('at an address: the body; an error says why there is none', async () => {
    let status = 200
    const server = createServer((_, response) => response.writeHead(status).end('a table\n'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/table`
    const read = tableReader({ kind: 'http', url }, undefined as never)
    expect(await read()).toBe('a table\n')
    status = 503
    await expect(read()).rejects.toThrow(`the table at ${url} cannot be read: status 503`)
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
    await expect(read()).rejects.toThrow('cannot be read: fetch failed: ')
  })
})
