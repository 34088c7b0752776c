import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { createGroupOffsets } from '../../src/kafka/group-offsets.ts'
import { originIn } from '../../src/stream/origin.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { cutLog } from '../lab/harness/cut-log.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/**
 * Logs that lost records, topics that were recreated or grew, settings that changed: the effects of a broker's disk, an
 * unclean election or an operator. Each is a defined stop, and nothing is skipped silently (I2, I3).
 *
 * This file has its own broker, because it kills it and truncates its log files. One partition, so that it is clear what is
 * lost.
 */

let stack: Stack
let deployment: Deployment
let observer: Observer
let running: RoleProcess[] = []

beforeAll(async () => {
  const started = await startStack({ only: ['kafka', 'redis'] })
  stack = Object.assign(started, { registryUrl: inject('stack').registryUrl })
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await stack?.stop()
})

/** A separate installation per test, so that damaged topics do not affect the next test. */
beforeEach(async () => {
  await observer?.close()
  await deployment?.close()
  running = []
  deployment = await Deployment.create(stack, {
    partitions: 1,
    config: {
      kafka: { sessionTimeoutMs: 3_000 },
      normalizer: { group: `normalizer-${randomUUID()}` },
      processor: { group: `processor-${randomUUID()}` },
    },
  })
  observer = await Observer.create(deployment)
})

async function start(...roles: string[]): Promise<RoleProcess> {
  const started = await deployment.start(roles)
  running.push(started)
  return started
}

/** Posts callbacks about a new payment each; returns the keys of the payments. */
async function post(gateway: RoleProcess, count: number): Promise<string[]> {
  const source = simulatedSources(deployment.config, gateway.gatewayUrl).find(
    ({ provider }) => provider === 'jpm-global-payments-v1',
  )
  const url = source?.url ?? ''
  const keys: string[] = []
  for (let sent = 0; sent < count; ) {
    const firmRootId = randomUUID()
    const said = {
      endToEndId: `e2e-${firmRootId}`,
      firmRootId,
      createDateTime: '2026-01-05T08:00:00.000Z',
      paymentStatus: 'COMPLETED',
    }
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...source?.headers },
      body: JSON.stringify({ callbacks: [said] }),
    }).catch(() => undefined)
    if (answer?.ok === true) {
      keys.push(`jpm-global-payments-v1:${firmRootId}`)
      sent += 1
    }
  }
  return keys
}

async function known(keys: readonly string[]): Promise<void> {
  await eventually(async () => {
    const current = await observer.current()
    const missing = keys.filter((key) => !current.has(key))
    if (missing.length > 0) {
      throw new Error(`${missing.length} of ${keys.length} payments are not known:\n${deployment.lastWords}`)
    }
  })
}

/** Kills the broker, cuts a topic, and starts the broker again. Returns the new end of the topic. */
async function loseEnd(topic: string, records: number): Promise<{ before: bigint; now: bigint }> {
  const before = await endOf(topic)
  await stack.kafka.kill()
  const now = await cutLog(stack, topic, 0, before - BigInt(records))
  await stack.kafka.start()
  expect(now).toBeLessThan(before)
  await eventually(async () => expect(await endOf(topic)).toBe(now))
  return { before, now }
}

async function endOf(topic: string): Promise<bigint> {
  return (await createGroupOffsets(observer.kafka).highWatermarks(topic)).get(0) ?? -1n
}

function committed(group: string, topic: string): Promise<{ offset: bigint; metadata: string | null }> {
  return createGroupOffsets(observer.kafka).committed(group, topic, 0)
}

async function stopped(process: RoleProcess, code: string): Promise<string> {
  const exitCode = await Promise.race([process.exited, delay(40_000, 'still running', { ref: false })])
  if (exitCode !== 1) {
    throw new Error(
      `${process.roles.join('+')} is ${exitCode}, not stopped with ${code}:\n${process.output.slice(-3_000)}`,
    )
  }
  expect(process.output).toContain(code)
  return process.output
}

