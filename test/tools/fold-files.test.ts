import { describe, expect, test, vi } from 'vitest'
import { applyEvent } from '../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX } from '../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import { providerById } from '../../src/providers/registry.ts'
import { toCallbackFile } from '../../src/tools/callback-files.ts'
import { type FoldedFiles, foldFiles, orderDifferenceText } from '../../src/tools/fold-files.ts'
import { planCallbacks } from '../../src/tools/simulate/plan.ts'
import { type TranslatedFile, translateFiles } from '../../src/tools/translate-files.ts'
import { LIGHT, sampleEvent } from '../avro/samples.ts'

// A hundred times the usual duration, so that a busy machine does not fail the tests.
vi.setConfig({ testTimeout: 60_000 })

/** The translation of a callback with these events. */
function fileWith(file: string, ...events: PaymentEvent[]): TranslatedFile {
  const placed = events.map((event, element) => ({ ...event, callbackId: `callback of ${file}`, element }))
  return { file, events: placed, deadLetters: [], setAside: 0 }
}

function at(status: PaymentStatus, occurredAt: number, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  const eventId = `${status}@${occurredAt}`
  return sampleEvent({ eventId, status, naturalKey: eventId, providerEventId: null, occurredAt, ...changes })
}

const received = fileWith('received', at('RECEIVED', 1))
const completed = fileWith('completed', at('COMPLETED', 3))
const processing = fileWith('processing', at('PROCESSING', 2))

describe('folding files', () => {
  test('gives the status of each payment and the verdict of each event', () => {
    const { states, ...counts } = foldFiles([received, completed, processing])
    expect(counts).toEqual({ deadLetters: [], setAside: 0, duplicates: 0 })
    expect(states).toHaveLength(1)
    expect(states[0]).toMatchObject({
      paymentKey: sampleEvent().paymentKey,
      status: 'COMPLETED',
      finality: 'SOFT',
      statusVersion: 3,
      decidedBy: 'COMPLETED@3',
      attention: [],
      kind: 'PAYMENT',
      relatesTo: null,
      details: { endToEndId: 'E2E-4711' },
    })
    expect(states[0]?.events).toEqual([
      {
        id: 'RECEIVED@1',
        childKey: null,
        verdict: 'APPLIED',
        rule: 'first-event',
        status: 'RECEIVED',
        statusAfter: 'RECEIVED',
        statusVersion: 1,
        occurredAt: 1,
        zoneAssumed: false,
        timeUnreadable: false,
        unreadable: [],
        partialApproval: false,
        sourceStatus: 'ACCEPTED',
        sourceSubStatus: null,
        file: 'received',
        element: 0,
      },
      expect.objectContaining({ id: 'COMPLETED@3', verdict: 'APPLIED', rule: 'status-changed', file: 'completed' }),
      expect.objectContaining({
        id: 'PROCESSING@2',
        childKey: null,
        verdict: 'LATE',
        rule: 'status-unchanged',
        statusAfter: 'COMPLETED',
        statusVersion: 3,
      }),
    ])
  })

  test('keeps payments apart, even if they share a callback', () => {
    const two = fileWith('two', at('REJECTED', 2, { paymentKey: 'b' }), at('REJECTED', 2, { paymentKey: 'a' }))
    const { states } = foldFiles([fileWith('one', at('RECEIVED', 1, { paymentKey: 'a' })), two])
    expect(states.map(({ paymentKey, statusVersion, events }) => [paymentKey, statusVersion, events.length])).toEqual([
      ['a', 2, 2],
      ['b', 1, 1],
    ])
    expect(states[0]?.events.map(({ file, element }) => [file, element])).toEqual([
      ['one', 0],
      ['two', 1],
    ])
  })

  test('counts repeats and set-aside parts, and names the file of dead letters', () => {
    const deadLetter = { reason: 'missing-status', message: 'the element has no paymentStatus', element: 1 } as const
    const broken: TranslatedFile = { file: 'broken', events: [], deadLetters: [deadLetter], setAside: 2 }
    expect(foldFiles([received, received, { ...broken, setAside: 1 }, broken])).toMatchObject({
      states: [{ statusVersion: 1 }],
      duplicates: 1,
      setAside: 3,
      deadLetters: [
        { file: 'broken', ...deadLetter },
        { file: 'broken', ...deadLetter },
      ],
    })
  })

  test('makes a dead letter of an event that a full history does not keep', () => {
    const many = Array.from({ length: HISTORY_EVENTS_MAX }, (_, index) => at('PROCESSING', index + 10, LIGHT))
    const between = at('PROCESSING', HISTORY_EVENTS_MAX + 8, { ...LIGHT, eventId: 'not kept' })
    const { states, deadLetters } = foldFiles([fileWith('many', ...many), fileWith('one', between)])
    expect(states[0]?.events).toHaveLength(HISTORY_EVENTS_MAX)
    expect(deadLetters).toEqual([
      {
        file: 'one',
        reason: 'history-full',
        message: 'the history of the payment is full, and this event would decide nothing',
        element: 0,
      },
    ])
  })

  test('returns nothing for no files', () => {
    expect(foldFiles([])).toEqual({ states: [], deadLetters: [], setAside: 0, duplicates: 0 })
  })
})

