import { describe, expect, test } from 'vitest'
import { createCodec } from '../../src/avro/codec.ts'
import { changeCodec, paymentEventCodec, stateCodec, toPublishedState } from '../../src/avro/payment-codecs.ts'
import { readSchemaFile } from '../../src/avro/schema-files.ts'
import type { FoundSchema } from '../../src/avro/schema-registry.ts'
import { applyEvent, type Change } from '../../src/payment/apply-event.ts'
import { toStatusChange } from '../../src/payment/status-change.ts'
import { sampleEvent, sampleReport, sampleState } from './samples.ts'

/** Two releases side by side: ours, and one with newer schemas. Each must read what the other wrote. */

const OURS = 1
const THEIRS = 2

const OPTIONAL = { name: 'settledAmount', type: ['null', 'string'], default: null, doc: 'New in the next release.' }

interface Named {
  readonly name: string
  fields?: { name: string; type: unknown }[]
  symbols?: string[]
}

/** The schema with a change applied to every definition of that name, wherever it is embedded. */
function evolved(file: string, name: string, change: (definition: Named) => void): string {
  return JSON.stringify(JSON.parse(readSchemaFile(file)), (_, part) => {
    if (typeof part === 'object' && part !== null && part.name === name && ('fields' in part || 'symbols' in part)) {
      change(part)
    }
    return part
  })
}

/** The other release's codec, which accepts any value. */
function theirs(schema: string, ourSchema: string) {
  return createCodec<object, object>({
    name: 'theirs',
    schema,
    schemaId: THEIRS,
    subject: 'our-value',
    fetchSchema: async () => ({ found: 'avro', schema: ourSchema, subjects: ['our-value'] }),
    now: () => 0,
    toAvro: (value) => value,
    fromAvro: (value) => value,
  })
}

function options(theirSchema: string) {
  const fetchSchema = async (): Promise<FoundSchema> => ({
    found: 'avro',
    schema: theirSchema,
    subjects: ['our-value'],
  })
  return { schemaId: OURS, subject: 'our-value', fetchSchema, now: () => 0 }
}

describe('an optional field that the next release adds to the event', () => {
  const EVENT = 'payment-event.avsc'
  const STATE = 'payment-status.avsc'
  const add = (definition: Named) => definition.fields?.push(OPTIONAL)

  test('is skipped by us, and null for them', async () => {
    const next = evolved(EVENT, 'PaymentEvent', add)
    const [our, their] = [paymentEventCodec(options(next)), theirs(next, readSchemaFile(EVENT))]
    await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
    expect(our.decode(their.encode({ ...sampleEvent(), settledAmount: '1.00' }))).toStrictEqual(sampleEvent())
    expect(their.decode(our.encode(sampleEvent()))).toStrictEqual({ ...sampleEvent(), settledAmount: null })
  })

  test('is skipped also inside the history of a state', async () => {
    const next = evolved(STATE, 'PaymentEvent', add)
    const [our, their] = [stateCodec(options(next)), theirs(next, readSchemaFile(STATE))]
    await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
    const published = toPublishedState(sampleState())
    const events = published.events.map((item) => ({ ...item, event: { ...item.event, settledAmount: '1.00' } }))
    expect(our.decode(their.encode({ ...published, events }))).toStrictEqual(sampleState())
    expect(their.decode(our.encode(sampleState()))).toMatchObject({
      events: [{ event: { settledAmount: null } }, {}, {}, {}],
    })
  })
})

test('an optional field that the next release removes is null for us', async () => {
  const next = evolved('payment-event.avsc', 'PaymentEvent', (definition) => {
    definition.fields = definition.fields?.filter((field) => !['gpiStatus', 'reasons'].includes(field.name)) ?? []
  })
  const [our, their] = [paymentEventCodec(options(next)), theirs(next, readSchemaFile('payment-event.avsc'))]
  await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
  const { gpiStatus: _, reasons: __, ...rest } = sampleEvent({ gpiStatus: 'ACSP' })
  expect(our.decode(their.encode(rest))).toStrictEqual(sampleEvent({ gpiStatus: null, reasons: [] }))
  expect(their.decode(our.encode(sampleEvent({ gpiStatus: 'ACSP' })))).toStrictEqual(rest)
})

