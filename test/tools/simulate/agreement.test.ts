import { describe, expect, it } from 'vitest'
import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { type PlannedCallback, planCallbacks } from '../../../src/tools/simulate/plan.ts'
import { createRandom } from '../../../src/tools/simulate/random.ts'

/**
 * The simulator states by hand what must come of its callbacks; the adapters and the fold work it out. Neither knows
 * the other, so a difference is a defect of one of them.
 */
const sources = [
  { id: 'v1', provider: 'jpm-global-payments-v1', namespace: 'jpm-one' },
  { id: 'v2', provider: 'jpm-global-payments-v2', namespace: 'jpm-two' },
  { id: 'im', provider: 'instamed', namespace: 'clinic' },
] as const

function process(callbacks: readonly PlannedCallback[]) {
  const states = new Map<string, PaymentState>()
  const deadLetters: Record<string, number> = {}
  const counts = { events: 0, duplicates: 0, setAside: 0 }
  for (const [index, callback] of callbacks.entries()) {
    const source = sources.find((candidate) => candidate.id === callback.sourceId)
    const translation = providerById(callback.provider)?.translate({
      callbackId: `receipt-${index}`,
      source: callback.sourceId,
      namespace: source?.namespace ?? '',
      currency: null,
      receivedAt: index,
      contentType: callback.contentType,
      authenticity: [],
      body: callback.body,
    })
    counts.setAside += translation?.setAside ?? 0
    for (const { reason } of translation?.deadLetters ?? []) {
      deadLetters[reason] = (deadLetters[reason] ?? 0) + 1
    }
    for (const event of translation?.events ?? []) {
      const applied = applyEvent(states.get(event.paymentKey), event, index)
      if (applied.outcome === 'recorded') {
        counts.events++
        states.set(event.paymentKey, applied.change.state)
      } else {
        counts.duplicates++
      }
    }
  }
  return { states, deadLetters, counts }
}

describe.each([1, 2, 3])('the adapters and the fold, with the callbacks of seed %i', (seed) => {
  const plan = planCallbacks({
    seed,
    payments: 1500,
    sources,
    duplicateShare: 0.3,
    reorderShare: 0.3,
    malformedShare: 0.1,
    multiPaymentShare: 0.3,
    lateShare: 0.1,
  })
  const { ledger } = plan
  const expected = new Map([...ledger.payments.values()].map((payment) => [payment.paymentKey, payment.expectedStatus]))

  it('come to the status that the simulator expects, for every payment and no other', () => {
    const { states } = process(plan.callbacks)
    const statuses = Object.fromEntries([...states].map(([key, state]) => [key, state.status]))
    expect(statuses).toEqual(Object.fromEntries(expected))
  })

  it('come to the same statuses in any order', () => {
    const { states } = process(createRandom(seed, 'any order').shuffle(plan.callbacks))
    for (const [key, status] of expected) {
      expect([key, states.get(key)?.status]).toEqual([key, status])
    }
  })

  it('find as many events, duplicates and dead letters, for the same reasons', () => {
    const { counts, deadLetters } = process(plan.callbacks)
    expect(counts).toEqual({ events: ledger.events, duplicates: ledger.duplicates, setAside: 0 })
    expect(deadLetters).toEqual(ledger.deadLettersByReason)
  })

  it('link refunds, returns and chargebacks to their original', () => {
    const { states } = process(plan.callbacks)
    for (const payment of ledger.payments.values()) {
      expect(states.get(payment.paymentKey)?.relatesTo).toBe(payment.relatesTo)
    }
  })
})
