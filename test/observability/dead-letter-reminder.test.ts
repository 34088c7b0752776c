import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DeadLetterBoard } from '../../src/observability/dead-letter-board.ts'
import { remindOfDeadLetters } from '../../src/observability/dead-letter-reminder.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('logs one line a minute while dead letters are open, for all topics together, and none otherwise', () => {
  const board = new DeadLetterBoard()
  const lines: unknown[] = []
  const end = remindOfDeadLetters(board, { warn: (...line: unknown[]) => lines.push(line) })
  vi.advanceTimersByTime(120_000)
  expect(lines).toEqual([])
  board.set('callbacks', { open: new Map([['empty-body', 2]]), complete: true })
  board.set('events', { open: new Map([['too-large', 1]]), complete: true })
  vi.advanceTimersByTime(120_000)
  const waiting = { deadLetters: 3, byTopic: { callbacks: { 'empty-body': 2 }, events: { 'too-large': 1 } } }
  const line = [waiting, 'dead letters need a decision: see paystatus dlq list']
  expect(lines).toEqual([line, line])
  board.set('callbacks', { open: new Map(), complete: true })
  board.set('events', { open: new Map(), complete: true })
  vi.advanceTimersByTime(120_000)
  board.set('events', { open: new Map([['too-large', 1]]), complete: true })
  end()
  vi.advanceTimersByTime(120_000)
  expect(lines).toHaveLength(2)
})
