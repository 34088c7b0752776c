import { describe, expect, test } from 'vitest'
import { TOPICS, type TopicId, topicNames, toTopicConfig } from '../src/topics.ts'

const DAY_MS = 86_400_000
const IDS = Object.keys(TOPICS) as TopicId[]

describe('the topics', () => {
  test('have the names that consumers know', () => {
    expect(Object.values(topicNames(''))).toEqual([
      'payments.callbacks.raw',
      'payments.callbacks.dlq',
      'payments.keys',
      'payments.keys.forgotten',
      'payments.events',
      'payments.events.dlq',
      'payments.status.changes',
      'payments.status.current',
    ])
  })

  test('of an installation all carry its prefix', () => {
    for (const id of IDS) {
      expect(topicNames('eu.')[id]).toBe(`eu.${TOPICS[id].name}`)
    }
  })

  test('are kept as long as design.md says, dead letters longer than what they come from', () => {
    const daysOf = (id: 'raw' | 'rawDeadLetters' | 'events' | 'eventDeadLetters' | 'changes') =>
      TOPICS[id].settings.retentionDays
    expect([daysOf('raw'), daysOf('events'), daysOf('changes')]).toEqual([30, 30, 90])
    expect(daysOf('rawDeadLetters')).toBeGreaterThan(daysOf('raw'))
    expect(daysOf('eventDeadLetters')).toBeGreaterThan(daysOf('events'))
  })

  test('that hold dead letters take whatever the topic took that they come from', () => {
    expect(TOPICS.rawDeadLetters.settings.messageBytesMax).toBeGreaterThanOrEqual(TOPICS.raw.settings.messageBytesMax)
    expect(TOPICS.eventDeadLetters.settings.messageBytesMax).toBeGreaterThanOrEqual(
      TOPICS.events.settings.messageBytesMax,
    )
  })

  test('are compacted where the last word counts; keys expire, and statuses do not', () => {
    expect(IDS.filter((id) => TOPICS[id].settings.cleanup === 'compact')).toEqual(['current'])
    expect(IDS.filter((id) => TOPICS[id].settings.cleanup === 'compact,delete')).toEqual(['keys'])
  })
})

test('data keys live as long as any body that was encrypted with them, notes longer than keys', () => {
  const { raw, rawDeadLetters, keys, forgottenKeys } = TOPICS
  const dayOfUse = 1
  expect(keys.settings.retentionDays).toBeGreaterThan(
    dayOfUse + raw.settings.retentionDays + rawDeadLetters.settings.retentionDays,
  )
  expect(forgottenKeys.settings.retentionDays).toBeGreaterThan(keys.settings.retentionDays)
})

describe('as Kafka topic configuration', () => {
  test('a topic that is deleted by age', () => {
    expect(toTopicConfig(TOPICS.raw.settings)).toEqual({
      'cleanup.policy': 'delete',
      'max.message.bytes': '1048588',
      'compression.type': 'producer',
      'retention.ms': String(30 * DAY_MS),
    })
  })

  test('a topic that is compacted says how soon, and how long a tombstone lives', () => {
    expect(toTopicConfig(TOPICS.current.settings)).toEqual({
      'cleanup.policy': 'compact',
      'max.message.bytes': '2097152',
      'compression.type': 'producer',
      'min.cleanable.dirty.ratio': '0.1',
      'delete.retention.ms': String(7 * DAY_MS),
    })
  })

  test('the keys say how soon a tombstone must have taken one away, also from the newest segment', () => {
    expect(toTopicConfig(TOPICS.keys.settings)).toEqual({
      'cleanup.policy': 'compact,delete',
      'max.message.bytes': '1048588',
      'compression.type': 'producer',
      'retention.ms': String(125 * DAY_MS),
      'max.compaction.lag.ms': String(DAY_MS),
      'delete.retention.ms': String(7 * DAY_MS),
    })
  })
})