describe('a release that did not have children yet', () => {
  const without = (file: string, name: string, field: string) =>
    evolved(file, name, (definition) => {
      definition.fields = definition.fields?.filter((candidate) => candidate.name !== field) ?? []
    })

  test('wrote events and states that we read without children', async () => {
    const before = without('payment-event.avsc', 'PaymentEvent', 'childKey')
    const [event, oldEvent] = [paymentEventCodec(options(before)), theirs(before, '{}')]
    const { childKey: _, ...written } = sampleEvent()
    await event.prepare(THEIRS)
    expect(event.decode(oldEvent.encode(written))).toStrictEqual(sampleEvent())

    const beforeState = without('payment-status.avsc', 'PaymentStatus', 'children')
    const [state, oldState] = [stateCodec(options(beforeState)), theirs(beforeState, '{}')]
    const { children: __, ...published } = toPublishedState(sampleState())
    await state.prepare(THEIRS)
    expect(state.decode(oldState.encode(published))).toStrictEqual({ ...sampleState(), children: [] })
  })

  test('reads ours; a consumer that decides by statusAfter gets correct values', async () => {
    const file = 'payment-status-change.avsc'
    const their = theirs(without(file, 'PaymentEvent', 'childKey'), readSchemaFile(file))
    await their.prepare(OURS)
    const { state } = recorded()
    const applied = applyEvent(state, sampleReport(), 2)
    const change = applied.outcome === 'recorded' ? toStatusChange(applied.change) : null
    expect(their.decode(changeCodec(options('{}')).encode(change as NonNullable<typeof change>))).toMatchObject({
      verdict: 'REVISION',
      statusAfter: state.status,
      statusChanged: false,
      kind: 'PAYMENT',
      event: { kind: 'REFUND', status: 'COMPLETED' },
    })
  })
})

describe('a status that the next release adds', () => {
  const next = evolved('payment-status-change.avsc', 'Status', (definition) => definition.symbols?.push('DISPUTED'))

  test('is UNKNOWN for us wherever it occurs, and every other status is unchanged', async () => {
    const our = changeCodec(options(next))
    const their = theirs(next, readSchemaFile('payment-status-change.avsc'))
    await our.prepare(THEIRS)
    const change = toStatusChange(recorded())
    const written = { ...change, statusBefore: 'DISPUTED', statusAfter: 'DISPUTED' }
    const read = our.decode(their.encode({ ...written, event: { ...change.event, status: 'DISPUTED' } }))
    expect(read).toMatchObject({ statusBefore: 'UNKNOWN', statusAfter: 'UNKNOWN', event: { status: 'UNKNOWN' } })
    expect(our.decode(their.encode(change))).toStrictEqual(change)
  })

  test('does not prevent them from reading ours', async () => {
    const their = theirs(next, readSchemaFile('payment-status-change.avsc'))
    await their.prepare(OURS)
    const change = toStatusChange(recorded())
    expect(their.decode(changeCodec(options(next)).encode(change))).toStrictEqual(change)
  })
})

test.each([
  ['Verdict', 'verdict', 'UNKNOWN'],
  ['Finality', 'finality', 'OPEN'],
])('an unknown %s is read as its harmless symbol', async (name, field, harmless) => {
  const next = evolved('payment-status-change.avsc', name, (definition) => definition.symbols?.push('BRAND_NEW'))
  const our = changeCodec(options(next))
  await our.prepare(THEIRS)
  const their = theirs(next, '{}')
  expect(our.decode(their.encode({ ...toStatusChange(recorded()), [field]: 'BRAND_NEW' }))).toHaveProperty(
    field,
    harmless,
  )
})

test('an unknown value that is only passed through survives an older release', async () => {
  const their = theirs(readSchemaFile('payment-event.avsc'), '{}')
  const our = paymentEventCodec(options(readSchemaFile('payment-event.avsc')))
  await our.prepare(THEIRS)
  const written = { ...sampleEvent(), kind: 'BRAND_NEW', reasons: [{ scheme: 'BRAND_NEW', code: '1' }] }
  const read = our.decode(their.encode(written))
  expect(read).toMatchObject({ kind: 'BRAND_NEW', reasons: [{ scheme: 'BRAND_NEW', code: '1' }] })
})

