import { isDeepStrictEqual } from 'node:util'
import type { AttentionCode } from '../../src/payment/fold-payment.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import type { Callback } from '../../src/providers/provider.ts'
import { callbackOf } from '../providers/callback-of.ts'
import { permutationsOf } from '../providers/fold-all.ts'

/**
 * What callbacks must mean, as stories from the wire to the status. Whoever claims to turn callbacks into payments can
 * be judged by them: the real code, and in planted-bugs.test.ts code with a bug in it.
 */

/** A callback and who it is from. */
export interface Sent {
  readonly provider: 'jpm-global-payments-v1' | 'jpm-global-payments-v2' | 'instamed'
  readonly callback: Callback
}

/** What is asked of a payment after all callbacks. */
export interface Outcome {
  readonly status: PaymentStatus
  readonly attention: readonly AttentionCode[]
  /** How many distinct events it has. */
  readonly events: number
}

/** Takes callbacks in the order of their arrival; gives the payments by their key. */
export type Reading = (arrivals: readonly Sent[]) => ReadonlyMap<string, Outcome>

interface Story {
  readonly callbacks: readonly Sent[]
  readonly payments: Readonly<Record<string, Outcome>>
}

/** A day at noon; stories need no more than some minutes. */
const minute = (n: number) => `2025-11-10T12:${String(n).padStart(2, '0')}:00Z`

function v1(paymentStatus: string, createDateTime: string | null): Sent {
  const body = { callbacks: [{ firmRootId: 'p', paymentStatus, createDateTime }] }
  return { provider: 'jpm-global-payments-v1', callback: callbackOf(body) }
}

function v2(paymentStatus: string, paymentSubStatus: string | null, statusUpdatedAt: string, id = 'envelope'): Sent {
  const body = {
    id,
    type: 'Payment.X',
    data: { payments: [{ paymentId: 'p', paymentStatus, paymentSubStatus, statusUpdatedAt }] },
  }
  return { provider: 'jpm-global-payments-v2', callback: callbackOf(body, { callbackId: `callback of ${id}` }) }
}

function instamed(
  PaymentTransactionID: string,
  CurrentTransactionStatusCode: string,
  ResponseDateTime: string | null = null,
): Sent {
  const body = { PaymentTransactionID, TransactionAction: 'Sale', CurrentTransactionStatusCode, ResponseDateTime }
  return { provider: 'instamed', callback: callbackOf(body) }
}

function ends(status: PaymentStatus, events: number, ...attention: readonly AttentionCode[]): Story['payments'] {
  return { 'acme:p': { status, attention, events } }
}

