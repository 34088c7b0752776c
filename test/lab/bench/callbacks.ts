import { randomUUID } from 'node:crypto'

/** The steps of a payment in the benchmark; three callbacks and so three events for every payment. */
const STEPS = [
  ['RECEIVED', 'RECEIVED'],
  ['PROCESSING', 'PROCESSING_BY_JPM'],
  ['COMPLETED', 'COMPLETED_BY_JPM'],
] as const

const START_MS = Date.UTC(2026, 0, 5, 8)

/** A J.P. Morgan v2 callback of about 480 bytes about one payment. */
export function benchCallback(paymentId: string, step: number): Buffer {
  const [status, subStatus] = STEPS[step % STEPS.length] as (typeof STEPS)[number]
  const at = new Date(START_MS + step * 1_000).toISOString()
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: randomUUID(),
      time: at,
      type: `Payment.${status}`,
      source: `/payment/v2/payments/${paymentId}`,
      dataschema: 'urn:com.jpmorgan.payments/payment-event',
      data: {
        payments: [
          {
            paymentId,
            requestedExecutionDate: '2026-01-05',
            paymentStatus: status,
            paymentSubStatus: subStatus,
            statusUpdatedAt: at,
            paymentIdentifiers: { endToEndId: `E2E${paymentId.slice(0, 13)}` },
            paymentType: 'RTP',
            transferType: 'CREDIT',
            clearingSystem: {},
          },
        ],
      },
    }),
  )
}

/**
 * The callbacks of a preload, three for every payment. The steps of a payment lie 600 callbacks apart, as they do when
 * many payments are on their way at once.
 */
export function* benchCallbacks(count: number): Iterable<Buffer> {
  const group = 600
  for (let sent = 0; sent < count; ) {
    const ids = Array.from({ length: group }, () => randomUUID())
    for (let step = 0; step < STEPS.length; step += 1) {
      for (const id of ids) {
        if (sent < count) {
          yield benchCallback(id, step)
          sent += 1
        }
      }
    }
  }
}
