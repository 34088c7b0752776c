import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Cluster } from '../../../src/kafka/client/cluster.ts'
import { GroupMember, type GroupMemberOptions } from '../../../src/kafka/client/group-member.ts'
import { API_VERSIONS, HEARTBEAT, JOIN_GROUP, OFFSET_COMMIT } from '../../../src/kafka/client/requests.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { SILENT } from '../../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { ScriptedGroup } from './scripted-group.ts'

let one: ScriptedBroker
let two: ScriptedBroker
let group: ScriptedGroup
let cluster: Cluster
let member: GroupMember
let running: Promise<void>
const assigned: (readonly number[])[] = []
let heartbeats = 0

beforeEach(async () => {
  one = await ScriptedBroker.start(1)
  two = await ScriptedBroker.start(2)
  group = new ScriptedGroup()
  for (const broker of [one, two]) {
    broker.brokers = [one, two]
    broker.leader = 1
    broker.coordinator = 1
    broker.partitions = 4
    group.serveOn(broker)
  }
  assigned.length = 0
  heartbeats = 0
  const connection = { brokers: [one.address, two.address] }
  cluster = createKafka({ connection, clientId: 'test', logger: SILENT }).cluster()
})

afterEach(async () => {
  await member.stop()
  await cluster.close()
  await running.catch(() => {})
  one.close()
  two.close()
})

function run(options: Partial<GroupMemberOptions> = {}): void {
  member = new GroupMember(
    cluster,
    {
      group: 'g',
      topic: 'raw',
      sessionTimeoutMs: 2_000,
      rebalanceTimeoutMs: 2_000,
      heartbeatEveryMs: 10,
      ...options,
    },
    {
      onAssigned: (partitions) => assigned.push(partitions),
      onHeartbeat: () => {
        heartbeats += 1
      },
    },
  )
  running = member.run()
  running.catch(() => {})
}

const joined = (times = 1) => eventually(() => expect(assigned.length).toBeGreaterThanOrEqual(times))

function moveCoordinator(): void {
  one.coordinator = 2
  two.coordinator = 2
}

test('joins with the id that the broker assigns, and as leader assigns the partitions', async () => {
  run()
  await joined()
  expect(assigned).toEqual([[0, 1, 2, 3]])
  expect(group.log.slice(0, 2)).toEqual(['1 join  -> 79', '1 join m1'])
  await eventually(() => expect(heartbeats).toBeGreaterThan(3))
})

test('joins again when the group rebalances, with the same id and the partitions it owns', async () => {
  run()
  await joined()
  group.assignment = [1]
  group.failures.heartbeat.push(27)
  await joined(2)
  group.failures.heartbeat.push(27)
  await joined(3)
  expect(assigned).toEqual([[0, 1, 2, 3], [1], [1]])
  expect(group.owned).toEqual([1])
  expect(group.times('join m1')).toBe(3)
})

/** kafkajs, after a broker was frozen for longer than the session, kept acting as the former member forever. */
test('a member that the group has removed joins as a new one, even if that fails at first', async () => {
  run()
  await joined()
  group.failures.join.push(14, 15)
  group.failures.heartbeat.push(25)
  await joined(2)
  expect(group.log.filter((line) => line.includes('join')).slice(2)).toEqual([
    '1 join  -> 14',
    '1 join  -> 15',
    '1 join  -> 79',
    '1 join m2',
  ])
})

/** The join fails between its two steps: the broker knows the member, which has no assignment. */
test('a join whose second step fails is repeated with the same id', async () => {
  group.failures.sync.push(27, 16)
  run()
  await joined()
  expect(group.times('join m1')).toBe(3)
  expect(assigned).toHaveLength(1)
})

test('a refusal is not retried', async () => {
  group.failures.join.push(30)
  run()
  await expect(running).rejects.toMatchObject({ type: 'GROUP_AUTHORIZATION_FAILED' })
  expect(group.times('join')).toBe(1)
})

describe('a coordinator that', () => {
  /** kafkajs looked it up only when it joined: payments moved after 14 s, and some commits never arrived. */
  test.each([
    ['says that it is no longer the coordinator', () => group.failures.heartbeat.push(16)],
    ['is gone', () => one.close()],
  ])('%s is replaced by the current one, with the same membership', async (_what, harm) => {
    run()
    await joined()
    moveCoordinator()
    harm()
    await eventually(() => expect(group.times('2 heartbeat')).toBeGreaterThan(2))
    expect(group.times('2 join')).toBe(0)
    expect(assigned).toHaveLength(1)
  })

  test('holds a join and answers nothing else is replaced by another', async () => {
    one.on(JOIN_GROUP, () => {
      // Frozen from here on.
      one.on(API_VERSIONS, () => undefined)
      moveCoordinator()
      return undefined
    })
    run({ rebalanceTimeoutMs: 60_000, probeEveryMs: 20, answerMaxMs: 60 })
    await joined()
    expect(group.times('2 join')).toBe(2)
  })
})

