import type { Lifecycle, SimulatedProvider } from './lifecycles.ts'
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
  unreadableField,
  unreadableReturnDetail,
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
  unreadable,
  zoned,
  zoneLess,
} from './time-spellings.ts'
import { Verbatim } from './wire.ts'

/**
 * Rare and unexpected things that providers send. Each oddity may cost the field it affects, but never the status. As in
 * `LIFECYCLES`, expectations are written by hand.
 */
export const ODD_LIFECYCLES: { readonly [P in SimulatedProvider]: readonly Lifecycle[] } = {
  'jpm-global-payments-v1': [
    // Times. If their order is misread, or not read, the status or the attention differs.
    ...[MINUTE_MS, HOUR_MS, DAY_MS].map(
      (wholeMs): Lifecycle => ({
        weight: 1,
        name: `released, times in any spelling, whole ${wholeMs / MINUTE_MS} minutes`,
        wholeMs,
        steps: [
          { says: 'PENDING', time: isoAnyhow },
          { says: 'BLOCKED', afterMs: wholeMs, time: isoAnyhow },
          { says: 'COMPLETED', afterMs: 2 * wholeMs, time: isoAnyhow },
        ],
        expects: 'COMPLETED',
        attention: ['released'],
      }),
    ),
    {
      weight: 1,
      name: 'under review, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [
        { says: 'PENDING_JPM_REVIEW', time: isoAnyhow },
        { says: 'PENDING', afterMs: MINUTE_MS, time: isoAnyhow },
        { says: 'PENDING_JPM_REVIEW', afterMs: 2 * MINUTE_MS, time: isoAnyhow },
      ],
      expects: 'ON_HOLD',
    },
    {
      weight: 1,
      name: 'released less than a millisecond later',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: belowMs('0143') },
        { says: 'COMPLETED', afterMs: 0, time: belowMs('9143') },
      ],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'blocked less than a millisecond later',
      steps: [
        { says: 'COMPLETED', afterMs: 0, time: belowMs('000000001') },
        { says: 'BLOCKED', afterMs: 0, time: belowMs('000000002') },
      ],
      expects: 'BLOCKED',
      attention: ['negative-after-positive'],
    },
    {
      weight: 1,
      name: 'blocked at the same time to the last digit',
      steps: [
        { says: 'COMPLETED', afterMs: 0, time: belowMs('5') },
        { says: 'BLOCKED', afterMs: 0, time: belowMs('5000') },
      ],
      expects: 'BLOCKED',
      attention: ['negative-after-positive'],
    },
    // A time without a zone is known to within a day. Only what is certain in every zone takes effect.
    {
      weight: 1,
      name: 'not released by a time without a zone',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: zoned },
        { says: 'COMPLETED', afterMs: HOUR_MS, time: zoneLess },
      ],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      weight: 1,
      name: 'not released from a block without a zone',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: zoneLess },
        { says: 'PENDING_POSTING', afterMs: 4 * HOUR_MS, time: zoned },
      ],
      expects: 'BLOCKED',
      attention: ['time-uncertain'],
    },
    {
      weight: 1,
      name: 'released by a time that is later in every zone',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: zoned },
        { says: 'COMPLETED', afterMs: 15 * HOUR_MS, time: zoneLess },
      ],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'released from a block that is earlier in every zone',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: zoneLess },
        { says: 'COMPLETED', afterMs: 13 * HOUR_MS, time: zoned },
      ],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'released, both times without a zone',
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: zoneLess },
        { says: 'COMPLETED', afterMs: MINUTE_MS, time: zoneLess },
      ],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'not released on the day of the block',
      wholeMs: DAY_MS,
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: dateAlone },
        { says: 'COMPLETED', afterMs: 10 * HOUR_MS, time: zoneLess },
      ],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      weight: 1,
      name: 'released on the day after the block',
      wholeMs: DAY_MS,
      steps: [
        { says: 'BLOCKED', afterMs: 0, time: dateAlone },
        { says: 'COMPLETED', afterMs: 34 * HOUR_MS, time: zoneLess },
      ],
      expects: 'COMPLETED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'under review until a time without a zone',
      steps: [
        { says: 'PENDING_JPM_REVIEW', afterMs: 0, time: zoned },
        { says: 'PENDING', afterMs: HOUR_MS, time: zoneLess },
      ],
      expects: 'ON_HOLD',
      attention: ['time-uncertain'],
    },
    {
      weight: 1,
      name: 'future-dated, perhaps released',
      steps: [
        { says: 'WAREHOUSED', afterMs: 0, time: zoneLess },
        { says: 'PENDING', afterMs: HOUR_MS, time: zoned },
      ],
      expects: 'PROCESSING',
      attention: ['time-uncertain'],
    },
    {
      weight: 1,
      name: 'rejected, perhaps before it was completed',
      steps: [
        { says: 'COMPLETED', afterMs: 0, time: zoneLess },
        { says: 'REJECTED', afterMs: HOUR_MS, time: zoned },
      ],
      expects: 'REJECTED',
      attention: ['positive-after-final'],
    },
    {
      weight: 1,
      name: 'rejected at a time that cannot be read',
      steps: ['PENDING', { says: 'REJECTED', time: unreadable }],
      expects: 'REJECTED',
      attention: ['unreadable-time'],
    },
    {
      weight: 1,
      name: 'blocked, a release at a time that cannot be read',
      steps: ['BLOCKED', { says: 'COMPLETED', time: unreadable }],
      expects: 'BLOCKED',
      attention: ['negative-after-positive', 'unreadable-time'],
    },
    {
      weight: 1,
      name: 'rejected, and completed at a time that cannot be read',
      steps: ['REJECTED', { says: 'COMPLETED', time: unreadable }],
      expects: 'REJECTED',
      attention: ['positive-after-final', 'unreadable-time'],
    },
    {
      weight: 1,
      name: 'completed, no time given',
      steps: [{ says: 'PENDING', time: notGiven }, 'COMPLETED'],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
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
      steps: [
        'PENDING',
        { says: 'COMPLETED', oddities: [unreadableDetail['jpm-global-payments-v1']] },
        'COMPLETED_CREDITED',
      ],
      expects: 'CREDITED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'reasons of another type',
      steps: ['PENDING', { says: 'REJECTED', oddities: [reasonsOfAnotherType] }],
      expects: 'REJECTED',
    },
    {
      weight: 2,
      name: 'padded ids and statuses',
      steps: [
        'PENDING',
        { says: 'COMPLETED', oddities: [padded('firmRootId', 'paymentStatus')] },
        { says: 'RETURNED', oddities: [padded('firmRootId', 'endToEndId')] },
      ],
      expects: 'RETURNED',
    },
    {
      weight: 1,
      name: 'a placeholder for the customer reference',
      steps: ['PENDING', { says: 'COMPLETED', oddities: [placeholderFor('endToEndId')] }],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'a placeholder for the bank’s own id',
      withoutOwnId: true,
      steps: [
        { says: 'PENDING', oddities: [placeholderFor('firmRootId')] },
        { says: 'COMPLETED', oddities: [placeholderFor('firmRootId')] },
      ],
      expects: 'COMPLETED',
      attention: ['weak-key'],
    },
    {
      weight: 1,
      name: 'a placeholder for a reference',
      steps: ['PENDING', { says: 'COMPLETED', oddities: [placeholderFor('clearingSystemReference')] }],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'a repeated name that decides nothing',
      steps: [
        { says: 'PENDING', oddities: [twiceUnread('paymentRedirectedAccount')] },
        { says: 'COMPLETED', oddities: [twiceInside('fx', 'appliedRate', '1.1000', '1.2000')] },
        { says: 'COMPLETED_CREDITED', oddities: [twiceTheSame('paymentStatus'), twiceTheSame('firmRootId')] },
      ],
      expects: 'CREDITED',
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in an ignored field',
      steps: ['PENDING', { says: 'COMPLETED', oddities: [foreignLetterIn('paymentRedirectedName')] }],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in a detail',
      steps: ['PENDING', { says: 'COMPLETED', oddities: [foreignLetterInDetail('clearingSystemReference', null)] }],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'not UTF-8, with a matching charset',
      steps: [
        'PENDING',
        {
          says: 'COMPLETED',
          oddities: [foreignLetterInDetail('clearingSystemReference', 'application/json; charset=iso-8859-1')],
        },
      ],
      expects: 'COMPLETED',
    },
    { weight: 1, name: 'UTF-16', steps: ['PENDING', { says: 'BLOCKED', oddities: [inUtf16] }], expects: 'BLOCKED' },
  ],

  'jpm-global-payments-v2': [
    {
      weight: 2,
      name: 'held and back, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [
        { says: 'PROCESSING/PENDING_FRAUD_REVIEW', time: isoAnyhow },
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: MINUTE_MS, time: isoAnyhow },
      ],
      expects: 'PROCESSING',
    },
    {
      weight: 1,
      name: 'on hold again, times in any spelling',
      wholeMs: HOUR_MS,
      steps: [
        { says: 'PROCESSING/PENDING_JPM_REVIEW', time: isoAnyhow },
        { says: 'PROCESSING/SCHEDULED', afterMs: HOUR_MS, time: isoAnyhow },
        { says: 'PROCESSING/PENDING_CLIENT_ACTION', afterMs: 2 * HOUR_MS, time: isoAnyhow },
      ],
      expects: 'ON_HOLD',
      attention: ['client-action'],
    },
    {
      weight: 1,
      name: 'held and back within a millisecond',
      steps: [
        { says: 'PROCESSING/PENDING_FUNDING_REVIEW', afterMs: 0, time: belowMs('123456') },
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 0, time: belowMs('1234561') },
      ],
      expects: 'PROCESSING',
    },
    {
      weight: 1,
      name: 'held less than a millisecond later',
      steps: [
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 0, time: belowMs('1') },
        { says: 'PROCESSING/PENDING_FUNDING_REVIEW', afterMs: 0, time: belowMs('11') },
      ],
      expects: 'ON_HOLD',
    },
    {
      weight: 1,
      name: 'scheduled less than a millisecond later',
      steps: [
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 0, time: belowMs('0000001') },
        { says: 'PROCESSING/SCHEDULED', afterMs: 0, time: belowMs('0000002') },
      ],
      expects: 'SCHEDULED',
    },
    {
      weight: 1,
      name: 'canceled and rejected in unknown order',
      steps: [
        { says: 'CANCELED/CANCELED', afterMs: 0, time: zoned },
        { says: 'REJECTED/REJECTED', afterMs: HOUR_MS, time: zoneLess },
      ],
      expects: 'CANCELED',
      attention: ['contradictory-finals', 'time-uncertain'],
    },
    {
      weight: 1,
      name: 'canceled before it was rejected, in every zone',
      steps: [
        { says: 'CANCELED/CANCELED', afterMs: 0, time: zoned },
        { says: 'REJECTED/REJECTED', afterMs: 15 * HOUR_MS, time: zoneLess },
      ],
      expects: 'CANCELED',
      attention: ['contradictory-finals'],
    },
    {
      weight: 1,
      name: 'held until a time without a zone',
      steps: [
        { says: 'PROCESSING/PENDING_COMPLIANCE_REVIEW', afterMs: 0, time: zoneLess },
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 2 * HOUR_MS, time: zoned },
      ],
      expects: 'ON_HOLD',
      attention: ['time-uncertain'],
    },
    {
      weight: 1,
      name: 'held until a time that is later in every zone',
      steps: [
        { says: 'PROCESSING/PENDING_COMPLIANCE_REVIEW', afterMs: 0, time: zoneLess },
        { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 13 * HOUR_MS, time: zoned },
      ],
      expects: 'PROCESSING',
    },
    {
      weight: 1,
      name: 'held, and back at a time that cannot be read',
      steps: ['PROCESSING/PENDING_FRAUD_REVIEW', { says: 'PROCESSING/PROCESSING_BY_JPM', time: unreadable }],
      expects: 'ON_HOLD',
      attention: ['unreadable-time'],
    },
    {
      weight: 1,
      name: 'held at a time that cannot be read, and back',
      steps: [{ says: 'PROCESSING/PENDING_FRAUD_REVIEW', time: unreadable }, 'PROCESSING/PROCESSING_BY_JPM'],
      expects: 'PROCESSING',
      attention: ['unreadable-time'],
    },
    {
      weight: 4,
      name: 'a detail that cannot be read',
      steps: [
        'RECEIVED/RECEIVED',
        { says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [unreadableDetail['jpm-global-payments-v2']] },
      ],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'a sub-status that cannot be read',
      steps: [
        'RECEIVED/RECEIVED',
        { says: 'COMPLETED/SENT_TO_CLEARING', oddities: [unreadableField('paymentSubStatus')] },
      ],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an event type that cannot be read',
      steps: ['RECEIVED/RECEIVED', { says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [envelopeField('type')] }],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an event context that cannot be read',
      steps: ['RECEIVED/RECEIVED', { says: 'REJECTED/REJECTED', oddities: [envelopeField('eventcontext')] }],
      expects: 'RECEIVED',
      attention: ['event-context', 'unreadable-detail'],
    },
    {
      weight: 1,
      name: 'a request for return of funds, refused',
      steps: [
        'COMPLETED/COMPLETED_BY_JPM',
        { says: 'REJECTED/REJECTED', oddities: [envelopeField('eventcontext', ['MESSAGE_STATUS_ROF_REQ_'])] },
      ],
      expects: 'COMPLETED',
      attention: ['event-context'],
    },
    {
      weight: 1,
      name: 'event types in another case',
      steps: [
        { says: 'RECEIVED/RECEIVED', oddities: [envelopeField('type', ['PAYMENT.RECEIVED', 'payment.received'])] },
        { says: 'COMPLETED', oddities: [envelopeField('type', ['paymentbatch.completed', 'PAYMENTBATCH.COMPLETED'])] },
      ],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'reasons of another type',
      steps: ['RECEIVED/RECEIVED', { says: 'REJECTED/REJECTED_BY_JPM', oddities: [reasonsOfAnotherType] }],
      expects: 'REJECTED',
    },
    {
      weight: 2,
      name: 'ids in capitals and padded',
      steps: [
        'RECEIVED/RECEIVED',
        { says: 'PROCESSING/PROCESSING_BY_JPM', oddities: [inUpperCase('paymentId')] },
        { says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [padded('paymentId', 'paymentStatus', 'paymentSubStatus')] },
        { says: 'RETURNED/RETURNED', oddities: [inUpperCase('paymentId'), padded('paymentId')] },
      ],
      expects: 'RETURNED',
    },
    {
      weight: 1,
      name: 'placeholders for references',
      steps: [
        'RECEIVED/RECEIVED',
        {
          says: 'COMPLETED/COMPLETED_BY_JPM',
          oddities: [
            setIn('paymentIdentifiers', 'endToEndId', 'NOT PROVIDED'),
            setIn('paymentIdentifiers', 'paymentBatchId', '00000000'),
            setIn('clearingSystem', 'reference', 'n/a'),
          ],
        },
      ],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'a repeated name that decides nothing',
      steps: [
        { says: 'RECEIVED/RECEIVED', oddities: [twiceUnread('paymentRedirection')] },
        { says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [twiceInside('clearingSystem', 'reference', 'SIM1', 'SIM2')] },
        { says: 'COMPLETED/DELIVERED_TO_RECIPIENT', oddities: [twiceTheSame('paymentId')] },
      ],
      expects: 'CREDITED',
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in an ignored field',
      steps: ['RECEIVED/RECEIVED', { says: 'CANCELED/CANCELED', oddities: [foreignLetterIn('paymentRedirection')] }],
      expects: 'CANCELED',
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in a detail',
      steps: [
        'RECEIVED/RECEIVED',
        { says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [foreignLetterInDetail('paymentType', null)] },
      ],
      expects: 'COMPLETED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'not UTF-8, with a matching charset',
      steps: [
        'RECEIVED/RECEIVED',
        {
          says: 'COMPLETED/COMPLETED_BY_JPM',
          oddities: [foreignLetterInDetail('paymentType', 'application/json; charset=windows-1252')],
        },
      ],
      expects: 'COMPLETED',
    },
    {
      weight: 1,
      name: 'UTF-16',
      steps: ['RECEIVED/RECEIVED', { says: 'COMPLETED/DELIVERED_TO_RECIPIENT', oddities: [inUtf16] }],
      expects: 'CREDITED',
    },
    {
      weight: 1,
      name: 'payment return, ids in capitals and padded',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [
            'RECEIVED/RECEIVED',
            {
              says: 'COMPLETED/COMPLETED_BY_JPM',
              oddities: [inUpperCase('returnId'), padded('returnId', 'returnStatus')],
            },
          ],
          expects: 'COMPLETED',
          kind: 'RETURN',
          names: 'paymentId',
        },
      ],
    },
    {
      weight: 1,
      name: 'payment return, a detail that cannot be read',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [{ says: 'COMPLETED/COMPLETED_BY_JPM', oddities: [unreadableReturnDetail] }],
          expects: 'COMPLETED',
          kind: 'RETURN',
          attention: ['unreadable-detail'],
          names: 'paymentId',
        },
      ],
    },
    {
      weight: 1,
      name: 'payment return, a placeholder for the original',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      related: [
        {
          steps: [
            {
              says: 'COMPLETED/COMPLETED_BY_JPM',
              oddities: [setIn('originalPaymentIdentifiers', 'paymentId', 'NOTPROVIDED')],
            },
          ],
          expects: 'COMPLETED',
          kind: 'RETURN',
          names: 'nothing',
        },
      ],
    },
    {
      weight: 1,
      name: 'payment return, times in any spelling',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      expects: 'COMPLETED',
      wholeMs: MINUTE_MS,
      related: [
        {
          steps: [
            { says: 'PROCESSING/PENDING_FRAUD_REVIEW', afterMs: MINUTE_MS, time: isoAnyhow },
            { says: 'PROCESSING/PROCESSING_BY_JPM', afterMs: 2 * MINUTE_MS, time: isoAnyhow },
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
      steps: [
        { says: 'Sale SE', time: instamedAnyhow },
        { says: 'Sale S', afterMs: MINUTE_MS, time: instamedAnyhow },
      ],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'a settlement error, times in any spelling',
      wholeMs: MINUTE_MS,
      steps: [
        { says: 'Sale S', time: instamedAnyhow },
        { says: 'Sale SE', afterMs: MINUTE_MS, time: instamedAnyhow },
      ],
      expects: 'SETTLEMENT_FAILED',
      attention: ['negative-after-positive'],
    },
    {
      weight: 1,
      name: 'settled less than a millisecond after an error',
      steps: [
        { says: 'Sale SE', afterMs: 0, time: belowMs('0143') },
        { says: 'Sale S', afterMs: 0, time: belowMs('9143') },
      ],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'a settlement error without a zone, settled with one',
      steps: [
        { says: 'Sale SE', afterMs: 0 },
        { says: 'Sale S', afterMs: 6 * HOUR_MS, oddities: [asNameValuePairs] },
      ],
      expects: 'SETTLEMENT_FAILED',
      attention: ['negative-after-positive', 'time-uncertain'],
    },
    {
      weight: 1,
      name: 'a settlement error without a zone, settled two days later',
      steps: [
        { says: 'Sale SE', afterMs: 0 },
        { says: 'Sale S', afterMs: 2 * DAY_MS, oddities: [asNameValuePairs] },
      ],
      expects: 'SETTLED',
      attention: ['released'],
    },
    {
      weight: 1,
      name: 'voided at a time that cannot be read',
      steps: ['Sale C', { says: 'Sale V', time: unreadable }],
      expects: 'VOIDED',
      attention: ['unreadable-time'],
    },
    {
      weight: 1,
      name: 'approved, with an empty date as its time',
      steps: [{ says: 'Sale C', time: emptyDate }],
      expects: 'AUTHORIZED',
    },
    {
      weight: 1,
      name: 'approved, with 1/1/0001 as its time',
      steps: [{ says: 'Sale C', time: () => '1/1/0001 12:00:00 AM' }],
      expects: 'AUTHORIZED',
    },
    {
      weight: 2,
      name: 'a detail that cannot be read',
      steps: ['Sale C', { says: 'Sale S', oddities: [unreadableDetail.instamed] }],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an amount that cannot be read',
      steps: [{ says: 'Sale C', oddities: [unreadableAmount] }],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
      amount: null,
    },
    {
      weight: 1,
      name: 'partially approved, with an unreadable part',
      steps: [{ says: 'Sale C', oddities: [set('PartialApprovalAmount', 'half'), set('IsPartiallyApproved', 'True')] }],
      expects: 'AUTHORIZED',
      attention: ['partial-approval', 'unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an action that cannot be read, settled',
      steps: ['Sale C', { says: 'Sale S', oddities: [unreadableField('TransactionAction')] }],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an action that cannot be read, approved',
      steps: [{ says: 'Sale C', oddities: [unreadableField('TransactionAction')] }],
      expects: 'UNKNOWN',
      attention: ['unknown-status', 'unreadable-detail'],
    },
    {
      weight: 1,
      name: 'a sale whose original cannot be read',
      steps: [{ says: 'Sale S', oddities: [unreadableField('OriginalTransactionID')] }],
      expects: 'SETTLED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'a refund whose original cannot be read',
      steps: [{ says: 'SimpleRefund C', oddities: [unreadableField('OriginalTransactionID')] }],
      expects: 'COMPLETED',
      kind: 'REFUND',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'an unknown action whose original cannot be read',
      steps: [{ says: 'SimulatedAction C', oddities: [unreadableField('OriginalTransactionID')] }],
      expects: 'UNKNOWN',
      kind: 'UNKNOWN',
      attention: ['unknown-status', 'unreadable-detail'],
    },
    {
      weight: 1,
      name: 'a placeholder for the original',
      steps: [
        { says: 'Sale C', oddities: [placeholderFor('OriginalTransactionID')] },
        { says: 'Sale S', oddities: [placeholderFor('OriginalTransactionID'), placeholderFor('CLMREF')] },
      ],
      expects: 'SETTLED',
    },
    {
      weight: 1,
      name: 'a refund with a placeholder for the original',
      steps: [{ says: 'Simple Refund C', oddities: [placeholderFor('OriginalTransactionID')] }],
      expects: 'COMPLETED',
      kind: 'REFUND',
    },
    {
      weight: 2,
      name: 'padded ids',
      steps: [
        'Sale C',
        { says: 'Sale S', oddities: [padded('PaymentTransactionID', 'CurrentTransactionStatusCode')] },
        { says: 'Sale V', oddities: [padded('PaymentTransactionID', 'OriginalTransactionID', 'TransactionAction')] },
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      weight: 1,
      name: 'padded ids in a form',
      steps: [
        'Sale C',
        { says: 'Sale V', oddities: [padded('PaymentTransactionID', 'OriginalTransactionID'), asForm] },
      ],
      expects: 'VOIDED',
    },
    {
      weight: 1,
      name: 'padded ids in XML',
      steps: ['Sale C', { says: 'Sale V', oddities: [padded('PaymentTransactionID', 'OriginalTransactionID'), asXml] }],
      expects: 'VOIDED',
    },
    {
      weight: 1,
      name: 'voided, by the answer of the other interface',
      steps: ['Sale C', { says: 'Sale V', oddities: [asAnswerToVoid] }],
      expects: 'VOIDED',
    },
    {
      weight: 1,
      name: 'a repeated name that decides nothing',
      steps: [
        { says: 'Sale C', oddities: [twiceUnread('PatientFirstName')] },
        { says: 'Sale S', oddities: [twiceUnread('PatientLastName'), twiceTheSame('PaymentTransactionID'), asForm] },
        { says: 'Sale V', oddities: [twiceUnread('PatientID'), asXml] },
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in an ignored field',
      steps: [
        { says: 'Sale C', oddities: [foreignLetterIn('PatientLastName')] },
        { says: 'Sale S', oddities: [foreignEscapeIn('PatientLastName'), asForm] },
        { says: 'Sale V', oddities: [foreignLetterIn('PatientLastName'), asXml] },
      ],
      expects: 'VOIDED',
      attention: ['negative-after-positive'],
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in a detail',
      steps: [{ says: 'Sale C', oddities: [foreignLetterInDetail('CLMREF', null)] }],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'invalid UTF-8 in a detail of a form',
      steps: [{ says: 'Sale C', oddities: [foreignEscapeIn('CLMREF'), asForm] }],
      expects: 'AUTHORIZED',
      attention: ['unreadable-detail'],
    },
    {
      weight: 1,
      name: 'not UTF-8, with a matching charset',
      steps: [{ says: 'Sale C', oddities: [foreignLetterInDetail('CLMREF', 'application/json; charset=iso-8859-1')] }],
      expects: 'AUTHORIZED',
    },
    { weight: 1, name: 'UTF-16', steps: ['Sale C', { says: 'Sale S', oddities: [inUtf16] }], expects: 'SETTLED' },
    {
      weight: 1,
      name: 'an amount as a number',
      steps: [
        {
          says: 'Sale C',
          oddities: [set('Amount', new Verbatim('77.10')), set('RequestAmount', new Verbatim('77.10'))],
        },
      ],
      expects: 'AUTHORIZED',
      amount: '77.10',
    },
  ],
}
