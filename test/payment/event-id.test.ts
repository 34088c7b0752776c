import { expect, test } from 'vitest'
import { eventIdOf } from '../../src/payment/event-id.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { sampleEvent, sampleReport } from '../avro/samples.ts'

/** I3: the same fact has the same id in every release. */

test('an event without markers keeps the id it had before markers existed', () => {
  expect(eventIdOf(sampleEvent())).toBe('977bee1a082cbea57612bae3661aec67')
  expect(eventIdOf(sampleReport())).toBe('c8caf3c15af94a205848d68011b73e59')
})

test('every marker gives a different id, and no two markers the same one', () => {
  const changes: Partial<PaymentEvent>[] = [
    {},
    { unreadable: ['amount'] },
    { unreadable: ['amount', 'gpi.status'] },
    { unreadable: ['amount,gpi.status'] },
    { timeUnreadable: true },
    { partialApproval: true },
    { timeUnreadable: true, partialApproval: true },
    { unreadable: ['amount'], timeUnreadable: true, partialApproval: true },
    { childKey: 'unreadable' },
    { childKey: 'jpm:child', unreadable: ['amount'] },
  ]
  expect(new Set(changes.map((change) => eventIdOf(sampleEvent(change)))).size).toBe(changes.length)
})
