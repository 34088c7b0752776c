import { describe, expect, test } from 'vitest'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import { startOffset } from '../../src/stream/start-offset.ts'

const RANGE = { start: 10n, end: 20n, highWatermark: 20n }

function start(offset: bigint): bigint {
  return startOffset('processor', 'payments.events', 3, { offset, metadata: null }, RANGE)
}

describe('work begins', () => {
  test('at the committed offset', () => {
    expect(start(15n)).toBe(15n)
  })

  test('at either end of what the topic holds, if that is committed', () => {
    expect(start(10n)).toBe(10n)
    expect(start(20n)).toBe(20n)
  })

  test('at the start of the topic when the group never committed', () => {
    expect(start(-1n)).toBe(10n)
  })
})

describe('work does not begin, and nothing is skipped in silence,', () => {
  test.each([
    [9n, 'Records were deleted before they were processed'],
    [21n, 'The topic lost records or was created anew'],
  ])('at offset %d: %s', (offset, reason) => {
    expect(() => start(offset)).toThrow(DefinedStop)
    expect(() => start(offset)).toThrow(reason)
  })

  test('and the message says which group, where, what is there, and how to go on', () => {
    expect(() => start(21n)).toThrow(
      /group processor .* offset 21 of payments\.events\[3\], .* holds 10 to 20.*--topic payments\.events:3 --reset-offsets/,
    )
  })
})
