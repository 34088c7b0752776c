import { expect, test } from 'vitest'
import { KeysInPlace } from '../../src/stream/keys-in-place.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

/** I5: a payment must stay in one partition, or a late callback would undo a newer status. */

function publish(kafka: MemoryKafka, payments: number, partitions: number): void {
  for (let payment = 0; payment < payments; payment += 1) {
    const key = `jpm:${payment}`
    kafka.produce('current', partitionOf(Buffer.from(key), partitions), { key, value: Buffer.from('state') })
  }
}

function keysOf(kafka: MemoryKafka): KeysInPlace {
  return new KeysInPlace('current', kafka.reader, (key, of, partitions) => partitionOf(key, partitions) === of)
}

test('keys in their own partitions pass, and so does an empty topic', async () => {
  const kafka = new MemoryKafka()
  await keysOf(kafka).assertAll({ id: 'a', partitions: 3 })
  publish(kafka, 50, 3)
  await keysOf(kafka).assertAll({ id: 'a', partitions: 3 })
})

test('partitions added after records were written are detected from the records', async () => {
  const kafka = new MemoryKafka()
  publish(kafka, 50, 3)
  await expect(keysOf(kafka).assertAll({ id: 'a', partitions: 6 })).rejects.toMatchObject({
    code: 'PARTITIONS_CHANGED',
    message: expect.stringMatching(/the key of current\[\d\] offset \d+ belongs in another partition/),
  })
})

test('a topic that passed is not read again until it changes', async () => {
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

test('only the first records of a partition are checked (I10)', async () => {
  const kafka = new MemoryKafka()
  publish(kafka, 5_000, 1)
  let portions = 0
  kafka.onStep = (step) => {
    portions += step === 'read.before' ? 1 : 0
  }
  await keysOf(kafka).assertAll({ id: 'a', partitions: 1 })
  expect(portions).toBeLessThanOrEqual(100)
})
