import { type PublishedState, toPublishedState } from '../../avro/payment-codecs.ts'
import { applyEvent, type PaymentState } from '../../payment/apply-event.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../../payment/status-change.ts'
import { markOverdue } from '../../processor/due.ts'
import { providerById } from '../../providers/registry.ts'

export interface ExampleRecords {
  /** The steps of the payment: its first event, its outcome, and that it became overdue before that. */
  readonly changes: readonly StatusChangeRecord[]
  /** The payment after these steps. */
  readonly current: PublishedState
}

/**
 * Records that the product makes from two invented callbacks, by the same mapping and fold as in operation. Pure: always the
 * same records.
 */
export function exampleRecords(): ExampleRecords {
  const changes: StatusChangeRecord[] = []
  let state = recordCallback(undefined, changes, {
    status: 'PROCESSING',
    subStatus: 'PENDING_POSTING',
    at: '2026-03-01T08:00:00Z',
  })
  state = markOverdue(state, Date.parse('2026-03-04T08:00:02Z'))
  changes.push(overdueChange(state))
  state = recordCallback(state, changes, { status: 'COMPLETED', at: '2026-03-04T09:30:00Z' })
  return { changes, current: toPublishedState(state) }
}

interface Reported {
  readonly status: string
  readonly subStatus?: string
  /** The provider's time; the callback arrives 0.4 s later and is recorded another 60 ms later. */
  readonly at: string
}

function recordCallback(
  state: PaymentState | undefined,
  changes: StatusChangeRecord[],
  { status, subStatus, at }: Reported,
): PaymentState {
  const number = changes.length + 1
  const receivedAt = Date.parse(at) + 400
  const body = {
    specversion: '1.0',
    id: `00000000-0000-4000-8000-00000000e00${number}`,
    time: at,
    type: 'Payment.StatusChanged',
    source: '/payment/v2/payments',
    data: {
      payments: [
        {
          paymentId: '00000000-0000-4000-8000-000000000001',
          paymentStatus: status,
          ...(subStatus !== undefined && { paymentSubStatus: subStatus }),
          statusUpdatedAt: at,
          paymentType: 'RTP',
          transferType: 'CREDIT',
          paymentIdentifiers: { endToEndId: 'EXAMPLE-0001' },
        },
      ],
    },
  }
  const translation = providerById(PROVIDER)?.translate({
    callbackId: `00000000-0000-7000-8000-00000000000${number}`,
    source: 'example-bank',
    namespace: 'example-bank',
    currency: null,
    receivedAt,
    contentType: 'application/json',
    authenticity: ['mtls'],
    body: Buffer.from(JSON.stringify(body)),
  })
  const event = translation?.events[0]
  const applied = event && applyEvent(state, event, receivedAt + 60)
  if (applied?.outcome !== 'recorded') {
    throw new TypeError(`the example callback is not recorded: ${JSON.stringify(translation?.deadLetters ?? PROVIDER)}`)
  }
  changes.push(toStatusChange(applied.change))
  return applied.change.state
}

const PROVIDER = 'jpm-global-payments-v2'
