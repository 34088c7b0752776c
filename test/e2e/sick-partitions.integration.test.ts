import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { applySchemas } from '../../src/tools/schemas.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { BrokerTrio, type Placement } from '../lab/harness/broker-trio.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'

/** An unavailable partition (below min.insync.replicas, or without a leader) does not affect others of its topic and leader. */

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

const PARTITIONS = 3
let trio: BrokerTrio

beforeAll(async () => {
  trio = await BrokerTrio.start()
  await trio.createTopic('another-team', [[2], [1]])
})

afterAll(async () => {
  await trio?.close()
})

async function installation(rawPlacement: Placement, minInsyncReplicas: number): Promise<Deployment> {
  const stack = { ...inject('stack'), kafkaBrokers: trio.addresses }
  const deployment = await Deployment.create(stack, { partitions: PARTITIONS, prepare: false })
  await trio.createTopics(deployment.topics, PARTITIONS, { raw: { placement: rawPlacement, minInsyncReplicas } })
  await applySchemas(deployment.config.registry, deployment.topics, () => {})
  return deployment
}

/** Ids of payments whose callbacks belong to a partition of raw. */
function idsIn(partition: number, prefix: string, count: number): string[] {
  const ids: string[] = []
  for (let n = 0; ids.length < count; n += 1) {
    const id = `${prefix}-${n}`
    if (partitionOf(Buffer.from(`jpm-global-payments-v1:${id}`), PARTITIONS) === partition) {
      ids.push(id)
    }
  }
  return ids
}

async function post(deployment: Deployment, gateway: RoleProcess, id: string): Promise<number> {
  const source = simulatedSources(deployment.config, gateway.gatewayUrl).find((one) => one.id === 'jpm-v1')
  const answer = await fetch(`${gateway.gatewayUrl}/callbacks/jpm-v1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...source?.headers },
    body: JSON.stringify({ callbacks: [{ firmRootId: id, paymentStatus: 'COMPLETED' }] }),
  })
  return answer.status
}

const together = (deployment: Deployment, gateway: RoleProcess, ids: readonly string[]) =>
  Promise.all(ids.map((id) => post(deployment, gateway, id)))

test('below min.insync.replicas: callbacks for others of the same leader are not refused, and their records are stored once (I1)', async () => {
  const deployment = await installation(
    [
      [1, 2],
      [1, 3],
      [1, 3],
    ],
    2,
  )
  try {
    const gateway = await deployment.start(['gateway'])
    await gateway.ready()
    expect(
      new Set(
        await together(
          deployment,
          gateway,
          [0, 1, 2].flatMap((p) => idsIn(p, 'before', 3)),
        ),
      ),
    ).toEqual(new Set([200]))
    await trio.broker(2).stop()
    await trio.inSync(deployment.topics.raw, 0, 1)
    // Several callers send callbacks for the sick partition all the time.
    const sick: Promise<number[]>[] = []
    const healthy: number[] = []
    for (let round = 0; round < 15; round += 1) {
      sick.push(together(deployment, gateway, idsIn(0, `sick-${round}`, 4)))
      healthy.push(
        ...(await together(
          deployment,
          gateway,
          [1, 2].flatMap((p) => idsIn(p, `healthy-${round}`, 5)),
        )),
      )
      expect(await gateway.health()).toMatchObject({ ready: true })
    }
    expect(healthy).toEqual(Array.from({ length: 150 }, () => 200))
    expect(new Set((await Promise.all(sick)).flat())).toEqual(new Set([503]))
    const observer = await Observer.create(deployment)
    const ids = (await observer.records('raw'))
      .filter(({ partition }) => partition !== 0)
      .map(({ value }) => JSON.parse(String(value)).callbacks[0].firmRootId as string)
    await observer.close()
    expect(ids).toHaveLength(156)
    expect(new Set(ids).size).toBe(156)

    await trio.broker(2).start()
    await trio.inSync(deployment.topics.raw, 0, 2)
    expect(await together(deployment, gateway, idsIn(0, 'after', 3))).toEqual([200, 200, 200])
  } finally {
    await deployment.close()
  }
})

test('without a leader: a new gateway, a new normalizer and a new processor work for the others, and reopen (I1, I2)', async () => {
  const deployment = await installation([[1], [2], [3]], 1)
  let observer: Observer | undefined
  try {
    observer = await Observer.create(deployment)
    const seen = observer
    const completed = async (ids: readonly string[]) => {
      await eventually(async () => {
        const current = await seen.current()
        const missing = ids.filter((id) => current.get(`jpm-global-payments-v1:${id}`)?.status !== 'COMPLETED')
        if (missing.length > 0) {
          throw new Error(`not in current: ${missing}\n${deployment.lastWords}`)
        }
      })
    }
    await trio.broker(2).stop()
    await trio.leadersAre(deployment.topics.raw, [1, -1, 3])
    await trio.leadersAre('another-team', [-1, 1])

    const gateway = await deployment.start(['gateway'])
    const stages = await deployment.start(['normalizer', 'processor'])
    await gateway.ready()
    const first = [0, 2].flatMap((partition) => idsIn(partition, 'first', 3))
    expect(new Set(await together(deployment, gateway, first))).toEqual(new Set([200]))
    expect(new Set(await together(deployment, gateway, idsIn(1, 'first', 3)))).toEqual(new Set([503]))
    expect(await together(deployment, gateway, idsIn(0, 'second', 1))).toEqual([200])
    expect(await gateway.health()).toMatchObject({ ready: true })
    await completed(first)
    await eventually(async () => {
      expect((await stages.health()).components).toMatchObject({
        processor: { ok: true },
        kafka: { ok: true },
        normalizer: { ok: false, reason: expect.stringContaining('1 of 3 partitions') },
      })
    })

    // The lanes of the processor notice that their view is gone, and open again.
    await observer.deleteView()
    const third = [0, 2].flatMap((partition) => idsIn(partition, 'third', 3))
    expect(new Set(await together(deployment, gateway, third))).toEqual(new Set([200]))
    await completed(third)

    await trio.broker(2).start()
    await trio.leadersAre(deployment.topics.raw, [1, 2, 3])
    await stages.ready()
    const last = idsIn(1, 'last', 3)
    await eventually(async () => {
      expect(new Set(await together(deployment, gateway, last))).toEqual(new Set([200]))
    })
    await completed(last)
  } finally {
    await observer?.close()
    await deployment.close()
  }
})

test('with a frozen leader: callbacks are accepted again once another one is elected, not only once it is back (I1)', async () => {
  const deployment = await installation(
    [
      [1, 3],
      [2, 3],
      [3, 1],
    ],
    1,
  )
  try {
    const gateway = await deployment.start(['gateway'])
    await gateway.ready()
    const before = [0, 1, 2].flatMap((partition) => idsIn(partition, 'before', 2))
    expect(new Set(await together(deployment, gateway, before))).toEqual(new Set([200]))
    await trio.broker(2).pause()
    try {
      expect(await together(deployment, gateway, idsIn(1, 'frozen', 2))).toEqual([503, 503])
      await trio.leadersAre(deployment.topics.raw, [1, 3, 3])
      await eventually(async () => {
        expect(await together(deployment, gateway, idsIn(1, 'elected', 2))).toEqual([200, 200])
      })
    } finally {
      await trio.broker(2).resume()
    }
  } finally {
    await deployment.close()
  }
})
