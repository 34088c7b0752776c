import { randomUUID } from 'node:crypto'

/** A callback as a provider sends it. */
export interface Callback {
  /** The configured source that sends it. */
  readonly source: SourceId
  /** Sent byte for byte; an object is sent as JSON. */
  readonly body: string | Uint8Array | object
  /** `application/json` by default. */
  readonly contentType?: string
}

export type SourceId = 'jpm-v1' | 'jpm-v2' | 'instamed'

/** A payment with callbacks of J.P. Morgan Global Payments v2. */
export interface JpmPayment {
  readonly paymentKey: string
  readonly paymentId: string
  readonly endToEndId: string
  /**
   * Makes the next callback, for example `callback('COMPLETED', 'COMPLETED_BY_JPM')`. Its time is one minute after that of the
   * previous one. The statuses are those of the provider (see `paystatus rules`).
   */
  callback(paymentStatus: string, paymentSubStatus?: string): Callback
  /** A return of the payment by its receiver: a payment of its own. `amount` is decimal text. */
  paymentReturn(amount?: string, currency?: string): JpmReturn
}

/** A payment return of J.P. Morgan Global Payments v2. */
export interface JpmReturn {
  readonly paymentKey: string
  readonly returnId: string
  /** Payment key of the original. */
  readonly relatesTo: string
  callback(returnStatus: string, returnSubStatus?: string): Callback
}

/** Several payments that one callback of J.P. Morgan Global Payments v2 reports together. */
export interface JpmBatch {
  readonly payments: readonly JpmPayment[]
  /** The same status for all payments. Their own `callback` still reports one of them alone. */
  callback(paymentStatus: string, paymentSubStatus?: string): Callback
}

/** A payment with callbacks of J.P. Morgan Global Payments v1. */
export interface JpmV1Payment {
  readonly paymentKey: string
  readonly firmRootId: string
  readonly endToEndId: string
  callback(paymentStatus: string): Callback
}

/** A transaction of InstaMed. */
export interface InstamedTransaction {
  readonly paymentKey: string
  readonly transactionId: string
  /** Payment key of the original, for a refund, chargeback or return; null for a sale. */
  readonly relatesTo: string | null
  /**
   * Makes the next callback with `CurrentTransactionStatusCode`: `A` authorized, `C` approved, `S` settled, `SE` settlement
   * error, `V` voided, `D` declined; `CB` for a chargeback, `RI` for a returned item (the defaults there).
   */
  callback(code?: string): Callback
}

/** A sale, and what can undo it: payments of their own. Amounts are decimal text; by default that of the sale. */
export interface InstamedPayment extends InstamedTransaction {
  refund(amount?: string): InstamedTransaction
  chargeback(amount?: string): InstamedTransaction
  returnedItem(amount?: string): InstamedTransaction
}

export interface InstamedOptions {
  /** The amount that was requested; decimal text. */
  readonly amount?: string
  /** Less than `amount`: the payment is approved in part. */
  readonly approvedAmount?: string
  /** How InstaMed sends the message; JSON by default. */
  readonly format?: 'json' | 'form' | 'xml'
}

const MINUTE_MS = 60_000

/** Every call is a minute after the one before; the first is an hour ago. */
function steps(): () => number {
  let timeMs = Date.now() - 60 * MINUTE_MS
  return () => {
    timeMs += MINUTE_MS
    return timeMs
  }
}

function newEndToEndId(): string {
  return `E2E-${randomUUID().slice(0, 8).toUpperCase()}`
}

