import avro from 'avsc'
import { expect, test, vi } from 'vitest'
import { sampleState } from '../../../test/avro/samples.ts'
import { CODECS } from '../../../test/processor/status-world.ts'
import { type PaymentStatus, STATUS_SCHEMA } from '../src/generated/records.ts'
import { RecordDecoder } from '../src/record-decoder.ts'

/** Values of this and of other releases, as the registry describes them. */

interface Schema {
  readonly type: string
  readonly name?: string
  readonly symbols?: readonly string[]
  readonly fields?: readonly { readonly name: string; readonly type: unknown; readonly default?: unknown }[]
}

function decoderOf(schemas: Readonly<Record<number, string>>) {
  const getSchema = vi.fn(async (id: number) => {
    const schema = schemas[id]
    if (schema === undefined) {
      throw Object.assign(new Error('not found'), { status: 404 })
    }
    return avro.Type.forSchema(JSON.parse(schema)) as never
  })
  return { decoder: new RecordDecoder<PaymentStatus>(STATUS_SCHEMA, { getSchema }), getSchema }
}

function framed(schema: string, value: unknown, id = 3): Buffer {
  const frame = Buffer.alloc(5)
  frame.writeInt32BE(id, 1)
  return Buffer.concat([frame, avro.Type.forSchema(JSON.parse(schema), { wrapUnions: 'never' }).toBuffer(value)])
}

async function decoded(decoder: RecordDecoder<PaymentStatus>, value: Buffer): Promise<PaymentStatus> {
  await decoder.prepare(value)
  return decoder.decode(value)
}

test('what the product writes is read, and the schema is fetched once', async () => {
  const state = sampleState()
  const { decoder, getSchema } = decoderOf({ 3: STATUS_SCHEMA })
  const value = CODECS.state.encode(state)
  const read = await decoded(decoder, value)
  const { paymentKey, incarnation, statusVersion, status, attention } = state
  expect(read).toMatchObject({
    paymentKey,
    incarnation,
    statusVersion,
    status,
    attention,
    amount: state.details.amount,
  })
  expect(read.events).toHaveLength(state.events.length)
  await decoded(decoder, value)
  expect(getSchema).toHaveBeenCalledTimes(1)
})

test('a newer release: an unknown status is UNKNOWN, an unknown finality OPEN, an added field is left out', async () => {
  const { decoder } = decoderOf({ 3: STATUS_SCHEMA })
  const own = await decoded(decoder, CODECS.state.encode(sampleState()))
  const newer = JSON.parse(STATUS_SCHEMA, (_, part: Schema) =>
    part?.type === 'enum' ? { ...part, symbols: [...(part.symbols ?? []), `NEW_${part.name}`] } : part,
  ) as Schema
  const schema = JSON.stringify({
    ...newer,
    fields: [...(newer.fields ?? []), { name: 'colour', type: 'string', default: '' }],
  })
  const value = framed(schema, { ...own, status: 'NEW_Status', finality: 'NEW_Finality', colour: 'blue' }, 4)
  expect(await decoded(decoderOf({ 4: schema }).decoder, value)).toEqual({
    ...own,
    status: 'UNKNOWN',
    finality: 'OPEN',
  })
})

test('an older release: fields that it did not have get their defaults', async () => {
  const { decoder } = decoderOf({ 3: STATUS_SCHEMA })
  const own = await decoded(decoder, CODECS.state.encode(sampleState()))
  const older = JSON.parse(STATUS_SCHEMA) as Schema
  const schema = JSON.stringify({ ...older, fields: older.fields?.filter(({ name }) => name !== 'authenticity') })
  const { authenticity: _, ...rest } = own
  const value = framed(schema, rest, 4)
  expect(await decoded(decoderOf({ 4: schema }).decoder, value)).toEqual({ ...own, authenticity: [] })
})

test.each([
  ['no frame', Buffer.from('hello, world'), 'does not begin with a schema id'],
  ['an unknown schema', Buffer.from([0, 0, 0, 0, 9, 1]), 'does not have schema 9'],
  ['a damaged value', Buffer.from([0, 0, 0, 0, 3, 200]), 'is damaged'],
  ['another record', Buffer.from([0, 0, 0, 0, 5, 0]), 'is not one of paystatus.v1.PaymentStatus'],
])('UNREADABLE says why: %s', async (_, value, message) => {
  const { decoder } = decoderOf({ 3: STATUS_SCHEMA, 5: JSON.stringify({ type: 'record', name: 'Other', fields: [] }) })
  const error = await decoded(decoder, value).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'UNREADABLE', message: expect.stringContaining(message) })
})

test('a registry that does not answer is another matter: it can be asked again', async () => {
  const getSchema = vi.fn(async () => {
    throw Object.assign(new Error('try later'), { status: 503 })
  })
  const decoder = new RecordDecoder<PaymentStatus>(STATUS_SCHEMA, { getSchema })
  await expect(decoder.prepare(Buffer.from([0, 0, 0, 0, 3, 1]))).rejects.toThrow('try later')
})
