import { describe, expect, test } from 'vitest'
import { AvroEncodeError } from '../../src/avro/errors.ts'
import {
  changeCodec,
  fromPublishedState,
  loadPaymentCodecs,
  paymentEventCodec,
  stateCodec,
  toPublishedState,
} from '../../src/avro/payment-codecs.ts'
import { readTopicSchemas } from '../../src/avro/schema-files.ts'
import { SchemaNotRegisteredError } from '../../src/avro/schema-registry.ts'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX } from '../../src/payment/fold-payment.ts'
import { CODE_LENGTH_MAX, ID_LENGTH_MAX } from '../../src/payment/payment-event.ts'
import { overdueChange, toStatusChange } from '../../src/payment/status-change.ts'
import { EVENT_BYTES_MAX } from '../../src/processor/decode-event.ts'
import { TOPICS, topicNames } from '../../src/topics.ts'
import { sampleEvent, sampleReport, sampleState } from './samples.ts'

const OPTIONS = { schemaId: 3, subject: 'a-value', fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }

describe('the codecs of a service', () => {
  const names = topicNames('test.')
  const idOf = async (subject: string, schema: string) => {
    const index = readTopicSchemas(names).findIndex((known) => known.subject === subject && known.schema === schema)
    if (index < 0) {
      throw new SchemaNotRegisteredError(subject)
    }
    return 10 + index
  }
  const schemaById = async () => ({ found: 'none' }) as const

  test('carry the ids that this release’s schemas have under the subjects of its topics', async () => {
    const codecs = await loadPaymentCodecs({ idOf, schemaById }, names, () => 0)
    expect([codecs.event.schemaId, codecs.change.schemaId, codecs.state.schemaId]).toEqual([10, 11, 12])
  })

  test('do not start when a schema is not registered', async () => {
    await expect(loadPaymentCodecs({ idOf, schemaById }, topicNames('other.'), () => 0)).rejects.toThrow(
      'run paystatus schemas apply',
    )
  })
})

test('a published state is flat, and includes the finality of its status', () => {
  const published = toPublishedState(sampleState())
  expect(published).toMatchObject({ status: 'REJECTED', finality: 'FINAL', rejectedBy: 'JPM', endToEndId: 'E2E-4711' })
  expect(published).not.toHaveProperty('details')
  expect(fromPublishedState(published)).toStrictEqual(sampleState())
})

test('changes caused by events and by the overdue mark can be written', () => {
  const codec = changeCodec(OPTIONS)
  const applied = applyEvent(undefined, sampleEvent(), 1_732_000_000_500)
  if (applied.outcome !== 'recorded') {
    throw new Error(applied.outcome)
  }
  const change = toStatusChange(applied.change)
  expect(codec.decode(codec.encode(change))).toStrictEqual(change)
  const overdue = overdueChange({ ...applied.change.state, statusVersion: 2, overdueSince: 1_732_300_000_000 })
  expect(codec.decode(codec.encode(overdue))).toStrictEqual(overdue)
})

test('a value of another type is rejected without being quoted', () => {
  const wrong = { ...sampleEvent(), status: 'NO_SUCH_STATUS', endToEndId: 4711 } as never
  expect(() => paymentEventCodec(OPTIONS).encode(wrong)).toThrow(AvroEncodeError)
  expect(() => paymentEventCodec(OPTIONS).encode(wrong)).toThrow('at status, endToEndId')
})

test('a state with the maximum number of events fits a record of its topic', () => {
  const state = sampleState()
  const [first] = state.events
  const events = Array.from({ length: 256 }, () => first).filter((event) => event !== undefined)
  expect(stateCodec(OPTIONS).encode({ ...state, events }).length).toBeLessThan(1_000_000)
})

test('I10: a state with only the largest reports fits as well, with a child for each', () => {
  const amount = { value: '9'.repeat(CODE_LENGTH_MAX), currency: 'USD' }
  const id = '振'.repeat(ID_LENGTH_MAX)
  let state: PaymentState | undefined
  for (let index = 0; index < HISTORY_EVENTS_MAX; index += 1) {
    const largest = sampleReport({
      eventId: `report ${index}`,
      childKey: `jpm:${String(index).padStart(3, '0')}${id.slice(3)}`,
      amount,
      requestAmount: amount,
      references: Array.from({ length: 9 }, () => ({ type: 'CLMREF', value: id })),
    })
    // As large as the processor accepts, less a byte or two: anything larger is a dead letter.
    const room = EVENT_BYTES_MAX - 2 - paymentEventCodec(OPTIONS).encode(largest).length
    const event = { ...largest, sourceStatus: largest.sourceStatus + 'x'.repeat(Math.max(0, room)) }
    expect(EVENT_BYTES_MAX - paymentEventCodec(OPTIONS).encode(event).length).toBeOneOf([0, 1, 2])
    const applied = applyEvent(state, event, 1_732_000_000_500)
    state = applied.outcome === 'recorded' ? applied.change.state : state
  }
  expect(state?.children).toHaveLength(HISTORY_EVENTS_MAX)
  const bytes = stateCodec(OPTIONS).encode(state as PaymentState).length
  // The record batch around it takes less than the rest.
  expect(bytes).toBeLessThan(TOPICS.current.settings.messageBytesMax - 10_000)
})
