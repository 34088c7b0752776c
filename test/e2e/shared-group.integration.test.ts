import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'

/** Two installations on one Kafka, configured with the same consumer groups by mistake. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

const GROUPS = {
  normalizer: { group: `shared-normalizer-${Date.now()}` },
  processor: { group: `shared-processor-${Date.now()}` },
}

let first: Deployment
let second: Deployment
let observer: Observer
let running: RoleProcess

beforeAll(async () => {
  first = await Deployment.create(inject('stack'), { config: GROUPS })
  second = await Deployment.create(inject('stack'), { config: GROUPS })
  observer = await Observer.create(first)
  running = await first.start(['gateway', 'normalizer', 'processor'])
  await running.ready()
})

afterAll(async () => {
  await observer?.close()
  await first?.close()
  await second?.close()
})

test('the later one is refused with a reason, and the first loses no partition', async () => {
  const before = await observer.assignments(GROUPS.normalizer.group)
  const refused = await second.start(['normalizer'])
  expect(await refused.exited).toBe(1)
  expect(refused.output).toContain(
    `the consumer group ${GROUPS.normalizer.group} has members that read ${first.topics.raw} but not ${second.topics.raw}`,
  )
  expect(refused.output).toContain('Nothing was skipped')
  expect(await observer.assignments(GROUPS.normalizer.group)).toEqual(before)
  const { payments } = await simulate(first, running.gatewayUrl, { seed: 3, payments: 10 })
  await observer.caughtUp()
  const current = await observer.current()
  expect(
    payments.filter(({ paymentKey, expectedStatus }) => current.get(paymentKey)?.status !== expectedStatus),
  ).toEqual([])
})

test('with the default groups each has its own', async () => {
  const [one, other] = await Promise.all([Deployment.create(inject('stack')), Deployment.create(inject('stack'))])
  try {
    expect(one.config.normalizer.group).not.toBe(other.config.normalizer.group)
    const both = await Promise.all([one.start(['normalizer', 'processor']), other.start(['normalizer', 'processor'])])
    await Promise.all(both.map((process) => process.ready()))
    expect(await Promise.all(both.map((process) => process.stop()))).toEqual([0, 0])
  } finally {
    await one.close()
    await other.close()
  }
})
