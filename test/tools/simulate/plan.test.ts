import { describe, expect, it } from 'vitest'
import { PAYMENT_STATUSES } from '../../../src/payment/payment-status.ts'
import { ODD_LIFECYCLES } from '../../../src/tools/simulate/odd-lifecycles.ts'
import {
  type Plan,
  type PlannedCallback,
  type PlanOptions,
  planCallbacks,
  SimulationOptionsError,
} from '../../../src/tools/simulate/plan.ts'
import { SENSITIVE_TEXT } from '../../../src/tools/simulate/sensitive-text.ts'

const V1 = { id: 'v1', provider: 'jpm-global-payments-v1', namespace: 'jpm-one' } as const
const V2 = { id: 'v2', provider: 'jpm-global-payments-v2', namespace: 'jpm-two' } as const
const IM = { id: 'im', provider: 'instamed', namespace: 'clinic' } as const
const NOTHING_WRONG = {
  oddShare: 0,
  duplicateShare: 0,
  reorderShare: 0,
  malformedShare: 0,
  multiPaymentShare: 0,
  lateShare: 0,
}

/** Without oddities, which the agreement test covers. */
const options = (changes: Partial<PlanOptions> = {}): PlanOptions => ({
  seed: 7,
  oddShare: 0,
  payments: 2000,
  sources: [V1, V2, IM],
  ...changes,
})

type Fields = Record<string, unknown>
const jsonOf = (callback: PlannedCallback) => JSON.parse(callback.body.toString('utf8')) as Fields

/** The elements of a well-formed callback, read without any code of the simulator or the adapters. */
function elementsOf(callback: PlannedCallback): Fields[] {
  const body = jsonOf(callback)
  switch (callback.provider) {
    case 'jpm-global-payments-v1':
      return body['callbacks'] as Fields[]
    case 'jpm-global-payments-v2':
      return Object.values(body['data'] as Fields)[0] as Fields[]
    case 'instamed':
      return [body]
  }
}

function paymentKeyIn(callback: PlannedCallback, element: Fields): string {
  switch (callback.provider) {
    case 'jpm-global-payments-v1':
      return `jpm-one:${element['firmRootId'] ?? `e2e:${element['endToEndId']}`}`
    case 'jpm-global-payments-v2':
      return `jpm-two:${element['paymentId'] ?? element['returnId']}`
    case 'instamed':
      return `clinic:${String(element['PaymentTransactionID']).toLowerCase()}`
  }
}

function timeIn(callback: PlannedCallback, element: Fields): number {
  switch (callback.provider) {
    case 'jpm-global-payments-v1':
      return Date.parse(`${String(element['createDateTime']).replace('Z', '')}Z`)
    case 'jpm-global-payments-v2':
      // A payment return has no time of its own.
      return Date.parse(String(element['statusUpdatedAt'] ?? jsonOf(callback)['time']))
    case 'instamed':
      return Date.parse(`${element['ResponseDateTime']} UTC`)
  }
}

const isBatch = (callback: PlannedCallback) =>
  callback.expects === 'events' && String(jsonOf(callback)['type']).startsWith('PaymentBatch.')
const wellFormed = (plan: Plan) => plan.callbacks.filter((callback) => callback.expects === 'events')
const share = (part: number, whole: number) => part / whole

