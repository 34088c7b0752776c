import { type Change, type OpenOptions, open, type PaystatusClient } from '@paystatus/client'

export interface OrderReleaserOptions extends OpenOptions {
  /** Called once for each order whose payment is completed; the endToEndId is the order number. */
  readonly release: (orderNumber: string) => Promise<void> | void
}

const PAID = new Set(['COMPLETED', 'SETTLED', 'CREDITED'])

/**
 * Releases an order when its payment is completed, whether before this service was first started or while it runs. Resolves
 * once it follows the payments; the caller stops the client.
 *
 * The client does what docs/consumers.md asks: it tells each change at least once and in order, also after a crash. A real
 * service keeps what it released in its database, with `change.version`; the client's README shows how.
 */
export async function startOrderReleaser({ release, ...options }: OrderReleaserOptions): Promise<PaystatusClient> {
  const released = new Set<string>()
  const client = await open(options)
  await client.onChange(async (change) => {
    const orderNumber = orderPaidBy(change)
    if (orderNumber !== null && !released.has(orderNumber)) {
      await release(orderNumber)
      released.add(orderNumber)
    }
  })
  return client
}

/** Null if the change does not say that an order is paid. */
function orderPaidBy(change: Change): string | null {
  switch (change.kind) {
    case 'state':
      return PAID.has(change.payment.status) ? change.payment.endToEndId : null
    case 'step':
      return PAID.has(change.step.statusAfter) ? change.step.endToEndId : null
    case 'forgotten':
      return null
  }
}
