import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LastRecord } from '../../src/avro/avro-bytes.ts'
import { changeCodec, stateCodec } from '../../src/avro/payment-codecs.ts'
import { readSchemaFile } from '../../src/avro/schema-files.ts'
import { applyEvent, type Change, type PaymentState, type RecordedEvent } from '../../src/payment/apply-event.ts'
import { type StatusChangeRecord, toStatusChange } from '../../src/payment/status-change.ts'
import { TOPICS } from '../../src/topics.ts'
import { anyChange, anyState } from './arbitraries.ts'
import { sampleEvent } from './samples.ts'

const OPTIONS = { schemaId: 3, subject: 'a-value', fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }
const codec = stateCodec(OPTIONS)

/** What happens to a history: entries stay, are left out, are replaced, or come from another state. */
const anyHistory = (state: PaymentState, others: readonly RecordedEvent[]): fc.Arbitrary<readonly RecordedEvent[]> => {
  const kept = fc.subarray([...state.events])
  const changed = kept.map((events) => events.map((entry, index) => (index % 3 === 1 ? { ...entry } : entry)))
  const added = fc.tuple(changed, fc.subarray([...others])).map(([events, more]) => [...events, ...more])
  return fc.oneof(added, fc.shuffledSubarray([...state.events]), fc.constant(state.events))
}

/** Never decodes, so it copies nothing. */
const anew = stateCodec(OPTIONS)

test('a state whose history is copied from the one decoded last has the same bytes as one that is encoded anew', () => {
  const cases = fc.tuple(anyState, anyState).chain(([first, second]) => {
    const before = codec.decode(codec.encode(first))
    return anyHistory(before, second.events).map((events) => ({ before, after: { ...second, events } }))
  })
  fc.assert(
    fc.property(cases, ({ before, after }) => {
      // Decoded again, so that it is the last one; shrinking decodes others meanwhile.
      const last = codec.decode(codec.encode(before))
      const events = after.events.map((entry) => last.events[before.events.indexOf(entry)] ?? entry)
      expect(codec.encode({ ...after, events }).equals(anew.encode(after))).toBe(true)
    }),
  )
})

test('grows for a copied history, too', () => {
  const [state] = fc.sample(
    anyState.filter(({ events }) => events.length > 0),
    1,
  ) as [PaymentState]
  const large = { ...state, events: Array.from({ length: 3_000 }, () => state.events[0] as RecordedEvent) }
  const before = codec.decode(codec.encode(large))
  expect(codec.encode({ ...before, statusVersion: 7 })).toEqual(anew.encode({ ...before, statusVersion: 7 }))
})

test('of a state that another schema wrote, nothing is copied', async () => {
  const { schema, theirs } = otherSchema()
  const reader = stateCodec({ ...OPTIONS, fetchSchema: async () => ({ found: 'avro', schema, subjects: ['a-value'] }) })
  await reader.prepare(4)
  const [state] = fc.sample(
    anyState.filter(({ events }) => events.length > 0),
    1,
  ) as [PaymentState]
  const before = reader.decode(theirs(state))
  expect(reader.encode(before).equals(codec.encode(state))).toBe(true)
})

/** Our schema with another id. Its bytes are those of ours, but that is not known of another schema. */
function otherSchema() {
  const schema = readSchemaFile(TOPICS.current.schema)
  return { schema, theirs: (state: PaymentState) => stateCodec({ ...OPTIONS, schemaId: 4 }).encode(state) }
}

test('an event that is copied from the change it led to has the same bytes as one that is encoded anew', () => {
  const shared = { ...OPTIONS, last: new LastRecord('paystatus.v1.PaymentEvent') }
  const [sharedChange, sharedState] = [changeCodec(shared), stateCodec(shared)]
  const change = changeCodec(OPTIONS)
  fc.assert(
    fc.property(anyChange, anyChange, anyState, fc.boolean(), (first, second, state, same) => {
      const { event } = second
      const events = event === null ? state.events : [...state.events, { ...recordedBy(second), event }]
      const after = { ...state, events: same ? events : state.events }
      expect(sharedChange.encode(first).equals(change.encode(first))).toBe(true)
      expect(sharedChange.encode(second).equals(change.encode(second))).toBe(true)
      expect(sharedState.encode(after).equals(codec.encode(after))).toBe(true)
      expect(sharedChange.encode(second).equals(change.encode(second))).toBe(true)
    }),
  )
})

test('an event is not copied from a change that was written after it', () => {
  const shared = { ...OPTIONS, last: new LastRecord('paystatus.v1.PaymentEvent') }
  const [sharedChange, sharedState] = [changeCodec(shared), stateCodec(shared)]
  const change = firstChange()
  sharedChange.encode(toStatusChange(change))
  sharedChange.encode({ ...toStatusChange(change), event: null, paymentKey: 'another payment' })
  expect(sharedState.encode(change.state).equals(anew.encode(change.state))).toBe(true)
})

test('an event that did not fit at first is not copied from what was written of it', () => {
  const shared = { ...OPTIONS, last: new LastRecord('paystatus.v1.PaymentEvent') }
  const change = { ...toStatusChange(firstChange()), event: sampleEvent({ endToEndId: 'x'.repeat(20_000) }) }
  expect(changeCodec(shared).encode(change).equals(changeCodec(OPTIONS).encode(change))).toBe(true)
})

function firstChange(): Change {
  const applied = applyEvent(undefined, sampleEvent(), 1)
  if (applied.outcome !== 'recorded') {
    throw new TypeError('a first event is recorded')
  }
  return applied.change
}

function recordedBy({ statusVersion, statusAfter, recordedAt }: StatusChangeRecord): Omit<RecordedEvent, 'event'> {
  return { detailsDropped: false, verdict: 'APPLIED', rule: 'first-event', statusVersion, statusAfter, recordedAt }
}
