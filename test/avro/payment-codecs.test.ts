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
import { applyEvent, type PaymentState, type RecordedEvent } from '../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX, STATE_BYTES_MAX } from '../../src/payment/keep-within-bound.ts'
import { CODE_LENGTH_MAX, EVENT_BYTES_MAX, ID_LENGTH_MAX, type PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { overdueChange, toStatusChange } from '../../src/payment/status-change.ts'
import { topicNames } from '../../src/topics.ts'
import { LIGHT, sampleEvent, sampleReport, sampleState } from './samples.ts'

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
  expect(stateCodec(OPTIONS).encode({ ...state, events }).length).toBeLessThan(STATE_BYTES_MAX)
})

describe('I10: a state takes at most 128 KiB', () => {
  const amount = { value: '9'.repeat(CODE_LENGTH_MAX), currency: 'USD' }
  const id = '振'.repeat(ID_LENGTH_MAX)
  const references = Array.from({ length: 9 }, (_, index) => ({ type: `CLMREF${index}`, value: id }))

  test.each<[string, (index: number) => PaymentEvent]>([
    [
      'reports, with a child for each',
      (index) => sampleReport({ childKey: childKey(index), amount, requestAmount: amount, references }),
    ],
    ['light reports', (index) => sampleReport({ ...LIGHT, childKey: `jpm:${index}`, relatesTo: null })],
    ['events of one status', (index) => sampleEvent({ status: 'PROCESSING', occurredAt: index, references, amount })],
    ['events that decide', (index) => sampleEvent({ ...deciding(index), references, amount })],
    ['light events that decide', (index) => sampleEvent({ ...LIGHT, ...deciding(index) })],
    [
      'light events with large ones among them',
      (index) => sampleEvent({ ...deciding(index), ...(index % 5 === 0 ? { references } : LIGHT) }),
    ],
    ['events of the usual size', (index) => sampleEvent({ status: 'PROCESSING', occurredAt: index })],
    ['withdrawn events', (index) => sampleEvent({ withdrawn: index > 0, references })],
  ])('of %s', (_, eventAt) => {
    let state: PaymentState | undefined
    for (let index = 0; index < 2 * HISTORY_EVENTS_MAX; index += 1) {
      const event = eventAt(index)
      const applied = applyEvent(state, asLargeAsAllowed({ ...event, eventId: `${index}`.padStart(32, '0') }), 1)
      state =
        applied.outcome === 'duplicate' ? state : applied.outcome === 'recorded' ? applied.change.state : applied.state
    }
    expect(state?.eventsLeftOut).toBe(2 * HISTORY_EVENTS_MAX - (state?.events.length ?? 0))
    expect(stateCodec(OPTIONS).encode(state as PaymentState).length).toBeLessThan(STATE_BYTES_MAX)
  })

  test('of a state of an older release, from the next event on, even if that is refused', () => {
    const events = Array.from({ length: HISTORY_EVENTS_MAX }, (_, index) => {
      const event = sampleEvent({ eventId: `${index}`, status: 'PROCESSING', occurredAt: index, references })
      return { ...(sampleState().events[0] as RecordedEvent), event, statusVersion: index + 1 }
    })
    const old = { ...sampleState(), events, statusVersion: HISTORY_EVENTS_MAX }
    expect(stateCodec(OPTIONS).encode(old).length).toBeGreaterThan(4 * STATE_BYTES_MAX)
    for (const occurredAt of [HISTORY_EVENTS_MAX - 1.5, HISTORY_EVENTS_MAX]) {
      const applied = applyEvent(old, sampleEvent({ eventId: 'next', status: 'PROCESSING', occurredAt, references }), 1)
      const state =
        applied.outcome === 'recorded' ? applied.change.state : applied.outcome === 'history-full' ? applied.state : old
      expect(applied.outcome).toBe(occurredAt === HISTORY_EVENTS_MAX ? 'recorded' : 'history-full')
      expect(stateCodec(OPTIONS).encode(state).length).toBeLessThan(STATE_BYTES_MAX)
      expect(state.eventsLeftOut).toBe(HISTORY_EVENTS_MAX + 1 - state.events.length)
    }
  })

  /** As large as the processor accepts, less a byte or two, if it has references; anything larger is a dead letter. */
  function asLargeAsAllowed(event: PaymentEvent): PaymentEvent {
    if (event.references !== references) {
      return event
    }
    const room = EVENT_BYTES_MAX - 3 - paymentEventCodec(OPTIONS).encode({ ...event, sourceAction: 'x' }).length
    const largest = { ...event, sourceAction: 'x'.repeat(Math.max(0, room)) }
    expect(EVENT_BYTES_MAX - paymentEventCodec(OPTIONS).encode(largest).length).toBeOneOf([0, 1, 2, 3])
    return largest
  }

  function childKey(index: number): string {
    return `jpm:${String(index).padStart(3, '0')}${id.slice(3)}`
  }

  /** Every status with every kind of time, all markers and kinds. */
  function deciding(index: number): Partial<PaymentEvent> {
    const status = PAYMENT_STATUS_NAMES[index % PAYMENT_STATUS_NAMES.length] as PaymentStatus
    const how = Math.floor(index / PAYMENT_STATUS_NAMES.length) % 4
    return {
      status,
      unknownBecause: status === 'UNKNOWN' ? (index % 2 === 0 ? 'STATUS' : 'CONTEXT') : null,
      occurredAt: how === 0 ? null : (index * 7_919) % 1_000_003,
      occurredAtPrecision: how === 3 ? 'DAY' : 'SECOND',
      zoneAssumed: how > 1,
      weakKey: index % 3 === 0,
      timeUnreadable: index % 5 === 0,
      partialApproval: index % 7 === 0,
      unreadable: index % 11 === 0 ? ['amount'] : [],
      kind: index % 13 === 0 ? 'RETURN' : index % 17 === 0 ? 'UNKNOWN' : 'PAYMENT',
    }
  }
})

const PAYMENT_STATUS_NAMES = Object.keys(PAYMENT_STATUSES) as readonly PaymentStatus[]
