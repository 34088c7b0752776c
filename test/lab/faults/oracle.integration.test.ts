import { mkdtempSync, rmSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { Deployment, type RoleProcess } from '../harness/deployment.ts'
import { createKafkaJs } from '../harness/kafkajs-client.ts'
import { simulate } from '../harness/load.ts'
import { Observer, type ReadRecord } from '../harness/observer.ts'
import { ensureOracle, ORACLE } from '../stack/oracle-python.ts'
import { runCommand } from '../stack/run-command.ts'
import { Ledger } from './ledger.ts'
import { askOracle, type OracleReport } from './oracle.ts'

/** The oracle judges a flawless stream first, then adds one flaw after the other. */

const directory = mkdtempSync(join(tmpdir(), 'paystatus-oracle-'))
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
let ledger: Ledger

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  ledger = new Ledger(join(directory, 'ledger.jsonl'))
  const successCodes = new Map(deployment.config.sources.map(({ id, successCode }) => [id, successCode]))
  await simulate(deployment, paystatus.gatewayUrl, {
    seed: 23,
    payments: 100,
    onAttempt: ({ position, sourceId, body }, answer) => {
      ledger.record(`${position}`, sourceId, body, answer, successCodes.get(sourceId) ?? 200)
    },
  })
  await ledger.close()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  rmSync(directory, { recursive: true, force: true })
})

test('the oracle reads every golden callback and folds every documented flow like the product', async () => {
  const providers = join(import.meta.dirname, '..', '..', 'providers')
  const { output } = await runCommand([await ensureOracle(() => {}), '-B', join(ORACLE, 'golden.py'), providers])
  expect(JSON.parse(output)).toMatchObject({ differences: [] })
})

test('the unit tests of the oracle pass', async () => {
  const python = await ensureOracle(() => {})
  const { ok, output } = await runCommand([python, '-B', '-m', 'unittest', 'discover', '-s', ORACLE])
  expect(ok, output).toBe(true)
  expect(output).toMatch(/Ran \d\d+ tests/)
})

test('the oracle finds nothing in a flawless stream, and counts what was sent', async () => {
  const whatWasSaid = await ask()
  expect(whatWasSaid).toMatchObject({ ok: true, judged: true, findings: [] })
  const { accepted, raw, changes, distinctEvents, eventDeadLetters, payments, rawDeadLetters } = whatWasSaid.counts
  // A callback that a busy broker acknowledged after the gateway's deadline is stored twice.
  expect(raw).toBeGreaterThanOrEqual(accepted as number)
  expect(changes).toBe(distinctEvents)
  expect(payments).toBe(100)
  expect(rawDeadLetters).toBeGreaterThan(0)
  expect(eventDeadLetters).toBe(0)
})

test('I6 the oracle reports what is missing in the view, and nothing once the view is rebuilt', async () => {
  const [key, view] = await someViewEntry()
  await observer.redis.run((redis) => redis.hset(view, key, 'not a state'))
  expect(textsOf(await ask('view'))).toEqual([expect.stringMatching(/I6: the view .* and current differ in /)])

  await paystatus.stop()
  await observer.deleteView()
  expect(textsOf(await ask('view', 0))).toContainEqual(expect.stringContaining('has no marker'))
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  expect(await ask('view', 20_000)).toMatchObject({ ok: true, findings: [] })
})

