import type { Lifecycle, OddStep, SimulatedProvider } from './lifecycles.ts'
import {
  asAnswerToVoid,
  asForm,
  asNameValuePairs,
  asXml,
  envelopeField,
  foreignEscapeIn,
  foreignLetterIn,
  foreignLetterInDetail,
  inUpperCase,
  inUtf16,
  type Oddity,
  padded,
  placeholderFor,
  reasonsOfAnotherType,
  set,
  setIn,
  twiceInside,
  twiceTheSame,
  twiceUnread,
  unreadableAmount,
  unreadableDetail,
  unreadableReturnDetail,
  unreadableText,
} from './oddities.ts'
import {
  belowMs,
  DAY_MS,
  dateAlone,
  emptyDate,
  HOUR_MS,
  instamedAnyhow,
  isoAnyhow,
  MINUTE_MS,
  notGiven,
  type TimeSpelling,
  unreadable,
  zoned,
  zoneLess,
} from './time-spellings.ts'
import { Verbatim } from './wire.ts'

const at = (afterMs: number, says: string, time: TimeSpelling): OddStep => ({ says, afterMs, time })
const odd = (says: string, ...oddities: readonly Oddity[]): OddStep => ({ says, oddities })

/**
 * Rare and unexpected things that providers send. Each oddity may cost the field it affects, but never the status. As in
 * `LIFECYCLES`, expectations are written by hand.
 */