/** To the second, as J.P. Morgan writes it. */
function isoTime(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`
}

/** Returns a new payment with its own ids, so that tests that share a stack do not interfere. */
export function jpmPayment(endToEndId = newEndToEndId()): JpmPayment {
  return jpmMember(endToEndId).payment
}

/** Returns new payments that have callbacks in common. */
export function jpmBatch(size: number): JpmBatch {
  const members = Array.from({ length: size }, () => jpmMember(newEndToEndId()))
  const next = steps()
  return {
    payments: members.map(({ payment }) => payment),
    callback: (status, subStatus) => {
      const time = isoTime(next())
      return v2Callback('PaymentBatch', status, time, '/payment/v2/payments', {
        payments: members.map(({ element }) => element(status, subStatus, time)),
      })
    },
  }
}

function jpmMember(endToEndId: string) {
  const paymentId = randomUUID()
  const paymentKey = `jpm-global-payments-v2:${paymentId}`
  const next = steps()
  const element = (paymentStatus: string, paymentSubStatus: string | undefined, time: string) => ({
    paymentId,
    paymentStatus,
    ...(paymentSubStatus !== undefined && { paymentSubStatus }),
    statusUpdatedAt: time,
    paymentIdentifiers: { endToEndId },
    paymentType: 'RTP',
    transferType: 'CREDIT',
    requestedExecutionDate: time.slice(0, 10),
  })
  const payment: JpmPayment = {
    paymentId,
    endToEndId,
    paymentKey,
    callback: (status, subStatus) => {
      const time = isoTime(next())
      const source = `/payment/v2/payments/${paymentId}`
      return v2Callback('Payment', status, time, source, { payments: [element(status, subStatus, time)] })
    },
    paymentReturn: (amount = '100.00', currency = 'USD') => jpmReturn(payment, amount, currency),
  }
  return { payment, element }
}

function jpmReturn({ paymentId, paymentKey: relatesTo }: JpmPayment, amount: string, currency: string): JpmReturn {
  const returnId = randomUUID()
  const endToEndId = newEndToEndId()
  const next = steps()
  return {
    paymentKey: `jpm-global-payments-v2:${returnId}`,
    returnId,
    relatesTo,
    callback: (returnStatus, returnSubStatus) => {
      const element = {
        returnId,
        returnStatus,
        ...(returnSubStatus !== undefined && { returnSubStatus }),
        paymentType: 'RTP',
        paymentIdentifiers: { endToEndId },
        originalPaymentIdentifiers: { paymentId },
        returnType: 'FULL',
        value: { amount, currency },
      }
      const source = `/payment/v2/returns/${returnId}`
      return v2Callback('Payment', returnStatus, isoTime(next()), source, { returns: [element] })
    },
  }
}

function v2Callback(eventType: string, status: string, time: string, source: string, data: object): Callback {
  return {
    source: 'jpm-v2',
    body: {
      specversion: '1.0',
      id: randomUUID(),
      time,
      type: `${eventType}.${status.charAt(0)}${status.slice(1).toLowerCase()}`,
      source,
      dataschema: 'urn:com.jpmorgan.payments/payment-event',
      data,
    },
  }
}

/** Returns a new payment of J.P. Morgan's older interface. */
export function jpmV1Payment(endToEndId = newEndToEndId()): JpmV1Payment {
  const firmRootId = randomUUID()
  const next = steps()
  return {
    paymentKey: `jpm-global-payments-v1:${firmRootId}`,
    firmRootId,
    endToEndId,
    callback: (paymentStatus) => ({
      source: 'jpm-v1',
      body: { callbacks: [{ endToEndId, createDateTime: isoTime(next()), paymentStatus, firmRootId }] },
    }),
  }
}

/** Returns a new sale of InstaMed. */
export function instamedPayment(options: InstamedOptions = {}): InstamedPayment {
  const { amount = '100.00', approvedAmount } = options
  const amounts = {
    RequestAmount: amount,
    Amount: amount,
    IsPartiallyApproved: String(approvedAmount !== undefined),
    PartialApprovalAmount: approvedAmount ?? null,
  }
  const sale = instamedTransaction(options, { action: 'Sale', usualCode: 'C', originalId: null, amounts })
  const undoing = (action: string, usualCode: string, undone: string) =>
    instamedTransaction(options, {
      action,
      usualCode,
      originalId: sale.transactionId,
      amounts: { RequestAmount: undone, Amount: undone },
    })
  return {
    ...sale,
    refund: (undone = amount) => undoing('Refund', 'C', undone),
    chargeback: (undone = amount) => undoing('Sale', 'CB', undone),
    returnedItem: (undone = amount) => undoing('Return', 'RI', undone),
  }
}

interface InstamedFacts {
  readonly action: string
  readonly usualCode: string
  readonly originalId: string | null
  readonly amounts: Readonly<Record<string, string | null>>
}

function instamedTransaction({ format = 'json' }: InstamedOptions, facts: InstamedFacts): InstamedTransaction {
  const { action, usualCode, originalId, amounts } = facts
  const transactionId = randomUUID().replaceAll('-', '')
  const next = steps()
  return {
    paymentKey: `instamed:${transactionId}`,
    transactionId,
    relatesTo: originalId === null ? null : `instamed:${originalId}`,
    callback: (code = usualCode) => {
      const { contentType, write } = INSTAMED_FORMATS[format]
      const body = write({
        PaymentTransactionID: transactionId,
        OriginalTransactionID: originalId ?? transactionId,
        TransactionAction: action,
        TransactionType: 'CreditCard',
        CurrentTransactionStatusCode: code,
        ResponseCode: code === 'D' ? '005' : '000',
        ...amounts,
        ResponseDateTime: instamedTime(next()),
      })
      return { source: 'instamed', body, contentType }
    },
  }
}

type InstamedFields = Readonly<Record<string, string | null>>

const INSTAMED_FORMATS = {
  json: { contentType: 'application/json', write: (fields: InstamedFields) => JSON.stringify(fields) },
  form: {
    contentType: 'application/x-www-form-urlencoded',
    write: (fields: InstamedFields) => new URLSearchParams(given(fields)).toString(),
  },
  xml: {
    contentType: 'text/xml',
    write: (fields: InstamedFields) =>
      `<Transaction>${given(fields)
        .map(([name, value]) => `<${name}>${value}</${name}>`)
        .join('')}</Transaction>`,
  },
} as const

function given(fields: InstamedFields): [name: string, value: string][] {
  return Object.entries(fields).filter((field): field is [string, string] => field[1] !== null)
}

/** `12/14/2026 11:58:06 PM`, in UTC: InstaMed writes no zone. */
function instamedTime(timeMs: number): string {
  const time = new Date(timeMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = time.getUTCHours()
  const date = `${two(time.getUTCMonth() + 1)}/${two(time.getUTCDate())}/${time.getUTCFullYear()}`
  const clock = `${two(hours % 12 || 12)}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`
  return `${date} ${clock} ${hours < 12 ? 'AM' : 'PM'}`
}
