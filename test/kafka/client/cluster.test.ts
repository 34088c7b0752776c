import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Cluster, type ClusterOptions, NO_LEADER } from '../../../src/kafka/client/cluster.ts'
import { Connection } from '../../../src/kafka/client/connection.ts'
import { API_VERSIONS, FIND_COORDINATOR, HEARTBEAT, METADATA } from '../../../src/kafka/client/requests.ts'
import { createKafka, type KafkaClient } from '../../../src/kafka/kafka-client.ts'
import { sleep } from '../../../src/sleep.ts'
import { eventually } from '../../lab/harness/eventually.ts'
import { SILENT } from '../../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './scripted-broker.ts'

let one: ScriptedBroker
let two: ScriptedBroker
let kafka: KafkaClient
let cluster: Cluster

beforeEach(async () => {
  one = await ScriptedBroker.start(1)
  two = await ScriptedBroker.start(2)
  for (const broker of [one, two]) {
    broker.brokers = [one, two]
    broker.leader = 1
    broker.coordinator = 1
  }
  connect(one.address)
})

afterEach(async () => {
  await cluster.close()
  one.close()
  two.close()
})

function connect(...brokers: readonly string[]): void {
  kafka = createKafka({ connection: { brokers }, clientId: 'test', logger: SILENT, retryForMs: 2_000 })
  cluster = kafka.cluster()
}

const BEAT = { group: 'g', generation: 1, memberId: 'm', instanceId: null }
const fine = () => ({ throttleTimeMs: 0, errorCode: 0 })

test('concurrent requests without a connection open one socket', async () => {
  const leader = await cluster.leaderOf('raw', 0)
  one.on(HEARTBEAT, fine)
  const before = one.sockets.length
  await Promise.all([1, 2, 3].map(() => leader.send(HEARTBEAT, BEAT, { on: 'second' })))
  expect(one.sockets.length).toBe(before + 1)
})

test('a request that may wait does not hold up others: each purpose has its own connection', async () => {
  one.on(HEARTBEAT, ({ generation }) => (generation === 9 ? undefined : fine()))
  const leader = await cluster.leaderOf('raw', 0)
  await leader.send(HEARTBEAT, BEAT)
  const waiting = expect(leader.send(HEARTBEAT, { ...BEAT, generation: 9 }, { on: 'second' })).rejects.toThrow()
  await expect(leader.send(HEARTBEAT, BEAT)).resolves.toMatchObject({ errorCode: 0 })
  await cluster.close()
  await waiting
})

test('a broken connection is replaced by the next request', async () => {
  one.on(HEARTBEAT, fine)
  const leader = await cluster.leaderOf('raw', 0)
  await leader.send(HEARTBEAT, BEAT)
  for (const socket of one.sockets) {
    socket.destroy()
  }
  await eventually(() => expect(leader.isConnected()).toBe(false))
  await expect(leader.send(HEARTBEAT, BEAT)).resolves.toMatchObject({ errorCode: 0 })
})

describe('leaders', () => {
  test('are looked up by name, and again after a transient failure', async () => {
    const answers = [6, 0]
    one.on(HEARTBEAT, () => ({ throttleTimeMs: 0, errorCode: answers.shift() ?? 0 }))
    two.on(HEARTBEAT, fine)
    const leaders: number[] = []
    await cluster.onCurrentLeader('raw', 0, async (leader) => {
      leaders.push(leader.nodeId)
      one.leader = 2
      two.leader = 2
      const { errorCode } = await leader.send(HEARTBEAT, BEAT)
      if (errorCode !== 0) {
        throw Object.assign(new Error('NOT_LEADER_FOR_PARTITION'), { retriable: true })
      }
    })
    expect(leaders).toEqual([1, 2])
  })

  test('a partition without a leader delays only its users, and is looked up again soon', async () => {
    one.leader = NO_LEADER
    await expect(cluster.leaderOf('raw', 0)).rejects.toMatchObject({ code: 'NO_LEADER', retriable: true })
    const found = cluster.onCurrentLeader('raw', 0, async ({ nodeId }) => nodeId)
    one.leader = 2
    two.leader = 2
    await expect(found).resolves.toBe(2)
  })

  test('a partition or topic that does not exist is an error at once', async () => {
    await expect(cluster.leaderOf('raw', 7)).rejects.toThrow('raw has no partition 7')
  })

  test('metadata is requested for the topics that are used, never for all', async () => {
    const topics: number[] = []
    one.on(METADATA, (request) => {
      topics.push(request.topics.length)
      return {
        throttleTimeMs: 0,
        brokers: [{ nodeId: 1, host: '127.0.0.1', port: one.port, rack: null }],
        clusterId: 'c',
        controllerId: 1,
        topics: [],
      }
    })
    await cluster.describe([])
    await cluster.describe(['raw', 'events'])
    expect(topics).toEqual([0, 2])
    expect(cluster.clusterId).toBe('c')
  })
})

