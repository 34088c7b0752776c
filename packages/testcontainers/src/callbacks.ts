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
}

const MINUTE_MS = 60_000

/** Returns a new payment with its own ids, so that tests that share a stack do not interfere. */
export function jpmPayment(endToEndId = `E2E-${randomUUID().slice(0, 8).toUpperCase()}`): JpmPayment {
  const paymentId = randomUUID()
  let timeMs = Date.now() - 60 * MINUTE_MS
  return {
    paymentId,
    endToEndId,
    paymentKey: `jpm-global-payments-v2:${paymentId}`,
    callback: (paymentStatus, paymentSubStatus) => {
      timeMs += MINUTE_MS
      const time = `${new Date(timeMs).toISOString().slice(0, 19)}Z`
      const payment = {
        paymentId,
        paymentStatus,
        ...(paymentSubStatus !== undefined && { paymentSubStatus }),
        statusUpdatedAt: time,
        paymentIdentifiers: { endToEndId },
        paymentType: 'RTP',
        transferType: 'CREDIT',
        requestedExecutionDate: time.slice(0, 10),
      }
      return {
        source: 'jpm-v2',
        body: {
          specversion: '1.0',
          id: randomUUID(),
          time,
          type: `Payment.${paymentStatus.charAt(0)}${paymentStatus.slice(1).toLowerCase()}`,
          source: `/payment/v2/payments/${paymentId}`,
          dataschema: 'urn:com.jpmorgan.payments/payment-event',
          data: { payments: [payment] },
        },
      }
    },
  }
}
