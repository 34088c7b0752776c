import { randomBytes } from 'node:crypto'
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs from 'kafkajs'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { TOPICS, toTopicConfig } from '../../src/topics.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/** The broker compresses what it stores. This file has its own broker, because it changes the settings. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** Codecs by their number in the attributes of a batch. */
const CODECS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
/** `config_source` of a topic's own setting, as opposed to the broker's. */
const SET_ON_TOPIC = 1
/** Marks a batch that ends a transaction; these are never compressed. */
const CONTROL = 0x20

let broker: Stack
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
const directory = mkdtempSync(join(tmpdir(), 'paystatus-kek-'))

beforeAll(async () => {
  const kek = join(directory, 'kek')
  writeFileSync(kek, randomBytes(32).toString('base64'), { mode: 0o600 })
  broker = await startStack({ only: ['kafka', 'redis'] })
  deployment = await Deployment.create(
    { ...broker, registryUrl: inject('stack').registryUrl },
    // With encryption, so that the topics of the data keys are read, too.
    { config: { encryption: { active: 'kek', keys: [{ id: 'kek', file: kek }] } } },
  )
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await broker?.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Sets it on every topic and keeps the other settings; 'producer' restores the default. */
async function compressTopics(compression: string): Promise<void> {
  const names = Object.values(deployment.topics)
  const { resources } = await observer.admin.describeConfigs({
    includeSynonyms: false,
    resources: names.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  })
  await observer.admin.alterConfigs({
    validateOnly: false,
    resources: resources.map(({ resourceName, configEntries }) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: resourceName,
      configEntries: configEntries
        .filter(({ configSource, configName }) => configSource === SET_ON_TOPIC && configName !== 'compression.type')
        .map(({ configName, configValue }) => ({ name: configName, value: configValue }))
        .concat({ name: 'compression.type', value: compression }),
    })),
  })
}

async function callbacksGoThrough(seed: number): Promise<void> {
  const report = await simulate(deployment, paystatus.gatewayUrl, { seed, payments: 15 })
  expect(report.counts.accepted).toBe(report.counts.callbacks)
  await observer.caughtUp()
  const current = await observer.current()
  const wrong = report.payments.filter(
    ({ paymentKey, expectedStatus }) => current.get(paymentKey)?.status !== expectedStatus,
  )
  expect(wrong).toEqual([])
}

/** The codecs of a topic's batches, read from the broker's files. */
function codecsIn(topic: string): ReadonlySet<number> {
  const found = new Set<number>()
  for (const log of globSync(join(broker.directory, `kafka-*/data/${topic}-*/*.log`))) {
    const bytes = readFileSync(log)
    // Segments are preallocated; zeros mean that nothing was written yet.
    for (let at = 0; at + 61 <= bytes.length && bytes[at + 16] === 2; at += 12 + bytes.readInt32BE(at + 8)) {
      const attributes = bytes.readInt16BE(at + 21)
      if ((attributes & CONTROL) === 0) {
        found.add(attributes & 7)
      }
    }
  }
  return found
}

describe('compression.type of every topic', () => {
  let seed = 90

  test.each(Object.entries(CODECS))(
    'set to %s under load costs nothing, and is read by every stage and tool',
    async (name, codec) => {
      await compressTopics(name)
      await eventually(async () => {
        seed += 1
        await callbacksGoThrough(seed)
        for (const topic of ['raw', 'events', 'changes', 'current', 'keys'] as const) {
          expect(codecsIn(deployment.topics[topic]), topic).toContain(codec)
        }
      })
      expect((await paystatus.health()).ready).toBe(true)

      const checked = await deployment.command(['topics', 'check'])
      expect(checked.code).toBe(1)
      expect(checked.stdout).toContain(`${deployment.topics.raw} compression.type is ${name}, expected producer`)
    },
  )

  test('removed again leaves topics with all codecs, which are read from their beginning', async () => {
    await compressTopics('producer')
    await eventually(async () => {
      seed += 1
      await callbacksGoThrough(seed)
    })
    await paystatus.stop()
    // The view is rebuilt from `current`, and every callback is translated again from raw.
    await observer.redis.run((client) => client.flushall())
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await paystatus.ready()
    expect(await deployment.command(['verify', '--all'])).toMatchObject({ code: 0 })
    expect(await deployment.command(['drift', '--json'])).toMatchObject({ code: 0 })
    expect(await deployment.command(['topics', 'check'])).toMatchObject({ code: 0 })
    const changes = (await observer.changes()).length
    const tailed = await deployment.command(['tail', '--from-beginning', '--max', String(changes), '--json'])
    expect(tailed.stdout.trim().split('\n')).toHaveLength(changes)
  })
})

test('compression.type of the broker applies to topics without their own, and topics check reports it', async () => {
  const set = (value: string) =>
    observer.admin.alterConfigs({
      validateOnly: false,
      resources: [
        { type: kafkajs.ConfigResourceTypes.BROKER, name: '1', configEntries: [{ name: 'compression.type', value }] },
      ],
    })
  await set('zstd')
  try {
    // Our topics have the setting, so nothing changes for them.
    expect(await deployment.command(['topics', 'check'])).toMatchObject({ code: 0 })
    const topic = deployment.topics.rawDeadLetters
    await observer.admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: Object.entries(toTopicConfig(TOPICS.rawDeadLetters.settings))
            .filter(([name]) => name !== 'compression.type')
            .map(([name, value]) => ({ name, value })),
        },
      ],
    })
    await eventually(async () => {
      const { stdout } = await deployment.command(['topics', 'check'])
      expect(stdout).toContain(`${topic} compression.type is zstd, expected producer`)
    })
  } finally {
    await set('producer')
  }
})
