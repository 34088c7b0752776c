import { describe, expect, test } from 'vitest'
import type { PaymentState } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { totalsDifference } from '../../src/payment/totals.ts'
import type { OutputContext } from '../../src/processor/batch-output.ts'
import { foldPortion } from '../../src/processor/fold-portion.ts'
import { StepHeaders } from '../../src/processor/step-headers.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { sampleEvent } from '../avro/samples.ts'
import { CODECS, DUE_POLICY, PARTITION, TOPICS } from './status-world.ts'

const CONTEXT: OutputContext = {
  codecs: CODECS,
  duePolicy: DUE_POLICY,
  topics: TOPICS,
  partition: PARTITION,
  stepHeaders: new StepHeaders(TOPICS.changes),
}
const NOW = 77

function event(paymentKey: string, eventId: string, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return sampleEvent({ paymentKey, eventId, naturalKey: eventId, providerEventId: null, ...changes })
}

function record(offset: number, key: string | null, value: Buffer | null): InRecord {
  return { offset: BigInt(offset), key: key === null ? null : Buffer.from(key), value, headers: {}, timestamp: 0 }
}

function recordOf(offset: number, one: PaymentEvent): InRecord {
  return record(offset, one.paymentKey, CODECS.event.encode(one))
}

function fold(records: readonly InRecord[], states: ReadonlyMap<string, Buffer> = new Map()) {
  const decoded: string[] = []
  const stateOf = (key: string): PaymentState | undefined => {
    decoded.push(key)
    const bytes = states.get(key)
    return bytes && CODECS.state.decode(bytes)
  }
  const { output, undecodable } = foldPortion(records, stateOf, () => {}, CONTEXT, NOW)
  const changes = output.changes.map(({ value }) => CODECS.change.decode(value as Buffer))
  return { output, undecodable, decoded, steps: changes.map((one) => [one.paymentKey, one.statusVersion]), changes }
}

describe('a portion', () => {
  test('I4: applies the events of each payment in order of arrival and writes its state once', () => {
    const { output, steps, decoded } = fold([
      recordOf(0, event('jpm:a', '1', { status: 'PROCESSING' })),
      recordOf(1, event('jpm:b', '2')),
      recordOf(2, event('jpm:a', '3', { status: 'COMPLETED' })),
    ])
    expect(steps).toEqual([
      ['jpm:a', 1],
      ['jpm:a', 2],
      ['jpm:b', 1],
    ])
    expect(output.current.map(({ key }) => key)).toEqual(['jpm:a', 'jpm:b'])
    expect(output.writes.map(({ paymentKey }) => paymentKey)).toEqual(['jpm:a', 'jpm:b'])
    expect(decoded).toEqual(['jpm:a', 'jpm:b'])
    expect(output.totals).toMatchObject({ events: 3, applied: 3 })
  })

  test('I3: continues from the stored state and publishes nothing for a duplicate', () => {
    const first = recordOf(0, event('jpm:a', '1', { status: 'PROCESSING' }))
    const stored = new Map([['jpm:a', fold([first]).output.current[0]?.value as Buffer]])
    const { steps, output } = fold([first, recordOf(1, event('jpm:a', '2', { status: 'COMPLETED' }))], stored)
    expect(steps).toEqual([['jpm:a', 2]])
    expect(output.totals).toMatchObject({ events: 2, applied: 1, duplicate: 1 })
    expect(fold([first], stored).output).toMatchObject({ current: [], changes: [], writes: [] })
  })

  test('I2, I8: every record that is not an event of the payment in its key is a dead letter; no state is read for it', () => {
    const { output, undecodable, decoded } = fold([
      record(0, 'jpm:a', Buffer.from('no Avro')),
      record(1, null, CODECS.event.encode(event('jpm:a', '1'))),
      record(2, 'jpm:b', CODECS.event.encode(event('jpm:a', '1'))),
      record(3, 'jpm:c', null),
      record(4, 'jpm:d', Buffer.alloc(7_001)),
      record(5, 'jpm:e', CODECS.event.encode(event('jpm:e', '1')).subarray(0, 20)),
    ])
    expect(output.deadLetters.map(({ headers }) => headers?.['dlq_reason'])).toEqual([
      'undecodable',
      'key-mismatch',
      'key-mismatch',
      'undecodable',
      'too-large',
      'undecodable',
    ])
    expect(undecodable.map((input) => 'rejected' in input && input.schemaId)).toEqual([null, undefined, 1])
    expect(decoded).toEqual([])
    expect([output.totals.events, totalsDifference(output.totals)]).toEqual([6, 0])
  })
})
