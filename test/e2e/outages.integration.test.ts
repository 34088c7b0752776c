import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { findMismatches } from '../../src/tools/simulate/await-statuses.ts'
import type { SimulatedSource } from '../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { callMany, firstSuccessMs, residentBytes } from '../lab/harness/outage.ts'
import { TcpProxy } from '../lab/harness/tcp-proxy.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/** Kafka and the registry become unreachable and return. This file has its own brokers; the registry is behind a proxy. */

/** The gateway's deadline of 1.5 s, and some time. Without a deadline, every answer would take the 3 s of an append. */
const ANSWER_MAX_MS = 2_500
/** Within this the gateway accepts again once the broker is back; `make security` measures how soon. */
const RECOVERY_MAX_MS = 30_000
/** Few records may wait for the broker, so that a flood of refusals takes little time. */
const WAITING_MAX = 200

/** All providers retry until they succeed, so that everything must arrive in the end. */
const PERSISTENT_MANNER = { timeoutMs: 3_000, attemptsMax: Number.POSITIVE_INFINITY, retryGapMs: () => 300 }
const PERSISTENT = {
  'jpm-global-payments-v1': PERSISTENT_MANNER,
  'jpm-global-payments-v2': PERSISTENT_MANNER,
  instamed: PERSISTENT_MANNER,
} as const

let stack: Stack
let registry: TcpProxy
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess

beforeAll(async () => {
  const { registryUrl } = inject('stack')
  stack = await startStack({ only: ['kafka', 'redis'] })
  registry = await TcpProxy.start(new URL(registryUrl))
  const proxied = new URL(registryUrl)
  proxied.port = String(registry.port)
  deployment = await Deployment.create(
    { ...stack, registryUrl: proxied.href },
    {
      config: {
        kafka: { sessionTimeoutMs: 3_000 },
        gateway: { port: 0, waitingRecordsMax: WAITING_MAX, shutdown: { waitMs: 250 } },
      },
    },
  )
  observer = await Observer.create(deployment)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  registry?.close()
  await stack?.stop()
})

describe('the schema registry', () => {
  test('that is unreachable at the start is waited for, with a clear message, and the gateway accepts callbacks meanwhile', async () => {
    registry.down()
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await eventually(async () => {
      const { ready, components } = await paystatus.health()
      expect(ready).toBe(false)
      expect(components['registry']?.reason).toMatch(/registry/)
    })
    await eventually(() => expect(paystatus.output).toMatch(/registry[^\n]*trying again/))
    const report = await simulate(deployment, paystatus.gatewayUrl, { seed: 41, payments: 20 })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    expect(await observer.changes()).toEqual([])
    registry.up()
    await paystatus.ready()
    await allIsWell()
  })

  test('that becomes unreachable later is not needed', async () => {
    registry.down()
    const report = await simulate(deployment, paystatus.gatewayUrl, { seed: 42, payments: 20 })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    await allIsWell()
    expect((await paystatus.health()).ready).toBe(true)
    registry.up()
  })
})

