import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { openKafkaTransactions } from '../../src/kafka/kafka-transactions.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import {
  type Contents,
  readContents,
  totalsViolations,
  viewViolations,
  violationsOf,
} from '../lab/harness/violations.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/**
 * I6 If Redis is lost, rolled back or emptied at any moment, the topics do not change; it only costs time.
 *
 * This file has its own Redis, which it flushes, fills and kills; Kafka and the registry are shared with the run.
 */

const PARTITIONS = 2

let redis: Stack
let deployment: Deployment
let observer: Observer
/** Runs during all tests; failures of Redis must not affect it. */
let intake: RoleProcess
let processor: RoleProcess
let seed = 100

beforeAll(async () => {
  redis = await startStack({ only: ['redis'] })
  deployment = await Deployment.create({ ...inject('stack'), redisUrl: redis.redisUrl }, { partitions: PARTITIONS })
  observer = await Observer.create(deployment)
  ;[intake, processor] = await Promise.all([
    deployment.start(['gateway', 'normalizer']),
    deployment.start(['processor']),
  ])
  await Promise.all([intake.ready(), processor.ready()])
  await send()
  await allIsWell()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await redis?.stop()
})

describe('while the processor runs', () => {
  test('I6 a flushed Redis is rebuilt, with no effect on the topics', async () => {
    const before = await readContents(observer)
    await observer.redis.run((client) => client.flushall())
    await send()
    await allIsWell()
    await startsWith(before)
    expect(processor.output).toContain('view rebuilt from payments.status.current')
  })

  test('I6 a flushed Redis is rebuilt although no event comes', async () => {
    await observer.redis.run((client) => client.flushall())
    await viewIsCurrent()
  })

  test('I6 a Redis that was rolled back is brought up to date from current', async () => {
    const backup = await saveView()
    await send()
    await allIsWell()
    const before = await readContents(observer)
    const replayed = await restores('replay')
    await backup.restore()
    await send()
    await allIsWell()
    await startsWith(before)
    expect(await restores('replay')).toBeGreaterThan(replayed)
  })

  test('I6 a Redis that is killed under load and comes back empty only pauses processing', async () => {
    const before = await readContents(observer)
    await redis.redis.kill()
    const sending = send()
    await notReady('redis', /Redis/)
    await sending
    const waiting = await observer.lag()
    expect(waiting).toBeGreaterThan(0n)
    expect((await readContents(observer)).changes).toEqual(before.changes)
    await redis.redis.start()
    await processor.ready()
    await allIsWell()
    await startsWith(before)
  })

  test('I6 so does a Redis that hangs longer than the command timeout', async () => {
    await redis.redis.pause()
    await send()
    await notReady('redis', /Redis does not answer/)
    await redis.redis.resume()
    await processor.ready()
    await allIsWell()
  })

  test('I6 while Redis is out of memory the processor waits and says why', async () => {
    await observer.redis.run((client) => client.config('SET', 'maxmemory', '1mb'))
    await send()
    await notReady('redis', /maxmemory is reached; raise it or move to a larger Redis/)
    await observer.redis.run((client) => client.config('SET', 'maxmemory', '0'))
    await processor.ready()
    await allIsWell()
  })

  test('I6 a Redis reconfigured to evict while in use is detected and no longer used', async () => {
    await setPolicy('allkeys-lru')
    await notReady('redis', /maxmemory-policy allkeys-lru.*set it to noeviction/)
    await send()
    await setPolicy('noeviction')
    await processor.ready()
    await allIsWell()
  })
})

