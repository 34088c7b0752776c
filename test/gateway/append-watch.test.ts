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

  test('stays ready while other callbacks are acknowledged: one unhealthy partition affects only itself', () => {
    const { appendWatch, health, lines, pass } = watch()
    const unready: number[] = []
    for (let n = 0; n < 1_000; n += 1) {
      appendWatch.succeeded()
      pass(100)
      appendWatch.failed('raw[3] has no leader')
      if (!health.ready()) {
        unready.push(n)
      }
    }
    expect(unready).toEqual([])
    expect(lines).toHaveLength(4)
    pass(2_001)
    appendWatch.failed('raw[3] has no leader')
    expect(health.ready()).toBe(false)
  })

  test('reports the end of partial trouble once nothing has been refused for 10 s', () => {
    const { appendWatch, lines, pass } = watch()
    appendWatch.succeeded()
    appendWatch.failed('raw[3] has no leader')
    for (let n = 0; n < 20; n += 1) {
      appendWatch.succeeded()
      pass(1_000)
    }
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'info'])
  })

  test('logs at growing intervals and once at the end, even if the trouble comes and goes', () => {
    const { appendWatch, lines, pass } = watch()
    for (let n = 0; n < 500; n += 1) {
      appendWatch.failed('x')
      pass(150)
    }
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['warn', 'warn', 'warn', 'warn'])
    appendWatch.succeeded()
    appendWatch.succeeded()
    expect(lines).toHaveLength(5)
    expect(lines[4]).toMatch(/^info .*"refused":500/)
    appendWatch.failed('x')
    pass(5_000)
    appendWatch.failed('x')
    appendWatch.succeeded()
    expect(lines).toHaveLength(5)
  })
})
