import { EVENT_BYTES_MAX, type PaymentEvent } from './payment-event.ts'

/** Least weight of an event, and the weight of one without details. */
export const WEIGHT_MIN = 384

/** Greatest weight of an event: all that may be stored of it, its verdict, and what a report adds to the original's children. */
export const WEIGHT_MAX = EVENT_BYTES_MAX + 1_050

/**
 * What one event adds to the encoded state of its payment, in bytes.
 *
 * It is computed from the texts that the event says, so it does not depend on a schema version. Everything else has a flat
 * part: numbers, lengths, the verdict, and the envelope. The same event can arrive in several envelopes, and the first one is
 * stored; so the envelope must not count.
 */
export function weightOf(event: PaymentEvent): number {
  return weigh(event, utf8Bytes)
}

/** Not less than `weightOf`, and cheaper: it does not look into the texts. */
export function weightAtMost(event: PaymentEvent): number {
  return weigh(event, utf8BytesAtMost)
}

/** The texts are those that readings are compared by (reading.ts), one by one because that is faster than by their names. */
function weigh(event: PaymentEvent, bytesOf: (text: string | null) => number): number {
  const { childKey, amount, requestAmount, references, reasons, unreadable } = event
  const amounts =
    (amount === null ? 0 : AMOUNT_BYTES + bytesOf(amount.value) + bytesOf(amount.currency)) +
    (requestAmount === null ? 0 : AMOUNT_BYTES + bytesOf(requestAmount.value) + bytesOf(requestAmount.currency))
  let weight =
    FLAT_BYTES +
    bytesOf(event.paymentKey) +
    bytesOf(event.provider) +
    bytesOf(event.kind) +
    bytesOf(event.relatesTo) +
    bytesOf(event.sourceStatus) +
    bytesOf(event.sourceSubStatus) +
    bytesOf(event.sourceAction) +
    bytesOf(event.unknownBecause) +
    bytesOf(event.eventContext) +
    bytesOf(event.sourceType) +
    bytesOf(event.holdReason) +
    bytesOf(event.rejectedBy) +
    bytesOf(event.occurredAtText) +
    bytesOf(event.occurredAtPrecision) +
    bytesOf(event.endToEndId) +
    bytesOf(event.rail) +
    bytesOf(event.direction) +
    bytesOf(event.clearingSystem) +
    bytesOf(event.requestedExecutionDate) +
    bytesOf(event.valueDate) +
    bytesOf(event.fxAppliedRate) +
    bytesOf(event.gpiStatus) +
    amounts
  for (const { type, value } of references) {
    weight += REFERENCE_BYTES + bytesOf(type) + bytesOf(value)
  }
  for (const { scheme, code, rule, location, field } of reasons) {
    weight += REASON_BYTES + bytesOf(scheme) + bytesOf(code) + bytesOf(rule) + bytesOf(location) + bytesOf(field)
  }
  for (const name of unreadable) {
    weight += NAME_BYTES + bytesOf(name)
  }
  if (childKey !== null) {
    weight += CHILD_BYTES + 2 * bytesOf(childKey) + amounts
  }
  return Math.min(WEIGHT_MAX, Math.max(WEIGHT_MIN, weight))
}

/** Numbers, lengths, the verdict, and an envelope of the usual size. */
const FLAT_BYTES = 256
/** Numbers and lengths of an entry of the original's children. */
const CHILD_BYTES = 48
/** Lengths of the texts of an item. */
const AMOUNT_BYTES = 4
const REFERENCE_BYTES = 4
const REASON_BYTES = 12
const NAME_BYTES = 2

function utf8BytesAtMost(text: string | null): number {
  return text === null ? 0 : 3 * text.length
}

function utf8Bytes(text: string | null): number {
  return text === null ? 0 : Buffer.byteLength(text)
}