/** By name. The rules are those of the fold (`TIERS`, `ATTENTION`) and of the mappings; each holds in every order. */
export const STORIES = {
  'a step that arrives late does not undo a later one': {
    callbacks: [v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)), v2('PROCESSING', 'PROCESSING_BY_JPM', minute(2))],
    payments: ends('PROCESSING', 2),
  },
  'a hold may come back after it was lifted': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)),
      v2('PROCESSING', 'PROCESSING_BY_JPM', minute(2)),
      v2('PROCESSING', 'PENDING_FUNDING_REVIEW', minute(3)),
    ],
    payments: ends('ON_HOLD', 3),
  },
  'a step without a time is no news': {
    callbacks: [v1('WAREHOUSED', minute(1)), v1('PENDING', null)],
    payments: ends('SCHEDULED', 2),
  },
  'the same fact under another envelope is one event': {
    callbacks: [v2('COMPLETED', null, minute(1), 'first'), v2('COMPLETED', null, minute(1), 'second')],
    payments: ends('COMPLETED', 1),
  },
  'a void is news of the transaction that it voids': {
    callbacks: [instamed('p', 'C'), instamed('p', 'V')],
    payments: ends('VOIDED', 2),
  },
  'one transaction in capitals and in small letters is one payment': {
    callbacks: [instamed('p', 'C'), instamed('P', 'V')],
    payments: ends('VOIDED', 2),
  },
  'a status that nobody knows is kept, moves nothing and gets attention': {
    callbacks: [v1('PENDING', minute(1)), v1('SOMETHING_NEW', minute(2))],
    payments: ends('PROCESSING', 2, 'unknown-status'),
  },
  'a payment of which only unknown things are known is UNKNOWN': {
    callbacks: [v1('SOMETHING_NEW', minute(1))],
    payments: ends('UNKNOWN', 1, 'unknown-status'),
  },
  'a sub-status makes nothing final': {
    callbacks: [v2('PROCESSING', 'COMPLETED_BY_JPM', minute(1))],
    payments: ends('PROCESSING', 1),
  },
  'a sub-status holds nothing up that is completed': {
    callbacks: [v2('COMPLETED', 'PENDING_POSTING', minute(1))],
    payments: ends('COMPLETED', 1),
  },
  'completed money can still be credited': {
    callbacks: [v1('COMPLETED', minute(1)), v1('COMPLETED_CREDITED', minute(2))],
    payments: ends('CREDITED', 2),
  },
  'completed money can come back': {
    callbacks: [v1('COMPLETED', minute(1)), v1('RETURNED', minute(2))],
    payments: ends('RETURNED', 2),
  },
  'money that came back is back, also if it was rejected before': {
    callbacks: [v1('REJECTED', minute(1)), v1('RETURNED', minute(2))],
    payments: ends('RETURNED', 2),
  },
  'a rejected payment is not pending again': {
    callbacks: [v1('REJECTED', minute(1)), v1('PENDING', minute(2))],
    payments: ends('REJECTED', 2),
  },
  'a rejected payment is not completed, and somebody must look at it': {
    callbacks: [v1('REJECTED', minute(1)), v1('COMPLETED', minute(2))],
    payments: ends('REJECTED', 2, 'positive-after-final'),
  },
  'of two finals the first decides, and somebody must look at it': {
    callbacks: [v2('REJECTED', 'REJECTED_BY_JPM', minute(1)), v2('CANCELED', 'CANCELED', minute(2))],
    payments: ends('REJECTED', 2, 'contradictory-finals'),
  },
  'the same final twice contradicts nothing': {
    callbacks: [v2('REJECTED', 'REJECTED', minute(1)), v2('REJECTED', 'REJECTED_BY_JPM', minute(2))],
    payments: ends('REJECTED', 2),
  },
  'what was completed before does not release a blocked payment': {
    callbacks: [v1('COMPLETED', minute(1)), v1('BLOCKED', minute(2))],
    payments: ends('BLOCKED', 2, 'negative-after-positive'),
  },
  'what was completed at no known time does not release a blocked payment': {
    callbacks: [v1('BLOCKED', minute(1)), v1('COMPLETED', null)],
    payments: ends('BLOCKED', 2, 'negative-after-positive'),
  },
  'a blocked payment is released by what is completed later': {
    callbacks: [v1('BLOCKED', minute(1)), v1('COMPLETED', minute(2))],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'a blocked payment is not released by what is only later in some zone': {
    callbacks: [v1('PENDING_POSTING', '2026-01-13T01:30:00.000Z'), v1('BLOCKED', '2026-01-12T21:00:00.000')],
    payments: ends('BLOCKED', 2, 'time-uncertain'),
  },
  'a blocked payment is not released on the very day of the block': {
    callbacks: [v1('BLOCKED', '2026-01-12'), v1('COMPLETED', '2026-01-12T23:00:00.000')],
    payments: ends('BLOCKED', 2, 'negative-after-positive', 'time-uncertain'),
  },
  'what is later in every zone releases a blocked payment': {
    callbacks: [v1('BLOCKED', '2026-01-12T21:00:00.000'), v1('COMPLETED', '2026-01-13T09:00:00.001Z')],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'two times without a zone are of the same zone': {
    callbacks: [v1('BLOCKED', '2026-01-12T21:00:00.000'), v1('COMPLETED', '2026-01-12T21:01:00.000')],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'a hold is not lifted by what is only later in some zone': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)),
      v2('PROCESSING', 'PROCESSING_BY_JPM', '2025-11-10T13:00:00'),
    ],
    payments: ends('ON_HOLD', 2, 'time-uncertain'),
  },
  'which of two finals was first is not known in every zone': {
    callbacks: [v2('REJECTED', null, minute(1)), v2('CANCELED', null, '2025-11-10T13:00:00')],
    payments: ends('REJECTED', 2, 'contradictory-finals', 'time-uncertain'),
  },
  'what was settled less than a millisecond later is settled': {
    callbacks: [
      instamed('p', 'SE', '2026-03-01T19:17:05.2770143Z'),
      instamed('p', 'S', '2026-03-01T19:17:05.2779143Z'),
    ],
    payments: ends('SETTLED', 2, 'released'),
  },
  'a full minute may be written without its seconds': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', '2025-11-10T12:00:59Z'),
      v2('PROCESSING', 'PROCESSING_BY_JPM', '2025-11-10T12:01Z'),
    ],
    payments: ends('PROCESSING', 2),
  },
  'a time that nobody can read is no time, and somebody must look at it': {
    callbacks: [v1('WAREHOUSED', minute(1)), v1('PENDING', 'the day after')],
    payments: ends('SCHEDULED', 2, 'unreadable-time'),
  },
} as const satisfies Record<string, Story>
export type StoryName = keyof typeof STORIES

/** The stories that come out wrong in some order of arrival, or when a callback is delivered again. */
export function judge(reading: Reading): readonly StoryName[] {
  return (Object.keys(STORIES) as StoryName[]).filter((name) => {
    const { callbacks, payments } = STORIES[name]
    return arrivalsOf(callbacks).some((arrivals) => !isDeepStrictEqual(Object.fromEntries(reading(arrivals)), payments))
  })
}

function arrivalsOf(callbacks: readonly Sent[]): readonly (readonly Sent[])[] {
  return permutationsOf(callbacks).flatMap((order) => [order, [...order, ...order]])
}
