import { describe, expect, it } from 'vitest'
import { createRandom } from '../../../src/tools/simulate/random.ts'

const draw = (seed: number, stream: string) => {
  const random = createRandom(seed, stream)
  return Array.from({ length: 50 }, () => random.next())
}

describe('createRandom', () => {
  it('gives the same values for the same seed and stream', () => {
    expect(draw(7, 'a')).toEqual(draw(7, 'a'))
  })

  it('gives other values for another seed, another stream and a seed that differs above 32 bits', () => {
    expect(draw(8, 'a')).not.toEqual(draw(7, 'a'))
    expect(draw(7, 'b')).not.toEqual(draw(7, 'a'))
    expect(draw(7 + 2 ** 32, 'a')).not.toEqual(draw(7, 'a'))
  })

  it('spreads evenly over 0 to 1', () => {
    const random = createRandom(1, 'spread')
    const buckets = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const bucket = Math.floor(random.next() * 10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    for (const count of buckets) {
      expect(count).toBeGreaterThan(850)
      expect(count).toBeLessThan(1150)
    }
  })

  it('keeps whole numbers within the bounds and reaches both', () => {
    const random = createRandom(1, 'integer')
    const seen = new Set(Array.from({ length: 200 }, () => random.integer(2, 5)))
    expect([...seen].sort()).toEqual([2, 3, 4, 5])
  })

  it('is never true for probability 0 and always for 1', () => {
    const random = createRandom(1, 'chance')
    const answers = Array.from({ length: 500 }, () => [random.chance(0), random.chance(1)])
    expect(new Set(answers.map(String))).toEqual(new Set(['false,true']))
  })

  it('shuffles without losing anything', () => {
    const items = Array.from({ length: 30 }, (_, i) => i)
    const shuffled = createRandom(3, 'shuffle').shuffle(items)
    expect(shuffled).not.toEqual(items)
    expect(shuffled.toSorted((a, b) => a - b)).toEqual(items)
  })
})
