import { beforeEach, expect, test } from 'vitest'
import { DeadLetterBoard } from '../../src/observability/dead-letter-board.ts'

let board: DeadLetterBoard

beforeEach(() => {
  board = new DeadLetterBoard()
})

const open = (...entries: [string, number][]) => ({ open: new Map(entries), complete: true })

test('shows nothing before a topic was counted, and says so while a count is not complete', () => {
  expect([board.details(), board.waiting(), board.series()]).toEqual([null, null, []])
  board.set('callbacks', { open: new Map([['empty-body', 2]]), complete: false })
  expect(board.details()).toEqual({
    callbacks: { open: 2, byReason: { 'empty-body': 2 }, incomplete: 'older ones are still being counted' },
  })
})

test('counts by topic and reason; a topic without dead letters is not in the log line', () => {
  board.set('callbacks', open(['empty-body', 2], ['invalid-json', 1]))
  board.set('events', open())
  expect(board.details()).toEqual({
    callbacks: { open: 3, byReason: { 'empty-body': 2, 'invalid-json': 1 } },
    events: { open: 0, byReason: {} },
  })
  expect(board.waiting()).toEqual({
    deadLetters: 3,
    byTopic: { callbacks: { 'empty-body': 2, 'invalid-json': 1 } },
  })
  expect(board.series()).toEqual([
    [{ topic: 'callbacks', reason: 'empty-body' }, 2],
    [{ topic: 'callbacks', reason: 'invalid-json' }, 1],
  ])
  board.set('callbacks', open())
  expect([board.waiting(), board.series()]).toEqual([null, []])
})

test('keeps the last counts when they cannot be read, and says why', () => {
  board.set('callbacks', open(['empty-body', 2]))
  board.fail('callbacks', 'Kafka: TOPIC_AUTHORIZATION_FAILED')
  expect(board.details()).toEqual({
    callbacks: { open: 2, byReason: { 'empty-body': 2 }, incomplete: 'Kafka: TOPIC_AUTHORIZATION_FAILED' },
  })
  board.set('callbacks', open())
  expect(board.details()).toEqual({ callbacks: { open: 0, byReason: {} } })
})
