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
import { applyEvent } from '../../src/payment/apply-event.ts'
import { overdueChange, toStatusChange } from '../../src/payment/status-change.ts'
import { topicNames } from '../../src/topics.ts'
import { sampleEvent, sampleState } from './samples.ts'

const OPTIONS = { schemaId: 3, fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }

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

test('a published state is flat, and says how final its status is', () => {
  const published = toPublishedState(sampleState())
  expect(published).toMatchObject({ status: 'REJECTED', finality: 'FINAL', rejectedBy: 'JPM', endToEndId: 'E2E-4711' })
  expect(published).not.toHaveProperty('details')
  expect(fromPublishedState(published)).toStrictEqual(sampleState())
})

test('changes of events and of the overdue mark can be written', () => {
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

test('a value of another type is refused without quoting it', () => {
  const wrong = { ...sampleEvent(), status: 'NO_SUCH_STATUS', endToEndId: 4711 } as never
  expect(() => paymentEventCodec(OPTIONS).encode(wrong)).toThrow(AvroEncodeError)
  expect(() => paymentEventCodec(OPTIONS).encode(wrong)).toThrow('at status, endToEndId')
})

test('a state of the most events fits a record of its topic', () => {
  const state = sampleState()
  const [first] = state.events
  const events = Array.from({ length: 256 }, () => first).filter((event) => event !== undefined)
  expect(stateCodec(OPTIONS).encode({ ...state, events }).length).toBeLessThan(1_000_000)
})
