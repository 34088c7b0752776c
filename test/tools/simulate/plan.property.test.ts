import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SIMULATED_PROVIDERS } from '../../../src/tools/simulate/lifecycles.ts'
import { type PlanOptions, planCallbacks } from '../../../src/tools/simulate/plan.ts'

const share = fc.double({ min: 0, max: 1, noNaN: true })
const planOptions: fc.Arbitrary<PlanOptions> = fc.record({
  seed: fc.maxSafeInteger(),
  payments: fc.integer({ min: 1, max: 60 }),
  sources: fc
    .array(
      fc.record({ provider: fc.constantFrom(...SIMULATED_PROVIDERS), namespace: fc.constantFrom('north', 'south') }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((sources) => sources.map((source, index) => ({ id: `source-${index}`, ...source }))),
  duplicateShare: share,
  reorderShare: share,
  malformedShare: share,
  multiPaymentShare: share,
  lateShare: share,
  oddShare: share,
})

describe('a plan', () => {
  it('is byte-identical for the same options', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        expect(planCallbacks(options)).toEqual(planCallbacks(options))
      }),
    )
  })

  it('differs for another seed', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const other = planCallbacks({ ...options, seed: options.seed === 1 ? 2 : 1 })
        const keys = [...planCallbacks(options).ledger.payments.keys()]
        expect(keys.filter((key) => other.ledger.payments.has(key))).toEqual([])
      }),
    )
  })

  it('sends every step of every payment in the ledger, and nothing else', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const { callbacks, ledger } = planCallbacks(options)
        const told = new Set(callbacks.flatMap((callback) => callback.stepIds))
        const expected = [...ledger.payments.values()].flatMap((payment) =>
          payment.steps.map((_, position) => `${payment.paymentKey}#${position}`),
        )
        expect([...told].sort()).toEqual(expected.sort())
        expect(ledger.payments.size).toBe(options.payments)
      }),
    )
  })

  it('has consistent counts', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const { callbacks, ledger } = planCallbacks(options)
        const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
        expect(callbacks.map(({ position }) => position)).toEqual(callbacks.map((_, index) => index))
        expect(ledger.callbacks).toBe(callbacks.length)
        expect(ledger.elements).toBe(sum(callbacks.map(({ stepIds }) => stepIds.length)))
        expect(ledger.events + ledger.duplicates).toBe(ledger.elements)
        expect(ledger.deadLetters).toBe(sum(Object.values(ledger.deadLettersByReason)))
        expect(ledger.elements).toBe(sum([...ledger.payments.values()].map((payment) => payment.callbacks)))
        if (options.duplicateShare === 0) {
          expect(ledger.duplicates).toBe(0)
        }
      }),
    )
  })

  it('never puts two steps of one payment, or two sources, into one callback', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const { callbacks, ledger } = planCallbacks(options)
        for (const callback of callbacks) {
          const keys = callback.stepIds.map((id) => id.slice(0, id.lastIndexOf('#')))
          expect(new Set(keys).size).toBe(keys.length)
          const batch = callback.body.includes('PaymentBatch.')
          expect(keys.length).toBeLessThanOrEqual(callback.provider === 'instamed' ? 1 : batch ? 50 : 5)
          expect(keys.every((key) => ledger.payments.get(key)?.sourceId === callback.sourceId)).toBe(true)
        }
      }),
    )
  })

  it('is in order per payment, unless reordering, lateness or repeats are requested', () => {
    fc.assert(
      fc.property(planOptions, (options) => {
        const { ledger } = planCallbacks({ ...options, reorderShare: 0, lateShare: 0 })
        expect(ledger.outOfOrderPayments).toBe(0)
      }),
    )
  })
})
