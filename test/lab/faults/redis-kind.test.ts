import { expect, test } from 'vitest'
import { redisKindOf } from './redis-kind.ts'

test('the laboratory runs one Redis with a replica unless REDIS names another kind', () => {
  expect(redisKindOf({})).toBe('single')
  expect(redisKindOf({ REDIS: '' })).toBe('single')
  expect(redisKindOf({ REDIS: 'valkey' })).toBe('valkey')
  expect(redisKindOf({ REDIS: 'cluster' })).toBe('cluster')
})

test('an unknown kind is refused with the kinds that exist', () => {
  expect(() => redisKindOf({ REDIS: 'memcached' })).toThrow(
    'REDIS=memcached: must be single or valkey or sentinel or cluster, or not set',
  )
})
