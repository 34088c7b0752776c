import { describe, expect, test } from 'vitest'
import { assertSameOrigin, type Origin, type OriginCheck, originIn, toOriginJson } from '../../src/stream/origin.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'

const ORIGIN: Origin = {
  environment: 'prod',
  topics: new Map([
    ['events', { id: 'e1', partitions: 3 }],
    ['current', { id: 'c1', partitions: 3 }],
  ]),
  read: { offset: 12_345_678_901_234_567_890n, leaderEpoch: 7 },
  transactionalId: 'processor.events.0',
  namespaces: new Map([['jpm-v1', 'jpm']]),
}

const textOf = (origin: Origin) => JSON.stringify({ origin: toOriginJson(origin) })

function checkOf(changes: Partial<OriginCheck> = {}): OriginCheck {
  return {
    group: 'processor',
    topic: 'events',
    committed: new Map([[0, { offset: 5n, metadata: textOf(ORIGIN) }]]),
    facts: ORIGIN.topics,
    environment: 'prod',
    namespaces: ORIGIN.namespaces,
    ...changes,
  }
}

function stopOf(check: OriginCheck): DefinedStop {
  try {
    assertSameOrigin(check)
  } catch (error) {
    if (error instanceof DefinedStop) {
      return error
    }
    throw error
  }
  throw new Error('no stop')
}

describe('the origin stored with an offset', () => {
  test('is read back unchanged', () => {
    expect(originIn(textOf(ORIGIN))).toEqual(ORIGIN)
    const bare = { ...ORIGIN, read: null, transactionalId: null, namespaces: new Map() }
    expect(originIn(textOf(bare))).toEqual(bare)
  })

  test.each([
    null,
    '',
    'no JSON',
    '{}',
    '{"origin":1}',
    '{"origin":{"environment":"prod"}}',
    '{"origin":{"topics":{}}}',
  ])('is null for a text written by an older release or by a person: %j', (text) => {
    expect(originIn(text)).toBeNull()
  })

  test('stays below the 4 KiB that brokers accept, whatever is configured (I10)', () => {
    const name = (index: number) => `source-${index}-${'n'.repeat(50)}`
    const many = new Map(Array.from({ length: 500 }, (_, index) => [name(index), name(index)]))
    const topics = new Map(
      Array.from({ length: 4 }, (_, index) => [
        `${'t'.repeat(245)}${index}`,
        { id: 'i'.repeat(22), partitions: 10_000 },
      ]),
    )
    const text = textOf({ ...ORIGIN, topics, namespaces: many, transactionalId: 't'.repeat(500) })
    expect(Buffer.byteLength(text)).toBeLessThan(3_700)
    expect(originIn(text)?.namespaces.size).toBeGreaterThan(5)
  })
})

describe('topics and settings', () => {
  test('do not stop the stage if they are unchanged', () => {
    assertSameOrigin(checkOf())
    assertSameOrigin(checkOf({ committed: new Map([[0, { offset: 5n, metadata: '' }]]) }))
  })

  test('added partitions stop the stage, whichever partition is opened', () => {
    const grown = new Map([...ORIGIN.topics, ['events', { id: 'e1', partitions: 6 }] as const])
    const stop = stopOf(checkOf({ facts: grown }))
    expect(stop.code).toBe('PARTITIONS_CHANGED')
    expect(stop.message).toMatch(
      /events has 6 partitions, but it had 3 .*group processor.*Do not change kafka\.partitions/,
    )
  })

  test('a recreated topic stops the stage; a changed partition count is reported first', () => {
    const recreated = (partitions: number) => new Map([...ORIGIN.topics, ['events', { id: 'e2', partitions }] as const])
    const stop = stopOf(checkOf({ facts: recreated(3) }))
    expect(stop.code).toBe('TOPIC_RECREATED')
    expect(stop.message).toMatch(
      /topic id e1, .*topic id e2.*--group processor --topic events --reset-offsets --to-earliest --execute/,
    )
    expect(stopOf(checkOf({ facts: recreated(6) })).code).toBe('PARTITIONS_CHANGED')
    const output = new Map([...ORIGIN.topics, ['current', { id: 'c2', partitions: 3 }] as const])
    expect(stopOf(checkOf({ facts: output })).message).toMatch(/current was deleted.*--to-current/)
  })

  test('another environment or source namespace stops the stage; an added or removed source does not', () => {
    const stop = stopOf(checkOf({ environment: 'test' }))
    expect(stop.code).toBe('SETTINGS_CHANGED')
    expect(stop.message).toMatch(/environment is test, it was prod.*Nothing was processed or skipped.*--to-current/)
    expect(stopOf(checkOf({ namespaces: new Map([['jpm-v1', 'other']]) })).message).toMatch(
      /namespace of source jpm-v1 is other, it was jpm/,
    )
    assertSameOrigin(checkOf({ namespaces: new Map([['new', 'other']]) }))
  })
})
