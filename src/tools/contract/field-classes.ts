/**
 * Classes of data. None of them is personal, health, card or account data: the mappings copy only what is on an allow-list,
 * and no free text.
 */
export const DATA_CLASSES = {
  status: {
    classification: 'internal',
    personalData:
      'The vocabulary of paystatus, status words and codes as the provider sends them, and flags. They are about a payment; ' +
      'the words and codes are limited in length and form, and no free text is among them.',
  },
  time: { classification: 'internal', personalData: 'Times and dates of a payment, not of what a person did.' },
  provenance: {
    classification: 'internal',
    personalData:
      'Where a report came from, how it was read, and its place in the history; identifies systems, not persons.',
  },
  identifier: {
    classification: 'confidential',
    personalData:
      'Identifies a transaction. Another system can know whose it is, so it is a pseudonym there. Whoever chooses such an id ' +
      'must not put a name or an account number in it; paystatus cannot tell.',
  },
  amount: {
    classification: 'confidential',
    personalData: 'Money and rates of a payment, without its parties.',
  },
} as const satisfies Record<
  string,
  {
    /** Who may read it: `internal`, everybody in the company who needs it; `confidential`, teams that handle payments. */
    readonly classification: 'internal' | 'confidential'
    /** Why it is none. */
    readonly personalData: string
  }
>

export type DataClass = keyof typeof DATA_CLASSES

/** The class of every published field, by its name; `Record.field` where one name has several meanings. */
export const FIELD_CLASSES: Readonly<Record<string, DataClass>> = {
  paymentKey: 'identifier',
  relatesTo: 'identifier',
  childKey: 'identifier',
  endToEndId: 'identifier',
  references: 'identifier',
  'Reference.type': 'identifier',
  'Reference.value': 'identifier',
  children: 'identifier',
  eventId: 'identifier',
  decidedBy: 'identifier',
  providerEventId: 'identifier',
  naturalKey: 'identifier',
  callbackId: 'identifier',
  events: 'provenance',
  event: 'provenance',
  detailsDropped: 'provenance',
  eventsLeftOut: 'provenance',
  incarnation: 'provenance',
  statusVersion: 'provenance',
  weakKey: 'provenance',
  source: 'provenance',
  provider: 'provenance',
  mappingVersion: 'provenance',
  mappingVersionBefore: 'provenance',
  withdrawn: 'provenance',
  element: 'provenance',
  authenticity: 'provenance',
  unreadable: 'provenance',
  status: 'status',
  statusBefore: 'status',
  statusAfter: 'status',
  statusChanged: 'status',
  finality: 'status',
  verdict: 'status',
  rule: 'status',
  attention: 'status',
  kind: 'status',
  sourceStatus: 'status',
  sourceSubStatus: 'status',
  sourceAction: 'status',
  unknownBecause: 'status',
  eventContext: 'status',
  sourceType: 'status',
  holdReason: 'status',
  rejectedBy: 'status',
  rail: 'status',
  direction: 'status',
  clearingSystem: 'status',
  partialApproval: 'status',
  gpiStatus: 'status',
  reasons: 'status',
  reasonsOmitted: 'status',
  scheme: 'status',
  code: 'status',
  'Reason.rule': 'status',
  location: 'status',
  field: 'status',
  receivedAt: 'time',
  recordedAt: 'time',
  occurredAt: 'time',
  occurredAtText: 'time',
  occurredAtPrecision: 'time',
  zoneAssumed: 'time',
  timeUnreadable: 'time',
  statusChangedAt: 'time',
  touchedAt: 'time',
  overdueSince: 'time',
  requestedExecutionDate: 'time',
  valueDate: 'time',
  amount: 'amount',
  requestAmount: 'amount',
  fxAppliedRate: 'amount',
  'Amount.value': 'amount',
  currency: 'amount',
}
