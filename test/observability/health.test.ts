import { Counter, Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AdminServer, Health } from '../../src/observability/health.ts'

describe('Health', () => {
  test('is ready while no component is reported as not ok', () => {
    expect(new Health().readiness()).toEqual({ ready: true, components: {} })
  })

  test('is not ready while one component is not, and says why', () => {
    const health = new Health()
    health.set('kafka', true)
    health.set('redis', false, 'connection refused')
    expect(health.readiness()).toEqual({
      ready: false,
      components: { kafka: { ok: true }, redis: { ok: false, reason: 'connection refused' } },
    })
    health.set('redis', true, 'ignored')
    expect(health.readiness()).toEqual({ ready: true, components: { kafka: { ok: true }, redis: { ok: true } } })
  })

  test('forgets a component that is gone', () => {
    const health = new Health()
    health.set('lane-3', false, 'restoring')
    health.remove('lane-3')
    expect(health.ready()).toBe(true)
  })

  test('lets a temporary "not ok" expire after the given time', () => {
    let now = 0
    const health = new Health(() => now)
    health.set('append', false, 'failing', { forMs: 10 })
    now = 9
    expect(health.ready()).toBe(false)
    now = 10
    expect(health.readiness()).toEqual({ ready: true, components: { append: { ok: true } } })
  })

  test('lets it expire in time even if the wall clock is set back', () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout'] })
    try {
      const health = new Health()
      health.set('append', false, 'failing', { forMs: 10 })
      vi.setSystemTime(0)
      vi.advanceTimersByTime(9)
      expect(health.ready()).toBe(false)
      vi.advanceTimersByTime(1)
      expect(health.ready()).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  test('shows details as long as there are any; they do not affect readiness', () => {
    const health = new Health()
    let waiting: object | null = null
    health.detail('deadLetters', () => waiting)
    expect(health.readiness()).toEqual({ ready: true, components: {} })
    waiting = { open: 2 }
    expect(health.readiness()).toEqual({ ready: true, components: {}, details: { deadLetters: { open: 2 } } })
  })

  test('is never ready again once draining', () => {
    const health = new Health()
    health.set('kafka', true)
    health.drain()
    health.set('kafka', true)
    expect(health.readiness()).toEqual({
      ready: false,
      components: { kafka: { ok: true }, process: { ok: false, reason: 'stopping' } },
    })
  })
})

describe('AdminServer', () => {
  const health = new Health()
  const registry = new Registry()
  let server: AdminServer
  let url: string
  beforeEach(async () => {
    registry.clear()
    new Counter({ name: 'answers_total', help: 'h', registers: [registry] }).inc(42)
    server = new AdminServer({ host: '127.0.0.1', port: 0, health, registry })
    const { host, port } = await server.start()
    url = `http://${host}:${port}`
  })
  afterEach(() => server.stop())

  test('is live even when it is not ready', async () => {
    health.set('kafka', false, 'down')
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  })

  test('answers 503 with the reasons while not ready, and 200 when ready', async () => {
    health.set('kafka', false, 'down')
    const not = await fetch(`${url}/health/ready`)
    expect(not.status).toBe(503)
    expect(not.headers.get('content-type')).toBe('application/json')
    expect(await not.json()).toEqual({ ready: false, components: { kafka: { ok: false, reason: 'down' } } })
    health.set('kafka', true)
    const ready = await fetch(`${url}/health/ready?verbose=1`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({ ready: true, components: { kafka: { ok: true } } })
  })

  test('gives the metrics in Prometheus’s format', async () => {
    const response = await fetch(`${url}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain')
    expect(await response.text()).toContain('answers_total 42')
  })

  test('answers 500 when a collector fails, and keeps serving', async () => {
    const failing = new Counter({
      name: 'failing_total',
      help: 'h',
      registers: [registry],
      collect() {
        throw new Error('defect')
      },
    })
    expect((await fetch(`${url}/metrics`)).status).toBe(500)
    registry.removeSingleMetric('failing_total')
    expect(failing).toBeDefined()
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  test('serves no other path', async () => {
    expect((await fetch(`${url}/health`)).status).toBe(404)
    const post = await fetch(`${url}/health/live`, { method: 'POST' })
    expect(post.status).toBe(405)
    expect(post.headers.get('allow')).toBe('GET, HEAD')
    expect((await fetch(`${url}/metrics`, { method: 'HEAD' })).status).toBe(200)
  })

  test('rejects a port that is in use, and can be stopped twice', async () => {
    const { port } = new URL(url)
    const second = new AdminServer({ host: '127.0.0.1', port: Number(port), health, registry })
    await expect(second.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.stop()
    await server.stop()
  })
})
