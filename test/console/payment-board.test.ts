import { expect, test } from 'vitest'
import { PaymentBoard } from '../../src/console/payment-board.ts'
import type { StatusChangeRecord } from '../../src/payment/status-change.ts'
import { KEY, paymentOf, storyEvents } from './fake-world.ts'

const { state, changes } = paymentOf(storyEvents())

test('states and changes give the same row and the same ids, in any order', () => {
  const fromState = new PaymentBoard()
  fromState.addState(state)
  const fromChanges = new PaymentBoard()
  for (const change of changes) {
    fromChanges.addChange(change)
  }
  const both = new PaymentBoard()
  both.addState(state)
  for (const change of changes.toReversed()) {
    both.addChange(change)
  }
  for (const board of [fromChanges, both]) {
    expect(board.row(KEY)).toEqual(fromState.row(KEY))
    expect(board.statuses).toEqual([['REJECTED', 1]])
    for (const id of [KEY, 'E2E-4711', 'BATCH-7', '021000021234567', '01936f1a-7c1b-7000-8000-000000000005']) {
      expect(board.candidates(id)).toEqual([KEY])
    }
  }
})

test('counts statuses, overdue payments and attention as they come and go', () => {
  const board = new PaymentBoard()
  const [first, second] = changes as [StatusChangeRecord, StatusChangeRecord]
  board.addChange({ ...first, overdueSince: 7 })
  expect([board.overdueCount, board.overdue(0, 10).length, board.payments]).toEqual([1, 1, 1])
  board.addChange({ ...second, attention: ['weak-key'] })
  expect([board.overdueCount, board.withAttention, board.statuses]).toEqual([0, 1, [['PROCESSING', 1]]])
  board.addChange({ ...first, overdueSince: 7 })
  expect([board.overdueCount, board.withAttention]).toEqual([0, 1])
})

test("a refund's report does not make the original findable by the refund's references", () => {
  const board = new PaymentBoard()
  const reported = changes.at(-1) as StatusChangeRecord
  const event = { ...(reported.event as NonNullable<StatusChangeRecord['event']>), endToEndId: 'REFUND-E2E' }
  board.addChange({ ...reported, event })
  expect(board.candidates('REFUND-E2E')).toEqual([])
  expect(board.candidates(event.callbackId)).toEqual([KEY])
})

test('a forgotten payment that returns replaces its former life', () => {
  const board = new PaymentBoard()
  board.addState(state)
  const [first] = changes as [StatusChangeRecord]
  board.addChange({ ...first, incarnation: state.incarnation + 1, statusVersion: 1 })
  expect(board.row(KEY)).toMatchObject({ status: 'ACCEPTED', statusVersion: 1 })
})

test('a payment that is removed is in no list and no count, and found by none of its ids, until it returns', () => {
  const board = new PaymentBoard()
  const [first] = changes as [StatusChangeRecord]
  board.addState({ ...state, overdueSince: 7 })
  board.remove(KEY)
  board.remove(KEY)
  board.remove('jpm:never-seen')
  const ids = [KEY, 'E2E-4711', 'BATCH-7', '01936f1a-7c1b-7000-8000-000000000005']
  expect([board.payments, board.statuses, board.overdueCount, board.overdue(0, 10), board.withAttention]).toEqual([
    0,
    [],
    0,
    [],
    0,
  ])
  expect([board.row(KEY), ...ids.flatMap((id) => board.candidates(id))]).toEqual([null])
  board.addChange(first)
  expect([board.payments, board.candidates(KEY), board.candidates('BATCH-7')]).toEqual([1, [KEY], []])
})