test('a change that is not allowed is rejected, not misread', async () => {
  const next = evolved('payment-event.avsc', 'PaymentEvent', (definition) => {
    definition.fields = definition.fields?.filter((field) => field.name !== 'eventId') ?? []
  })
  const our = paymentEventCodec(options(next))
  await expect(our.prepare(THEIRS)).rejects.toMatchObject({ problem: 'unreadable' })
})

function recorded(): Change {
  const applied = applyEvent(undefined, sampleEvent(), 1)
  if (applied.outcome !== 'recorded') {
    throw new Error(applied.outcome)
  }
  return applied.change
}

test('the release before withdrawals reads a withdrawal as UNKNOWN with the right status, and we read its events', async () => {
  const older = (file: string) =>
    JSON.stringify(JSON.parse(readSchemaFile(file)), (_, part) => {
      if (part?.name === 'PaymentEvent' && 'fields' in part) {
        return { ...part, fields: part.fields.filter(({ name }: Named) => name !== 'withdrawn') }
      }
      return part?.name === 'Verdict' && 'symbols' in part
        ? { ...part, symbols: part.symbols.filter((symbol: string) => symbol !== 'WITHDRAWN') }
        : part
    })
  const [file, before] = ['payment-status-change.avsc', older('payment-status-change.avsc')]
  const [our, their] = [changeCodec(options(before)), theirs(before, readSchemaFile(file))]
  await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
  const { state } = recorded()
  const applied = applyEvent(state, sampleEvent({ mappingVersion: 2, withdrawn: true }), 2)
  const change = applied.outcome === 'recorded' ? toStatusChange(applied.change) : null
  const read = their.decode(our.encode(change as NonNullable<typeof change>))
  expect(read).toMatchObject({
    verdict: 'UNKNOWN',
    rule: 'no-longer-read',
    statusAfter: 'UNKNOWN',
    mappingVersionBefore: 1,
  })
  expect(read).not.toHaveProperty('event.withdrawn')
  const { withdrawn: _, ...written } = sampleEvent()
  const first = toStatusChange(recorded())
  expect(our.decode(their.encode({ ...first, event: written }))).toStrictEqual(first)
})

test('values of the release before authenticity are read as "not known", and that release skips the field', async () => {
  const without = (definition: Named) => {
    definition.fields = definition.fields?.filter((field) => field.name !== 'authenticity') ?? []
  }
  const before = evolved('payment-event.avsc', 'PaymentEvent', without)
  const [our, their] = [paymentEventCodec(options(before)), theirs(before, readSchemaFile('payment-event.avsc'))]
  await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
  expect(our.decode(their.encode(sampleEvent()))).toStrictEqual(sampleEvent({ authenticity: [] }))
  expect(their.decode(our.encode(sampleEvent()))).not.toHaveProperty('authenticity')
})

test('events of the release before the markers are read without any, and that release skips ours', async () => {
  const markers = ['unreadable', 'timeUnreadable', 'partialApproval']
  const without = (definition: Named) => {
    definition.fields = definition.fields?.filter((field) => !markers.includes(field.name)) ?? []
  }
  const before = evolved('payment-event.avsc', 'PaymentEvent', without)
  const [our, their] = [paymentEventCodec(options(before)), theirs(before, readSchemaFile('payment-event.avsc'))]
  await Promise.all([our.prepare(THEIRS), their.prepare(OURS)])
  const marked = sampleEvent({
    kind: 'UNKNOWN',
    unreadable: ['gpi.status'],
    timeUnreadable: true,
    partialApproval: true,
  })
  expect(our.decode(their.encode(marked))).toStrictEqual(sampleEvent({ kind: 'UNKNOWN' }))
  const read = their.decode(our.encode(marked))
  expect(read).toMatchObject({ kind: 'UNKNOWN', status: marked.status })
  expect(Object.keys(read).filter((name) => markers.includes(name))).toEqual([])
})