describe('a commit', () => {
  test('contains the metadata that is read back at the next start', async () => {
    run()
    await joined()
    await member.commit(1, 5n, 'where it was read')
    expect(group.committed.get(1)).toEqual({ offset: 5n, metadata: 'where it was read' })
  })

  test.each([
    ['is no longer the coordinator', () => group.failures.commit.push(16)],
    ['is loading the group', () => group.failures.commit.push(14)],
  ])('to a broker that %s is repeated at the current coordinator', async (_what, harm) => {
    run()
    await joined()
    moveCoordinator()
    harm()
    await member.commit(2, 6n, '')
    expect(group.log.filter((line) => line.startsWith('2 commit'))).toEqual(['2 commit 6'])
  })

  test('during a rebalance is repeated in the next generation if the partition is still ours', async () => {
    run()
    await joined()
    group.failures.commit.push(27)
    group.failures.heartbeat.push(27)
    await member.commit(2, 6n, '')
    expect(group.committed.get(2)?.offset).toBe(6n)
  })

  test('of a partition that is no longer ours is not sent', async () => {
    run()
    await joined()
    group.assignment = [0]
    group.failures.commit.push(27)
    group.failures.heartbeat.push(27)
    await expect(member.commit(2, 6n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT', retriable: true })
    expect(group.committed.has(2)).toBe(false)
  })

  test('that began before the membership was lost is not sent in the next one', async () => {
    // Longer than the next join takes.
    run({ answerMaxMs: 10_000 })
    await joined()
    const { promise: joinedAgain, resolve: answer } = Promise.withResolvers<void>()
    one.on(OFFSET_COMMIT, async () => {
      group.failures.heartbeat.push(25)
      await joinedAgain
      group.serveOn(one)
      return { throttleTimeMs: 0, topics: [{ name: 'raw', partitions: [{ partition: 2, errorCode: 25 }] }] }
    })
    const commit = expect(member.commit(2, 6n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT' })
    // The answer comes after the next join, which gave us another member id.
    await joined(2).finally(answer)
    await commit
    expect(group.committed.has(2)).toBe(false)
  })

  test('stops retrying after a while: a late attempt could overwrite a newer offset', async () => {
    run({ commitTriedForMs: 300 })
    await joined()
    one.on(OFFSET_COMMIT, () => ({
      throttleTimeMs: 0,
      topics: [{ name: 'raw', partitions: [{ partition: 2, errorCode: 14 }] }],
    }))
    const startedAt = performance.now()
    await expect(member.commit(2, 6n, '')).rejects.toMatchObject({ type: 'GROUP_LOAD_IN_PROGRESS' })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
  })

  test('that is refused is an error at once', async () => {
    run()
    await joined()
    group.failures.commit.push(30)
    await expect(member.commit(2, 6n, '')).rejects.toMatchObject({ type: 'GROUP_AUTHORIZATION_FAILED' })
    expect(group.times('commit')).toBe(1)
  })

  test('before the first join is not sent', async () => {
    group.failures.join.push(14)
    run()
    await expect(member.commit(2, 6n, '')).rejects.toMatchObject({ code: 'COMMIT_NOT_SENT' })
  })
})

test('leaves the group when it stops, and sends no heartbeat after that', async () => {
  run()
  await joined()
  await member.stop()
  await running
  expect(group.log.at(-1)).toBe('1 leave m1')
})

test('does not join if it stops while the broker assigns its id: nobody would speak for that member', async () => {
  const joins: string[] = []
  const answer = Promise.withResolvers<void>()
  one.on(JOIN_GROUP, async ({ memberId }) => {
    joins.push(memberId)
    await answer.promise
    return {
      throttleTimeMs: 0,
      errorCode: 79,
      generation: -1,
      protocolType: null,
      protocol: null,
      leader: '',
      memberId: 'm1',
      members: [],
    }
  })
  run()
  await eventually(() => expect(joins).toEqual(['']))
  await member.stop()
  answer.resolve()
  await running
  expect(joins).toEqual([''])
})

describe('a static member', () => {
  test('stays in the group when it stops, so that it can return to its partitions', async () => {
    run({ instanceId: 'pod-0' })
    await joined()
    await member.stop()
    await running
    expect(group.times('leave')).toBe(0)
  })

  test('whose instance id another process uses stops instead of taking it back', async () => {
    run({ instanceId: 'pod-0' })
    await joined()
    one.on(HEARTBEAT, () => ({ throttleTimeMs: 0, errorCode: 82 }))
    await expect(running).rejects.toMatchObject({ code: 'INSTANCE_ID_TAKEN', retriable: false })
  })
})
