import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { createKafkaAppendLog } from '../../src/kafka/kafka-append-log.ts'
import { headerText } from '../../src/stream/header-text.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'

/** The gateway is deployed before the other roles: it knows a source that is not in their configuration yet. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let deployment: Deployment
let observer: Observer
let gateway: RoleProcess
let stages: RoleProcess

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  observer = await Observer.create(deployment)
  const { sources, ...rest } = parse(readFileSync(deployment.configFile, 'utf8'))
  const newSource = {
    id: 'new-bank',
    provider: 'instamed',
    path: '/callbacks/new-bank',
    namespace: 'new-account',
    currency: 'USD',
    jsonDepthMax: 16,
    authentication: { type: 'none' },
  }
  const newer = join(dirname(deployment.configFile), 'newer.yaml')
  writeFileSync(newer, stringify({ ...rest, sources: [...sources, newSource] }))
  gateway = await deployment.start(['gateway'], {}, { configFile: newer })
  stages = await deployment.start(['normalizer', 'processor'])
  await stages.ready(120_000)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

async function post(body: string): Promise<void> {
  const answer = await fetch(`${gateway.gatewayUrl}/callbacks/new-bank`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', paystatus_provider: 'jpm-global-payments-v1' },
    body,
  })
  expect(answer.status).toBe(200)
}

const SALE = JSON.stringify({
  PaymentTransactionID: 'A1B2A1B2',
  CurrentTransactionStatusCode: 'C',
  TransactionAction: 'Sale',
  Amount: '12.50',
})

test('its callbacks are read as configured in the gateway, and verify agrees (I2, I5)', async () => {
  await post(SALE)
  await post(`${'['.repeat(20)}${']'.repeat(20)}`)
  await observer.caughtUp()
  const [raw] = await observer.records('raw')
  expect(headerText(raw as NonNullable<typeof raw>, 'paystatus_provider')).toBe('instamed')
  const current = await observer.current()
  expect([...current.keys()]).toEqual(['new-account:a1b2a1b2'])
  expect(current.get('new-account:a1b2a1b2')?.events[0]?.event).toMatchObject({
    source: 'new-bank',
    provider: 'instamed',
    amount: { currency: 'USD' },
  })
  const reasons = (await observer.records('rawDeadLetters')).map((record) => headerText(record, 'dlq_reason'))
  expect(reasons).toEqual(['too-deep'])
  const verified = await deployment.command(['verify', '--all', '--json'])
  expect(JSON.parse(verified.stdout)).toMatchObject({ ok: true, unknownSource: 0, events: 1, lost: 0, unexplained: 0 })
})

test('a provider unknown to the normalizer costs neither the callback nor its partition, and is logged (I2)', async () => {
  const log = createKafkaAppendLog(observer.kafka, {
    topic: deployment.topics.raw,
    partitions: deployment.config.kafka.partitions,
    waitingRecordsMax: 1_000,
    waitingBytesMax: 1_000_000,
    retryForMs: 10_000,
  })
  const before = (await observer.records('rawDeadLetters')).length
  const body = Buffer.from('{"whatever": 1}')
  const headers = { ce_id: 'receipt', ce_source: 'newest', paystatus_provider: 'newest-bank', paystatus_namespace: 'n' }
  const unknown = { key: 'k', value: body, headers }
  for (let partition = 0; partition < deployment.config.kafka.partitions; partition += 1) {
    await log.log.append(
      partition,
      Array.from({ length: 50 }, () => unknown),
    )
  }
  await log.close()
  await post(SALE.replace('A1B2A1B2', 'C3D4'))
  await observer.caughtUp()
  expect([...(await observer.current()).keys()]).toContain('new-account:c3d4')
  const letters = (await observer.records('rawDeadLetters')).slice(before - 1)
  const ofUnknown = letters.filter((letter) => headerText(letter, 'dlq_reason') === 'unknown-provider')
  expect(ofUnknown).toHaveLength(150)
  expect(ofUnknown.every(({ value }) => value?.equals(body))).toBe(true)
  expect(await stages.metric('paystatus_normalizer_dead_letters_total{reason="unknown-provider"}')).toBe(150)
  await eventually(() => expect(stages.output).toContain('this release does not know their provider'))
  const lines = stages.output.split('\n').filter((line) => line.includes('this release does not know their provider'))
  expect(lines).toHaveLength(1)
  expect(stages.output).toContain('"provider":"newest-bank"')
})