/** Follows the instructions of the message. */
async function remedy(output: string): Promise<void> {
  const [, group, topic, target] =
    /--group (\S+) --topic (\S+?)(?::0)? --reset-offsets (--to-\S+(?: \d+)?)/.exec(output) ?? []
  expect([group, topic, target]).not.toContain(undefined)
  const offsets = await committed(group as string, topic as string)
  const offset =
    { '--to-earliest': '0', '--to-current': String(offsets.offset) }[target as string] ?? target?.split(' ')[1]
  await eventually(() =>
    observer.admin.setOffsets({
      groupId: group as string,
      topic: topic as string,
      partitions: [{ partition: 0, offset: offset as string }],
    }),
  )
}

describe('raw that lost its newest records', () => {
  test('I2 while the normalizer runs: it stops, commits nothing, and continues where the log was cut', async () => {
    const gateway = await start('gateway', 'processor')
    const normalizer = await start('normalizer')
    const first = await post(gateway, 20)
    await known(first)
    const { group } = deployment.config.normalizer
    await eventually(async () => expect((await committed(group, deployment.topics.raw)).offset).toBe(20n))
    const before = await committed(group, deployment.topics.raw)
    const { now } = await loseEnd(deployment.topics.raw, 10)
    // Fewer than were lost, so their offsets are below what was read.
    const second = await post(gateway, 5)
    const output = await stopped(normalizer, 'LOG_TRUNCATED')
    expect(output).toContain('Nothing was skipped')
    expect(await committed(group, deployment.topics.raw)).toEqual(before)
    // Starting again does not help, and changes nothing.
    await stopped(await start('normalizer'), 'LOG_TRUNCATED')
    expect(await committed(group, deployment.topics.raw)).toEqual(before)
    expect(output).toContain(`--to-offset ${now}`)
    await remedy(output)
    await start('normalizer')
    await known([...first, ...second])
  })

  test('I2 and grew past what was read while nothing read it: the offset does not show it, the leader epoch does', async () => {
    const gateway = await start('gateway', 'processor')
    const normalizer = await start('normalizer')
    await known(await post(gateway, 20))
    expect(await normalizer.stop()).toBe(0)
    const { group } = deployment.config.normalizer
    const before = await committed(group, deployment.topics.raw)
    expect(originIn(before.metadata)?.read?.offset).toBe(20n)
    const { now } = await loseEnd(deployment.topics.raw, 10)
    const second = await post(gateway, 30)
    expect(await endOf(deployment.topics.raw)).toBeGreaterThan(before.offset)
    const output = await stopped(await start('normalizer'), 'LOG_TRUNCATED')
    expect(output).toContain(`--to-offset ${now}`)
    expect(await committed(group, deployment.topics.raw)).toEqual(before)
    await remedy(output)
    await start('normalizer')
    await known(second)
  })

  test('I2 and grew past what was read, while the normalizer was frozen', async () => {
    const gateway = await start('gateway', 'processor')
    const normalizer = await start('normalizer')
    await known(await post(gateway, 20))
    normalizer.signal('SIGSTOP')
    const { now } = await loseEnd(deployment.topics.raw, 10)
    const second = await post(gateway, 30)
    normalizer.signal('SIGCONT')
    const output = await stopped(normalizer, 'LOG_TRUNCATED')
    expect(output).toContain(`--to-offset ${now}`)
    await remedy(output)
    await start('normalizer')
    await known(second)
  })
})

describe('events that lost their newest records', () => {
  test('I3 the processor stops, and does not take new records for the lost ones', async () => {
    const gateway = await start('gateway', 'normalizer')
    const processor = await start('processor')
    await known(await post(gateway, 20))
    const { now } = await loseEnd(deployment.topics.events, 10)
    const second = await post(gateway, 5)
    const output = await stopped(processor, 'LOG_TRUNCATED')
    expect(output).toContain(`--to-offset ${now}`)
    await remedy(output)
    await start('processor')
    await known(second)
  })
})

