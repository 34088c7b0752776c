import { execFileSync } from 'node:child_process'
import { beforeAll, expect, test } from 'vitest'
import { StepHeaders } from '../../src/processor/step-headers.ts'
import { ensureCloudEvents } from '../lab/stack/cloudevents-python.ts'

/** The official SDK for Python shares no code with the product, nor with that for JavaScript. */
const READ = `
import base64, json, sys
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
message = json.load(sys.stdin)
headers = {name: base64.b64decode(value) for name, value in message['headers'].items()}
event = from_kafka_event(KafkaMessage(headers=headers, key=message['key'], value=base64.b64decode(message['value'])))
attributes = {name: value if isinstance(value, str) else value.isoformat() for name, value in event.get_attributes().items()}
print(json.dumps({'attributes': attributes, 'data': base64.b64encode(event.get_data()).decode()}))
`

let python: string
beforeAll(async () => {
  python = await ensureCloudEvents(() => {})
})

function readBySdk(headers: Readonly<Record<string, string | Buffer>>, key: string, value: Buffer): unknown {
  const encoded = Object.entries(headers).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])
  const input = JSON.stringify({ headers: Object.fromEntries(encoded), key, value: value.toString('base64') })
  return JSON.parse(execFileSync(python, ['-c', READ], { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] }))
}

const STEP = {
  paymentKey: 'acme:Zürich/1',
  incarnation: 1_732_000_000_000,
  statusVersion: 3,
  recordedAt: 1_732_000_000_789,
}
const VALUE = Buffer.from([0, 0, 0, 0, 7, 2, 0xff])

test('the official SDK for Python reads a step as a CloudEvent', () => {
  const headers = new StepHeaders('payments.status.changes').of(STEP)
  expect(readBySdk(headers, STEP.paymentKey, VALUE)).toEqual({
    attributes: {
      specversion: '1.0',
      id: 'acme:Zürich/1:1732000000000:3',
      source: '/paystatus/payments.status.changes',
      type: 'paystatus.payment.step',
      subject: STEP.paymentKey,
      time: '2024-11-19T07:06:40.789000+00:00',
      datacontenttype: 'application/avro',
      partitionkey: STEP.paymentKey,
    },
    data: VALUE.toString('base64'),
  })
})

test('it would refuse a step without one of the required headers', () => {
  const { ce_type: _, ...rest } = new StepHeaders('payments.status.changes').of(STEP)
  expect(() => readBySdk(rest, STEP.paymentKey, VALUE)).toThrow(/type/)
})