describe('a broker that', () => {
  test.each([
    ['accepts and never answers', () => one.on(API_VERSIONS, () => undefined)],
    [
      'closes every connection',
      () =>
        one.on(API_VERSIONS, (_, socket) => {
          socket.destroy()
          return undefined
        }),
    ],
  ])('%s is replaced by one that answers, and asked last from then on', async (_what, harm) => {
    harm()
    connect(one.address, two.address)
    two.brokers = [two]
    await cluster.describe([])
    const asked = one.sockets.length
    const next = kafka.cluster()
    for (let times = 0; times < 5; times += 1) {
      await next.describe([])
    }
    await next.close()
    // Whichever was tried first: a broker that failed is not tried again while the other answers.
    expect(one.sockets.length - asked).toBeLessThanOrEqual(1)
  })

  test('does not answer a request is avoided, and everything waiting on the connection is rejected', async () => {
    connect(one.address, two.address)
    one.on(HEARTBEAT, () => undefined)
    const leader = await cluster.leaderOf('raw', 0)
    await expect(leader.send(HEARTBEAT, BEAT, { deadlineMs: 60 })).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    one.requests.length = 0
    // Another user of the client would otherwise begin with the first in the list.
    const next = kafka.cluster()
    await next.describe([])
    await next.close()
    expect(one.requests).toEqual([])
    expect(two.requests).toContain('Metadata')
  })

  test('is no longer in the metadata is closed, and everything waiting on it is rejected', async () => {
    one.on(HEARTBEAT, () => undefined)
    const leader = await cluster.leaderOf('raw', 0)
    const waiting = expect(leader.send(HEARTBEAT, BEAT, { on: 'second' })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
    })
    two.brokers = [two]
    one.brokers = [two]
    await cluster.describe([])
    await waiting
    expect(() => cluster.broker(1)).toThrow('broker 1 is not in the cluster')
  })
})

describe('a lookup', () => {
  const never = () => undefined

  test('asks the next broker after a second, and takes the first answer', async () => {
    connect(one.address, two.address)
    one.on(METADATA, never)
    const startedAt = performance.now()
    await cluster.describe(['raw'])
    await cluster.coordinatorOf('group', 'g')
    // Whichever was asked first: its deadline is 10 s.
    expect(performance.now() - startedAt).toBeLessThan(3_000)
    expect(two.requests).toContain('Metadata')
    cluster.disconnect('the test is over')
  })

  test('does not end a slower request before it on the connection', async () => {
    one.on(HEARTBEAT, async () => {
      await sleep(6_000)
      return fine()
    })
    const leader = await cluster.leaderOf('raw', 0)
    const slow = leader.send(HEARTBEAT, BEAT)
    await cluster.describe(['raw'], leader)
    await expect(slow).resolves.toMatchObject({ errorCode: 0 })
  })

  test('that no broker answers fails after each was asked once', async () => {
    connect(one.address, two.address)
    await cluster.describe([])
    for (const broker of [one, two]) {
      broker.on(FIND_COORDINATOR, (_, socket) => {
        socket.destroy()
        return undefined
      })
    }
    await expect(cluster.coordinatorOf('group', 'g')).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect([one, two].map(({ requests }) => requests.filter((name) => name === 'FindCoordinator').length)).toEqual([
      1, 1,
    ])
  })

  test('that is refused is not asked again', async () => {
    connect(one.address, two.address)
    await cluster.describe([])
    for (const broker of [one, two]) {
      broker.on(FIND_COORDINATOR, () => ({
        throttleTimeMs: 0,
        coordinators: [{ key: 'g', nodeId: -1, host: '', port: -1, errorCode: 30, errorMessage: null }],
      }))
    }
    await expect(cluster.coordinatorOf('group', 'g')).rejects.toMatchObject({ type: 'GROUP_AUTHORIZATION_FAILED' })
    expect([...one.requests, ...two.requests].filter((name) => name === 'FindCoordinator')).toHaveLength(1)
  })
})

