import http from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'

/** What a load balancer and an operator see of a stopping gateway. */

const WAIT_MS = 3_000

let deployment: Deployment

beforeAll(async () => {
  const config = { gateway: { port: 0, shutdown: { waitMs: WAIT_MS } } }
  deployment = await Deployment.create(inject('stack'), { config })
})

afterAll(() => deployment?.close())

describe('SIGTERM', () => {
  test('costs callers that follow readiness nothing, although they open a connection for every callback', async () => {
    const gateway = await deployment.start(['gateway'])
    await gateway.ready()
    let ready = true
    const outcomes: (number | string)[] = []
    const callers = Array.from({ length: 8 }, async () => {
      while (ready) {
        outcomes.push(await call(gateway))
      }
    })
    const balancer = (async () => {
      while (ready) {
        ready = (await gateway.health()).ready
        await delay(50)
      }
    })()
    await eventually(() => expect(outcomes.length).toBeGreaterThan(100))
    const exit = gateway.stop()
    await Promise.all([balancer, ...callers])
    // Not ready, but callers that have not noticed are still served.
    const late = await call(gateway)
    expect([...new Set([...outcomes, late])]).toEqual([200])
    expect(await exit).toBe(0)
    expect(await call(gateway)).toBe('ECONNREFUSED')
  })

  test('a second time ends the process at once, and not with 0', async () => {
    const gateway = await deployment.start(['gateway'])
    await gateway.ready()
    gateway.signal('SIGTERM')
    await eventually(async () => expect((await gateway.health()).ready).toBe(false))
    const startedAt = performance.now()
    gateway.signal('SIGTERM')
    expect(await gateway.exited).toBe(1)
    expect(performance.now() - startedAt).toBeLessThan(WAIT_MS)
    expect(gateway.output).toContain('SIGTERM again')
  })
})

function call(gateway: RoleProcess): Promise<number | string> {
  const source = simulatedSources(deployment.config, gateway.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  return new Promise((resolve) => {
    const request = http.request(
      source?.url ?? '',
      { method: 'POST', agent: false, headers: { 'content-type': 'application/json', ...source?.headers } },
      (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.on('error', () => resolve('cut'))
      },
    )
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    request.end('{"callbacks":[]}')
  })
}
