import { expect, test } from 'vitest'
import { KeysInPlace } from '../../src/stream/keys-in-place.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

/** I5: a payment stays in one partition, or a late callback undoes a newer status. */

function publish(kafka: MemoryKafka, payments: number, partitions: number): void {
  for (let payment = 0; payment < payments; payment += 1) {
    const key = `jpm:${payment}`
    kafka.produce('current', partitionOf(Buffer.from(key), partitions), { key, value: Buffer.from('state') })
  }
}

function keysOf(kafka: MemoryKafka): KeysInPlace {
  return new KeysInPlace('current', kafka.reader, (key, of, partitions) => partitionOf(key, partitions) === of)
}

test('keys that stand where they belong are right, and an empty topic is', async () => {
  const kafka = new MemoryKafka()
  await keysOf(kafka).assertAll({ id: 'a', partitions: 3 })
  publish(kafka, 50, 3)
  await keysOf(kafka).assertAll({ id: 'a', partitions: 3 })
})

test('a topic that was grown after they were written is found out by its own records', async () => {
  const kafka = new MemoryKafka()
  publish(kafka, 50, 3)
  await expect(keysOf(kafka).assertAll({ id: 'a', partitions: 6 })).rejects.toMatchObject({
    code: 'PARTITIONS_CHANGED',
    message: expect.stringMatching(/the key of current\[\d\] offset \d+ belongs into another partition/),
  })
})

test('a topic that was found right is not read again, until it is another one', async () => {
  const kafka = new MemoryKafka()
  publish(kafka, 50, 3)
  const keys = keysOf(kafka)
  await keys.assertAll({ id: 'a', partitions: 3 })
  let reads = 0
  kafka.onStep = (step) => {
    reads += step === 'read.before' ? 1 : 0
  }
  await keys.assertAll({ id: 'a', partitions: 3 })
  expect(reads).toBe(0)
  await expect(keys.assertAll({ id: 'a', partitions: 6 })).rejects.toThrow()
})

test('only the first records of a partition are looked at (I10)', async () => {
  const kafka = new MemoryKafka()
  publish(kafka, 5_000, 1)
  let portions = 0
  kafka.onStep = (step) => {
    portions += step === 'read.before' ? 1 : 0
  }
  await keysOf(kafka).assertAll({ id: 'a', partitions: 1 })
  expect(portions).toBeLessThanOrEqual(100)
})
