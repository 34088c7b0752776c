import { describe, expect, test } from 'vitest'
import { AvroDecodeError } from '../../src/avro/errors.ts'
import type { FoundSchema } from '../../src/avro/schema-registry.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import { CODECS, codecsOf, registered } from '../processor/status-world.ts'
import { sampleEvent } from './samples.ts'

const PLACE = { topic: 'payments.events', partition: 2, offset: 17n, group: 'processor' }

function eventWithId(schemaId: number): Buffer {
  const bytes = CODECS.event.encode(sampleEvent())
  bytes.writeUInt32BE(schemaId, 1)
  return bytes
}

describe('a schema id that does not lead to our schema', () => {
  test.each([
    ['is unknown', 'SCHEMA_ID_UNKNOWN', 99],
    ['belongs to another topic', 'SCHEMA_ID_FOREIGN', 2],
  ])(
    'because it %s is a defined stop that states the place, the id and what to do, not a dead letter',
    async (_, code, id) => {
      const decoded = CODECS.event.decodeFetching(eventWithId(id), PLACE)
      await expect(decoded).rejects.toBeInstanceOf(DefinedStop)
      await expect(decoded).rejects.toMatchObject({ code })
      await expect(decoded).rejects.toThrow(
        new RegExp(
          `^payments\\.events\\[2\\] at offset 17: schema id ${id} .*payments\\.events-value.*` +
            'Nothing was skipped\\. Restore the registry.*schemas apply.*move the group processor past it',
        ),
      )
    },
  )

  test('is no stop while the registry is unavailable: the task waits', async () => {
    const codecs = codecsOf(() => {
      throw new Error('away')
    })
    await expect(codecs.event.decodeFetching(eventWithId(99), PLACE)).rejects.toThrow('away')
  })
})

describe('bytes that are not a value', () => {
  const broken = CODECS.event.encode(sampleEvent()).subarray(0, 20)

  test('are reported as such if the registry still maps their id to the same schema', async () => {
    await expect(CODECS.event.decodeFetching(broken, PLACE)).rejects.toBeInstanceOf(AvroDecodeError)
  })

  test('without the magic byte are reported without asking the registry', async () => {
    const codecs = codecsOf(() => {
      throw new Error('must not be asked')
    })
    await expect(codecs.event.decodeFetching(Buffer.from('{"a":1}'), PLACE)).rejects.toBeInstanceOf(AvroDecodeError)
  })

  test.each<[string, FoundSchema]>([
    ['is gone', { found: 'none' }],
    ['was reassigned to another schema', registered(2)],
  ])('are not reported as such if our own id %s while we ran', async (_, found) => {
    const codecs = codecsOf(() => found)
    await expect(codecs.event.decodeFetching(broken, PLACE)).rejects.toBeInstanceOf(DefinedStop)
    expect(() => codecs.event.encode(sampleEvent())).toThrow('schema id 1')
  })

  test('wait while the registry cannot say whether the bytes or their id are wrong', async () => {
    const codecs = codecsOf(() => {
      throw new Error('away')
    })
    await expect(codecs.event.decodeFetching(broken, PLACE)).rejects.toThrow('away')
  })
})
