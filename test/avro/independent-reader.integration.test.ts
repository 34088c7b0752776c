import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { changeCodec, paymentEventCodec, stateCodec, toPublishedState } from '../../src/avro/payment-codecs.ts'
import { applyEvent } from '../../src/payment/apply-event.ts'
import { toStatusChange } from '../../src/payment/status-change.ts'
import { ensureFastavro } from '../lab/stack/fastavro.ts'
import { sampleEvent, sampleState } from './samples.ts'

/** Consumers read our topics with other libraries: fastavro shares no code with ours. */

const OPTIONS = { schemaId: 7, subject: 'a-value', fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }

/**
 * Reads the framed value with the schema file and prints it as JSON, times as milliseconds; no bytes may be left over.
 */
const READ = `
import sys, json, io, base64
from datetime import datetime, timezone
from fastavro import schemaless_reader, parse_schema
schema = parse_schema(json.load(open(sys.argv[1])))
framed = base64.b64decode(sys.argv[2])
assert framed[0] == 0 and int.from_bytes(framed[1:5], 'big') == 7
body = io.BytesIO(framed[5:])
value = schemaless_reader(body, schema, None)
assert body.read() == b''
epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
print(json.dumps(value, default=lambda time: round((time - epoch).total_seconds() * 1000)))
`

let python: string
beforeAll(async () => {
  python = await ensureFastavro(() => {})
})

function readByFastavro(file: string, bytes: Buffer): unknown {
  const schema = fileURLToPath(new URL(`../../schemas/${file}`, import.meta.url))
  return JSON.parse(execFileSync(python, ['-c', READ, schema, bytes.toString('base64')], { encoding: 'utf8' }))
}

test('an event is read by fastavro as it was written, in any language', () => {
  const event = sampleEvent({ endToEndId: 'Überweisung 振込 💶', sourceStatus: 'x'.repeat(200), occurredAt: null })
  expect(readByFastavro('payment-event.avsc', paymentEventCodec(OPTIONS).encode(event))).toStrictEqual(event)
})

test('a lone surrogate from a provider does not break other readers', () => {
  const event = sampleEvent({ endToEndId: 'cut \ud83d' })
  const read = readByFastavro('payment-event.avsc', paymentEventCodec(OPTIONS).encode(event))
  expect(read).toMatchObject({ endToEndId: 'cut \ufffd' })
})

test('a change is read by fastavro as it was written', () => {
  const applied = applyEvent(undefined, sampleEvent(), 1_732_000_001_000)
  if (applied.outcome !== 'recorded') {
    throw new Error(applied.outcome)
  }
  const change = toStatusChange(applied.change)
  expect(readByFastavro('payment-status-change.avsc', changeCodec(OPTIONS).encode(change))).toStrictEqual(change)
})

test('a state is read by fastavro as it was written', () => {
  const state = sampleState()
  const read = readByFastavro('payment-status.avsc', stateCodec(OPTIONS).encode(state))
  expect(read).toStrictEqual(toPublishedState(state))
})
