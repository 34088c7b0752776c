import { describe, expect, it } from 'vitest'
import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import type { Callback, Translation } from '../../../src/providers/provider.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { findMismatches } from '../../../src/tools/simulate/await-statuses.ts'
import {
  LIFECYCLES,
  paymentsOf,
  SIMULATED_PROVIDERS,
  type SimulatedProvider,
} from '../../../src/tools/simulate/lifecycles.ts'
import { everyOddDeadLetter, FOREIGN_PRODUCTS } from '../../../src/tools/simulate/odd-dead-letters.ts'
import { ODD_LIFECYCLES } from '../../../src/tools/simulate/odd-lifecycles.ts'
import { type Plan, type PlannedCallback, planCallbacks } from '../../../src/tools/simulate/plan.ts'
import { createRandom } from '../../../src/tools/simulate/random.ts'
import { SENSITIVE_TEXT } from '../../../src/tools/simulate/sensitive-text.ts'
import { encodeBody } from '../../../src/tools/simulate/wire.ts'

/**
 * The simulator states the expected results of its callbacks by hand; the adapters and the fold compute them. They are
 * independent, so a difference is a defect in one of them.
 */
const sources = [
  { id: 'v1', provider: 'jpm-global-payments-v1', namespace: 'jpm-one' },
  { id: 'v2', provider: 'jpm-global-payments-v2', namespace: 'jpm-two' },
  { id: 'im', provider: 'instamed', namespace: 'clinic' },
] as const

function translate(
  provider: SimulatedProvider,
  callback: Pick<Callback, 'contentType' | 'body'>,
  namespace: string,
  index: number,
): Translation {
  const translation = providerById(provider)?.translate({
    callbackId: `receipt-${index}`,
    source: provider,
    namespace,
    currency: null,
    receivedAt: index,
    contentType: callback.contentType,
    authenticity: [],
    body: callback.body,
  })
  return translation ?? { events: [], deadLetters: [], setAside: 0, drift: [] }
}

/** Translates like the product, including the events reported to originals. */
function process(callbacks: readonly PlannedCallback[]) {
  const states = new Map<string, PaymentState>()
  const deadLetters: Record<string, number> = {}
  const counts = { events: 0, duplicates: 0, setAside: 0 }
  for (const [index, callback] of callbacks.entries()) {
    const namespace = sources.find((candidate) => candidate.id === callback.sourceId)?.namespace ?? ''
    const translation = translate(callback.provider, callback, namespace, index)
    counts.setAside += translation.setAside
    for (const { reason } of translation.deadLetters) {
      deadLetters[reason] = (deadLetters[reason] ?? 0) + 1
    }
    for (const event of withChildReports(translation.events)) {
      const applied = applyEvent(states.get(event.paymentKey), event, index)
      const ofChild = event.childKey !== null
      if (applied.outcome === 'recorded') {
        counts.events += ofChild ? 0 : 1
        states.set(event.paymentKey, applied.change.state)
      } else {
        counts.duplicates += ofChild ? 0 : 1
      }
    }
  }
  return { states, deadLetters, counts }
}

/** Results of the product that the simulator did not expect. */
function mismatches({ ledger }: Plan, states: ReadonlyMap<string, PaymentState>) {
  const payments = [...ledger.payments.values()].map((payment) => ({ ...payment, delivered: true }))
  return findMismatches({ payments }, states)
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
    oddShare: 0.2,
  })
  const { ledger } = plan

  it('give what the simulator expects, for every payment and no other', () => {
    const { states } = process(plan.callbacks)
    expect(mismatches(plan, states)).toEqual([])
    expect([...states.keys()].sort()).toEqual([...ledger.payments.keys()].sort())
  })

  it('give the same in any order', () => {
    const { states } = process(createRandom(seed, 'any order').shuffle(plan.callbacks))
    expect(mismatches(plan, states)).toEqual([])
  })

  it('find the same numbers of events, duplicates and dead letters, for the same reasons', () => {
    const { counts, deadLetters } = process(plan.callbacks)
    expect(counts).toEqual({ events: ledger.events, duplicates: ledger.duplicates, setAside: 0 })
    expect(deadLetters).toEqual(ledger.deadLettersByReason)
  })
})

/** One by one, so that a rare lifecycle is tested as often as a frequent one. */
describe.each(SIMULATED_PROVIDERS)('what %s sends', (provider) => {
  const source = sources.filter((candidate) => candidate.provider === provider)
  const none = { 'jpm-global-payments-v1': [], 'jpm-global-payments-v2': [], instamed: [] }
  const lifecycles = [...LIFECYCLES[provider], ...ODD_LIFECYCLES[provider]]

  it.each(lifecycles)('$name: ends as the simulator says, in any order', (lifecycle) => {
    for (let seed = 1; seed <= 3; seed += 1) {
      const plan = planCallbacks({
        seed,
        payments: Math.max(1, Math.floor(30 / paymentsOf(lifecycle))) * paymentsOf(lifecycle),
        sources: source,
        lifecycles: { ...none, [provider]: [lifecycle] },
        malformedShare: 0,
        oddShare: 0,
        duplicateShare: 0.3,
        reorderShare: 0.5,
      })
      const { states, counts, deadLetters } = process(plan.callbacks)
      expect(mismatches(plan, states)).toEqual([])
      expect(deadLetters).toEqual({})
      expect(counts).toEqual({ events: plan.ledger.events, duplicates: plan.ledger.duplicates, setAside: 0 })
      const shuffled = createRandom(seed, 'any order').shuffle(plan.callbacks)
      expect(mismatches(plan, process(shuffled).states)).toEqual([])
      expect(JSON.stringify([...states.values()])).not.toContain(SENSITIVE_TEXT)
    }
  })

  it('with an unreadable deciding field becomes one dead letter, for the reason the simulator states', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const random = createRandom(seed, 'odd dead letters')
      for (const odd of [...everyOddDeadLetter(provider, random), FOREIGN_PRODUCTS[provider]]) {
        const text =
          odd.is === 'body'
            ? odd.text
            : provider === 'jpm-global-payments-v1'
              ? `{"callbacks":[${odd.text}]}`
              : `{"data":{"payments":[${odd.text}]}}`
        const body = encodeBody(text, odd.encoding ?? 'utf8')
        const { events, deadLetters } = translate(
          provider,
          { body, contentType: odd.contentType ?? 'application/json' },
          'ns',
          0,
        )
        expect([text, events.length, deadLetters.map(({ reason }) => reason)]).toEqual([text, 0, [odd.reason]])
      }
    }
  })
})
