import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { parse, stringify } from 'yaml'
import { createKafkaAppendLog } from '../../../src/kafka/kafka-append-log.ts'
import { HISTORY_EVENTS_MAX } from '../../../src/payment/keep-within-bound.ts'
import { DEAD_LETTER_REASONS } from '../../../src/providers/provider.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { toRawRecord } from '../../../src/raw/to-raw-record.ts'
import { toDeadLetter } from '../../../src/stream/dead-letter.ts'
import { headerText } from '../../../src/stream/header-text.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { InRecord, OutRecord } from '../../../src/stream/record.ts'
import { audit } from '../../../src/tools/audit/audit.ts'
import { listLetters } from '../../../src/tools/dlq/dlq.ts'
import { eventsOfRaw } from '../../../src/tools/verify/events-of-raw.ts'
import { verify } from '../../../src/tools/verify/verify.ts'
import type { TopicId } from '../../../src/topics.ts'
import { LIGHT, sampleEvent } from '../../avro/samples.ts'
import { Deployment, type RoleProcess } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { Observer } from '../../lab/harness/observer.ts'

/**
 * Dead letters of every reason on real servers: those of a release that could not read them yet are redriven, and those of the
 * current stages stay until they are closed.
 */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const MENDED = Object.keys(DEAD_LETTER_REASONS)
const LATE_SOURCE = 'late-source'
let deployment: Deployment
let observer: Observer
let stages: RoleProcess
/** The configuration in which the source that was forgotten is configured. */
let mendedConfig: string

async function append(topic: TopicId, records: readonly (OutRecord & { partition?: number })[]): Promise<void> {
  const { partitions } = deployment.config.kafka
  const options = { partitions, waitingRecordsMax: 1_000, waitingBytesMax: 64 << 20, retryForMs: 10_000 }
  const { log, close } = createKafkaAppendLog(observer.kafka, { topic: deployment.topics[topic], ...options })
  const placed = Map.groupBy(records, ({ key, partition }) => partition ?? partitionOf(Buffer.from(key), partitions))
  await Promise.all([...placed].map(([partition, of]) => log.append(partition, of)))
  await close()
}

async function dlq(args: readonly string[], code = 0, configFile = deployment.configFile) {
  const end = await deployment.command(['dlq', ...args, '--json'], { configFile })
  expect([args, end.code, end.code === code ? '' : end.stderr]).toEqual([args, code, ''])
  return end.stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
}

async function reasons(): Promise<readonly string[]> {
  const { groups } = await listLetters(deployment.config, deployment.logger, {})
  return groups.flatMap(({ count, reason }) => Array<string>(count).fill(reason)).toSorted()
}

/** A raw record of a v1 callback. */
function raw(id: string, body: object, headers: Readonly<Record<string, string>> = {}): OutRecord {
  const callback = {
    callbackId: `receipt-${id}`,
    source: 'jpm-v1',
    namespace: 'jpm-global-payments-v1',
    currency: null,
    receivedAt: Date.now(),
    contentType: 'application/json',
    authenticity: [],
    body: Buffer.from(JSON.stringify(body)),
  }
  const provider = providerById('jpm-global-payments-v1')
  if (provider === undefined) {
    throw new TypeError('no provider')
  }
  const record = toRawRecord(callback, provider)
  return { ...record, headers: { ...record.headers, ...headers } }
}

const completed = (id: string) => ({ callbacks: [{ firmRootId: id, paymentStatus: 'COMPLETED' }] })

function letterOf(record: InRecord & { partition: number }, topic: 'raw' | 'events', reason: string): OutRecord {
  return toDeadLetter(record, {
    reason,
    message: 'as the other release said',
    stage: topic === 'raw' ? 'normalizer' : 'processor',
    topic: deployment.topics[topic],
    partition: record.partition,
    offset: record.offset,
    element: null,
    at: Date.now(),
  })
}

