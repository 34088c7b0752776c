import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { audit } from '../../src/tools/audit/audit.ts'
import type { CarryOverReport } from '../../src/tools/carry-over.ts'
import { Deployment } from '../lab/harness/deployment.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, violationsOf } from '../lab/harness/violations.ts'

/** I4, I5: an installation gets more partitions by carrying its payments over to a new installation. */

let small: Deployment
let large: Deployment
let ofSmall: Observer
let ofLarge: Observer

beforeAll(async () => {
  small = await Deployment.create(inject('stack'), { partitions: 2, config: groupsOf('small') })
  large = await Deployment.create(inject('stack'), { partitions: 5, config: groupsOf('large') })
  ofSmall = await Observer.create(small)
  ofLarge = await Observer.create(large)
})

afterAll(async () => {
  await ofSmall?.close()
  await ofLarge?.close()
  await small?.close()
  await large?.close()
})

function groupsOf(name: string) {
  return {
    normalizer: { group: `carry-over-${name}-normalizer` },
    processor: { group: `carry-over-${name}-processor` },
  }
}

test('carries over the status, events and children of every payment, and repeating it changes nothing', async () => {
  const before = await small.start(['gateway', 'normalizer', 'processor'])
  await simulate(small, before.gatewayUrl, { seed: 71, payments: 60 })
  await ofSmall.caughtUp().catch((error: Error) => {
    throw new Error(`${error.message}\n${before.output}`)
  })
  expect(await before.stop()).toBe(0)

  const after = await large.start(['gateway', 'normalizer', 'processor'])
  for (let run = 0; run < 2; run += 1) {
    const { code, stdout, stderr } = await large.command([
      'topics',
      'carry-over',
      '--json',
      '--from-prefix',
      small.config.kafka.topicPrefix,
      ...['--by', 'ops', '--reason', 'more partitions'],
    ])
    expect([code, stderr]).toEqual([0, ''])
    const report = JSON.parse(stdout) as CarryOverReport
    expect(report).toMatchObject({ from: { partitions: 2 }, to: { partitions: 5 } })
    expect(report.payments).toBe((await ofSmall.current()).size)
    await ofLarge.caughtUp()
  }
  const { acts } = await audit(large.config, large.logger, { act: 'carry-over' })
  const payments = (await ofSmall.current()).size
  const act = { by: 'ops', reason: 'more partitions', scope: { from: small.topics.current }, outcome: 'done' }
  expect(acts).toMatchObject([act, { ...act, counts: { payments, events: expect.any(Number) } }])
  const old = await readContents(ofSmall)
  const carried = await readContents(ofLarge)
  const toldOf = ({ current }: typeof old) =>
    new Map(
      [...current].map(([key, { status, decidedBy, attention, children, events }]) => [
        key,
        { status, decidedBy, attention, children, events: events.map(({ event }) => event.eventId).toSorted() },
      ]),
    )
  expect(toldOf(carried)).toEqual(toldOf(old))
  // Repeats are counted but not published.
  expect(carried.changes.filter(({ event }) => event !== null)).toHaveLength(
    old.changes.filter(({ event }) => event !== null).length,
  )
  expect(violationsOf(carried, large.config).filter((violation) => !violation.startsWith('I2'))).toEqual([])

  // The new installation continues.
  const report = await simulate(large, after.gatewayUrl, { seed: 72, payments: 40 })
  await ofLarge.caughtUp()
  const now = await ofLarge.current()
  expect(
    report.payments.filter(({ paymentKey, expectedStatus }) => now.get(paymentKey)?.status !== expectedStatus),
  ).toEqual([])
})
