import { describe, expect, test } from 'vitest'
import { AppendWatch } from '../../src/gateway/append-watch.ts'
import { Health } from '../../src/observability/health.ts'

function watch() {
  let now = 0
  const lines: string[] = []
  const health = new Health(() => now)
  const logger = {
    warn: (fields: object, text: string) => lines.push(`warn ${text} ${JSON.stringify(fields)}`),
    info: (fields: object, text: string) => lines.push(`info ${text} ${JSON.stringify(fields)}`),
  }
  const appendWatch = new AppendWatch(health, logger as never, () => now)
  return { appendWatch, health, lines, pass: (ms: number) => (now += ms) }
}

describe('AppendWatch', () => {
  test('is quiet and ready while callbacks are acknowledged', () => {
    const { appendWatch, health, lines } = watch()
    appendWatch.succeeded()
    expect(health.ready()).toBe(true)
    expect(lines).toEqual([])
  })

  test('is not ready, with the reason, from a failure to the next success', () => {
    const { appendWatch, health } = watch()
    appendWatch.failed('APPEND_FAILED')
    expect(health.readiness()).toMatchObject({
      ready: false,
      components: { append: { ok: false, reason: 'APPEND_FAILED' } },
    })
    appendWatch.succeeded()
    expect(health.ready()).toBe(true)
  })

  test('is ready again 10 s after the last failure, because only a callback can show that the broker is back', () => {
    const { appendWatch, health, pass } = watch()
    appendWatch.failed('x')
    pass(6_000)
    appendWatch.failed('x')
    pass(9_999)
    expect(health.ready()).toBe(false)
    pass(1)
    expect(health.ready()).toBe(true)
  })

  test('writes one line per 10 s of trouble and one at its end, however often it comes and goes', () => {
    const { appendWatch, lines, pass } = watch()
    for (let n = 0; n < 100; n += 1) {
      appendWatch.failed('x')
      pass(150)
    }
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'warn'])
    appendWatch.succeeded()
    appendWatch.succeeded()
    expect(lines).toHaveLength(3)
    expect(lines[2]).toMatch(/^info .*"refused":100/)
    appendWatch.failed('x')
    appendWatch.succeeded()
    expect(lines).toHaveLength(3)
  })
})
