import { expect, inject, test, vi } from 'vitest'
import { startOrderReleaser } from '../../../examples/subscriber/src/order-releaser.ts'
import { playScenarios } from '../../../src/tools/conformance/conformance.ts'
import { topicNames } from '../../../src/topics.ts'
import { Deployment } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'

/** The sample subscriber on records of the kit; its own test needs Docker. */

test('the sample subscriber releases the orders of paid payments, each once', async () => {
  const deployment = await Deployment.create(inject('stack'), { prepare: false })
  const { config, logger } = deployment
  const topicPrefix = `${config.kafka.topicPrefix}orders.`
  const { changes, current } = topicNames(topicPrefix)
  const rows = await playScenarios(config, logger, {
    topicPrefix,
    scenarios: ['repeats', 'late-events', 'two-incarnations', 'tombstone'],
    manyPayments: 1,
    signal: new AbortController().signal,
  })
  const release = vi.fn()
  const client = await startOrderReleaser({
    brokers: config.kafka.brokers,
    registry: config.registry.url,
    groupId: topicPrefix,
    changesTopic: changes,
    currentTopic: current,
    release,
  })
  try {
    const paid = rows.filter(({ status }) => ['COMPLETED', 'SETTLED'].includes(status))
    await eventually(() => {
      expect(rows.map(({ paymentKey }) => client.get(paymentKey)?.status)).toEqual(rows.map(({ status }) => status))
      expect(release).toHaveBeenCalledTimes(paid.length)
    })
    expect(release.mock.calls.flat().toSorted()).toEqual(
      paid.map(({ paymentKey }) => paymentKey.replace('conformance:', '')).toSorted(),
    )
    expect(paid.length).toBe(4)
  } finally {
    await client.stop()
    await deployment.close()
  }
})
