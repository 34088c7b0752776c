import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { audit } from '../../../src/tools/audit/audit.ts'
import { cutLog } from '../../lab/harness/cut-log.ts'
import { Deployment } from '../../lab/harness/deployment.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { simulate } from '../../lab/harness/load.ts'
import { Observer } from '../../lab/harness/observer.ts'
import { type Stack, startStack } from '../../lab/stack/stack.ts'

/**
 * `paystatus repair` restores an output of the processor that lost its end, as after a power failure with an unclean
 * election. The test has its own broker: it is killed, and its log files are truncated.
 */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 })

let stack: Stack

beforeAll(async () => {
  const started = await startStack({ only: ['kafka', 'redis'] })
  stack = Object.assign(started, { registryUrl: inject('stack').registryUrl })
})

afterAll(() => stack?.stop())

test.each(['changes', 'current'] as const)(
  'I3, I4: restores %s after it lost its end on a real broker',
  async (lost) => {
    const deployment = await Deployment.create(stack, {
      partitions: 1,
      config: {
        kafka: { sessionTimeoutMs: 3_000 },
        normalizer: { group: `normalizer-${randomUUID()}` },
        processor: { group: `processor-${randomUUID()}` },
      },
    })
    const observer = await Observer.create(deployment)
    try {
      const topic = deployment.topics[lost]
      const first = await deployment.start(['gateway', 'normalizer', 'processor'])
      await first.ready()
      await simulate(deployment, first.gatewayUrl, { seed: 71, payments: 40 })
      await observer.caughtUp()
      const changes = await observer.changes()
      const statuses = new Map([...(await observer.current())].map(([key, { status }]) => [key, status]))
      expect(await deployment.command(['repair', '--apply'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('stop all processors first'),
      })
      expect(await deployment.command(['repair'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('nothing to repair'),
      })
      await first.stop()

      const [{ high = '0' } = {}] = await observer.admin.fetchTopicOffsets(topic)
      await stack.kafka.kill()
      await cutLog(stack, topic, 0, BigInt(high) / 2n)
      await stack.kafka.start()
      // A transaction can be a single batch, so the topic may be empty afterwards.
      await eventually(async () => void (await observer.records(lost)))

      // The processor detects the loss and names `paystatus repair`.
      const processor = await deployment.start(['processor'])
      expect(await processor.exited).toBe(1)
      expect(processor.output).toMatch(/repair/)

      const dry = await deployment.command(['repair', '--json'])
      const [found] = JSON.parse(dry.stdout).partitions
      expect([dry.code, found[lost] > 0, found.unrepairable]).toEqual([1, true, []])
      const applied = await deployment.command(['repair', '--apply', '--by', 'ops', '--reason', 'power', '--json'])
      expect([applied.code, JSON.parse(applied.stdout).partitions[0][lost]]).toEqual([0, found[lost]])
      expect(await deployment.command(['repair'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('nothing to repair'),
      })

      // The refused attempt changed nothing, so it is not recorded.
      const scope = { group: deployment.config.processor.group }
      expect((await audit(deployment.config, deployment.logger, {})).acts).toMatchObject([
        { act: 'repair', by: 'ops', reason: 'power', scope, outcome: 'done', counts: { [lost]: found[lost] } },
      ])

      const again = await deployment.start(['gateway', 'normalizer', 'processor'])
      await again.ready()
      const byStep = (all: typeof changes) =>
        new Map(all.map((change) => [`${change.paymentKey} ${change.incarnation} ${change.statusVersion}`, change]))
      expect(byStep(await observer.changes())).toEqual(byStep(changes))
      expect(new Map([...(await observer.current())].map(([key, { status }]) => [key, status]))).toEqual(statuses)
      expect(await deployment.command(['verify', '--all'])).toMatchObject({ code: 0 })

      // Processing continues.
      await simulate(deployment, again.gatewayUrl, { seed: 72, payments: 10 })
      await observer.caughtUp()
      expect(await deployment.command(['verify', '--all'])).toMatchObject({ code: 0 })
    } finally {
      await observer.close()
      await deployment.close()
    }
  },
)
