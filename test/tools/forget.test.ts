import { expect, test } from 'vitest'
import type { Config } from '../../src/config.ts'
import { dataKeyId, dayScope, paymentScope } from '../../src/encryption/data-key-id.ts'
import { keyPartition } from '../../src/encryption/data-keys.ts'
import { type KeyNote, NOTES_PARTITION } from '../../src/encryption/forgotten-keys.ts'
import { createLogger } from '../../src/observability/log.ts'
import { forgetDataKeys, namedDataKeys } from '../../src/tools/forget.ts'
import { topicNames } from '../../src/topics.ts'
import { UsageError } from '../../src/usage-error.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'

const PARTITIONS = 3
const TOPICS = topicNames('')
const SCOPE = paymentScope('instamed:a1')
const DAY_SCOPE = dayScope('clinic-b', 0)

function idOf(scope: string, number: number): string {
  return dataKeyId(scope, `01957c1e-0000-7000-8000-00000000000${number}`)
}

/** `payments.keys` and its notes. */
class World {
  readonly kafka = new MemoryKafka('c', PARTITIONS)

  key(scope: string, number: number, value: string | null = 'wrapped'): string {
    const key = idOf(scope, number)
    const record = { key, value: value === null ? null : Buffer.from(value) }
    this.kafka.produce(TOPICS.keys, keyPartition(scope, PARTITIONS), record)
    return key
  }

  note(key: string, note: KeyNote): void {
    this.kafka.produce(TOPICS.forgottenKeys, NOTES_PARTITION, { key, value: Buffer.from(note) })
  }

  named(ids: readonly string[], force = false): Promise<readonly string[]> {
    return namedDataKeys({ reader: this.kafka.reader, topics: TOPICS, partitions: PARTITIONS }, ids, { force })
  }
}

test('a named data key that never existed is refused, with all others, unless it is forced', async () => {
  const world = new World()
  const known = world.key(SCOPE, 1)
  const ids = [known, idOf(SCOPE, 2), idOf(DAY_SCOPE, 3)]
  await expect(world.named(ids)).rejects.toThrow(
    `payments.keys has no data key ${ids[1]}, ${ids[2]}. Nothing was forgotten.`,
  )
  // The way out of DATA_KEY_MISSING: the topic lost the key.
  expect(await world.named(ids, true)).toEqual(ids)
})

test('a forgotten data key needs nothing more, and an interrupted attempt is finished', async () => {
  const world = new World()
  const [done, compacted] = [world.key(SCOPE, 1), idOf(DAY_SCOPE, 2)]
  for (const id of [done, compacted]) {
    world.note(id, 'retired')
    world.note(id, 'forgotten')
  }
  world.key(SCOPE, 1, null)
  const begun = [world.key(SCOPE, 3), world.key(SCOPE, 4), world.key(DAY_SCOPE, 5)]
  world.note(begun[0] as string, 'retired')
  world.note(begun[1] as string, 'forgotten')
  world.note(begun[1] as string, 'retired')
  expect(await world.named([done, compacted, ...begun])).toEqual(begun)
})

test('what cannot be the id of a data key is a wrong option', async () => {
  const options = { by: 'tester', reason: null }
  const logger = createLogger({ level: 'fatal', role: 'test' })
  const forgotten = forgetDataKeys({} as Config, logger, [idOf(SCOPE, 1), 'typo'], options)
  await expect(forgotten).rejects.toThrow('not a data key id: typo')
  await expect(forgotten).rejects.toBeInstanceOf(UsageError)
})