/** Callbacks that another release has processed: it made dead letters of all. */
async function processedByAnotherRelease(): Promise<void> {
  const { config, topics } = deployment
  await append(
    'raw',
    MENDED.map((reason) => raw(reason, completed(reason))),
  )
  for (const record of await observer.records('raw')) {
    const reason = headerText(record, 'ce_id').slice('receipt-'.length)
    if (reason === 'internal-error') {
      // Of this one it made an event, which its processor could not decode, because the registry had lost a schema.
      const [event] = eventsOfRaw(record, sourcesById(config.sources)) ?? []
      const value = event === undefined ? null : observer.codecs.event.encode(event)
      const letter = letterOf({ ...record, value, headers: {} }, 'events', 'undecodable')
      await append('eventDeadLetters', [{ ...letter, key: event?.paymentKey ?? '' }])
    } else {
      await append('rawDeadLetters', [{ ...letterOf(record, 'raw', reason), partition: record.partition }])
    }
  }
  const partitions = await Promise.all(
    Array.from({ length: config.kafka.partitions }, async (_, partition) => ({
      partition,
      offset: String((await observer.records('raw')).filter((one) => one.partition === partition).length),
    })),
  )
  await observer.admin.setOffsets({ groupId: config.normalizer.group, topic: topics.raw, partitions })
}

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  observer = await Observer.create(deployment)
  const configuration = parse(readFileSync(deployment.configFile, 'utf8'))
  mendedConfig = join(dirname(deployment.configFile), 'mended.yaml')
  const late = {
    id: LATE_SOURCE,
    provider: 'jpm-global-payments-v1',
    path: '/callbacks/late',
    authentication: { type: 'none' },
  }
  writeFileSync(mendedConfig, stringify({ ...configuration, sources: [...configuration.sources, late] }))
  await processedByAnotherRelease()
  stages = await deployment.start(['normalizer', 'processor'])
  await stages.ready()
  // A payment in every partition, so that both groups have committed everywhere.
  await append(
    'raw',
    Array.from({ length: 30 }, (_, index) => raw(`seen-${index}`, completed(`seen-${index}`))),
  )
  await observer.caughtUp()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('dead letters of every reason are listed, counted, shown, and redriven once their cause is fixed (I2, I3)', async () => {
  const expected = [...MENDED.filter((reason) => reason !== 'internal-error'), 'undecodable'].toSorted()
  expect(await reasons()).toEqual(expected)
  await eventually(async () => {
    const waiting = await stages.metric(
      `paystatus_dead_letters_open{topic="${deployment.topics.rawDeadLetters}",reason="missing-status"}`,
    )
    expect(waiting).toBe(1)
    expect(await stages.health()).toMatchObject({
      ready: true,
      details: {
        deadLetters: {
          [deployment.topics.rawDeadLetters]: { open: MENDED.length - 1, byReason: { ambiguous: 1 } },
          [deployment.topics.eventDeadLetters]: { open: 1, byReason: { undecodable: 1 } },
        },
      },
    })
  })
  const [{ groups }] = await dlq(['list', '--cause', 'ambiguous'])
  expect(groups).toMatchObject([{ count: 1, provider: 'jpm-global-payments-v1', source: 'jpm-v1', age: 'hour' }])
  const [shown] = await dlq(['show', groups[0].oldest, '--body'])
  expect(shown).toMatchObject({ reason: 'ambiguous', decided: null, now: { outcome: 'redriven' } })
  expect(JSON.parse(shown.body.text)).toEqual(completed('ambiguous'))

  const changes = (await observer.records('changes')).length
  const dry = await dlq(['redrive', '--all'])
  expect(dry).toHaveLength(MENDED.length + 1)
  for (const { outcome, effects } of dry.slice(0, -1)) {
    expect([outcome, effects]).toMatchObject(['redriven', [{ before: null, after: 'COMPLETED', verdict: 'APPLIED' }]])
  }
  expect(await reasons()).toEqual(expected)
  expect((await observer.records('changes')).length).toBe(changes)

  const [summary] = (await dlq(['redrive', '--all', '--apply', '--reason', 'mended', '--by', 'test'])).slice(-1)
  expect(summary).toMatchObject({ applied: true, letters: MENDED.length, redriven: MENDED.length, duplicates: 0 })
  await observer.caughtUp()
  expect(await reasons()).toEqual([])
  const steps = (await observer.changes()).filter(({ paymentKey }) => !paymentKey.includes(':seen-'))
  expect(steps.map(({ paymentKey }) => paymentKey).toSorted()).toEqual(
    MENDED.map((reason) => `jpm-global-payments-v1:${reason}`).toSorted(),
  )
  const { config, logger } = deployment
  expect(await verify(config, logger)).toMatchObject({ ok: true, differences: [] })
  expect((await audit(config, logger, {})).acts).toMatchObject([
    { act: 'redrive', by: 'test', reason: 'mended', outcome: 'done', counts: { redriven: MENDED.length } },
  ])
  await eventually(async () =>
    expect(await stages.health()).toMatchObject({
      details: { deadLetters: { [deployment.topics.rawDeadLetters]: { open: 0, byReason: {} } } },
    }),
  )
})

