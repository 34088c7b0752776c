import { PAYMENT_STATUSES } from '../../payment/payment-status.ts'
import {
  childText,
  dateText,
  markerTexts,
  occurredText,
  readingText,
  sourceAndAuthenticity,
  sourceText,
} from '../payment-story.ts'
import type { CallbackChange, ExplainedCallback, PaymentExplanation, RawPlace } from './explain-payment.ts'
import type { FoldDifference } from './fold-without.ts'

/** Explains a payment for people: its callbacks, what each changed, and the outcome without it. */
export function whyStory(explanation: PaymentExplanation): string {
  const { paymentKey, status, statusVersion, decidedBy, attention, callbacks, overdue, incarnation } = explanation
  const facts: readonly (readonly [string, string | null])[] = [
    ['payment', paymentKey],
    ['status', `${status} (${PAYMENT_STATUSES[status].finality}), version ${statusVersion}`],
    ['decided by', decidedBy === null ? 'no event' : `event ${decidedBy}`],
    ['attention', attention.length === 0 ? null : attention.join(', ')],
    ['overdue', overdue.map(({ statusVersion: version, at }) => `v${version} ${dateText(at)}`).join(', ') || null],
  ]
  const head = facts.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(14)}  ${value}`]))
  return [
    ...head,
    '',
    'callbacks, in order of receipt',
    ...callbacks.flatMap((callback) => callbackLines(callback, explanation.rawReachesBackTo, incarnation)),
  ].join('\n')
}

function callbackLines(
  callback: ExplainedCallback,
  rawReachesBackTo: number | null,
  incarnation: number,
): readonly string[] {
  const { verdict, changed, rule, ruleText } = callback
  const life = changed === null || changed.incarnation === incarnation ? '' : '  (an earlier life of the payment)'
  const step = changed === null ? 'changed nothing' : `v${changed.statusVersion}  ${stepText(changed)}`
  const repeats = callback.saidAlsoBy.length
  const lines = [
    `${dateText(callback.receivedAt)}  ${verdict.padEnd(11)}  ${step}${callback.decides ? '  <- decides' : ''}${life}`,
    `    ${childText(callback)}said ${sourceText(callback)} ${readingText(callback)}, ${occurredText(callback)}, source ${sourceAndAuthenticity(callback)}, read by mapping version ${callback.mappingVersion}`,
    `    ${placeText(callback, rawReachesBackTo)}`,
    `    callback ${callback.callbackId} element ${callback.element}, event ${callback.eventId}`,
    `    ${rule === null ? '' : `${rule}: `}${ruleText}`,
    ...markerTexts(callback).map((text) => `    ${text}`),
    ...(repeats === 0 ? [] : [`    also reported by ${callback.saidAlsoBy.join(', ')}`]),
    `    without it: ${differenceText(callback.withoutIt)}`,
    ...(repeats === 0 ? [] : [`    without all reports of it: ${differenceText(callback.withoutAllThatSayIt)}`]),
  ]
  return lines.map((line) => `  ${line}`)
}

function stepText({ statusBefore, statusAfter, statusVersion, attention }: CallbackChange): string {
  const codes = attention === null ? [] : changedCodes(attention)
  const status =
    statusBefore === statusAfter
      ? `stays ${statusAfter}`
      : `${statusBefore ?? (statusVersion === 1 ? '(new)' : '(gone)')} -> ${statusAfter}`
  return [status, ...codes].join(', ')
}

function placeText({ raw, rawGone }: ExplainedCallback, rawReachesBackTo: number | null): string {
  if (raw === null) {
    const reach = rawReachesBackTo === null ? 'its beginning' : dateText(rawReachesBackTo)
    return rawGone === 'retention'
      ? `its raw record was deleted by retention: raw reaches back to ${reach}`
      : `its raw record is missing, although raw reaches back to ${reach}`
  }
  const again = raw.repeatedAt.length === 0 ? '' : `, again at ${raw.repeatedAt.join(', ')}`
  const body =
    raw.body === 'readable' ? `${raw.bodyBytes} bytes, sha-256 ${raw.bodySha256}` : UNREADABLE_BODIES[raw.body]
  const trace = raw.traceId === null ? '' : `, trace ${raw.traceId}`
  return `${raw.topic}[${raw.partition}]@${raw.offset}${again}, ${body}${trace}`
}

const UNREADABLE_BODIES: Readonly<Record<Exclude<RawPlace['body'], 'readable'>, string>> = {
  forgotten: 'the body was forgotten and can no longer be read',
  undecryptable: 'the body cannot be decrypted with its data key: the record was changed or moved',
  'no-key': 'the body is encrypted and its key-encryption key is not configured here',
}

/** Summarises a difference. */
function differenceText(difference: FoldDifference | null): string {
  if (difference === null) {
    return 'nothing would change'
  }
  const { status, decidedBy, attention, children } = difference
  if (status?.without === null) {
    return 'there would be no payment'
  }
  return [
    ...(status === undefined ? [] : [`status ${status.now} -> ${status.without}`]),
    ...(decidedBy === undefined ? [] : [`decided by ${decidedBy.without ?? 'no event'}`]),
    ...(attention === undefined ? [] : changedCodes(attention)),
    ...(children ?? []).map((key) => `child ${key} changed or gone`),
  ].join(', ')
}

function changedCodes({ gone, added }: { readonly gone: readonly string[]; readonly added: readonly string[] }) {
  return [...added.map((code) => `attention +${code}`), ...gone.map((code) => `attention -${code}`)]
}
