import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type AvroCodec, CONFIRMED_FOR_MS } from '../../src/avro/codec.ts'
import { AvroEncodeError, SchemaIdError } from '../../src/avro/errors.ts'
import { paymentEventCodec } from '../../src/avro/payment-codecs.ts'
import { readSchemaFile } from '../../src/avro/schema-files.ts'
import type { FoundSchema } from '../../src/avro/schema-registry.ts'
import type { OpensBodies } from '../../src/encryption/body-opener.ts'
import { NormalizerTask } from '../../src/normalizer/normalizer-task.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { providerById } from '../../src/providers/registry.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import type { InRecord, OutRecord } from '../../src/stream/record.ts'
import { SeenTopics } from '../../src/stream/seen-topics.ts'
import { TOPICS } from '../../src/topics.ts'

const RAW = 'payments.callbacks.raw'

interface Failures {
  codec?: Pick<AvroCodec<PaymentEvent>, 'encode'>
  failsToAppend?: boolean
  failsToCommit?: boolean
  bodies?: OpensBodies
}

/** The failures may change while it runs. */
function setUp(failures: Failures = {}, providerId = 'jpm-global-payments-v1') {
  const provider = providerById(providerId)
  if (provider === undefined) {
    throw new Error('no provider')
  }
  const steps: string[] = []
  const log = (name: string) => {
    const records: OutRecord[] = []
    const append = async (_partition: number, out: readonly OutRecord[]) => {
      if (failures.failsToAppend) {
        throw new Error('the brokers are away')
      }
      records.push(...out)
      steps.push(name)
    }
    return { records, log: { topic: name, partitions: 4, append } }
  }
  const events = log('events')
  const deadLetters = log('dead letters')
  const onTranslated = vi.fn()
  const onDrift = vi.fn()
  const onUnknownSource = vi.fn()
  const range = { start: 0n, end: 0n, highWatermark: 0n }
  const task = new NormalizerTask({
    partition: 1,
    group: 'g',
    rawTopic: RAW,
    sources: new Map([['jpm', { facts: { id: 'jpm', namespace: 'n', currency: null }, provider }]]),
    events: events.log,
    deadLetters: deadLetters.log,
    codec: failures.codec ?? { encode: ({ eventId }) => Buffer.from(eventId) },
    bodies: failures.bodies ?? { open: async (records) => records },
    reader: { range: async () => range, at: async () => 'nothing', read: async () => range },
    offsets: { committed: async () => ({ offset: -1n, metadata: null }), committedAll: async () => new Map() } as never,
    logs: {
      facts: async (topics) =>
        new Map(topics.map((topic) => [topic, { id: topic, partitions: events.log.partitions }])),
      endOfEpoch: async () => null,
    },
    seenTopics: new SeenTopics(),
    environment: 'test',
    namespaces: new Map([['jpm', 'n']]),
    commit: async (_partition, next) => {
      steps.push(`commit ${next}`)
      if (failures.failsToCommit) {
        throw new Error('not a member of the group')
      }
    },
    now: () => 0,
    onTranslated,
    onDrift,
    onUnknownSource,
  })
  return {
    task,
    steps,
    events: events.records,
    deadLetters: deadLetters.records,
    onTranslated,
    onDrift,
    onUnknownSource,
  }
}

function record(offset: bigint, source: string, body: string): InRecord {
  return { offset, timestamp: 0, key: null, value: Buffer.from(body), headers: { ce_source: source, ce_id: 'receipt' } }
}