describe('while the processor is stopped', () => {
  beforeEach(async () => {
    expect(await processor.stop()).toBe(0)
  })

  test('I6 an intact view is used as it is', async () => {
    await restarted()
    expect([await restores('keep'), await restores('replay'), await restores('rebuild')]).toEqual([PARTITIONS, 0, 0])
    await allIsWell()
  })

  test('I6 an emptied view is rebuilt', async () => {
    const before = await readContents(observer)
    expect(await observer.deleteView()).toBeGreaterThan(0)
    await restarted()
    expect(await restores('rebuild')).toBe(PARTITIONS)
    expect(processor.output).toContain('there is no view')
    await viewIsCurrent()
    await send()
    await allIsWell()
    await startsWith(before)
  })

  test('I6 a view that was rolled back is replayed from its marker', async () => {
    const backup = await saveView()
    await restarted()
    await send()
    await observer.caughtUp()
    await processor.stop()
    await backup.restore()
    await restarted()
    expect(await restores('replay')).toBe(PARTITIONS)
    await viewIsCurrent()
    await allIsWell()
  })

  test.each([
    ['of another cluster', { clusterId: 'another' }, 'the view was built from another Kafka cluster'],
    ['beyond what was committed', { viewNext: '1000000' }, 'the view is ahead of what was committed'],
    ['that is unreadable', { viewNext: 'x' }, 'there is no view'],
    [
      'that is older than the retention of tombstones',
      { completeAt: 0, viewNext: '0' },
      'older than the retention of tombstones',
    ],
  ])('I6 a view with a marker %s is not trusted', async (_which, change, why) => {
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await changeMarker(partition, change)
      await forgePayment(partition)
    }
    await restarted()
    expect(processor.output).toContain(why)
    expect(await restores('rebuild')).toBe(PARTITIONS)
    await viewIsCurrent()
    await allIsWell()
  })

  test('the processor waits for a Redis that is down at startup, and the health check says so', async () => {
    await redis.redis.kill()
    processor = await deployment.start(['processor'])
    await notReady('redis', /Redis/)
    await redis.redis.start()
    await processor.ready()
    await viewIsCurrent()
    await allIsWell()
  })

  test('a Redis that may evict is refused with a clear reason until it is reconfigured', async () => {
    await setPolicy('allkeys-lru')
    processor = await deployment.start(['processor'])
    await notReady('redis', /maxmemory-policy allkeys-lru.*set it to noeviction/)
    await setPolicy('noeviction')
    await processor.ready()
    await send()
    await allIsWell()
  })
})

describe('after an operator moved the group', () => {
  test('I3 events read again are duplicates, nothing is published twice, and the totals restart', async () => {
    const before = await readContents(observer)
    await processor.stop()
    await setOffsets(({ low }) => low)
    await restarted()
    expect(await restores('keep')).toBe(0)
    await observer.caughtUp()
    const after = await readContents(observer)
    expect(after.changes).toEqual(before.changes)
    expect(after.currentRecords).toEqual(before.currentRecords)
    const totals = await observer.totals()
    expect([totals.events, totals.duplicate]).toEqual([before.events.length, before.events.length])
    await viewIsCurrent()
    await send()
    await observer.caughtUp()
    const contents = await readContents(observer)
    expect(violationsOf(contents, deployment.config)).toEqual([])
    await viewIsCurrent()
  })

  test('an offset beyond the end of the topic is a defined stop, never a silent jump', async () => {
    const { changes } = await readContents(observer)
    await processor.stop()
    await setOffsets(({ high }) => high + 1_000n)
    const { code, output } = await startsAndEnds()
    expect(code).toBe(1)
    expect(output).toMatch(
      /has committed offset \d+ of \S+payments\.events\[\d\], but the topic holds offsets \d+ to \d+\. The topic lost records or was recreated\. Nothing was skipped/,
    )
    await setOffsets(({ high }) => high)
    await restarted()
    await send()
    await observer.caughtUp()
    expect((await readContents(observer)).changes.length).toBeGreaterThan(changes.length)
  })

  test('an offset before the start of the topic is a defined stop: unprocessed records were deleted', async () => {
    await processor.stop()
    await send()
    await normalized()
    await observer.admin.deleteTopicRecords({
      topic: deployment.topics.events,
      partitions: (await eventEnds()).map(({ partition, high }) => ({ partition, offset: high })),
    })
    const { code, output } = await startsAndEnds()
    expect(code).toBe(1)
    expect(output).toMatch(
      /Records were deleted before they were processed.*kafka-consumer-groups\.sh --group \S*paystatus-processor/,
    )
    // Lost records stay lost, but the group continues at the offset the operator sets.
    await setOffsets(({ low }) => low)
    await restarted()
    await viewIsCurrent()
  })
})

/**
 * Sends new payments and repeats those of the last call: a processor that forgot them would publish them twice. Resolves
 * once all are accepted.
 */
async function send(): Promise<void> {
  seed += 1
  for (const again of [seed - 1, seed]) {
    const report = await simulate(deployment, intake.gatewayUrl, { seed: again, payments: 20 })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
  }
}

