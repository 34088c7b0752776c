import { isDeepStrictEqual } from 'node:util'
import type { AttentionCode } from '../../src/payment/fold-payment.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import type { Callback } from '../../src/providers/provider.ts'
import { callbackOf } from '../providers/callback-of.ts'
import { permutationsOf } from '../providers/fold-all.ts'

/**
 * What callbacks must mean, as stories from the wire format to the status. They judge any implementation: the real code, and
 * in planted-bugs.test.ts code with a planted bug.
 */

/** A callback and its sender. */
export interface Sent {
  readonly provider: 'jpm-global-payments-v1' | 'jpm-global-payments-v2' | 'instamed'
  readonly callback: Callback
}

/** What is checked of a payment after all callbacks. */
export interface Outcome {
  readonly status: PaymentStatus
  readonly attention: readonly AttentionCode[]
  /** Number of its distinct events. */
  readonly events: number
}

/** Takes callbacks in order of arrival; returns the payments by key. */
export type Reading = (arrivals: readonly Sent[]) => ReadonlyMap<string, Outcome>

interface Story {
  readonly callbacks: readonly Sent[]
  readonly payments: Readonly<Record<string, Outcome>>
}

/** A day at noon; the stories span a few minutes. */
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
  others: Readonly<Record<string, string>> = {},
): Sent {
  const TransactionAction = 'Sale'
  const body = { PaymentTransactionID, TransactionAction, CurrentTransactionStatusCode, ResponseDateTime, ...others }
  return { provider: 'instamed', callback: callbackOf(body) }
}

function ends(status: PaymentStatus, events: number, ...attention: readonly AttentionCode[]): Story['payments'] {
  return { 'acme:p': { status, attention, events } }
}