test('events and dead letters are appended before the offset is committed, and every element is counted (I2)', async () => {
  const { task, steps, events, deadLetters, onTranslated } = setUp()
  const records = [
    record(0n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"},{"paymentStatus":"COMPLETED"}]}'),
    record(1n, 'jpm', '{"callbacks":[]}'),
    record(2n, 'gone', '{}'),
  ]
  await task.process(records, 3n)
  expect(steps.at(-1)).toBe('commit 3')
  expect(steps.slice(0, -1).sort()).toEqual(['dead letters', 'events'])
  expect(events.map(({ key }) => String(key))).toEqual(['n:a'])
  expect(deadLetters).toHaveLength(2)
  expect(onTranslated.mock.calls).toEqual([
    [
      {
        callbacks: 3,
        events: 1,
        setAside: 1,
        forgotten: 0,
        deadLetters: new Map([
          ['missing-payment-id', 1],
          ['unknown-source', 1],
        ]),
        unaccounted: 0,
      },
    ],
  ])
})

test('an event that the schema rejects becomes a dead letter of its element', async () => {
  const encode = () => {
    throw new AvroEncodeError('PaymentEvent', 'the value does not fit the schema')
  }
  const { task, events, onTranslated } = setUp({ codec: { encode } })
  await task.process([record(0n, 'jpm', COMPLETED)], 1n)
  expect(events).toEqual([])
  expect(onTranslated.mock.calls[0]?.[0]).toMatchObject({ events: 0, deadLetters: new Map([['internal-error', 1]]) })
})

test('while the registry gives our schema id another meaning, nothing is written or committed, and nothing is skipped', async () => {
  const schema: { answer: FoundSchema } = { answer: { found: 'none' } }
  let time = 0
  const codec = paymentEventCodec({
    schemaId: 7,
    subject: 'payments.events-value',
    fetchSchema: async () => schema.answer,
    now: () => time,
  })
  const { task, steps, events } = setUp({ codec })
  await expect(codec.confirm(7)).rejects.toThrow(SchemaIdError)
  await expect(task.process([record(0n, 'jpm', COMPLETED)], 1n)).rejects.toThrow(SchemaIdError)
  expect(steps).toEqual([])
  schema.answer = { found: 'avro', schema: readSchemaFile(TOPICS.events.schema), subjects: null }
  time += CONFIRMED_FOR_MS
  await codec.confirm(7)
  await task.process([record(0n, 'jpm', COMPLETED)], 1n)
  expect(events).toHaveLength(1)
  expect(steps).toEqual(['events', 'commit 1'])
})

test('content unknown to the adapter is reported with its provider, and nothing else is', async () => {
  const { task, onDrift } = setUp()
  const records = [
    record(0n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}'),
    record(1n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"NEW"}]}'),
    record(2n, 'gone', '{"callbacks":[{"firmRootId":"a","paymentStatus":"NEW"}]}'),
  ]
  await task.process(records, 3n)
  expect(onDrift.mock.calls).toEqual([['jpm-global-payments-v1', [{ kind: 'status', name: 'NEW' }]]])
})

const COMPLETED = '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}'

test('an event of a refund is also reported to its original, in the partition of the original', async () => {
  const { task, events, onTranslated } = setUp({}, 'instamed')
  const refund = {
    PaymentTransactionID: 'B2',
    OriginalTransactionID: 'A1',
    TransactionAction: 'Refund',
    CurrentTransactionStatusCode: 'C',
  }
  await task.process([record(0n, 'jpm', JSON.stringify(refund))], 1n)
  expect(events.map(({ key }) => String(key))).toEqual(['n:b2', 'n:a1'])
  expect(onTranslated.mock.calls[0]?.[0]).toMatchObject({ callbacks: 1, events: 2 })
})

test('nothing is committed when an append fails (I2)', async () => {
  const { task, steps } = setUp({ failsToAppend: true })
  await expect(task.process([record(0n, 'jpm', COMPLETED)], 1n)).rejects.toThrow('the brokers are away')
  await task.drained()
  expect(steps).toEqual([])
})

