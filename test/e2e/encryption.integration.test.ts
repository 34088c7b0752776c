import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { headerText } from '../../src/stream/header-text.ts'
import { findMismatches } from '../../src/tools/simulate/await-statuses.ts'
import { SENSITIVE_TEXT } from '../../src/tools/simulate/sensitive-text.ts'
import type { SimulationReport } from '../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'

/** Encryption on real servers: nothing else changes, bodies can be forgotten, keys rotated, and a wrong key loses nothing. */

// Several times the usual duration, so that a busy machine is not a failure.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 })

const directory = mkdtempSync(join(tmpdir(), 'paystatus-kek-'))
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
let report: SimulationReport

function newKek(name: string) {
  const file = join(directory, name)
  writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
  return { id: name, file }
}

const [kek1, kek2] = [newKek('kek-1'), newKek('kek-2')]

/** The same installation with other key-encryption keys. */
function reconfigure(encryption: object | undefined): void {
  const { configFile } = deployment
  writeFileSync(configFile, stringify({ ...parse(readFileSync(configFile, 'utf8')), encryption }))
}

async function json(args: readonly string[], code = 0) {
  const end = await deployment.command([...args, '--json'])
  expect([end.code, end.code === code ? '' : end.stderr]).toEqual([code, ''])
  return JSON.parse(end.stdout)
}

