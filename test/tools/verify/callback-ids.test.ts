import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { CallbackIds } from '../../../src/tools/verify/callback-ids.ts'

test('knows exactly the ids that were added, far beyond its first size', () => {
  const ids = Array.from({ length: 20_000 }, () => uuidv7())
  const others = Array.from({ length: 20_000 }, () => uuidv7())
  const known = new CallbackIds()
  for (const id of [...ids, ...ids]) {
    known.add(id)
  }
  expect(known.size).toBe(ids.length)
  expect(ids.every((id) => known.has(id))).toBe(true)
  expect(others.filter((id) => known.has(id))).toEqual([])
})

test('accepts ids that are not UUIDs, even empty ones', () => {
  const known = new CallbackIds()
  expect([known.has(''), known.has('callback-1')]).toEqual([false, false])
  known.add('')
  known.add('callback-1')
  expect([known.has(''), known.has('callback-1'), known.has('callback-2')]).toEqual([true, true, false])
})