describe('a topic that was deleted and recreated', () => {
  test('I3 under an idle processor is noticed; a new start reads it from its beginning', async () => {
    const gateway = await start('gateway', 'normalizer')
    const processor = await start('processor')
    await known(await post(gateway, 5))
    await recreate(deployment.topics.events)
    // Its offsets were deleted with the topic.
    expect(await stopped(processor, 'TOPIC_RECREATED')).toContain('start again')
    const second = await post(gateway, 3)
    const again = await start('processor')
    await known(second)
    expect(again.output).toContain('the group has no committed offset, but the outputs are not empty')
  })

  test('I2 raw, and grew past what was read while nothing read it: all of it is read', async () => {
    const gateway = await start('gateway', 'processor')
    const normalizer = await start('normalizer')
    await known(await post(gateway, 5))
    expect(await normalizer.stop()).toBe(0)
    await recreate(deployment.topics.raw)
    const second = await post(gateway, 8)
    await start('normalizer')
    await known(second)
  })

  test('I3 an output stops every start, until an operator confirms it', async () => {
    const gateway = await start('gateway', 'normalizer')
    const processor = await start('processor')
    await known(await post(gateway, 5))
    expect(await processor.stop()).toBe(0)
    await recreate(deployment.topics.changes)
    const output = await stopped(await start('processor'), 'TOPIC_RECREATED')
    expect(output).toContain('paystatus repair')
    await remedy(output)
    await start('processor')
    await known(await post(gateway, 3))
  })

  async function recreate(topic: string): Promise<void> {
    await observer.admin.deleteTopics({ topics: [topic] })
    await eventually(() =>
      observer.admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: 1, replicationFactor: 1 }],
      }),
    )
  }
})

describe('an output that lost its newest records', () => {
  test.each([
    ['changes', 'CHANGES_TRUNCATED'],
    ['current', 'CURRENT_TRUNCATED'],
  ] as const)('I3 %s: nothing more is committed, and every start is refused', async (id, code) => {
    const gateway = await start('gateway', 'normalizer')
    const processor = await start('processor')
    await known(await post(gateway, 20))
    const topic = deployment.topics[id]
    const { processor: stage } = deployment.config
    await observer.caughtUp()
    const before = await committed(stage.group, deployment.topics.events)
    await loseEnd(topic, 6)
    // As many aborted records as were lost: the end of the topic alone would not show the loss.
    await post(gateway, 12)
    const output = await stopped(processor, code)
    expect(output).toContain(`${topic}[0]`)
    expect(output).toContain('paystatus repair')
    expect(await committed(stage.group, deployment.topics.events)).toEqual(before)
    await stopped(await start('processor'), code)
    await stopped(await start('processor'), code)
    expect(await committed(stage.group, deployment.topics.events)).toEqual(before)
  })
})

describe('settings that differ from those of the last commit', () => {
  test('I3 another number of partitions is refused by both stages and by topics check, whatever the configuration says', async () => {
    const gateway = await start('gateway')
    const stages = await start('normalizer', 'processor')
    await known(await post(gateway, 5))
    expect(await stages.stop()).toBe(0)
    const topics = Object.values(deployment.topics)
    await observer.admin.createPartitions({ topicPartitions: topics.map((topic) => ({ topic, count: 2 })) })
    const configFile = changedConfig((text) => text.replace('partitions: 1', 'partitions: 2'))
    const check = await deployment.command(['topics', 'check'], { configFile })
    expect(check.code).toBe(1)
    expect(check.stdout + check.stderr).toMatch(/had 1 when/)
    for (const role of ['normalizer', 'processor']) {
      const refused = await deployment.start([role], {}, { configFile })
      await stopped(refused, 'PARTITIONS_CHANGED')
    }
    // As before, even if the configuration does not say so.
    await expect((await start('processor')).exited).resolves.toBe(1)
  })

  test('I7 another environment stops, and the message says how to continue with it', async () => {
    const gateway = await start('gateway')
    const stages = await start('normalizer', 'processor')
    await known(await post(gateway, 5))
    expect(await stages.stop()).toBe(0)
    const configFile = changedConfig((text) => text.replace(/^environment: .*/m, 'environment: another'))
    const output = await stopped(await deployment.start(['processor'], {}, { configFile }), 'SETTINGS_CHANGED')
    expect(output).toContain('environment is another')
    await remedy(output)
    const processor = await deployment.start(['processor'], {}, { configFile })
    await processor.ready()
    await start('normalizer')
    await known(await post(gateway, 3))
  })

  function changedConfig(change: (text: string) => string): string {
    const text = readFileSync(deployment.configFile, 'utf8')
    const changed = change(text)
    expect(changed).not.toBe(text)
    const file = deployment.configFile.replace('.yaml', `-${randomUUID()}.yaml`)
    writeFileSync(file, changed)
    return file
  }
})