test('a request that changes something is sent to the next broker only when the last one has failed', async () => {
  connect(one.address, two.address)
  await cluster.describe([])
  const sentAt: number[] = []
  for (const broker of [one, two]) {
    broker.on(HEARTBEAT, () => {
      sentAt.push(performance.now())
      return undefined
    })
  }
  // Longer than a lookup waits before it asks the next one.
  const deadlineMs = 1_300
  await expect(cluster.any((broker) => broker.send(HEARTBEAT, BEAT, { deadlineMs }))).rejects.toMatchObject({
    code: 'REQUEST_TIMED_OUT',
  })
  const [first = 0, second = 0] = sentAt
  expect(second - first).toBeGreaterThan(deadlineMs - 100)
})

/** The controller takes a frozen broker out of the metadata; a slow one stays there. */
describe('a broker that keeps a request waiting', () => {
  const frozen = () => undefined
  let options: ClusterOptions

  beforeEach(async () => {
    options = {
      addresses: [one.address],
      silent: new Set(),
      retryForMs: 2_000,
      doubtedAfterMs: 50,
      connect: (address) => Connection.open({ address, clientId: 'test' }),
    }
    cluster = new Cluster(options)
    one.on(HEARTBEAT, fine)
    two.on(HEARTBEAT, fine)
    await (await cluster.leaderOf('raw', 0)).send(HEARTBEAT, BEAT)
    one.requests.length = 0
  })

  test('is given up before the deadline if another broker no longer lists it; only others are asked', async () => {
    one.on(HEARTBEAT, frozen)
    two.brokers = [two]
    // A missed deadline would be REQUEST_TIMED_OUT.
    await expect(cluster.broker(1).send(HEARTBEAT, BEAT)).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      retriable: true,
    })
    expect(one.requests).toEqual(['Heartbeat'])
  })

  test('is given up just as early while a connection to it is being opened', async () => {
    one.on(API_VERSIONS, frozen)
    two.brokers = [two]
    await expect(cluster.broker(1).send(HEARTBEAT, BEAT, { on: 'second' })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
      retriable: true,
    })
  })

  test('is doubted from the first attempt to connect, however often it is tried again', async () => {
    await cluster.close()
    cluster = new Cluster({
      ...options,
      doubtedAfterMs: 1_000,
      connect: (address) => Connection.open({ address, clientId: 'test', openMaxMs: 700 }),
    })
    const leader = await cluster.leaderOf('raw', 0)
    one.on(API_VERSIONS, frozen)
    const attempt = () => leader.send(HEARTBEAT, BEAT, { on: 'second' })
    await expect(attempt()).rejects.toMatchObject({ code: 'REQUEST_TIMED_OUT' })
    two.brokers = [two]
    // Each attempt is shorter than what a broker may take before it is doubted.
    await eventually(() => expect(attempt()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' }))
  })

  test('is not reached by an attempt that was given up', async () => {
    const { promise: late, resolve: answer } = Promise.withResolvers<undefined>()
    one.on(API_VERSIONS, async () => {
      await late
      return { errorCode: 0, apis: [], throttleTimeMs: 0, features: [] }
    })
    const leader = cluster.broker(1)
    const before = one.sockets.length
    const waiting = expect(leader.send(HEARTBEAT, BEAT, { on: 'second' })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
    })
    await eventually(() => expect(one.sockets.length).toBeGreaterThan(before))
    leader.end('second')
    await waiting
    const attempted = one.sockets.at(-1)
    answer(undefined)
    await eventually(() => expect(attempted?.destroyed).toBe(true))
    expect(leader.isConnected('second')).toBe(false)
  })

  test('may take its time while another broker lists it', async () => {
    const { promise: late, resolve: answer } = Promise.withResolvers<ReturnType<typeof fine>>()
    one.on(HEARTBEAT, () => late)
    const waiting = cluster.broker(1).send(HEARTBEAT, BEAT)
    await eventually(() => expect(two.requests.filter((name) => name === 'Metadata').length).toBeGreaterThan(2))
    answer(fine())
    await expect(waiting).resolves.toMatchObject({ errorCode: 0 })
  })

  test('is replaced by the next leader, and asked last from then on', async () => {
    one.on(HEARTBEAT, frozen)
    one.on(METADATA, frozen)
    one.on(API_VERSIONS, frozen)
    two.brokers = [two]
    two.leader = 2
    const asked: number[] = []
    await cluster.retried(async () => {
      if (asked.length > 0) {
        await cluster.refresh(['raw'])
      }
      const leader = await cluster.leaderOf('raw', 0)
      asked.push(leader.nodeId)
      return leader.send(HEARTBEAT, BEAT)
    })
    expect(asked).toEqual([1, 2])
    // Another user of the client would otherwise begin with the first in the list.
    const next = new Cluster({ ...options, addresses: [one.address, two.address] })
    await next.describe([])
    await next.close()
    expect(one.requests).toEqual(['Heartbeat'])
  })

  test('is never asked about itself: with one broker only, the deadline decides', async () => {
    one.brokers = [one]
    await cluster.describe([])
    one.requests.length = 0
    one.on(HEARTBEAT, frozen)
    await expect(cluster.broker(1).send(HEARTBEAT, BEAT, { deadlineMs: 1_200 })).rejects.toMatchObject({
      code: 'REQUEST_TIMED_OUT',
    })
    expect(one.requests).toEqual(['Heartbeat'])
  })
})

