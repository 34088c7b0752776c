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
      'payments.dlq.resolved',
      'payments.audit',
    ])
  })

  test('of an installation all have its prefix', () => {
    for (const id of IDS) {
      expect(topicNames('eu.')[id]).toBe(`eu.${TOPICS[id].name}`)
    }
  })

  test('are kept 30 days (changes 90), and dead letters longer than their source', () => {
    const daysOf = (id: 'raw' | 'rawDeadLetters' | 'events' | 'eventDeadLetters' | 'changes') =>
      TOPICS[id].settings.retentionDays
    expect([daysOf('raw'), daysOf('events'), daysOf('changes')]).toEqual([30, 30, 90])
    expect(daysOf('rawDeadLetters')).toBeGreaterThan(daysOf('raw'))
    expect(daysOf('eventDeadLetters')).toBeGreaterThan(daysOf('events'))
  })

  test('for dead letters accept messages of any size that the source topic accepts', () => {
    expect(TOPICS.rawDeadLetters.settings.messageBytesMax).toBeGreaterThanOrEqual(TOPICS.raw.settings.messageBytesMax)
    expect(TOPICS.eventDeadLetters.settings.messageBytesMax).toBeGreaterThanOrEqual(
      TOPICS.events.settings.messageBytesMax,
    )
  })

  test('are compacted if only the latest record of a key counts; keys and notes expire, statuses do not', () => {
    expect(IDS.filter((id) => TOPICS[id].settings.cleanup === 'compact')).toEqual(['current'])
    expect(IDS.filter((id) => TOPICS[id].settings.cleanup === 'compact,delete')).toEqual([
      'keys',
      'resolvedDeadLetters',
    ])
  })

  test('for notes about dead letters are kept longer than the dead letters; the audit trail is kept longest', () => {
    const days = ({ settings }: { settings: object }) =>
      'retentionDays' in settings ? Number(settings.retentionDays) : 0
    const { rawDeadLetters, eventDeadLetters, resolvedDeadLetters, audit } = TOPICS
    expect(days(resolvedDeadLetters)).toBeGreaterThan(Math.max(days(rawDeadLetters), days(eventDeadLetters)))
    expect(days(audit)).toBe(Math.max(...Object.values(TOPICS).map(days)))
  })
})

test('data keys outlive every body encrypted with them, and the forgotten notes outlive the keys', () => {
  const { raw, rawDeadLetters, keys, forgottenKeys } = TOPICS
  const dayOfUse = 1
  expect(keys.settings.retentionDays).toBeGreaterThan(
    dayOfUse + raw.settings.retentionDays + rawDeadLetters.settings.retentionDays,
  )
  expect(forgottenKeys.settings.retentionDays).toBeGreaterThan(keys.settings.retentionDays)
})

describe('the Kafka topic configuration', () => {
  test('of a topic with retention by age', () => {
    expect(toTopicConfig(TOPICS.raw.settings)).toEqual({
      'cleanup.policy': 'delete',
      'max.message.bytes': '1048588',
      'compression.type': 'producer',
      'retention.ms': String(30 * DAY_MS),
    })
  })

  test('of a compacted topic sets the dirty ratio and the retention of tombstones', () => {
    expect(toTopicConfig(TOPICS.current.settings)).toEqual({
      'cleanup.policy': 'compact',
      'max.message.bytes': '2097152',
      'compression.type': 'producer',
      'min.cleanable.dirty.ratio': '0.1',
      'delete.retention.ms': String(7 * DAY_MS),
    })
  })

  test('of the keys topic limits the time until a tombstone has removed a key', () => {
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
