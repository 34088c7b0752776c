import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LetterStates } from '../../src/stream/letter-states.ts'
import type { ResolvedLetter } from '../../src/stream/resolved-letter.ts'
import { runs } from '../runs.ts'

const REASONS = ['empty-body', 'invalid-json', 'forgotten']
const REDRIVEN = { how: 'redriven', redrives: 1, newReason: null } as const
const CLOSED = { how: 'closed', redrives: 0, newReason: null } as const
const STAYS = { how: 'stays', redrives: 2, newReason: 'forgotten' } as const

function statesOf(start = 0n, offsetsMax?: number): LetterStates {
  return new LetterStates(start, REASONS, offsetsMax)
}

const counts = (states: LetterStates) => Object.fromEntries(states.open)

describe('the open dead letters of a partition', () => {
  test('are counted by reason; an unknown reason counts as other', () => {
    const states = statesOf()
    for (const [offset, reason] of ['empty-body', 'invalid-json', 'empty-body', 'John Doe'].entries()) {
      states.saw(BigInt(offset), reason)
    }
    expect(counts(states)).toEqual({ 'empty-body': 2, 'invalid-json': 1, other: 1 })
  })

  test('no longer count once redriven or closed; one that stays counts with its new reason', () => {
    const states = statesOf(100n)
    for (const offset of [100n, 101n, 102n, 103n]) {
      states.saw(offset, 'empty-body')
    }
    states.decided(100n, REDRIVEN)
    states.decided(101n, CLOSED)
    states.decided(102n, STAYS)
    expect(counts(states)).toEqual({ 'empty-body': 1, forgotten: 1 })
    expect([100n, 101n, 102n, 103n].map((offset) => states.isResolved(offset))).toEqual([true, true, false, false])
    expect([102n, 103n, 100n].map((offset) => states.reasonOf(offset))).toEqual(['forgotten', 'empty-body', null])
    expect([102n, 103n].map((offset) => states.redrivesOf(offset))).toEqual([2, 0])
  })

  test('do not include those that retention deleted', () => {
    const states = statesOf()
    states.saw(0n, 'empty-body')
    states.saw(5_000n, 'invalid-json')
    states.startsAt(1n)
    expect(counts(states)).toEqual({ 'invalid-json': 1 })
    states.decided(0n, STAYS)
    expect(counts(states)).toEqual({ 'invalid-json': 1 })
    states.decided(5_000n, CLOSED)
    expect(counts(states)).toEqual({})
  })

  test('I10: beyond the limit the oldest are no longer tracked, and no decision can push them out', () => {
    const states = statesOf(0n, 800)
    for (let offset = 0n; offset < 1_000n; offset += 1n) {
      states.saw(offset, 'empty-body')
    }
    const [tracked] = states.open.values()
    expect(tracked).toBeGreaterThan(600)
    expect(tracked).toBeLessThanOrEqual(800)
    states.decided(10n ** 17n, CLOSED)
    expect([...states.open.values()]).toEqual([tracked])
    expect(states.isResolved(0n)).toBe(false)
  })
})

test('letters and decisions recorded in any order, any number of times, give the same state', () => {
  const decision = fc.constantFrom<Pick<ResolvedLetter, 'how' | 'redrives' | 'newReason'>>(REDRIVEN, CLOSED, STAYS)
  const letters = fc.array(fc.record({ reason: fc.constantFrom(...REASONS), decision: fc.option(decision) }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(letters, fc.infiniteStream(fc.nat()), (all, order) => {
      const facts = all.flatMap(({ reason, decision: decided }, index) => {
        const offset = BigInt(index)
        const saw = (states: LetterStates) => states.saw(offset, reason)
        return decided === null ? [saw] : [saw, (states: LetterStates) => states.decided(offset, decided)]
      })
      const shuffled = [...facts, ...facts]
        .map((fact) => ({ fact, at: order.next().value as number }))
        .toSorted((a, b) => a.at - b.at)
      const [inOrder, inAny] = [statesOf(), statesOf()]
      for (const tell of facts) {
        tell(inOrder)
      }
      for (const { fact } of shuffled) {
        fact(inAny)
      }
      expect(counts(inAny)).toEqual(counts(inOrder))
      const open = all.filter(({ decision: decided }) => decided === null || decided.how === 'stays').length
      expect([...inAny.open.values()].reduce((sum, count) => sum + count, 0)).toBe(open)
    }),
    runs(300),
  )
})
