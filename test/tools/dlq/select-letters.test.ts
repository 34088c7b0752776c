import { expect, test } from 'vitest'
import { selectLetters } from '../../../src/tools/dlq/select-letters.ts'
import { topicNames } from '../../../src/topics.ts'

const TOPICS = topicNames('')

test('selects by places, by a filter, or all', () => {
  expect(selectLetters(TOPICS, ['payments.callbacks.dlq[2]@41', 'payments.events.dlq[0]@7'], {}, false)).toEqual({
    places: [
      { topic: 'rawDeadLetters', partition: 2, offset: 41n },
      { topic: 'eventDeadLetters', partition: 0, offset: 7n },
    ],
  })
  expect(selectLetters(TOPICS, [], { source: 'clinic' }, false)).toEqual({ places: null, filter: { source: 'clinic' } })
  expect(selectLetters(TOPICS, [], {}, true)).toEqual({ places: null, filter: {} })
})

test.each([
  [[], {}, false],
  [[], { source: 'clinic' }, true],
  [['payments.callbacks.dlq[2]@41'], {}, true],
  [['payments.callbacks.dlq[2]@41'], { source: 'clinic' }, false],
])('never takes all by mistake: places %j, filter %j, all %j', (places, filter, all) => {
  expect(selectLetters(TOPICS, places, filter, all)).toMatch(/^select dead letters by/)
})

test('a place that is written twice is one dead letter', () => {
  const places = ['payments.callbacks.dlq[2]@41', 'payments.events.dlq[2]@41', 'payments.callbacks.dlq[02]@041']
  expect(selectLetters(TOPICS, places, {}, false)).toEqual({
    places: [
      { topic: 'rawDeadLetters', partition: 2, offset: 41n },
      { topic: 'eventDeadLetters', partition: 2, offset: 41n },
    ],
  })
})

test('says which place is none, and how to write one', () => {
  expect(selectLetters(TOPICS, ['payments.callbacks.dlq[2]@41', 'payments.events[0]@1'], {}, false)).toBe(
    'payments.events[0]@1 is not the place of a dead letter: write payments.callbacks.dlq[partition]@offset or payments.events.dlq[partition]@offset',
  )
})
