import { expect, test, vi } from 'vitest'
import { DRIFT_NAMES_MAX, DriftWatch } from '../../src/normalizer/drift-watch.ts'

function watch() {
  const options = { warn: vi.fn(), warnFull: vi.fn(), count: vi.fn() }
  return { ...options, drift: new DriftWatch(options) }
}

test('every name is reported once per provider and kind, and counted every time', () => {
  const { drift, warn, count } = watch()
  const note = { kind: 'field', name: 'newField' } as const
  drift.saw('a', [note])
  drift.saw('a', [note, { kind: 'status', name: 'newField' }])
  drift.saw('b', [note])
  expect(warn.mock.calls).toEqual([
    ['a', note],
    ['a', { kind: 'status', name: 'newField' }],
    ['b', note],
  ])
  expect(count.mock.calls).toEqual([
    ['a', 'field'],
    ['a', 'field'],
    ['a', 'status'],
    ['b', 'field'],
  ])
})

test('a provider that invents names exhausts neither the log nor the memory (I10)', () => {
  const { drift, warn, warnFull, count } = watch()
  for (let index = 0; index < DRIFT_NAMES_MAX + 10; index += 1) {
    drift.saw('a', [{ kind: 'field', name: `f${index}` }])
  }
  expect(warn).toHaveBeenCalledTimes(DRIFT_NAMES_MAX)
  expect(warnFull.mock.calls).toEqual([[DRIFT_NAMES_MAX]])
  expect(count).toHaveBeenCalledTimes(DRIFT_NAMES_MAX + 10)
})
