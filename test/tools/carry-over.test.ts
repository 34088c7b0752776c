import { beforeEach, expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { createLogger } from '../../src/observability/log.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { carryOver, carryOverPartition } from '../../src/tools/carry-over.ts'
import { UsageError } from '../../src/usage-error.ts'
import { sampleEvent } from '../avro/samples.ts'
import { CODECS, PARTITION, StatusWorld, TOPICS } from '../processor/status-world.ts'

/** I4, I5: carries payments over to an installation with a different partition count. */

const PARTITIONS = 4
const { signal } = new AbortController()
const eventOf = (id: string, paymentKey: string, status: 'ACCEPTED' | 'COMPLETED') =>
  sampleEvent({ eventId: id, paymentKey, status, naturalKey: id })

let old: StatusWorld
/** One world per partition of the new installation. */
let anew: StatusWorld[]

beforeEach(async () => {
  old = new StatusWorld()
  anew = Array.from({ length: PARTITIONS }, () => new StatusWorld())
  for (let payment = 0; payment < 20; payment += 1) {
    old.arrive(eventOf(`first-${payment}`, `jpm:${payment}`, 'ACCEPTED'))
  }
  await old.run()
  old.arrive(eventOf('second-3', 'jpm:3', 'COMPLETED'), eventOf('second-7', 'jpm:7', 'COMPLETED'))
  await old.run()
})

function carry() {
  const events = {
    topic: TOPICS.events,
    partitions: PARTITIONS,
    append: async (to: number, records: readonly Parameters<StatusWorld['arriveRaw']>[0][]) => {
      for (const record of records) {
        anew[to]?.arriveRaw(record)
      }
    },
  }
  const ports = { reader: old.kafka.reader, events, state: CODECS.state, event: CODECS.event }
  return carryOverPartition(ports, TOPICS.current, PARTITION)
}

const statusesOf = (worlds: readonly StatusWorld[]) =>
  Object.fromEntries(
    worlds
      .flatMap((world) => [...world.current()])
      .map(([key, { status, events }]) => [key, [status, ...events.map(({ event }) => event.eventId).toSorted()]]),
  )

test('keeps statuses and all events, each payment in the partition of its key', async () => {
  // `current` has two records of `jpm:3` and of `jpm:7`; the last one counts.
  expect(await carry()).toEqual({ payments: 20, events: 22 })
  await Promise.all(anew.map((world) => world.run()))
  expect(statusesOf(anew)).toEqual(statusesOf([old]))
  for (const [partition, world] of anew.entries()) {
    for (const key of world.current().keys()) {
      expect(partitionOf(Buffer.from(key), PARTITIONS)).toBe(partition)
    }
  }
})

test('publishes payments once when repeated, and adds events that arrived in the meantime', async () => {
  await carry()
  await Promise.all(anew.map((world) => world.run()))
  const before = anew.map((world) => world.changes().length)
  await carry()
  await Promise.all(anew.map((world) => world.run()))
  expect(anew.map((world) => world.changes().length)).toEqual(before)

  old.arrive(eventOf('late', 'jpm:5', 'COMPLETED'))
  await old.run()
  await carry()
  await Promise.all(anew.map((world) => world.run()))
  expect(statusesOf(anew)).toEqual(statusesOf([old]))
})

test('keeps forgotten payments forgotten', async () => {
  old.now += 500 * 86_400_000
  const task = await old.run()
  await task.idle(signal)
  expect(old.current().size).toBe(0)
  expect(await carry()).toEqual({ payments: 0, events: 0 })
})

test('an installation is not carried over into itself', async () => {
  const config = { kafka: { topicPrefix: 'new.' } } as Config
  const logger = createLogger({ level: 'fatal', role: 'test' })
  await expect(carryOver(config, logger, 'new.', { by: 'tester', reason: null })).rejects.toBeInstanceOf(UsageError)
})
