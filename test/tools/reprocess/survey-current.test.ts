import { expect, test } from 'vitest'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import { surveyCurrent } from '../../../src/tools/reprocess/survey-current.ts'
import { sampleEvent, sampleState } from '../../avro/samples.ts'
import { MemoryKafka } from '../../lab/harness/memory-kafka.ts'
import { CODECS } from '../../processor/status-world.ts'

const TOPIC = 'payments.status.current'

/** `ids`: the first digits of the ids of its events, withdrawn if they end with `!`; null: a tombstone. */
async function samplesOf(...records: readonly (readonly [paymentKey: string, ids: readonly string[] | null])[]) {
  const kafka = new MemoryKafka('c', 1)
  for (const [paymentKey, ids] of records) {
    const state = sampleState()
    const [seen] = state.events as [PaymentState['events'][number]]
    const events = (ids ?? []).map((id) => {
      const event = sampleEvent({ paymentKey, eventId: (id[0] ?? '').repeat(32), withdrawn: id.endsWith('!') })
      return { ...seen, event }
    })
    const value = ids === null ? null : CODECS.state.encode({ ...state, paymentKey, events })
    kafka.produce(TOPIC, 0, { key: paymentKey, value })
  }
  const { samples } = await surveyCurrent({ reader: kafka.reader, codecs: CODECS }, TOPIC, 1, { kind: 'all' })
  return [...samples.values()].map(({ paymentKey, eventId }) => [paymentKey, eventId[0]])
}

test('the sample of a partition is an event of the latest state that still counts', async () => {
  expect(await samplesOf()).toEqual([])
  expect(await samplesOf(['bank:1', ['a']], ['bank:2', ['b!', 'c']])).toEqual([['bank:2', 'c']])
  expect(await samplesOf(['bank:1', ['a']], ['bank:2', ['b']], ['bank:2', ['b!']])).toEqual([['bank:1', 'a']])
  expect(await samplesOf(['bank:1', ['a']], ['bank:2', ['b']], ['bank:1', ['a', 'd']])).toEqual([['bank:1', 'a']])
})

test('a forgotten payment gives no sample: its event would revive it', async () => {
  expect(await samplesOf(['bank:1', ['a']], ['bank:1', null])).toEqual([])
  expect(await samplesOf(['bank:1', ['a']], ['bank:2', ['b']], ['bank:2', null])).toEqual([['bank:1', 'a']])
  expect(await samplesOf(['bank:1', ['a']], ['bank:1', null], ['bank:1', ['b']])).toEqual([['bank:1', 'b']])
})