describe('permuting', () => {
  const files = [received, processing, completed]

  test('folds all orders of few callbacks of a payment and reports that they agree', () => {
    const other = fileWith('other', at('RECEIVED', 1, { paymentKey: 'other' }))
    expect(foldFiles([...files, other], { permuteSeed: 5 })).toEqual({
      ...foldFiles([...files, other]),
      permute: { orders: 6 + 1, exhaustive: true, seed: 5, differences: [] },
    })
  })

  test('folds a thousand orders of many callbacks and reports that these are not all', () => {
    const many = Array.from({ length: 8 }, (_, index) => fileWith(`file ${index}`, at('PROCESSING', index)))
    expect(foldFiles(many, { permuteSeed: 1 }).permute).toEqual({
      orders: 1_000,
      exhaustive: false,
      seed: 1,
      differences: [],
    })
  })

  /** The defect that `--permute` detects: the last event to arrive determines the status. */
  const lastWins: typeof applyEvent = (state, event, recordedAt) => {
    const applied = applyEvent(state, event, recordedAt)
    return applied.outcome === 'recorded'
      ? { ...applied, change: { ...applied.change, state: { ...applied.change.state, status: event.status } } }
      : applied
  }

  test('names the payment and two orders with different results', () => {
    const { permute } = foldFiles([received, completed], { permuteSeed: 1, apply: lastWins })
    expect(permute?.differences).toEqual([
      {
        paymentKey: sampleEvent().paymentKey,
        fields: ['status'],
        orders: [
          { files: ['received', 'completed'], status: 'COMPLETED', attention: [] },
          { files: ['completed', 'received'], status: 'RECEIVED', attention: [] },
        ],
      },
    ])
    expect(permute?.differences.map(orderDifferenceText)).toEqual([
      [
        `${sampleEvent().paymentKey}: the order of the callbacks affects its status`,
        '  COMPLETED from received, completed',
        '  RECEIVED from completed, received',
      ].join('\n'),
    ])
  })

  test('names all parts that differ, and the attention codes', () => {
    const arrivalIsTime: typeof applyEvent = (state, event, recordedAt) =>
      applyEvent(state, { ...event, occurredAt: recordedAt }, recordedAt)
    const rejected = fileWith('rejected', at('REJECTED', 9))
    const [difference] =
      foldFiles([completed, rejected], { permuteSeed: 1, apply: arrivalIsTime }).permute?.differences ?? []
    expect(difference?.fields).toEqual(['attention'])
    expect(difference?.orders.map(({ attention }) => attention)).toEqual([
      ['negative-after-positive'],
      ['positive-after-final'],
    ])
    expect(difference && orderDifferenceText(difference)).toContain('REJECTED (positive-after-final) from rejected')
  })

  test('finds a difference among many callbacks, too, and the same one every time', () => {
    const many = Array.from({ length: 9 }, (_, index) => fileWith(`file ${index}`, at('PROCESSING', index)))
    const mixed = [...many, completed]
    const find = () => foldFiles(mixed, { permuteSeed: 7, apply: lastWins }).permute?.differences
    expect(find()).toHaveLength(1)
    expect(find()).toEqual(find())
  })
})

describe('simulated callbacks', () => {
  const provider = (id: string) => {
    const found = providerById(id)
    if (found === undefined) {
      throw new Error(`no provider ${id}`)
    }
    return found
  }

  test.each(['jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'] as const)(
    '%s: fold to the expected statuses in every order',
    (id) => {
      const { callbacks, ledger } = planCallbacks({
        seed: 11,
        payments: 80,
        sources: [{ id: 'source', provider: id, namespace: id }],
        reorderShare: 0.5,
        duplicateShare: 0.3,
      })
      const files = callbacks.map(({ position, body, contentType }) =>
        toCallbackFile(String(position), position, body, { provider: provider(id), contentType }),
      )
      const folded = foldFiles(translateFiles(provider(id), files), { permuteSeed: 11 })
      expect(folded.permute?.differences).toEqual([])
      expect(folded.permute?.orders).toBeGreaterThan(200)
      expect(statusesOf(folded)).toEqual(
        new Map([...ledger.payments.values()].map(({ paymentKey, expectedStatus }) => [paymentKey, expectedStatus])),
      )
    },
  )
})

function statusesOf({ states }: FoldedFiles): ReadonlyMap<string, PaymentStatus> {
  return new Map(states.map(({ paymentKey, status }) => [paymentKey, status]))
}
