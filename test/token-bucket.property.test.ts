import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TokenBucket } from '../src/token-bucket.ts'

const pauses = fc.array(fc.integer({ min: 0, max: 1_500 }), { minLength: 1, maxLength: 200 })
const rates = fc.double({ min: 0.1, max: 1_000, noNaN: true })

test('in any interval no more requests pass than the rate allows, plus one burst (I10)', () => {
  fc.assert(
    fc.property(rates, pauses, (perSecond, gaps) => {
      const bucket = new TokenBucket(perSecond, 0)
      const burst = Math.max(1, 2 * perSecond)
      const passed: number[] = []
      let now = 0
      for (const gap of gaps) {
        now += gap
        if (bucket.take(now)) {
          passed.push(now)
        }
      }
      passed.forEach((from, first) => {
        passed.slice(first).forEach((to, count) => {
          expect(count + 1).toBeLessThanOrEqual(burst + ((to - from) / 1_000) * perSecond + 1e-6)
        })
      })
    }),
    { numRuns: 50 },
  )
})

test('a caller within the rate is never refused, and a refused one learns when to retry', () => {
  fc.assert(
    fc.property(rates, (perSecond) => {
      const bucket = new TokenBucket(perSecond, 0)
      let now = 0
      for (let n = 0; n < 50; n += 1) {
        now += 1_000 / perSecond + 0.001
        expect(bucket.take(now)).toBe(true)
      }
      while (bucket.take(now));
      expect(bucket.secondsUntilNext).toBeGreaterThanOrEqual(1)
      expect(bucket.take(now + bucket.secondsUntilNext * 1_000 + 0.001)).toBe(true)
    }),
  )
})