describe('coordinators', () => {
  test('are remembered until they are forgotten', async () => {
    expect((await cluster.coordinatorOf('group', 'g')).nodeId).toBe(1)
    one.coordinator = 2
    two.coordinator = 2
    expect((await cluster.coordinatorOf('group', 'g')).nodeId).toBe(1)
    cluster.forgetCoordinator('group', 'g')
    expect((await cluster.coordinatorOf('group', 'g')).nodeId).toBe(2)
  })

  test('a request to a coordinator that has moved is repeated at the current one', async () => {
    const asked: number[] = []
    await cluster.onCoordinator('group', 'g', async ({ nodeId }) => {
      asked.push(nodeId)
      one.coordinator = 2
      two.coordinator = 2
      if (nodeId === 1) {
        throw Object.assign(new Error('NOT_COORDINATOR_FOR_GROUP'), { retriable: true })
      }
    })
    expect(asked).toEqual([1, 2])
  })

  test('one that failed is looked up again by the next caller, even if nobody retried', async () => {
    const refused = new Error('it does not answer')
    await expect(cluster.onCoordinator('group', 'g', () => Promise.reject(refused))).rejects.toBe(refused)
    one.coordinator = 2
    two.coordinator = 2
    await expect(cluster.onCoordinator('group', 'g', async ({ nodeId }) => nodeId)).resolves.toBe(2)
  })

  test('a lookup that is denied is a refusal, not a coordinator that does not exist yet', async () => {
    let asked = 0
    one.on(FIND_COORDINATOR, ({ keys }) => {
      asked += 1
      const [key = ''] = keys
      return {
        throttleTimeMs: 0,
        coordinators: [{ key, nodeId: -1, host: '', port: -1, errorCode: 30, errorMessage: null }],
      }
    })
    await expect(cluster.onCoordinator('group', 'g', async () => {})).rejects.toMatchObject({
      type: 'GROUP_AUTHORIZATION_FAILED',
    })
    expect(asked).toBe(1)
  })
})

test('a closed cluster no longer connects to anything', async () => {
  const leader = await cluster.leaderOf('raw', 0)
  await cluster.close()
  await expect(leader.send(HEARTBEAT, BEAT)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  await expect(cluster.describe([])).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
  await eventually(() => expect(one.sockets.every(({ destroyed }) => destroyed)).toBe(true))
})
