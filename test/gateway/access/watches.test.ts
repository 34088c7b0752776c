import { describe, expect, test } from 'vitest'
import { type Expiry, ExpiryWatch } from '../../../src/gateway/access/expiry-watch.ts'
import { RefusalWatch } from '../../../src/gateway/access/refusal-watch.ts'

const DAY_MS = 86_400_000

function recorded() {
  const lines: string[] = []
  const line = (level: string) => (fields: object, text: string) => {
    lines.push(`${level} ${text} ${JSON.stringify(fields)}`)
  }
  return { lines, logger: { warn: line('warn'), error: line('error') } as never }
}

describe('what expires', () => {
  const watched = (use: Expiry['use'], days: number) => {
    let now = 0
    const { lines, logger } = recorded()
    const expiry: Expiry = { use, source: 'bank', id: 'abc', expiresAt: days * DAY_MS }
    const watch = new ExpiryWatch(
      () => [expiry],
      logger,
      () => now,
    )
    return (day: number) => {
      now = day * DAY_MS
      watch.check()
      watch.check()
      return lines.splice(0).map((text) => text.replace(/ \{.*/, ''))
    }
  }

  test('is logged at 30, 14 and 7 days and at expiry, once each', () => {
    const on = watched('ca', 100)
    expect(on(0)).toEqual([])
    expect(on(69.9)).toEqual([])
    expect(on(70.1)).toEqual(['warn a CA certificate expires in less than 30 days'])
    expect(on(80)).toEqual([])
    expect(on(86.1)).toEqual(['warn a CA certificate expires in less than 14 days'])
    expect(on(93.1)).toEqual(['warn a CA certificate expires in less than 7 days'])
    expect(on(99.9)).toEqual([])
    expect(on(100)).toEqual(['error a CA certificate has expired'])
  })

  test('is logged at expiry only if it is a revocation list, which is always short-lived', () => {
    const on = watched('crl', 5)
    expect(on(4)).toEqual([])
    expect(on(5.1)).toEqual(['error a revocation list has expired'])
  })
})

test('refusals are logged once per minute and source, with the counts since then', () => {
  let now = 0
  const { lines, logger } = recorded()
  const watch = new RefusalWatch(logger, () => now)
  watch.refused('bank', 'mtls', 'expired')
  watch.refused('bank', 'mtls', 'expired')
  watch.refused('other', 'basic', 'no-credentials')
  expect(lines).toHaveLength(2)
  now = 60_000
  watch.refused('bank', 'mtls', 'revoked')
  expect(lines[2]).toContain('{"source":"bank","refused":{"mtls: expired":1,"mtls: revoked":1}}')
})
