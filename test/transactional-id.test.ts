import { expect, test } from 'vitest'
import { formerTransactionalId, processorTransactionalId } from '../src/transactional-id.ts'

test('I7: all processors of one partition share one id, whatever their group and environment', () => {
  expect(processorTransactionalId('eu.payments.events', 3)).toBe('paystatus.eu.payments.events.3')
  // Neither is a parameter, because ownership is of a partition of a topic.
  expect(processorTransactionalId).toHaveLength(2)
})

test('the id of the previous release is known, so that its owner can be fenced', () => {
  expect(formerTransactionalId('prod', 'processor', 'payments.events', 3)).toBe('prod.processor.payments.events.3')
})
