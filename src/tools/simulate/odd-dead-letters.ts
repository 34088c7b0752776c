import type { DeadLetterReason } from '../../providers/provider.ts'
import type { SimulatedProvider } from './lifecycles.ts'
import { FORM, PLACEHOLDERS, XML } from './oddities.ts'
import type { Random } from './random.ts'
import type { BodyEncoding } from './wire.ts'

/** Something that cannot become an event because a deciding field is unreadable, and its dead-letter reason. */
export interface OddDeadLetter {
  readonly reason: DeadLetterReason
  /** `element`: may be among good elements (v1 and v2). `body`: the whole callback. */
  readonly is: 'element' | 'body'
  readonly text: string
  readonly encoding?: BodyEncoding
  readonly contentType?: string
}

/** An id that belongs to no payment. */
type Make = (id: string, random: Random) => OddDeadLetter

const TIME = '"createDateTime":"2026-01-05T08:00:00.000Z"'
const UPDATED = '"statusUpdatedAt":"2026-01-05T08:00:00Z"'
/** Invalid as an id or status: too long, of another type, with a control character. */
const NO_TEXT = ['"X\\u0007X"', '7', '["X"]', '{}', 'true', JSON.stringify('X'.repeat(129))] as const
/** One byte in ISO 8859-1 and Windows; not UTF-8. */
const LETTER = '\u00f1'

const v2 = (payments: string) =>
  `{"specversion":"1.0","id":"5eed","time":"2026-01-05T08:00:00Z","type":"Payment.Completed","data":{"payments":[${payments}]}}`

