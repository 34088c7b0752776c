import { randomUUID } from 'node:crypto'

/** The steps of every payment in the benchmark: three callbacks, so three events. */
const STEPS = [
  ['RECEIVED', 'RECEIVED'],
  ['PROCESSING', 'PROCESSING_BY_JPM'],
  ['COMPLETED', 'COMPLETED_BY_JPM'],
] as const

const START_MS = Date.UTC(2026, 0, 5, 8)

/** A J.P. Morgan v2 callback for one payment, about 480 bytes. */
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
 * The callbacks of a preload, three per payment. The steps of a payment are 600 callbacks apart, as when many payments are
 * in progress at once.
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