test('many bad elements of one callback share one dead letter with their count, and its good ones are processed (I2, I10)', async () => {
  const { task, events, deadLetters, onTranslated } = setUp()
  const bad = Array.from({ length: 1_000 }, () => '{"paymentStatus":"COMPLETED"}').join(',')
  await task.process([record(0n, 'jpm', `{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"},${bad}]}`)], 1n)
  expect(events).toHaveLength(1)
  expect(deadLetters).toHaveLength(1)
  expect(deadLetters[0]?.headers?.['dlq_message']).toMatch(/^1000 elements cannot be read; the first: /)
  expect(onTranslated.mock.calls[0]?.[0]).toMatchObject({
    events: 1,
    deadLetters: new Map([['missing-payment-id', 1_000]]),
  })
})

test('a callback that was passed over, or ends as nothing, is told (I2)', async () => {
  const { task, onTranslated } = setUp()
  await task.process([record(0n, 'jpm', COMPLETED), record(2n, 'jpm', COMPLETED)], 3n)
  await task.process([record(3n, 'jpm', COMPLETED)], 4n)
  expect(onTranslated.mock.calls.map(([{ unaccounted }]) => unaccounted)).toEqual([1, 0])
})

test('callbacks are accounted for again after a reopening', async () => {
  const failures: Failures = { failsToAppend: true }
  const { task, onTranslated } = setUp(failures)
  await task.open()
  await expect(task.process([record(0n, 'jpm', COMPLETED)], 1n)).rejects.toThrow('away')
  failures.failsToAppend = false
  await task.open()
  await task.process([record(0n, 'jpm', COMPLETED)], 1n)
  expect(onTranslated.mock.calls.map(([{ unaccounted }]) => unaccounted)).toEqual([0])
})

describe('commits', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const commits = (steps: readonly string[]) => steps.filter((step) => step.startsWith('commit'))

  test('of batches in quick succession are shared, and cover only what was appended', async () => {
    const { task, steps } = setUp()
    for (const offset of [0n, 1n, 2n]) {
      await task.process([record(offset, 'jpm', COMPLETED)], offset + 1n)
    }
    expect(commits(steps)).toEqual(['commit 1'])
    await vi.advanceTimersByTimeAsync(200)
    expect(commits(steps)).toEqual(['commit 1', 'commit 3'])
  })

  test('that are pending are made when the lane is drained', async () => {
    const { task, steps } = setUp()
    await task.process([record(0n, 'jpm', COMPLETED)], 1n)
    await task.process([record(1n, 'jpm', COMPLETED)], 2n)
    await task.drained()
    expect(commits(steps)).toEqual(['commit 1', 'commit 2'])
  })

  test('are never made for a revoked partition', async () => {
    const { task, steps } = setUp()
    await task.process([record(0n, 'jpm', COMPLETED)], 1n)
    await task.process([record(1n, 'jpm', COMPLETED)], 2n)
    await task.close()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(commits(steps)).toEqual(['commit 1'])
  })

  test('that keep failing put the lane in doubt', async () => {
    const { task } = setUp({ failsToCommit: true })
    for (let second = 0; second <= 10; second += 1) {
      await task.process([record(BigInt(second), 'jpm', COMPLETED)], BigInt(second + 1))
      await vi.advanceTimersByTimeAsync(1_000)
    }
    await expect(task.process([record(11n, 'jpm', COMPLETED)], 12n)).rejects.toThrow('not a member')
  })

  test('that fail in the timer are retried, at the latest when the partition is idle', async () => {
    const failing = { failsToCommit: false }
    const { task, steps } = setUp(failing)
    await task.process([record(0n, 'jpm', COMPLETED)], 1n)
    await task.process([record(1n, 'jpm', COMPLETED)], 2n)
    failing.failsToCommit = true
    await vi.advanceTimersByTimeAsync(200)
    await task.idle()
    failing.failsToCommit = false
    await vi.advanceTimersByTimeAsync(200)
    await task.idle()
    await task.idle()
    expect(commits(steps)).toEqual(['commit 1', 'commit 2', 'commit 2', 'commit 2'])
  })
})