const MAKERS: { readonly [P in SimulatedProvider]: readonly Make[] } = {
  'jpm-global-payments-v1': [
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      text: `{"callbacks":[{"firmRootId":"${id}","paymentStatus":"PENDING"}],"callbacks":[{"firmRootId":"${id}","paymentStatus":"COMPLETED"}]}`,
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'element',
      text: `{"firmRootId":"${id}","paymentStatus":"PENDING","paymentStatus":"COMPLETED",${TIME}}`,
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'element',
      text: `{"firmRootId":"${id}","firmRootId":"${id}0","paymentStatus":"COMPLETED",${TIME}}`,
    }),
    (_id, random) => ({
      reason: 'missing-payment-id',
      is: 'element',
      text: `{"firmRootId":"${random.pick(PLACEHOLDERS)}","endToEndId":"${random.pick(PLACEHOLDERS)}","paymentStatus":"COMPLETED"}`,
    }),
    // A customer reference beside it would make another payment of it.
    (_id, random) => ({
      reason: 'invalid-field',
      is: 'element',
      text: `{"firmRootId":${random.pick(NO_TEXT)},"endToEndId":"SIM5EED","paymentStatus":"COMPLETED"}`,
    }),
    (id, random) => ({
      reason: 'invalid-field',
      is: 'element',
      text: `{"firmRootId":"${id}","paymentStatus":${random.pick(NO_TEXT)},${TIME}}`,
    }),
    (id) => ({
      reason: 'invalid-utf8',
      is: 'body',
      encoding: 'latin1',
      text: `{"callbacks":[{"firmRootId":"${id}${LETTER}","paymentStatus":"COMPLETED"}]}`,
    }),
  ],
  'jpm-global-payments-v2': [
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      text: v2(`{"paymentId":"${id}","paymentStatus":"COMPLETED"}`).replace(
        '"data":',
        '"data":{"payments":[]},"data":',
      ),
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      text: v2(`{"paymentId":"${id}","paymentStatus":"COMPLETED"}`).replace('"payments":', '"payments":[],"payments":'),
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'element',
      text: `{"paymentId":"${id}","paymentStatus":"PROCESSING","paymentStatus":"REJECTED",${UPDATED}}`,
    }),
    (_id, random) => ({
      reason: 'missing-payment-id',
      is: 'element',
      text: `{"paymentId":"${random.pick(PLACEHOLDERS)}","paymentStatus":"COMPLETED",${UPDATED}}`,
    }),
    (_id, random) => ({
      reason: 'invalid-field',
      is: 'element',
      text: `{"paymentId":${random.pick(NO_TEXT)},"paymentStatus":"COMPLETED",${UPDATED}}`,
    }),
    (id, random) => ({
      reason: 'invalid-field',
      is: 'element',
      text: `{"paymentId":"${id}","paymentStatus":${random.pick(NO_TEXT)},${UPDATED}}`,
    }),
    (id) => ({
      reason: 'invalid-utf8',
      is: 'body',
      encoding: 'latin1',
      text: v2(`{"paymentId":"${id}","paymentStatus":"COMPLETED${LETTER}"}`),
    }),
    (_id, random) => ({
      reason: 'missing-payment-id',
      is: 'body',
      text: v2(`{"returnId":"${random.pick(PLACEHOLDERS)}","returnStatus":"COMPLETED"}`).replace('payments', 'returns'),
    }),
  ],
  instamed: [
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      text: `{"PaymentTransactionID":"${id}","CurrentTransactionStatusCode":"C","TransactionAction":"Sale","CurrentTransactionStatusCode":"V"}`,
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      contentType: FORM,
      text: `transactionID=${id}&transactionStatus=C&transactionStatus=V`,
    }),
    (id) => ({
      reason: 'ambiguous',
      is: 'body',
      contentType: XML,
      text: `<Transaction><PaymentTransactionID>${id}</PaymentTransactionID><CurrentTransactionStatusCode>C</CurrentTransactionStatusCode><CurrentTransactionStatusCode>V</CurrentTransactionStatusCode></Transaction>`,
    }),
    (_id, random) => ({
      reason: 'missing-payment-id',
      is: 'body',
      text: `{"PaymentTransactionID":"${random.pick(PLACEHOLDERS)}","TransactionAction":"Sale","CurrentTransactionStatusCode":"C"}`,
    }),
    (_id, random) => ({
      reason: 'invalid-field',
      is: 'body',
      text: `{"PaymentTransactionID":${random.pick(NO_TEXT)},"TransactionAction":"Sale","CurrentTransactionStatusCode":"C"}`,
    }),
    (id) => ({
      reason: 'invalid-utf8',
      is: 'body',
      contentType: FORM,
      text: `transactionID=${id}%F1&transactionStatus=S`,
    }),
    (id) => ({
      reason: 'invalid-utf8',
      is: 'body',
      encoding: 'latin1',
      text: `{"PaymentTransactionID":"${id}${LETTER}","TransactionAction":"Sale","CurrentTransactionStatusCode":"S"}`,
    }),
  ],
}

export function oddDeadLetter(provider: SimulatedProvider, random: Random): OddDeadLetter {
  return random.pick(MAKERS[provider])(`5eed${random.hex(28)}`, random)
}

/** Every kind, for tests. */
export function everyOddDeadLetter(provider: SimulatedProvider, random: Random): readonly OddDeadLetter[] {
  return MAKERS[provider].map((make) => make(`5eed${random.hex(28)}`, random))
}

/** Bodies of the bank's other products, and of an unknown sender, that arrive at the same URL. */
export const FOREIGN_PRODUCTS: { readonly [P in SimulatedProvider]: OddDeadLetter } = {
  'jpm-global-payments-v1': {
    reason: 'foreign-product',
    is: 'body',
    text: '{"eventType":"SIMULATED_VALIDATION","validationResponses":[{"requestId":"5eed"}]}',
  },
  'jpm-global-payments-v2': {
    reason: 'foreign-product',
    is: 'body',
    text: '{"specversion":"1.0","id":"5eed","type":"SimulatedConsent.Created","data":{"consent":{"consentId":"5eed"}}}',
  },
  instamed: { reason: 'foreign-product', is: 'body', text: '{"simulatedEvent":"plan.created","simulatedId":"5eed"}' },
}