/** By name. They follow from the rules of the fold (`TIERS`, `ATTENTION`) and the mappings; each holds in every order. */
export const STORIES = {
  'a step that arrives late does not undo a later one': {
    callbacks: [v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)), v2('PROCESSING', 'PROCESSING_BY_JPM', minute(2))],
    payments: ends('PROCESSING', 2),
  },
  'a hold can return after it was lifted': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)),
      v2('PROCESSING', 'PROCESSING_BY_JPM', minute(2)),
      v2('PROCESSING', 'PENDING_FUNDING_REVIEW', minute(3)),
    ],
    payments: ends('ON_HOLD', 3),
  },
  'an untimed step does not replace a timed one': {
    callbacks: [v1('WAREHOUSED', minute(1)), v1('PENDING', null)],
    payments: ends('SCHEDULED', 2),
  },
  'the same fact in another envelope is one event': {
    callbacks: [v2('COMPLETED', null, minute(1), 'first'), v2('COMPLETED', null, minute(1), 'second')],
    payments: ends('COMPLETED', 1),
  },
  'a void changes the status of the transaction it voids': {
    callbacks: [instamed('p', 'C'), instamed('p', 'V')],
    payments: ends('VOIDED', 2),
  },
  'an id in upper and in lower case is one payment': {
    callbacks: [instamed('p', 'C'), instamed('P', 'V')],
    payments: ends('VOIDED', 2),
  },
  'an unknown status is recorded, changes nothing and gets attention': {
    callbacks: [v1('PENDING', minute(1)), v1('SOMETHING_NEW', minute(2))],
    payments: ends('PROCESSING', 2, 'unknown-status'),
  },
  'a payment with only unknown statuses is UNKNOWN': {
    callbacks: [v1('SOMETHING_NEW', minute(1))],
    payments: ends('UNKNOWN', 1, 'unknown-status'),
  },
  'a sub-status makes nothing final': {
    callbacks: [v2('PROCESSING', 'COMPLETED_BY_JPM', minute(1))],
    payments: ends('PROCESSING', 1),
  },
  'a sub-status does not hold a completed payment': {
    callbacks: [v2('COMPLETED', 'PENDING_POSTING', minute(1))],
    payments: ends('COMPLETED', 1),
  },
  'completed money can still be credited': {
    callbacks: [v1('COMPLETED', minute(1)), v1('COMPLETED_CREDITED', minute(2))],
    payments: ends('CREDITED', 2),
  },
  'completed money can be returned': {
    callbacks: [v1('COMPLETED', minute(1)), v1('RETURNED', minute(2))],
    payments: ends('RETURNED', 2),
  },
  'returned money is returned, even if it was rejected before': {
    callbacks: [v1('REJECTED', minute(1)), v1('RETURNED', minute(2))],
    payments: ends('RETURNED', 2),
  },
  'a rejected payment does not become pending again': {
    callbacks: [v1('REJECTED', minute(1)), v1('PENDING', minute(2))],
    payments: ends('REJECTED', 2),
  },
  'a rejected payment does not become completed, and gets attention': {
    callbacks: [v1('REJECTED', minute(1)), v1('COMPLETED', minute(2))],
    payments: ends('REJECTED', 2, 'positive-after-final'),
  },
  'the first of two finals decides, and the payment gets attention': {
    callbacks: [v2('REJECTED', 'REJECTED_BY_JPM', minute(1)), v2('CANCELED', 'CANCELED', minute(2))],
    payments: ends('REJECTED', 2, 'contradictory-finals'),
  },
  'the same final twice is no contradiction': {
    callbacks: [v2('REJECTED', 'REJECTED', minute(1)), v2('REJECTED', 'REJECTED_BY_JPM', minute(2))],
    payments: ends('REJECTED', 2),
  },
  'an earlier completion does not release a blocked payment': {
    callbacks: [v1('COMPLETED', minute(1)), v1('BLOCKED', minute(2))],
    payments: ends('BLOCKED', 2, 'negative-after-positive'),
  },
  'an untimed completion does not release a blocked payment': {
    callbacks: [v1('BLOCKED', minute(1)), v1('COMPLETED', null)],
    payments: ends('BLOCKED', 2, 'negative-after-positive'),
  },
  'a later completion releases a blocked payment': {
    callbacks: [v1('BLOCKED', minute(1)), v1('COMPLETED', minute(2))],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'a blocked payment is not released by an event that is later only in some zone': {
    callbacks: [v1('PENDING_POSTING', '2026-01-13T01:30:00.000Z'), v1('BLOCKED', '2026-01-12T21:00:00.000')],
    payments: ends('BLOCKED', 2, 'time-uncertain'),
  },
  'a blocked payment is not released on the day of the block': {
    callbacks: [v1('BLOCKED', '2026-01-12'), v1('COMPLETED', '2026-01-12T23:00:00.000')],
    payments: ends('BLOCKED', 2, 'negative-after-positive', 'time-uncertain'),
  },
  'an event that is later in every zone releases a blocked payment': {
    callbacks: [v1('BLOCKED', '2026-01-12T21:00:00.000'), v1('COMPLETED', '2026-01-13T09:00:00.001Z')],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'two times without a zone are in the same zone': {
    callbacks: [v1('BLOCKED', '2026-01-12T21:00:00.000'), v1('COMPLETED', '2026-01-12T21:01:00.000')],
    payments: ends('COMPLETED', 2, 'released'),
  },
  'a hold is not lifted by an event that is later only in some zone': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', minute(1)),
      v2('PROCESSING', 'PROCESSING_BY_JPM', '2025-11-10T13:00:00'),
    ],
    payments: ends('ON_HOLD', 2, 'time-uncertain'),
  },
  'which of two finals was first can depend on the zone': {
    callbacks: [v2('REJECTED', null, minute(1)), v2('CANCELED', null, '2025-11-10T13:00:00')],
    payments: ends('REJECTED', 2, 'contradictory-finals', 'time-uncertain'),
  },
  'a settlement less than a millisecond later counts': {
    callbacks: [
      instamed('p', 'SE', '2026-03-01T19:17:05.2770143Z'),
      instamed('p', 'S', '2026-03-01T19:17:05.2779143Z'),
    ],
    payments: ends('SETTLED', 2, 'released'),
  },
  'a time on the full minute may omit the seconds': {
    callbacks: [
      v2('PROCESSING', 'PENDING_FRAUD_REVIEW', '2025-11-10T12:00:59Z'),
      v2('PROCESSING', 'PROCESSING_BY_JPM', '2025-11-10T12:01Z'),
    ],
    payments: ends('PROCESSING', 2),
  },
  'a refund under the id of its sale gets attention': {
    callbacks: [instamed('p', 'S'), instamed('p', 'C', null, { TransactionAction: 'Refund' })],
    payments: ends('SETTLED', 2, 'contradictory-kinds'),
  },
  'a refund that was not understood, under the id of a sale, changes nothing': {
    callbacks: [instamed('p', 'S'), instamed('p', 'Q', null, { TransactionAction: 'Refund' })],
    payments: ends('SETTLED', 2, 'contradictory-kinds', 'unknown-status'),
  },
  'an unreadable time counts as no time and gets attention': {
    callbacks: [v1('WAREHOUSED', minute(1)), v1('PENDING', 'the day after')],
    payments: ends('SCHEDULED', 2, 'unreadable-time'),
  },
} as const satisfies Record<string, Story>
export type StoryName = keyof typeof STORIES

/** The stories with a wrong result in some order of arrival, or when a callback is redelivered. */
export function judge(reading: Reading): readonly StoryName[] {
  return (Object.keys(STORIES) as StoryName[]).filter((name) => {
    const { callbacks, payments } = STORIES[name]
    return arrivalsOf(callbacks).some((arrivals) => !isDeepStrictEqual(Object.fromEntries(reading(arrivals)), payments))
  })
}

function arrivalsOf(callbacks: readonly Sent[]): readonly (readonly Sent[])[] {
  return permutationsOf(callbacks).flatMap((order) => [order, [...order, ...order]])
}
