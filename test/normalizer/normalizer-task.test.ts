import { expect, test, vi } from 'vitest'
import type { InRecord, OutRecord } from '../../src/kafka/record.ts'
import { NormalizerTask } from '../../src/normalizer/normalizer-task.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { providerById } from '../../src/providers/registry.ts'

const RAW = 'payments.callbacks.raw'

function setUp({ failsToEncode = false } = {}) {
  const provider = providerById('jpm-global-payments-v1')
  if (provider === undefined) {
    throw new Error('no provider')
  }
  const steps: string[] = []
  const log = (name: string) => {
    const records: OutRecord[] = []
    const append = async (_partition: number, out: readonly OutRecord[]) => {
      records.push(...out)
      steps.push(name)
    }
    return { records, log: { topic: name, partitions: 4, append } }
  }
  const events = log('events')
  const deadLetters = log('dead letters')
  const onTranslated = vi.fn()
  const onDrift = vi.fn()
  const range = { start: 0n, end: 0n }
  const task = new NormalizerTask({
    partition: 1,
    group: 'g',
    rawTopic: RAW,
    sources: new Map([['jpm', { facts: { id: 'jpm', namespace: 'n', currency: null }, provider }]]),
    events: events.log,
    deadLetters: deadLetters.log,
    codec: {
      encode: (event: PaymentEvent) => {
        if (failsToEncode) {
          throw new Error('refused')
        }
        return Buffer.from(event.eventId)
      },
    },
    reader: { range: async () => range, read: async () => range },
    offsets: { committed: async () => ({ offset: -1n, metadata: null }) } as never,
    commit: async (_partition, next) => {
      steps.push(`commit ${next}`)
    },
    now: () => 0,
    onTranslated,
    onDrift,
  })
  return { task, steps, events: events.records, deadLetters: deadLetters.records, onTranslated, onDrift }
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
        deadLetters: new Map([
          ['missing-payment-id', 1],
          ['unknown-source', 1],
        ]),
      },
    ],
  ])
})

test('an event that the schema refuses is a dead letter of its element', async () => {
  const { task, events, onTranslated } = setUp({ failsToEncode: true })
  await task.process([record(0n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}')], 1n)
  expect(events).toEqual([])
  expect(onTranslated.mock.calls[0]?.[0]).toMatchObject({ events: 0, deadLetters: new Map([['internal-error', 1]]) })
})

test('what the adapter does not know is told with its provider, and only then', async () => {
  const { task, onDrift } = setUp()
  const records = [
    record(0n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"COMPLETED"}]}'),
    record(1n, 'jpm', '{"callbacks":[{"firmRootId":"a","paymentStatus":"NEW"}]}'),
    record(2n, 'gone', '{"callbacks":[{"firmRootId":"a","paymentStatus":"NEW"}]}'),
  ]
  await task.process(records, 3n)
  expect(onDrift.mock.calls).toEqual([['jpm-global-payments-v1', [{ kind: 'status', name: 'NEW' }]]])
})
