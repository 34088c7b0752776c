import type { Config } from '../config.ts'
import type { Logger } from '../observability/log.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { PaymentStatus } from '../payment/payment-status.ts'
import { currentStates } from './current-states.ts'
import { durationText } from './duration-text.ts'
import { textTable } from './text-table.ts'
import { withClients } from './with-clients.ts'

/** A payment whose next status is late. Times are ISO 8601. */
export interface OverduePayment {
  readonly paymentKey: string
  readonly status: PaymentStatus
  readonly provider: string
  readonly endToEndId: string | null
  /** Time of the last status change. */
  readonly statusSince: string
  /** When it was reported in `changes`. */
  readonly overdueSince: string
  readonly attention: readonly string[]
}

/** Lists payments that were reported overdue and have not changed since, longest wait first. */
export async function findOverdue(
  config: Config,
  logger: Logger,
  signal?: AbortSignal,
): Promise<readonly OverduePayment[]> {
  const isOverdue = ({ overdueSince }: PaymentState) => overdueSince !== null
  const states = await withClients({ config, logger, tool: 'overdue' }, ['codecs'], ({ topics, reader, codecs }) =>
    currentStates(reader, codecs, topics.current, config.kafka.partitions, isOverdue, signal),
  )
  return states.toSorted((a, b) => a.statusChangedAt - b.statusChangedAt).map(toOverdue)
}

export function overdueLines(payments: readonly OverduePayment[], now: number): readonly string[] {
  if (payments.length === 0) {
    return ['no payment is overdue']
  }
  const rows = payments.map(({ paymentKey, status, statusSince, overdueSince, endToEndId, attention }) => [
    paymentKey,
    status,
    durationText(now - Date.parse(statusSince)),
    overdueSince,
    endToEndId ?? '',
    attention.join(', '),
  ])
  return [
    ...textTable(['payment', 'status', 'for', 'overdue since', 'endToEndId', 'attention'], rows),
    `${payments.length} overdue`,
  ]
}

function toOverdue(state: PaymentState): OverduePayment {
  const { paymentKey, status, details, statusChangedAt, overdueSince, attention, events } = state
  return {
    paymentKey,
    status,
    provider: events[0]?.event.provider ?? '',
    endToEndId: details.endToEndId,
    statusSince: new Date(statusChangedAt).toISOString(),
    overdueSince: new Date(overdueSince ?? statusChangedAt).toISOString(),
    attention,
  }
}