describe('planCallbacks', () => {
  const plan = planCallbacks(options())

  it('makes the requested number of payment keys, including refunds', () => {
    for (const payments of [1, 2, 3, 7, 500]) {
      expect(planCallbacks(options({ payments })).ledger.payments.size).toBe(payments)
    }
  })

  it('expects every canonical status somewhere in a simulation of usual size', () => {
    const expected = new Set([...plan.ledger.payments.values()].map((payment) => payment.expectedStatus))
    expect(expected).toEqual(new Set(Object.keys(PAYMENT_STATUSES)))
  })

  it('sends the ids in the ledger’s payment keys', () => {
    for (const callback of wellFormed(plan)) {
      const keys = elementsOf(callback).map((element) => paymentKeyIn(callback, element))
      expect(keys).toEqual(callback.stepIds.map((id) => id.slice(0, id.lastIndexOf('#'))))
    }
  })

  it('sends strictly increasing times for a payment, so that its status is the same in any order', () => {
    const timesOf = new Map<string, Map<number, number>>()
    for (const callback of wellFormed(plan)) {
      for (const [index, element] of elementsOf(callback).entries()) {
        const id = callback.stepIds[index] ?? ''
        const key = id.slice(0, id.lastIndexOf('#'))
        const times = timesOf.get(key) ?? new Map<number, number>()
        timesOf.set(key, times.set(Number(id.slice(id.lastIndexOf('#') + 1)), timeIn(callback, element)))
      }
    }
    for (const times of timesOf.values()) {
      const inOrder = [...times.entries()].sort(([a], [b]) => a - b).map(([, time]) => time)
      for (const [index, time] of inOrder.entries()) {
        expect(time).toBeGreaterThan(inOrder[index - 1] ?? 0)
      }
    }
  })

  it('repeats a fact exactly, in any envelope', () => {
    const texts = new Map<string, string>()
    for (const callback of wellFormed(plan)) {
      for (const [index, element] of elementsOf(callback).entries()) {
        const id = callback.stepIds[index] ?? ''
        expect(JSON.stringify(element)).toBe(texts.get(id) ?? JSON.stringify(element))
        texts.set(id, JSON.stringify(element))
      }
    }
  })

  it('never uses an envelope id of v2 for two different callbacks', () => {
    const bodies = new Map<unknown, string>()
    for (const callback of wellFormed(plan).filter(({ provider }) => provider === 'jpm-global-payments-v2')) {
      const text = callback.body.toString('utf8')
      const { id } = jsonOf(callback)
      expect(text).toBe(bodies.get(id) ?? text)
      bodies.set(id, text)
    }
  })

  it('reissues v2 callbacks with a new envelope id and repeats others byte for byte', () => {
    expect(plan.ledger.identicalRepeats).toBeGreaterThan(0)
    expect(plan.ledger.reissues).toBeGreaterThan(0)
    const seen = new Set<string>()
    const told = plan.callbacks.filter((callback) => callback.stepIds.length > 0)
    for (const callback of told.filter(({ provider }) => provider === 'jpm-global-payments-v2')) {
      const text = callback.body.toString('latin1')
      expect(seen.has(text)).toBe(callback.repeats === 'identical')
      seen.add(text)
    }
  })

  it('sends everything once, in order and alone, if all shares are 0', () => {
    const { callbacks, ledger } = planCallbacks(options(NOTHING_WRONG))
    expect(ledger).toMatchObject({ duplicates: 0, deadLetters: 0, outOfOrderPayments: 0 })
    const batches = callbacks.filter((callback) => callback.stepIds.length > 1)
    expect(batches.every((callback) => jsonOf(callback)['type'] === 'PaymentBatch.Completed')).toBe(true)
    expect(batches.length).toBe(ledger.multiPaymentCallbacks)
    expect(ledger.events).toBe(callbacks.length + batches.reduce((sum, { stepIds }) => sum + stepIds.length - 1, 0))
  })

  it('keeps to the given shares', () => {
    const { callbacks, ledger } = plan
    const firsts = callbacks.filter((callback) => callback.repeats === 'nothing' && callback.stepIds.length > 0)
    const fromJpm = firsts.filter((callback) => callback.provider !== 'instamed')
    const ofJpm = fromJpm.filter((callback) => callback.stepIds.length > 1)
    expect(share(ledger.identicalRepeats + ledger.reissues, firsts.length)).toBeCloseTo(0.1, 1)
    expect(share(ledger.malformedCallbacks, callbacks.length)).toBeGreaterThan(0.01)
    expect(share(ledger.malformedCallbacks, callbacks.length)).toBeLessThan(0.035)
    expect(share(ofJpm.length, fromJpm.length)).toBeCloseTo(0.2, 1)
    const sizes = ofJpm.filter((callback) => !isBatch(callback)).map((callback) => callback.stepIds.length)
    expect(Math.max(...sizes)).toBe(5)
  })

  it('sends the steps of reordered payments in another order, and of no others', () => {
    const { ledger } = planCallbacks(options({ ...NOTHING_WRONG, reorderShare: 0.3 }))
    const severalSteps = [...ledger.payments.values()].filter((payment) => payment.steps.length > 1)
    expect(share(ledger.outOfOrderPayments, severalSteps.length)).toBeGreaterThan(0.22)
    expect(share(ledger.outOfOrderPayments, severalSteps.length)).toBeLessThan(0.36)
  })

  it('sends late steps after everything else, including the payment’s later steps', () => {
    const { callbacks, ledger } = planCallbacks(options({ ...NOTHING_WRONG, lateShare: 0.05 }))
    const late = [...ledger.payments.values()].filter((payment) => payment.outOfOrder)
    expect(late.length).toBeGreaterThan(20)
    const tail = callbacks.slice(-2 * late.length).flatMap((callback) => callback.stepIds)
    for (const payment of late) {
      expect(tail.some((id) => id.startsWith(`${payment.paymentKey}#`))).toBe(true)
    }
  })

  it('makes the same payments, whatever goes wrong with their callbacks', () => {
    const calm = planCallbacks(options(NOTHING_WRONG)).ledger
    const told = (payment: { paymentKey: string; expectedStatus: string }) => [
      payment.paymentKey,
      payment.expectedStatus,
    ]
    expect([...plan.ledger.payments.values()].map(told)).toEqual([...calm.payments.values()].map(told))
    expect(plan.ledger.events).toBe(calm.events)
  })

  it('makes refunds, returns and chargebacks payments of their own, next to their original', () => {
    const related = [...plan.ledger.payments.values()].filter((payment) => payment.relatesTo !== null)
    expect(related.length).toBeGreaterThan(0)
    for (const payment of related) {
      expect(payment.expectedKind).not.toBe('PAYMENT')
      expect(plan.ledger.payments.get(payment.relatesTo ?? '')?.lifecycle).toBe(payment.lifecycle)
    }
  })

  it('reports the end of all payments of a batch in one callback', () => {
    const batches = plan.callbacks.filter((callback) => callback.repeats === 'nothing' && isBatch(callback))
    expect(batches.length).toBeGreaterThan(5)
    expect(batches.every(({ stepIds }) => [4, 20, 50].includes(stepIds.length))).toBe(true)
    for (const callback of batches) {
      const ids = elementsOf(callback).map((element) => (element['paymentIdentifiers'] as Fields)['paymentBatchId'])
      expect(new Set(ids).size).toBe(1)
      expect(jsonOf(callback)['dataschema']).toBe('urn:com.jpmorgan.payments/payments-event')
    }
  })

  it('sends payment returns alone, with and without an original', () => {
    const returns = wellFormed(plan).filter((callback) => callback.body.includes('"returns":['))
    expect(returns.length).toBeGreaterThan(20)
    const originals = new Set<string>()
    for (const callback of returns) {
      const [element, ...others] = elementsOf(callback)
      expect(others).toEqual([])
      for (const name of Object.keys((element?.['originalPaymentIdentifiers'] ?? {}) as Fields)) {
        originals.add(name)
      }
    }
    expect(originals).toEqual(new Set(['paymentId', 'bankReferenceNumber', 'clearingSystemReference', 'account']))
  })

  it('sends partial approvals, and refunds by both names', () => {
    const messages = wellFormed(plan)
      .filter(({ provider }) => provider === 'instamed')
      .map(jsonOf)
    const actions = new Set(messages.map((message) => message['TransactionAction']))
    expect(actions).toEqual(new Set(['Sale', 'Refund', 'SimpleRefund', 'Chargeback', 'Return', 'SimulatedAction']))
    expect(messages.filter((message) => message['IsPartiallyApproved'] === 'true').length).toBeGreaterThan(5)
    expect(messages.filter((message) => message['ResponseCode'] === '010').length).toBeGreaterThan(5)
  })

  it('applies oddities to the requested share of payments, and changes their bytes', () => {
    const odd = planCallbacks(options({ oddShare: 0.2, malformedShare: 0 }))
    const names = new Set(Object.values(ODD_LIFECYCLES).flatMap((list) => list.map(({ name }) => name)))
    const payments = [...odd.ledger.payments.values()]
    const share = payments.filter(({ lifecycle }) => names.has(lifecycle)).length / payments.length
    expect(share).toBeGreaterThan(0.1)
    expect(share).toBeLessThan(0.25)
    expect(odd.ledger.malformedCallbacks / odd.ledger.callbacks).toBeGreaterThan(0.1)
    const strict = new TextDecoder('utf-8', { fatal: true })
    const isUtf8 = ({ body }: PlannedCallback) => {
      try {
        strict.decode(body)
        return true
      } catch {
        return false
      }
    }
    expect(odd.callbacks.some((callback) => !isUtf8(callback))).toBe(true)
    expect(odd.callbacks.some(({ contentType }) => contentType.includes('urlencoded'))).toBe(true)
    expect(odd.callbacks.some(({ contentType }) => contentType.includes('xml'))).toBe(true)
  })

  it('calls v1 with and without /status, and the others as registered', () => {
    const suffixes = (provider: string) =>
      new Set(plan.callbacks.filter((callback) => callback.provider === provider).map(({ pathSuffix }) => pathSuffix))
    expect(suffixes('jpm-global-payments-v1')).toEqual(new Set(['', '/status']))
    expect(suffixes('jpm-global-payments-v2')).toEqual(new Set(['']))
    expect(suffixes('instamed')).toEqual(new Set(['']))
  })

  it('marks its ids and its sensitive fields as simulated', () => {
    for (const payment of plan.ledger.payments.values()) {
      expect(payment.paymentKey).toMatch(/:(5eed|e2e:SIM)/)
      expect(payment.paymentKey).not.toContain(SENSITIVE_TEXT)
    }
    expect(plan.callbacks.some((callback) => callback.body.includes(SENSITIVE_TEXT))).toBe(true)
  })

  it('lists everything that is wrong with its options', () => {
    const wrong = options({
      seed: 0.5,
      payments: 0,
      duplicateShare: 2,
      lateShare: Number.NaN,
      sources: [V1, { ...V1, provider: 'stripe' as 'instamed' }],
    })
    expect(() => planCallbacks(wrong)).toThrow(SimulationOptionsError)
    try {
      planCallbacks(wrong)
    } catch (error) {
      expect((error as SimulationOptionsError).problems).toEqual([
        'seed must be a whole number',
        'payments must be a whole number of at least 1',
        'duplicateShare must be between 0 and 1',
        'lateShare must be between 0 and 1',
        'every source needs a unique id',
        'source v1: the provider stripe cannot be simulated',
      ])
    }
    expect(() => planCallbacks(options({ sources: [] }))).toThrow('at least one source is needed')
  })
})

