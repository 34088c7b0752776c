import type { Kafka } from 'kafkajs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { KafkaCluster } from '../../src/kafka/kafkajs-cluster.ts'
import { SharedCluster } from '../../src/kafka/shared-cluster.ts'

const MOVED = Object.assign(new Error('not the leader'), { retriable: true })
const REFUSED = Object.assign(new Error('not for you'), { retriable: false })

/** The calls to each cluster, in order. */
let log: string[]
let shared: SharedCluster

beforeEach(() => {
  vi.useFakeTimers()
  log = []
  let made = 0
  const createCluster = () => {
    made += 1
    const name = `cluster ${made}`
    return {
      name,
      connect: async () => void log.push(`${name} connects`),
      disconnect: async () => void log.push(`${name} is closed`),
    }
  }
  shared = new SharedCluster({ [Symbol('private:Kafka:createCluster')]: createCluster } as unknown as Kafka)
})

afterEach(() => {
  vi.useRealTimers()
})

const ask = (answer: string | Error) => async (cluster: KafkaCluster) => {
  log.push(`${(cluster as unknown as { name: string }).name} is asked`)
  if (answer instanceof Error) {
    throw answer
  }
  return answer
}

test('concurrent requests, and one soon after another, share connections; then they are closed', async () => {
  await Promise.all([shared.with(ask('a')), shared.with(ask('b'))])
  await vi.advanceTimersByTimeAsync(200)
  expect(await shared.with(ask('c'))).toBe('c')
  expect(log).toEqual(['cluster 1 connects', ...Array<string>(3).fill('cluster 1 is asked')])

  await vi.advanceTimersByTimeAsync(299)
  expect(log).toHaveLength(4)
  await vi.advanceTimersByTimeAsync(1)
  expect(log.at(-1)).toBe('cluster 1 is closed')

  expect(await shared.with(ask('d'))).toBe('d')
  expect(log.slice(-2)).toEqual(['cluster 2 connects', 'cluster 2 is asked'])
})

test('a failure on existing connections is retried once on new ones, and the old ones are closed', async () => {
  await shared.with(ask('a'))
  const answers = [MOVED, 'b']
  expect(await shared.with((cluster) => ask(answers.shift() as string | Error)(cluster))).toBe('b')
  await vi.advanceTimersByTimeAsync(0)
  expect(log.slice(2)).toEqual([
    'cluster 1 is asked',
    'cluster 2 connects',
    'cluster 2 is asked',
    'cluster 1 is closed',
  ])
})

test.each([
  { what: 'a failure on new connections', before: 0, error: MOVED, clusters: 1 },
  { what: 'a refusal', before: 1, error: REFUSED, clusters: 1 },
  { what: 'a failure that repeats on new connections', before: 1, error: MOVED, clusters: 2 },
])('$what is not retried', async ({ before, error, clusters }) => {
  for (let asked = 0; asked < before; asked += 1) {
    await shared.with(ask('a'))
  }
  await expect(shared.with(ask(error))).rejects.toBe(error)
  await vi.advanceTimersByTimeAsync(300)
  expect(log.filter((entry) => entry.endsWith('connects'))).toHaveLength(clusters)
  expect(log.filter((entry) => entry.endsWith('is closed'))).toHaveLength(clusters)
})