test('what the stages cannot read stays with its reason, and is closed; a source that is configured later is read', async () => {
  const described = ['paystatus_provider', 'paystatus_namespace']
  const undescribed = (record: OutRecord): OutRecord => ({
    ...record,
    headers: Object.fromEntries(
      Object.entries({ ...record.headers, ce_source: LATE_SOURCE }).filter(([name]) => !described.includes(name)),
    ),
  })
  const event = { ...sampleEvent(LIGHT), paymentKey: 'full:1', status: 'PROCESSING' } as const
  // The newest decides and the older ones are kept: the last to come is the second newest.
  const history = Array.from({ length: HISTORY_EVENTS_MAX + 1 }, (_, index) => ({
    ...event,
    eventId: `event-${index}`,
    occurredAt: event.receivedAt + (index === 0 ? HISTORY_EVENTS_MAX + 1 : index),
  }))
  await append('raw', [
    undescribed(raw('late', completed('late'))),
    raw('unknown-provider', completed('x1'), { paystatus_provider: 'another-bank' }),
    raw('undecryptable', completed('x2'), { paystatus_encryption: 'aes-256-gcm', paystatus_data_key: 'none' }),
    raw('missing-status', { callbacks: [{ firmRootId: 'x3' }, { firmRootId: 'x4', paymentStatus: 'COMPLETED' }] }),
    raw('foreign-product', { hello: 'world' }),
  ])
  await append('events', [
    { key: 'poison:1', value: Buffer.from('nonsense') },
    { key: 'poison:2', value: observer.codecs.event.encode(event) },
    { key: 'poison:3', value: Buffer.alloc(8_000) },
    ...history.map((one) => ({ key: one.paymentKey, value: observer.codecs.event.encode(one) })),
  ])
  await observer.caughtUp()
  const stay = [
    'foreign-product',
    'history-full',
    'key-mismatch',
    'missing-status',
    'too-large',
    'undecodable',
    'undecryptable',
    'unknown-provider',
  ]
  expect(await reasons()).toEqual([...stay, 'unknown-source'].toSorted())
  const args = ['redrive', '--all', '--apply', '--reason', 'source configured', '--by', 'test']
  const results = await dlq(args, 1, mendedConfig)
  expect(results.at(-1)).toMatchObject({ letters: stay.length + 1, redriven: 1, stays: stay.length, events: 1 })
  await observer.caughtUp()
  expect(await reasons()).toEqual(stay)
  expect((await observer.current()).get('jpm-global-payments-v1:late')?.status).toBe('COMPLETED')

  const [{ closed }] = await dlq(['close', '--all', '--reason', 'made by a test', '--by', 'test'])
  expect(closed).toBe(stay.length)
  expect(await reasons()).toEqual([])
  const [letter] = (await observer.records('eventDeadLetters')).slice(-1)
  const place = `${deployment.topics.eventDeadLetters}[${letter?.partition}]@${letter?.offset}`
  expect(await dlq(['show', place])).toMatchObject([{ place, decided: { how: 'closed', by: 'test' }, now: null }])
  expect(await dlq(['redrive', place], 1)).toMatchObject([{ letters: 0, absent: 1 }])
})

test('wrong options end with 2', async () => {
  const end = await deployment.command(['dlq', 'redrive', '--all', '--apply'])
  expect([end.code, end.stderr]).toEqual([2, expect.stringContaining('--apply needs --reason')])
})