test('I1 I3 I4 I5 the oracle names what is lost, duplicated, misnumbered and misjudged', async () => {
  const body = Buffer.from('{"callbacks":[]}')
  ledger = new Ledger(join(directory, 'accepted-and-nowhere.jsonl'))
  ledger.record('accepted-and-nowhere', 'jpm-v1', body, { kind: 'status', statusCode: 200 }, 200)
  await ledger.close()
  await appendFile(join(directory, 'ledger.jsonl'), await readFile(ledger.file))

  const changes = await observer.records('changes')
  const lastOf = new Map(changes.map((record) => [String(record.key), record]))
  const [twice, misnumbered, misjudged] = [...lastOf.values()].filter(({ value }) => changeIn(value).event !== null)
  if (twice === undefined || misnumbered === undefined || misjudged === undefined) {
    throw new Error('too few payments for these tricks')
  }
  const next = { ...changeIn(misnumbered.value), statusVersion: 40 }
  const currents = await observer.records('current')
  const lastState = currents.findLast(({ key }) => key?.equals(misjudged.key as Buffer))
  const state = observer.codecs.state.decode(lastState?.value as Buffer)
  const producer = createKafkaJs(deployment.config.kafka).producer()
  await producer.connect()
  const send = (topic: 'changes' | 'current', { key, partition }: ReadRecord, value: Buffer) =>
    producer.send({ topic: deployment.topics[topic], acks: -1, messages: [{ key, value, partition }] })
  await send('changes', twice, twice.value as Buffer)
  await send('changes', misnumbered, observer.codecs.change.encode(next))
  await send(
    'current',
    misjudged,
    observer.codecs.state.encode({ ...state, status: state.status === 'BLOCKED' ? 'CREDITED' : 'BLOCKED' }),
  )
  // A dead letter whose event does not have the problem that `dlq_reason` names.
  const [{ key, value, partition, offset }] = (await observer.records('events')) as [ReadRecord]
  const headers = { dlq_reason: 'too-large', dlq_partition: `${partition}`, dlq_offset: `${offset}` }
  const topic = deployment.topics.eventDeadLetters
  await producer.send({ topic, acks: -1, messages: [{ key, value, partition, headers }] })
  await producer.disconnect()

  const { lost, duplicated, wrong } = Object.groupBy((await ask()).findings, ({ kind }) => kind)
  expect(lost?.map(({ text }) => text)).toEqual([
    'I1: callback accepted-and-nowhere was accepted 1 times and is in raw 0 times (1 attempts)',
    expect.stringMatching(/^I3: event dead letter .* is a dead letter for too-large, which it does not show$/),
  ])
  expect(duplicated?.map(({ text }) => text)).toEqual([
    expect.stringContaining(`of ${twice.key} is in changes twice`),
    expect.stringContaining(`of ${misnumbered.key} is in changes twice`),
  ])
  const texts = wrong?.map(({ text }) => text) ?? []
  const { statusVersion } = changeIn(twice.value)
  expect(texts).toContainEqual(
    expect.stringMatching(
      new RegExp(`I4: ${twice.key} v${statusVersion} .* where version ${statusVersion + 1} was expected`),
    ),
  )
  expect(texts).toContainEqual(expect.stringMatching(new RegExp(`I4: ${misnumbered.key} v40 .* was expected`)))
  expect(texts).toContainEqual(expect.stringMatching(new RegExp(`I4: current .*, ${misjudged.key} v.* changes says`)))
})

async function ask(what: 'all' | 'view' = 'all', viewMaxMs = 2_000): Promise<OracleReport> {
  const installation = {
    config: deployment.config,
    topics: deployment.topics,
    ledger: join(directory, 'ledger.jsonl'),
    offsetsMoved: false,
    caughtUpMaxMs: 30_000,
    viewMaxMs,
  }
  const report = await askOracle(installation, join(directory, 'oracle.json'), what)
  expect(report.reason).toBeUndefined()
  return report
}

function textsOf({ findings }: OracleReport): readonly string[] {
  return findings.map(({ text }) => text)
}

/** A payment in the view, and the key of the hash that holds it. */
async function someViewEntry(): Promise<[string, string]> {
  const views = (await observer.viewKeys()).filter((key) => key.endsWith(':view'))
  for (const view of views) {
    const keys = await observer.redis.run((redis) => redis.hkeys(view))
    const key = keys.find((candidate) => !candidate.startsWith('#'))
    if (key !== undefined) {
      return [key, view]
    }
  }
  throw new Error('the view is empty')
}

function changeIn(value: Buffer | null): StatusChangeRecord {
  return observer.codecs.change.decode(value as Buffer)
}
