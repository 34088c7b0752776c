import { hrtime, stdout } from 'node:process'
import { LastRecord } from '../../../src/avro/avro-bytes.ts'
import { changeCodec, paymentEventCodec, stateCodec } from '../../../src/avro/payment-codecs.ts'
import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import { keepWithinBound } from '../../../src/payment/keep-within-bound.ts'
import { EVENT_BYTES_MAX, type PaymentEvent } from '../../../src/payment/payment-event.ts'
import { toStatusChange } from '../../../src/payment/status-change.ts'
import { LIGHT, sampleEvent } from '../../avro/samples.ts'
import { envNumber } from '../harness/env-number.ts'

/**
 * What one more event of a payment costs the processor, by the size of its history: the processor's own work on it, without
 * any server. ROUNDS rounds; of each figure the smallest counts, so that a busy machine disturbs little.
 */
const ROUNDS = envNumber('ROUNDS', 40)
const CODECS = { schemaId: 1, subject: 'bench', fetchSchema: async () => ({ found: 'none' }) as const, now: () => 0 }
const last = new LastRecord('paystatus.v1.PaymentEvent')
const events = paymentEventCodec({ ...CODECS, last })
const changes = changeCodec({ ...CODECS, last })
const states = stateCodec({ ...CODECS, last })

const STATUSES = [
  'RECEIVED',
  'ACCEPTED',
  'PROCESSING',
  'ON_HOLD',
  'COMPLETED',
  'SETTLED',
  'BLOCKED',
  'RETURNED',
] as const
const HISTORIES: readonly (readonly [string, number, (index: number) => Partial<PaymentEvent>])[] = [
  ['new payment', 0, () => ({})],
  ['4 events', 4, () => ({})],
  ['12 events', 12, () => ({})],
  ['13 events', 13, () => ({})],
  ['60 events', 60, () => ({})],
  ['200 events', 200, () => ({})],
  ['full, 256 events of at most 384 bytes', 256, () => LIGHT],
  ['full, events of 450 bytes', 600, () => ({})],
  ['full, events of 7,000 bytes', 600, largest],
  [
    'full, 7,000 bytes, all statuses',
    600,
    (index) => ({ ...largest(), status: STATUSES[index % STATUSES.length] ?? 'ACCEPTED' }),
  ],
]

stdout.write('history                                   state, bytes   kept  left out   whole event, us   bound, us\n')
for (const [name, count, saying] of HISTORIES) {
  let state: PaymentState | undefined
  for (let index = 0; index < count; index += 1) {
    state = after(state, eventAt(index, saying))
  }
  const bytes = state === undefined ? null : states.encode(state)
  const next = events.encode(eventAt(count, saying))
  const items = [...(state?.events ?? []), { event: eventAt(count, saying), detailsDropped: false }]
  const whole = smallest(() => {
    const before = bytes === null ? undefined : states.decode(bytes)
    const applied = applyEvent(before, events.decode(next), 1)
    if (applied.outcome === 'recorded') {
      changes.encode(toStatusChange(applied.change))
      states.encode(applied.change.state)
    } else if (applied.outcome === 'history-full') {
      states.encode(applied.state)
    }
  })
  const bound = smallest(() => keepWithinBound(items))
  const figures = [
    bytes?.length ?? 0,
    state?.events.length ?? 0,
    state?.eventsLeftOut ?? 0,
    whole.toFixed(1),
    bound.toFixed(2),
  ]
  stdout.write(
    `${name.padEnd(40)}${figures.map((one, index) => String(one).padStart([14, 7, 10, 18, 12][index] ?? 0)).join('')}\n`,
  )
}

function eventAt(index: number, saying: (index: number) => Partial<PaymentEvent>): PaymentEvent {
  return sampleEvent({
    status: 'PROCESSING',
    ...saying(index),
    eventId: String(index).padStart(32, '0'),
    occurredAt: 1_732_000_000_000 + index,
  })
}

function largest(): Partial<PaymentEvent> {
  const room = EVENT_BYTES_MAX - events.encode(sampleEvent()).length - 8
  return { sourceAction: 'x'.repeat(room) }
}

function after(state: PaymentState | undefined, event: PaymentEvent): PaymentState | undefined {
  const applied = applyEvent(state, event, 1)
  switch (applied.outcome) {
    case 'recorded':
      return applied.change.state
    case 'history-full':
      return applied.state
    case 'duplicate':
      return state
  }
}

/** Microseconds of one call, in the fastest round. */
function smallest(call: () => void): number {
  let calls = 1
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = hrtime.bigint()
    for (let index = 0; index < calls; index += 1) {
      call()
    }
    const micros = Number(hrtime.bigint() - start) / 1_000
    best = Math.min(best, micros / calls)
    // Rounds of about 10 ms.
    calls = Math.max(1, Math.round(10_000 / best))
  }
  return best
}
