import { describe, expect, it } from 'vitest'
import { ATTENTION_CODES } from '../../../src/payment/fold-payment.ts'
import { PAYMENT_KINDS } from '../../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES } from '../../../src/payment/payment-status.ts'
import { LIFECYCLES, type Lifecycle, SIMULATED_PROVIDERS } from '../../../src/tools/simulate/lifecycles.ts'
import { ODD_LIFECYCLES } from '../../../src/tools/simulate/odd-lifecycles.ts'

const all = SIMULATED_PROVIDERS.flatMap((provider) =>
  [...LIFECYCLES[provider], ...ODD_LIFECYCLES[provider]].map((lifecycle) => ({ provider, lifecycle })),
)
const stepsOf = (lifecycle: Lifecycle) =>
  [lifecycle, ...(lifecycle.related ?? [])]
    .flatMap((part) => part.steps)
    .map((step) => (typeof step === 'string' ? step : step.says))

describe('the lifecycles', () => {
  it('together end in every canonical status', () => {
    const ends = all.flatMap(({ lifecycle }) => [lifecycle, ...(lifecycle.related ?? [])].map((part) => part.expects))
    expect(new Set(ends)).toEqual(new Set(Object.keys(PAYMENT_STATUSES)))
  })

  it('have unique names', () => {
    for (const provider of SIMULATED_PROVIDERS) {
      const names = [...LIFECYCLES[provider], ...ODD_LIFECYCLES[provider]].map((lifecycle) => lifecycle.name)
      expect(new Set(names).size).toBe(names.length)
    }
  })

  it('have steps and can be picked', () => {
    for (const { lifecycle } of all) {
      expect(stepsOf(lifecycle).length).toBeGreaterThan(0)
      expect(lifecycle.weight ?? 1).toBeGreaterThan(0)
    }
  })

  it('use every status and sub-status that the providers document', () => {
    const said = (provider: (typeof SIMULATED_PROVIDERS)[number]) =>
      LIFECYCLES[provider].flatMap(stepsOf).flatMap((says) => says.split(/[/ ]/))
    expect(said('jpm-global-payments-v1')).toEqual(
      expect.arrayContaining([
        'PENDING',
        'PENDING_POSTING',
        'COMPLETED',
        'COMPLETED_CREDITED',
        'REJECTED',
        'RETURNED',
        'BLOCKED',
        'WAREHOUSED',
        'PENDING_JPM_REVIEW',
      ]),
    )
    expect(said('jpm-global-payments-v2')).toEqual(
      expect.arrayContaining([
        'RECEIVED',
        'ACCEPTED',
        'PROCESSING_BY_JPM',
        'PENDING_CLIENT_ACTION',
        'PENDING_COMPLIANCE_REVIEW',
        'PENDING_FRAUD_REVIEW',
        'PENDING_FUNDING_REVIEW',
        'PENDING_JPM_REVIEW',
        'SCHEDULED',
        'PENDING_POSTING',
        'CANCELED',
        'REJECTED',
        'REJECTED_BY_JPM',
        'COMPLETED_BY_JPM',
        'SENT_TO_CLEARING',
        'DELIVERED_TO_RECIPIENT',
        'RETURNED',
      ]),
    )
    expect(said('instamed')).toEqual(expect.arrayContaining(['A', 'C', 'CB', 'D', 'RI', 'S', 'SE', 'V']))
    expect(said('instamed')).toEqual(expect.arrayContaining(['Sale', 'Refund', 'SimpleRefund']))
  })

  it('together need every attention code', () => {
    const attention = all.flatMap(({ lifecycle }) =>
      [lifecycle, ...(lifecycle.related ?? [])].flatMap((part) => part.attention ?? []),
    )
    expect(new Set(attention)).toEqual(new Set(ATTENTION_CODES))
  })

  it('make payments of every kind', () => {
    const kinds = all.flatMap(({ lifecycle }) =>
      [lifecycle, ...(lifecycle.related ?? [])].map((part) => part.kind ?? 'PAYMENT'),
    )
    expect(new Set(kinds)).toEqual(new Set(PAYMENT_KINDS))
  })
})