async function allIsWell(): Promise<Contents> {
  await observer.caughtUp()
  const contents = await readContents(observer)
  expect(violationsOf(contents, deployment.config)).toEqual([])
  expect(totalsViolations(await observer.totals(), contents)).toEqual([])
  await viewIsCurrent()
  return contents
}

/** The view is written after the commit, so this may take a moment. */
async function viewIsCurrent(): Promise<void> {
  await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
}

/** What was published is unchanged. */
async function startsWith(before: Contents): Promise<void> {
  const after = await readContents(observer)
  const kept = new Set(after.changeRecords.map(({ partition, offset }) => `${partition}/${offset}`))
  expect(before.changeRecords.filter(({ partition, offset }) => !kept.has(`${partition}/${offset}`))).toEqual([])
  expect(after.changes.length).toBeGreaterThanOrEqual(before.changes.length)
}

async function restarted(): Promise<void> {
  processor = await deployment.start(['processor'])
  await processor.ready()
}

async function startsAndEnds(): Promise<{ code: number | string; output: string }> {
  const process = await deployment.start(['processor'])
  const code = await Promise.race([process.exited, delay(30_000).then(() => 'still runs')])
  return { code, output: process.output }
}

/** How many lanes of the running processor restored their view in this way. */
function restores(kind: 'keep' | 'replay' | 'rebuild'): Promise<number> {
  return processor.metric(`paystatus_processor_restore_seconds_count{kind="${kind}"}`)
}

/** Without our own client, which refuses to work with such a Redis. */
async function setPolicy(policy: string): Promise<void> {
  const redis = new Redis(deployment.config.redis.url as string)
  await redis.config('SET', 'maxmemory-policy', policy)
  redis.disconnect()
}

async function notReady(component: string, reason: RegExp): Promise<void> {
  await eventually(async () => {
    const { ready, components } = await processor.health()
    expect(ready).toBe(false)
    expect(components[component]?.reason).toMatch(reason)
  })
}

async function saveView(): Promise<{ restore(): Promise<void> }> {
  const keys = await observer.viewKeys()
  const dumps = await observer.redis.run((client) => Promise.all(keys.map((key) => client.dumpBuffer(key))))
  return {
    restore: async () => {
      await observer.redis.run((client) =>
        Promise.all(keys.map((key, index) => client.restore(key, 0, dumps[index] as Buffer, 'REPLACE'))),
      )
    },
  }
}

function viewKey(partition: number): string {
  const { environment, processor: stage } = deployment.config
  return `{${environment}.${stage.group}.p${partition}}:view`
}

async function changeMarker(partition: number, change: Record<string, unknown>): Promise<void> {
  await observer.redis.run(async (client) => {
    const marker = JSON.parse((await client.hget(viewKey(partition), '#marker')) as string)
    await client.hset(viewKey(partition), '#marker', JSON.stringify({ ...marker, ...change }))
  })
}

/** A payment that no rebuilt view contains. */
async function forgePayment(partition: number): Promise<void> {
  await observer.redis.run((client) => client.hset(viewKey(partition), 'jpm-global-payments-v1:forged', 'not a state'))
}

interface EventEnds {
  readonly partition: number
  readonly low: string
  readonly high: string
}

function eventEnds(): Promise<EventEnds[]> {
  return observer.admin.fetchTopicOffsets(deployment.topics.events)
}

/** Like an operator's tool: sets offsets without our metadata. (The one in kafkajs takes 5 s.) */
async function setOffsets(choose: (range: { low: bigint; high: bigint }) => bigint): Promise<void> {
  for (const { partition, low, high } of await eventEnds()) {
    const transactions = await openKafkaTransactions(observer.kafka, {
      transactionalId: `${deployment.config.environment}.operator`,
      transactionTimeoutMs: 10_000,
      group: deployment.config.processor.group,
      inputTopic: deployment.topics.events,
      inputPartition: partition,
      requestBytesMax: 1_000_000,
    })
    await transactions.run((scope) => scope.commitOffset(choose({ low: BigInt(low), high: BigInt(high) }), ''))
    await transactions.close()
  }
}

/** Waits until the normalizer has processed everything; the processor is stopped. */
async function normalized(): Promise<void> {
  await eventually(async () => {
    const contents = await readContents(observer)
    expect(violationsOf(contents, deployment.config).filter((violation) => violation.startsWith('I2'))).toEqual([])
  })
}