describe('malformed callbacks', () => {
  const { callbacks, ledger } = planCallbacks(options({ malformedShare: 0.5, duplicateShare: 0 }))
  const withReason = (reason: string) => callbacks.filter((callback) => callback.deadLetters.includes(reason as never))

  it('come in every kind, for every provider', () => {
    const kinds = new Set(
      callbacks.flatMap(({ provider, deadLetters }) => deadLetters.map((kind) => `${provider} ${kind}`)),
    )
    for (const { provider } of [V1, V2, IM]) {
      for (const reason of ['invalid-json', 'invalid-utf8', 'unexpected-shape', 'missing-payment-id']) {
        expect(kinds).toContain(`${provider} ${reason}`)
      }
    }
    expect(kinds).toContain('jpm-global-payments-v1 element-not-an-object')
    expect(kinds).toContain('jpm-global-payments-v2 element-not-an-object')
  })

  it('are invalid JSON or invalid UTF-8', () => {
    for (const callback of withReason('invalid-json')) {
      expect(() => jsonOf(callback)).toThrow()
    }
    const strict = new TextDecoder('utf-8', { fatal: true })
    for (const callback of withReason('invalid-utf8')) {
      expect(() => strict.decode(callback.body)).toThrow()
    }
  })

  it('keep good elements unchanged if only one element is bad', () => {
    const mixed = callbacks.filter((callback) => callback.expects === 'events-and-dead-letter')
    expect(mixed.length).toBeGreaterThan(0)
    for (const callback of mixed) {
      const elements = elementsOf(callback)
      expect(elements).toHaveLength(callback.stepIds.length + 1)
      const good = elements.filter(
        (element) =>
          Object(element) === element &&
          (element['firmRootId'] ?? element['paymentId'] ?? element['returnId'] ?? element['endToEndId']),
      )
      expect(good.map((element) => paymentKeyIn(callback, element)).toSorted()).toEqual(
        callback.stepIds.map((id) => id.slice(0, id.lastIndexOf('#'))).toSorted(),
      )
    }
  })

  it('do not change the expected results of payments', () => {
    const calm = planCallbacks(options({ malformedShare: 0, duplicateShare: 0 })).ledger
    expect([...ledger.payments.values()].map(({ expectedStatus }) => expectedStatus)).toEqual(
      [...calm.payments.values()].map(({ expectedStatus }) => expectedStatus),
    )
    expect(ledger.events).toBe(calm.events)
  })
})
