import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const SKEWED_CLOCK = fileURLToPath(new URL('../lab/faults/skewed-clock.ts', import.meta.url))

let deployment: Deployment
let observer: Observer

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  observer = await Observer.create(deployment)
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test('a processor whose timestamps the broker refuses says why and gives up its partitions, and a healthy one takes over (I3, I7)', async () => {
  const gateway = await deployment.start(['gateway', 'normalizer'])
  await gateway.ready()
  // Kafka takes no record from more than an hour ahead.
  const wrong = await deployment.start(['processor'], {
    NODE_OPTIONS: `--import ${SKEWED_CLOCK}`,
    CLOCK_SKEW_MS: String(2 * 3_600_000),
  })
  const healthy = await deployment.start(['processor'])
  await eventually(async () => {
    const members = await observer.assignments(deployment.config.processor.group)
    expect([...members.values()].filter((partitions) => partitions.length > 0)).toHaveLength(2)
  })
  const source = simulatedSources(deployment.config, gateway.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const ids = Array.from({ length: 60 }, (_, index) => `clock-${index}`)
  for (const id of ids) {
    const answer = await fetch(`${gateway.gatewayUrl}/callbacks/jpm-v1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...source?.headers },
      body: JSON.stringify({ callbacks: [{ firmRootId: id, paymentStatus: 'COMPLETED' }] }),
    })
    expect(answer.status).toBe(200)
  }
  await eventually(async () => {
    const { components } = await wrong.health()
    expect(components['processor']).toMatchObject({
      ok: false,
      reason: expect.stringContaining('timestamp out of range'),
    })
  })
  expect(await wrong.exited).toBe(1)
  expect(wrong.output).toMatch(
    /has made no progress .*; the last error: timestamp out of range .*check this machine's clock/,
  )
  // Three times a second for a minute, and each time for each partition.
  const doubts = wrong.output.split('\n').filter((line) => line.includes('lane in doubt'))
  expect(doubts.length).toBeLessThan(4 * deployment.config.kafka.partitions)
  await observer.caughtUp()
  const current = await observer.current()
  expect(ids.filter((id) => current.get(`jpm-global-payments-v1:${id}`)?.statusVersion !== 1)).toEqual([])
  expect(await healthy.stop()).toBe(0)
})