export const ODD_LIFECYCLES: { readonly [P in SimulatedProvider]: readonly Lifecycle[] } = {
  'jpm-global-payments-v1': [
    // Times. If their order is misread, or not read, the status or the attention differs.
    ...[MINUTE_MS, HOUR_MS, DAY_MS].map(
      (wholeMs): Lifecycle => ({
        name: `released, times in any spelling, whole ${wholeMs / MINUTE_MS} minutes`,
        wholeMs,
        steps: [
          { says: 'PENDING', time: isoAnyhow },
          at(wholeMs, 'BLOCKED', isoAnyhow),
          at(2 * wholeMs, 'COMPLETED', isoAnyhow),
        ],
        expects: 'COMPLETED',
        attention: ['released'],
      }),
    ),
    {
      name: 'under review, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [
        { says: 'PENDING_JPM_REVIEW', time: isoAnyhow },
        at(MINUTE_MS, 'PENDING', isoAnyhow),
        at(2 * MINUTE_MS, 'PENDING_JPM_REVIEW', isoAnyhow),
      ],
      expects: 'ON_HOLD',
    },
    {
      name: 'released less than a millisecond later',
      steps: [at(0, 'BLOCKED', belowMs('0143')), at(0, 'COMPLETED', belowMs('9143'))],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      name: 'blocked less than a millisecond later',
      steps: [at(0, 'COMPLETED', belowMs('000000001')), at(0, 'BLOCKED', belowMs('000000002'))],
      expects: 'BLOCKED',
      attention: ['negative-after-positive'],
    },
    {
      name: 'blocked at the same time to the last digit',
      steps: [at(0, 'COMPLETED', belowMs('5')), at(0, 'BLOCKED', belowMs('5000'))],
      expects: 'BLOCKED',
      attention: ['negative-after-positive'],
    },
    // A time without a zone is known to within a day. Only what is certain in every zone takes effect.
    {
      name: 'not released by a time without a zone',
      steps: [at(0, 'BLOCKED', zoned), at(HOUR_MS, 'COMPLETED', zoneLess)],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      name: 'not released from a block without a zone',
      steps: [at(0, 'BLOCKED', zoneLess), at(4 * HOUR_MS, 'PENDING_POSTING', zoned)],
      expects: 'BLOCKED',
      attention: ['time-uncertain'],
    },
    {
      name: 'released by a time that is later in every zone',
      steps: [at(0, 'BLOCKED', zoned), at(15 * HOUR_MS, 'COMPLETED', zoneLess)],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      name: 'released from a block that is earlier in every zone',
      steps: [at(0, 'BLOCKED', zoneLess), at(13 * HOUR_MS, 'COMPLETED', zoned)],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      name: 'released, both times without a zone',
      steps: [at(0, 'BLOCKED', zoneLess), at(MINUTE_MS, 'COMPLETED', zoneLess)],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      name: 'not released on the day of the block',
      wholeMs: DAY_MS,
      steps: [at(0, 'BLOCKED', dateAlone), at(10 * HOUR_MS, 'COMPLETED', zoneLess)],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      name: 'released on the day after the block',
      wholeMs: DAY_MS,
      steps: [at(0, 'BLOCKED', dateAlone), at(34 * HOUR_MS, 'COMPLETED', zoneLess)],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      name: 'under review until a time without a zone',
      steps: [at(0, 'PENDING_JPM_REVIEW', zoned), at(HOUR_MS, 'PENDING', zoneLess)],
      expects: 'ON_HOLD',
      attention: ['time-uncertain'],
    },
    {
      name: 'future-dated, perhaps released',
      steps: [at(0, 'WAREHOUSED', zoneLess), at(HOUR_MS, 'PENDING', zoned)],
      expects: 'PROCESSING',
      attention: ['time-uncertain'],
    },
    {
      name: 'rejected, perhaps before it was completed',
      steps: [at(0, 'COMPLETED', zoneLess), at(HOUR_MS, 'REJECTED', zoned)],
      expects: 'REJECTED',
      attention: ['positive-after-final'],
    },
    {
      name: 'rejected at a time that cannot be read',
      steps: ['PENDING', { says: 'REJECTED', time: unreadable }],
      expects: 'REJECTED',
      attention: ['unreadable-time'],
    },
    {
      name: 'blocked, a release at a time that cannot be read',
      steps: ['BLOCKED', { says: 'COMPLETED', time: unreadable }],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'unreadable-time'],
    },
    {
      name: 'rejected, and completed at a time that cannot be read',
      steps: ['REJECTED', { says: 'COMPLETED', time: unreadable }],
      expects: 'REJECTED',
      attention: ['positive-after-final', 'unreadable-time'],
    },
    {
      name: 'completed, no time given',
      steps: [{ says: 'PENDING', time: notGiven }, 'COMPLETED'],
      expects: 'COMPLETED',
    },
    {
      name: 'completed, with an empty date as its time',
      steps: [
        { says: 'PENDING', time: emptyDate },
        { says: 'COMPLETED', time: emptyDate },
      ],
      expects: 'COMPLETED',
    },
    // Details, ids, names, bytes.
    {
      weight: 3,
      name: 'a detail that cannot be read',
      steps: ['PENDING', odd('COMPLETED', unreadableDetail['jpm-global-payments-v1']), 'COMPLETED_CREDITED'],
      expects: 'CREDITED',
      attention: ['unreadable-detail'],
    },
    { name: 'reasons of another type', steps: ['PENDING', odd('REJECTED', reasonsOfAnotherType)], expects: 'REJECTED' },
    {
      weight: 2,
      name: 'padded ids and statuses',
      steps: [
        'PENDING',
        odd('COMPLETED', padded('firmRootId', 'paymentStatus')),
        odd('RETURNED', padded('firmRootId', 'endToEndId')),
      ],
      expects: 'RETURNED',
    },
    {
      name: 'a placeholder for the customer reference',
      steps: ['PENDING', odd('COMPLETED', placeholderFor('endToEndId'))],
      expects: 'COMPLETED',
    },
    {
      name: 'a placeholder for the bank’s own id',
      withoutOwnId: true,
      steps: [odd('PENDING', placeholderFor('firmRootId')), odd('COMPLETED', placeholderFor('firmRootId'))],
      expects: 'COMPLETED',
      attention: ['weak-key'],
    },
    {
      name: 'a placeholder for a reference',
      steps: ['PENDING', odd('COMPLETED', placeholderFor('clearingSystemReference'))],
      expects: 'COMPLETED',
    },
    {
      name: 'a repeated name that decides nothing',
      steps: [
        odd('PENDING', twiceUnread('paymentRedirectedAccount')),
        odd('COMPLETED', twiceInside('fx', 'appliedRate', '1.1000', '1.2000')),
        odd('COMPLETED_CREDITED', twiceTheSame('paymentStatus'), twiceTheSame('firmRootId')),
      ],
      expects: 'CREDITED',
    },
    {
      name: 'invalid UTF-8 in an ignored field',
      steps: ['PENDING', odd('COMPLETED', foreignLetterIn('paymentRedirectedName'))],
      expects: 'COMPLETED',
    },
    {
      name: 'invalid UTF-8 in a detail',
      steps: ['PENDING', odd('COMPLETED', foreignLetterInDetail('clearingSystemReference', null))],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'not UTF-8, with a matching charset',
      steps: [
        'PENDING',
        odd('COMPLETED', foreignLetterInDetail('clearingSystemReference', 'application/json; charset=iso-8859-1')),
      ],
      expects: 'COMPLETED',
    },
    { name: 'UTF-16', steps: ['PENDING', odd('BLOCKED', inUtf16)], expects: 'BLOCKED' },
  ],

  'jpm-global-payments-v2': [
    {
      weight: 2,
      name: 'held and back, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [
        { says: 'PROCESSING/PENDING_FRAUD_REVIEW', time: isoAnyhow },
        at(MINUTE_MS, 'PROCESSING/PROCESSING_BY_JPM', isoAnyhow),
      ],
      expects: 'PROCESSING',
    },
    {
      name: 'on hold again, times in any spelling',
      wholeMs: HOUR_MS,
      steps: [
        { says: 'PROCESSING/PENDING_JPM_REVIEW', time: isoAnyhow },
        at(HOUR_MS, 'PROCESSING/SCHEDULED', isoAnyhow),
        at(2 * HOUR_MS, 'PROCESSING/PENDING_CLIENT_ACTION', isoAnyhow),
      ],
      expects: 'ON_HOLD',
      attention: ['client-action'],
    },
    {
      name: 'held and back within a millisecond',
      steps: [
        at(0, 'PROCESSING/PENDING_FUNDING_REVIEW', belowMs('123456')),
        at(0, 'PROCESSING/PROCESSING_BY_JPM', belowMs('1234561')),
      ],
      expects: 'PROCESSING',
    },
    {
      name: 'held less than a millisecond later',
      steps: [
        at(0, 'PROCESSING/PROCESSING_BY_JPM', belowMs('1')),
        at(0, 'PROCESSING/PENDING_FUNDING_REVIEW', belowMs('11')),
      ],
      expects: 'ON_HOLD',
    },
    {
      name: 'scheduled less than a millisecond later',
      steps: [
        at(0, 'PROCESSING/PROCESSING_BY_JPM', belowMs('0000001')),
        at(0, 'PROCESSING/SCHEDULED', belowMs('0000002')),
      ],
      expects: 'SCHEDULED',
    },
    {
      name: 'canceled and rejected in unknown order',
      steps: [at(0, 'CANCELED/CANCELED', zoned), at(HOUR_MS, 'REJECTED/REJECTED', zoneLess)],
      expects: 'CANCELED',
      attention: ['contradictory-finals', 'time-uncertain'],
    },
    {
      name: 'canceled before it was rejected, in every zone',
      steps: [at(0, 'CANCELED/CANCELED', zoned), at(15 * HOUR_MS, 'REJECTED/REJECTED', zoneLess)],
      expects: 'CANCELED',
      attention: ['contradictory-finals'],
    },
    {
      name: 'held until a time without a zone',
      steps: [
        at(0, 'PROCESSING/PENDING_COMPLIANCE_REVIEW', zoneLess),
        at(2 * HOUR_MS, 'PROCESSING/PROCESSING_BY_JPM', zoned),
      ],
      expects: 'ON_HOLD',
      attention: ['time-uncertain'],
    },
    {
      name: 'held until a time that is later in every zone',
      steps: [
        at(0, 'PROCESSING/PENDING_COMPLIANCE_REVIEW', zoneLess),
        at(13 * HOUR_MS, 'PROCESSING/PROCESSING_BY_JPM', zoned),
      ],
      expects: 'PROCESSING',
    },
    {
      name: 'held, and back at a time that cannot be read',
      steps: ['PROCESSING/PENDING_FRAUD_REVIEW', { says: 'PROCESSING/PROCESSING_BY_JPM', time: unreadable }],
      expects: 'ON_HOLD',
      attention: ['unreadable-time'],
    },
    {
      name: 'held at a time that cannot be read, and back',
      steps: [{ says: 'PROCESSING/PENDING_FRAUD_REVIEW', time: unreadable }, 'PROCESSING/PROCESSING_BY_JPM'],
      expects: 'PROCESSING',
      attention: ['unreadable-time'],
    },
    {
      weight: 4,
      name: 'a detail that cannot be read',
      steps: ['RECEIVED/RECEIVED', odd('COMPLETED/COMPLETED_BY_JPM', unreadableDetail['jpm-global-payments-v2'])],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'a sub-status that cannot be read',
      steps: ['RECEIVED/RECEIVED', odd('COMPLETED/SENT_TO_CLEARING', unreadableText('paymentSubStatus'))],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'an event type that cannot be read',
      steps: ['RECEIVED/RECEIVED', odd('COMPLETED/COMPLETED_BY_JPM', envelopeField('type'))],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'an event context that cannot be read',
      steps: ['RECEIVED/RECEIVED', odd('REJECTED/REJECTED', envelopeField('eventcontext'))],
      expects: 'RECEIVED',
      attention: ['event-context', 'unreadable-detail'],
    },
    {
      name: 'a request for return of funds, refused',
      steps: [
        'COMPLETED/COMPLETED_BY_JPM',
        odd('REJECTED/REJECTED', envelopeField('eventcontext', ['MESSAGE_STATUS_ROF_REQ_'])),
      ],
      expects: 'COMPLETED',
      attention: ['event-context'],
    },
    {
      name: 'event types in another case',
      steps: [
        odd('RECEIVED/RECEIVED', envelopeField('type', ['PAYMENT.RECEIVED', 'payment.received'])),
        odd('COMPLETED', envelopeField('type', ['paymentbatch.completed', 'PAYMENTBATCH.COMPLETED'])),
      ],
      expects: 'COMPLETED',
    },
    {
      name: 'reasons of another type',
      steps: ['RECEIVED/RECEIVED', odd('REJECTED/REJECTED_BY_JPM', reasonsOfAnotherType)],
      expects: 'REJECTED',
    },
    {
      weight: 2,
      name: 'ids in capitals and padded',
      steps: [
        'RECEIVED/RECEIVED',
        odd('PROCESSING/PROCESSING_BY_JPM', inUpperCase('paymentId')),
        odd('COMPLETED/COMPLETED_BY_JPM', padded('paymentId', 'paymentStatus', 'paymentSubStatus')),
        odd('RETURNED/RETURNED', inUpperCase('paymentId'), padded('paymentId')),
      ],
      expects: 'RETURNED',
    },
    {
      name: 'placeholders for references',
      steps: [
        'RECEIVED/RECEIVED',
        odd(
          'COMPLETED/COMPLETED_BY_JPM',
          setIn('paymentIdentifiers', 'endToEndId', 'NOT PROVIDED'),
          setIn('paymentIdentifiers', 'paymentBatchId', '00000000'),
          setIn('clearingSystem', 'reference', 'n/a'),
        ),
      ],
      expects: 'COMPLETED',
    },
    {
      name: 'a repeated name that decides nothing',
      steps: [
        odd('RECEIVED/RECEIVED', twiceUnread('paymentRedirection')),
        odd('COMPLETED/COMPLETED_BY_JPM', twiceInside('clearingSystem', 'reference', 'SIM1', 'SIM2')),
        odd('COMPLETED/DELIVERED_TO_RECIPIENT', twiceTheSame('paymentId')),
      ],
      expects: 'CREDITED',
    },
    {
      name: 'invalid UTF-8 in an ignored field',
      steps: ['RECEIVED/RECEIVED', odd('CANCELED/CANCELED', foreignLetterIn('paymentRedirection'))],
      expects: 'CANCELED',
    },
    {
      name: 'invalid UTF-8 in a detail',
      steps: ['RECEIVED/RECEIVED', odd('COMPLETED/COMPLETED_BY_JPM', foreignLetterInDetail('paymentType', null))],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'not UTF-8, with a matching charset',
      steps: [
        'RECEIVED/RECEIVED',
        odd(
          'COMPLETED/COMPLETED_BY_JPM',
          foreignLetterInDetail('paymentType', 'application/json; charset=windows-1252'),
        ),
      ],
      expects: 'COMPLETED',
    },
    {
      name: 'UTF-16',
      steps: ['RECEIVED/RECEIVED', odd('COMPLETED/DELIVERED_TO_RECIPIENT', inUtf16)],
      expects: 'CREDITED',
    },
    {
      name: 'payment return, ids in capitals and padded',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [
            'RECEIVED/RECEIVED',
            odd('COMPLETED/COMPLETED_BY_JPM', inUpperCase('returnId'), padded('returnId', 'returnStatus')),
          ],
          expects: 'COMPLETED',
          kind: 'RETURN',
          names: 'paymentId',
        },
      ],
    },
    {
      name: 'payment return, a detail that cannot be read',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [odd('COMPLETED/COMPLETED_BY_JPM', unreadableReturnDetail)],
          expects: 'COMPLETED',
          kind: 'RETURN',
          attention: ['unreadable-detail'],
          names: 'paymentId',
        },
      ],
    },
    {
      name: 'payment return, a placeholder for the original',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [odd('COMPLETED/COMPLETED_BY_JPM', setIn('originalPaymentIdentifiers', 'paymentId', 'NOTPROVIDED'))],
          expects: 'COMPLETED',
          kind: 'RETURN',
          names: 'nothing',
        },
      ],
    },
    {
      name: 'payment return, times in any spelling',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      wholeMs: MINUTE_MS,
      related: [
        {
          steps: [
            at(MINUTE_MS, 'PROCESSING/PENDING_FRAUD_REVIEW', isoAnyhow),
            at(2 * MINUTE_MS, 'PROCESSING/PROCESSING_BY_JPM', isoAnyhow),
          ],
          expects: 'PROCESSING',
          kind: 'RETURN',
          names: 'nothing',
        },
      ],
    },
  ],

  instamed: [
    {
      weight: 3,
      name: 'settled after an error, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [{ says: 'Sale SE', time: instamedAnyhow }, at(MINUTE_MS, 'Sale S', instamedAnyhow)],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      name: 'a settlement error, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [{ says: 'Sale S', time: instamedAnyhow }, at(MINUTE_MS, 'Sale SE', instamedAnyhow)],
      expects: 'SETTLEMENT_FAILED',
      attention: ['negative-after-positive'],
    },
    {
      name: 'settled less than a millisecond after an error',
      steps: [at(0, 'Sale SE', belowMs('0143')), at(0, 'Sale S', belowMs('9143'))],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      name: 'a settlement error without a zone, settled with one',
      steps: [
        { says: 'Sale SE', afterMs: 0 },
        { says: 'Sale S', afterMs: 6 * HOUR_MS, oddities: [asNameValuePairs] },
      ],
      expects: 'SETTLEMENT_FAILED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      name: 'a settlement error without a zone, settled two days later',
      steps: [
        { says: 'Sale SE', afterMs: 0 },
        { says: 'Sale S', afterMs: 2 * DAY_MS, oddities: [asNameValuePairs] },
      ],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      name: 'voided at a time that cannot be read',
      steps: ['Sale C', { says: 'Sale V', time: unreadable }],
      expects: 'VOIDED',
      attention: ['unreadable-time'],
    },
    {
      name: 'approved, with an empty date as its time',
      steps: [{ says: 'Sale C', time: emptyDate }],
      expects: 'AUTHORIZED',
    },
    {
      name: 'approved, with 1/1/0001 as its time',
      steps: [{ says: 'Sale C', time: () => '1/1/0001 12:00:00 AM' }],
      expects: 'AUTHORIZED',
    },
    {
      weight: 2,
      name: 'a detail that cannot be read',
      steps: ['Sale C', odd('Sale S', unreadableDetail.instamed)],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'an amount that cannot be read',
      steps: [odd('Sale C', unreadableAmount)],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
      amount: null,
    },
    {
      name: 'partially approved, with an unreadable part',
      steps: [odd('Sale C', set('PartialApprovalAmount', 'half'), set('IsPartiallyApproved', 'True'))],
      expects: 'AUTHORIZED',
      attention: ['partial-approval', 'unreadable-detail'],
    },
    {
      name: 'an action that cannot be read, settled',
      steps: ['Sale C', odd('Sale S', unreadableText('TransactionAction'))],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'an action that cannot be read, approved',
      steps: [odd('Sale C', unreadableText('TransactionAction'))],
      expects: 'UNKNOWN',
      attention: ['unknown-status', 'unreadable-detail'],
    },
    {
      name: 'a sale whose original cannot be read',
      steps: [odd('Sale S', unreadableText('OriginalTransactionID'))],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'a refund whose original cannot be read',
      steps: [odd('SimpleRefund C', unreadableText('OriginalTransactionID'))],
      expects: 'COMPLETED',
      kind: 'REFUND',
      attention: ['unreadable-detail'],
    },
    {
      name: 'an unknown action whose original cannot be read',
      steps: [odd('SimulatedAction C', unreadableText('OriginalTransactionID'))],
      expects: 'UNKNOWN',
      kind: 'UNKNOWN',
      attention: ['unknown-status', 'unreadable-detail'],
    },
    {
      name: 'a placeholder for the original',
      steps: [
        odd('Sale C', placeholderFor('OriginalTransactionID')),
        odd('Sale S', placeholderFor('OriginalTransactionID'), placeholderFor('CLMREF')),
      ],
      expects: 'SETTLED',
    },
    {
      name: 'a refund with a placeholder for the original',
      steps: [odd('Simple Refund C', placeholderFor('OriginalTransactionID'))],
      expects: 'COMPLETED',
      kind: 'REFUND',
    },
    {
      weight: 2,
      name: 'padded ids',
      steps: [
        'Sale C',
        odd('Sale S', padded('PaymentTransactionID', 'CurrentTransactionStatusCode')),
        odd('Sale V', padded('PaymentTransactionID', 'OriginalTransactionID', 'TransactionAction')),
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      name: 'padded ids in a form',
      steps: ['Sale C', odd('Sale V', padded('PaymentTransactionID', 'OriginalTransactionID'), asForm)],
      expects: 'VOIDED',
    },
    {
      name: 'padded ids in XML',
      steps: ['Sale C', odd('Sale V', padded('PaymentTransactionID', 'OriginalTransactionID'), asXml)],
      expects: 'VOIDED',
    },
    {
      name: 'voided, by the answer of the other interface',
      steps: ['Sale C', odd('Sale V', asAnswerToVoid)],
      expects: 'VOIDED',
    },
    {
      name: 'a repeated name that decides nothing',
      steps: [
        odd('Sale C', twiceUnread('PatientFirstName')),
        odd('Sale S', twiceUnread('PatientLastName'), twiceTheSame('PaymentTransactionID'), asForm),
        odd('Sale V', twiceUnread('PatientID'), asXml),
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      name: 'invalid UTF-8 in an ignored field',
      steps: [
        odd('Sale C', foreignLetterIn('PatientLastName')),
        odd('Sale S', foreignEscapeIn('PatientLastName'), asForm),
        odd('Sale V', foreignLetterIn('PatientLastName'), asXml),
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      name: 'invalid UTF-8 in a detail',
      steps: [odd('Sale C', foreignLetterInDetail('CLMREF', null))],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'invalid UTF-8 in a detail of a form',
      steps: [odd('Sale C', foreignEscapeIn('CLMREF'), asForm)],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
    },
    {
      name: 'not UTF-8, with a matching charset',
      steps: [odd('Sale C', foreignLetterInDetail('CLMREF', 'application/json; charset=iso-8859-1'))],
      expects: 'AUTHORIZED',
    },
    { name: 'UTF-16', steps: ['Sale C', odd('Sale S', inUtf16)], expects: 'SETTLED' },
    {
      name: 'an amount as a number',
      steps: [odd('Sale C', set('Amount', new Verbatim('77.10')), set('RequestAmount', new Verbatim('77.10')))],
      expects: 'AUTHORIZED',
      amount: '77.10',
    },
  ],
}
