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

  test('at the very start or end of the topic, if that is committed', () => {
    expect(start(10n)).toBe(10n)
    expect(start(20n)).toBe(20n)
  })

  test('at the start of the topic if the group never committed', () => {
    expect(start(-1n)).toBe(10n)
  })
})

describe('work does not begin, so nothing is silently skipped,', () => {
  test.each([
    [9n, 'Records were deleted before they were processed'],
    [21n, 'The topic lost records or was recreated'],
  ])('at offset %d: %s', (offset, reason) => {
    expect(() => start(offset)).toThrow(DefinedStop)
    expect(() => start(offset)).toThrow(reason)
  })

  test('and the message names the group, the offset, the range and the command to run', () => {
    expect(() => start(21n)).toThrow(
      /group processor .* offset 21 of payments\.events\[3\], .* holds offsets 10 to 20.*--topic payments\.events:3 --reset-offsets/,
    )
  })
})