describe('Kafka', () => {
  test.each([
    ['killed', () => stack.kafka.kill(), () => stack.kafka.start()],
    ['frozen', () => stack.kafka.pause(), () => stack.kafka.resume()],
  ])('I1 while it is %s callers get 503 in time, and nothing that was accepted is lost', async (_how, away, back) => {
    const simulation = simulate(deployment, paystatus.gatewayUrl, {
      seed: _how === 'killed' ? 43 : 44,
      payments: 120,
      ratePerSecond: 100,
      concurrency: 32,
      manners: PERSISTENT,
      timeScale: 1,
    })
    await eventually(async () =>
      expect(await paystatus.metric('paystatus_gateway_requests_total{source="jpm-v1",code="200"}')).toBeGreaterThan(
        60,
      ),
    )
    await away()
    const refusals: Awaited<ReturnType<typeof post>>[] = []
    // Several rounds: right after the fault, and once the gateway has noticed it.
    for (let round = 0; round < 2; round += 1) {
      refusals.push(...(await Promise.all(Array.from({ length: 5 }, () => post()))))
    }
    await eventually(async () => {
      const { ready, components } = await paystatus.health()
      expect([ready, components['append']?.ok]).toEqual([false, false])
    })
    // Memory does not grow while it is away: far more than may wait is refused, and a refusal leaves nothing behind (I10).
    const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
    const flood = { atOnce: WAITING_MAX + 50, bodyBytes: 10_000 }
    const refused = [...(await callMany(source as SimulatedSource, { ...flood, requests: 500 }))]
    const before = await residentBytes(paystatus)
    refused.push(...(await callMany(source as SimulatedSource, { ...flood, requests: 2_000 })))
    expect((await residentBytes(paystatus)) / before).toBeLessThan(1.5)
    expect(refused.filter(({ code }) => code !== 503)).toEqual([])
    await back()
    await firstSuccessMs(source as SimulatedSource, RECOVERY_MAX_MS)
    for (const { status, retryAfter } of refusals) {
      expect([status, retryAfter]).toEqual([503, '5'])
    }
    expect(Math.min(...refusals.map(({ ms }) => ms))).toBeLessThan(ANSWER_MAX_MS)
    const report = await simulation
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    await eventually(async () => expect((await post()).status).toBe(200))
    await allIsWell()
    const { current } = await readContents(observer)
    expect(findMismatches(report, current)).toEqual([])
    await paystatus.ready()
    // Each of the many refusals may take the whole deadline.
  })

  test('that is unreachable at the start is waited for, and a stop does not wait for it', async () => {
    expect(await paystatus.stop()).toBe(0)
    await stack.kafka.stop()
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await eventually(async () => {
      const { ready, components } = await paystatus.health()
      expect([ready, components['kafka']?.reason]).toEqual([
        false,
        expect.stringMatching(/^Kafka at .* cannot be reached/),
      ])
    })
    expect((await post()).status).toBe(503)
    expect(await paystatus.stop()).toBe(0)
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await stack.kafka.start()
    await paystatus.ready()
    await eventually(async () => expect((await post()).status).toBe(200))
    await allIsWell()
  })

  test('that is frozen delays a stop only to its limit, which ends with 1 and a reason', async () => {
    // Long before the gateway gives up on what it has sent to the broker, after three seconds.
    const config = {
      gateway: { port: 0, answerDeadlineMs: 500, shutdown: { waitMs: 100 } },
      shutdown: { limitMs: 700 },
    }
    const hasty = await Deployment.create({ ...stack, registryUrl: inject('stack').registryUrl }, { config })
    try {
      const gateway = await hasty.start(['gateway'])
      await gateway.ready()
      const source = simulatedSources(hasty.config, gateway.gatewayUrl).find(({ id }) => id === 'jpm-v1')
      const codes = async () =>
        (await callMany(source as SimulatedSource, { requests: 1, atOnce: 1 })).map(({ code }) => code)
      await eventually(async () => expect(await codes()).toEqual([200]))
      await stack.kafka.pause()
      expect(await codes()).toEqual([503])
      expect(await gateway.stop()).toBe(1)
      expect(gateway.output).toContain('stopping took too long')
    } finally {
      await stack.kafka.resume()
      await hasty.close()
    }
  })
})

async function allIsWell(): Promise<void> {
  await observer.caughtUp()
  const contents = await readContents(observer)
  expect(violationsOf(contents, deployment.config)).toEqual([])
  expect(totalsViolations(await observer.totals(), contents)).toEqual([])
  await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
}

/** A unique callback that contains no event. */
async function post(): Promise<{ status: number; retryAfter: string | null; ms: number }> {
  const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const startedAt = performance.now()
  const response = await fetch(source?.url ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...source?.headers },
    body: 'not json',
  })
  await response.arrayBuffer()
  return { status: response.status, retryAfter: response.headers.get('retry-after'), ms: performance.now() - startedAt }
}
