import { expect, test } from 'vitest'
import { FAULTS, faultsOn, leftOutOn } from './faults.ts'
import { REDIS_KINDS } from './redis-kind.ts'

test('a fault runs on every kind of Redis, or is left out with a reason', () => {
  expect(faultsOn('single')).toEqual(FAULTS)
  expect(faultsOn('valkey')).toEqual(FAULTS)
  expect(leftOutOn('sentinel')).toEqual([
    'split-redis (needs a proxy before Redis)',
    'black-hole-redis (needs a proxy before Redis)',
  ])
  for (const kind of REDIS_KINDS) {
    expect(faultsOn(kind).length + leftOutOn(kind).length).toBe(FAULTS.length)
  }
})