/** Posts a v1 callback about some payments. */
async function post(ids: readonly string[], status: string): Promise<void> {
  const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const answer = await fetch(`${paystatus.gatewayUrl}/callbacks/jpm-v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...source?.headers },
    body: JSON.stringify({
      callbacks: ids.map((id) => ({ firmRootId: id, paymentStatus: status, debtorName: SENSITIVE_TEXT })),
    }),
  })
  expect(answer.status).toBe(200)
}

async function restart(): Promise<void> {
  await paystatus.stop()
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
}

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), {
    config: { encryption: { active: 'kek-1', keys: [kek1] } },
  })
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  report = await simulate(deployment, paystatus.gatewayUrl, { seed: 23, payments: 30 })
  await observer.caughtUp()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  rmSync(directory, { recursive: true, force: true })
})

test('raw and its dead letters contain no plain body, and every payment ends in its status (I1, I2, I5)', async () => {
  const raw = await observer.records('raw')
  const deadLetters = await observer.records('rawDeadLetters')
  expect(raw.length).toBe(report.counts.accepted)
  expect(deadLetters.length).toBeGreaterThan(0)
  for (const record of [...raw, ...deadLetters]) {
    expect(headerText(record, 'paystatus_encryption')).toBe('aes-256-gcm')
    expect(record.value?.includes('status') || record.value?.includes(SENSITIVE_TEXT)).toBe(false)
  }
  const current = await observer.current()
  expect(findMismatches(report, current)).toEqual([])
  // One key for each payment and day; the simulator sends several payments in a callback, which has the key of the first.
  expect((await observer.records('keys')).length).toBeGreaterThan(5)
})

test('verify, why, dlq and drift work as without encryption', async () => {
  expect(await json(['verify', '--all'])).toMatchObject({ ok: true, partial: 0, forgotten: 0, undecryptable: 0 })
  const [payment] = report.payments
  const { payments } = await json(['why', payment?.paymentKey as string])
  for (const { raw } of payments[0].callbacks) {
    expect(raw).toMatchObject({ body: 'readable', bodySha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  }
  const [letter] = await observer.records('rawDeadLetters')
  const place = `${deployment.topics.rawDeadLetters}[${letter?.partition}]@${letter?.offset}`
  const shown = await json(['dlq', 'show', place, '--body'])
  expect(shown).toMatchObject({ place, now: { outcome: 'stays', problem: { reason: shown.reason } } })
  expect(shown.body).not.toBeNull()
  expect(await json(['drift'])).toMatchObject({ callbacks: report.counts.accepted, unreadable: 0 })
})

test('forget: the bodies are unreadable for all, the statuses stay, later callbacks are read', async () => {
  await post(['forget-me'], 'PENDING')
  await post(['other', 'forget-me'], 'COMPLETED')
  await observer.caughtUp()
  const key = 'jpm-global-payments-v1:forget-me'
  const before = await json(['show', key])
  // The second callback is encrypted with the data key of the other payment: it is reported and kept.
  const partly = await json(['forget', key, '--by', 'tester', '--reason', 'asked to'], 1)
  expect(partly).toMatchObject({ paymentKey: key, shared: [{ callbacks: [expect.any(String)] }] })
  expect(partly.forgotten).toHaveLength(1)
  expect((await json(['forget', key, '--with-shared'])).forgotten).toEqual([partly.shared[0].dataKeyId])
  const bodies = (await json(['why', key])).payments[0].callbacks.map(
    ({ raw }: { raw: { body: string; bodySha256: string | null } }) => [raw.body, raw.bodySha256],
  )
  expect(bodies).toEqual([
    ['forgotten', null],
    ['forgotten', null],
  ])
  expect(await json(['verify', '--all'])).toMatchObject({ ok: true, forgotten: 2 })
  // Bodies are decrypted, and forgotten ones counted: nothing is withdrawn because its callback cannot be read.
  expect(await json(['reprocess', '--all'])).toMatchObject({ changed: 0, forgotten: 2, undecryptable: 0, left: [] })
  expect(await json(['show', key])).toEqual(before)
  expect((await json(['forget', key])).forgotten).toEqual([])
  const dataKey = partly.forgotten[0] as string
  expect((await json(['forget', '--data-key', dataKey])).forgotten).toEqual([])
  for (const [wrong, message] of [
    [[`${key}x`], `no payment ${key}x, and no data key of it`],
    [['--data-key', dataKey.replace(/.$/, (last) => (last === '0' ? '1' : '0'))], 'has no data key'],
  ] as const) {
    const { code, stderr } = await deployment.command(['forget', ...wrong])
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
  }
  // What was done is in the audit trail; the last attempts found nothing to do.
  const { acts } = await json(['audit', '--act', 'forget'])
  const done = { act: 'forget', outcome: 'done', counts: { retired: 1, forgotten: 1 } }
  expect(acts).toMatchObject([
    { ...done, by: 'tester', reason: 'asked to', scope: { payment: key } },
    { ...done, reason: null, scope: { payment: key, withShared: 'yes' } },
  ])
  // The gateway still runs, and had the forgotten data key in its memory.
  await post(['forget-me'], 'RETURNED')
  await observer.caughtUp()
  expect((await json(['show', key])).payments[0].statusVersion).toBe(before.payments[0].statusVersion + 1)
  expect(await json(['verify', '--payment', key])).toMatchObject({ ok: true })
  expect(await paystatus.metric('paystatus_normalizer_forgotten_total')).toBe(0)
})

test('a new key-encryption key takes over, and the old one still decrypts', async () => {
  reconfigure({ active: 'kek-2', keys: [kek1, kek2] })
  await restart()
  await post(['rotated'], 'COMPLETED')
  await observer.caughtUp()
  const keks = (await observer.records('keys')).map((record) => headerText(record, 'paystatus_kek'))
  expect(new Set(keks)).toEqual(new Set(['kek-1', '', 'kek-2']))
  expect(await json(['verify', '--all'])).toMatchObject({ ok: true })
})

test('a missing key-encryption key stops the normalizer, which names it; once it is back, nothing is lost (I2)', async () => {
  const deadLetters = (await observer.records('rawDeadLetters')).length
  await paystatus.stop()
  paystatus = await deployment.start(['gateway'])
  await post(['waiting'], 'COMPLETED')
  await paystatus.stop()
  reconfigure({ active: 'kek-1', keys: [kek1] })
  const stopped = await deployment.start(['normalizer'])
  expect(await stopped.exited).toBe(1)
  expect(stopped.output).toMatch(
    /data key p\.\S+ is wrapped with the key-encryption key "kek-2", which is not configured/,
  )
  expect(stopped.output).toContain('Nothing was skipped')
  const verified = await deployment.command(['verify'])
  expect([verified.code, verified.stderr.includes('"kek-2"')]).toEqual([1, true])
  reconfigure({ active: 'kek-2', keys: [kek1, kek2] })
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  await observer.caughtUp()
  await eventually(async () => {
    expect((await json(['show', 'jpm-global-payments-v1:waiting'])).payments[0].status).toBe('COMPLETED')
  })
  expect((await observer.records('rawDeadLetters')).length).toBe(deadLetters)
})

test('raw that is read again: forgotten bodies are counted, and change nothing (I2)', async () => {
  await paystatus.stop()
  const { config, topics } = deployment
  const partitions = Array.from({ length: config.kafka.partitions }, (_, partition) => ({ partition, offset: '0' }))
  const changes = (await observer.records('changes')).length
  await eventually(() => observer.admin.setOffsets({ groupId: config.normalizer.group, topic: topics.raw, partitions }))
  paystatus = await deployment.start(['normalizer', 'processor'])
  await paystatus.ready()
  await observer.caughtUp()
  expect(await paystatus.metric('paystatus_normalizer_forgotten_total')).toBe(2)
  expect((await observer.records('changes')).length).toBe(changes)
})