describe('encrypted callbacks', () => {
  const encrypted = (offset: bigint): InRecord => ({
    ...record(offset, 'jpm', 'ciphertext'),
    headers: { ce_source: 'jpm', paystatus_encryption: 'aes-256-gcm', paystatus_data_key: 'id' },
  })

  test('are translated as they were received, set aside if forgotten, and stay encrypted as dead letters (I2)', async () => {
    const { task, events, deadLetters, onTranslated, steps } = setUp({
      bodies: {
        open: async ([first, , third]) => [
          { ...(first as InRecord), value: Buffer.from(COMPLETED) },
          'forgotten',
          { ...(third as InRecord), value: Buffer.from('no JSON') },
          'undecryptable',
        ],
      },
    })
    await task.process([encrypted(0n), encrypted(1n), encrypted(2n), encrypted(3n)], 4n)
    expect(events).toHaveLength(1)
    expect(
      deadLetters.map(({ value, headers }) => [String(value), headers?.['dlq_reason'], headers?.['dlq_offset']]),
    ).toEqual([
      ['ciphertext', 'invalid-json', '2'],
      ['ciphertext', 'undecryptable', '3'],
    ])
    expect(onTranslated.mock.calls[0]?.[0]).toMatchObject({
      callbacks: 4,
      events: 1,
      setAside: 0,
      forgotten: 1,
      unaccounted: 0,
    })
    expect(steps.at(-1)).toBe('commit 4')
  })

  test('that cannot be decrypted now stop everything: nothing is appended or committed', async () => {
    const { task, steps } = setUp({
      bodies: {
        open: async () => {
          throw new DefinedStop('KEK_UNKNOWN', 'no key')
        },
      },
    })
    await expect(task.process([encrypted(0n)], 1n)).rejects.toThrow(DefinedStop)
    expect(steps).toEqual([])
  })
})

describe('a self-describing record', () => {
  const body = (id: string) => `{"callbacks":[{"firmRootId":"${id}","paymentStatus":"COMPLETED"}]}`
  const told = (offset: bigint, headers: Record<string, string>): InRecord => ({
    ...record(offset, 'new', body('a')),
    headers: { ce_source: 'new', ce_id: 'receipt', ...headers },
  })

  test('is read without its source being configured (I2)', async () => {
    const { task, events, deadLetters } = setUp()
    await task.process([told(0n, { paystatus_provider: 'jpm-global-payments-v1', paystatus_namespace: 'other' })], 1n)
    expect(events.map(({ key }) => String(key))).toEqual(['other:a'])
    expect(deadLetters).toEqual([])
  })

  test('of a provider that this release does not know becomes a dead letter, is reported, and blocks nothing (I2)', async () => {
    const { task, events, deadLetters, steps, onTranslated, onUnknownSource } = setUp()
    const unknown = told(0n, { paystatus_provider: 'newer', paystatus_namespace: 'other' })
    await task.process([unknown, record(1n, 'gone', body('b')), record(2n, 'jpm', body('c'))], 3n)
    expect(events.map(({ key }) => String(key))).toEqual(['n:c'])
    expect(
      deadLetters.map(({ value, headers }) => [value, headers?.['dlq_reason'], headers?.['paystatus_provider']]),
    ).toEqual([
      [unknown.value, 'unknown-provider', 'newer'],
      [Buffer.from(body('b')), 'unknown-source', undefined],
    ])
    expect(onUnknownSource.mock.calls.map(([{ offset }, reason]) => [offset, reason])).toEqual([
      [0n, 'unknown-provider'],
      [1n, 'unknown-source'],
    ])
    expect(onTranslated.mock.calls[0]?.[0].deadLetters).toEqual(
      new Map([
        ['unknown-provider', 1],
        ['unknown-source', 1],
      ]),
    )
    expect(steps.at(-1)).toBe('commit 3')
  })
})
