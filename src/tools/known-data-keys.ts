import { partsOfDataKeyId } from '../encryption/data-key-id.ts'
import { keyPartition } from '../encryption/data-keys.ts'
import { type KeyNote, NOTES_PARTITION } from '../encryption/forgotten-keys.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import type { TopicNames } from '../topics.ts'

export interface DataKeyPorts {
  readonly reader: Pick<PartitionReader, 'read'>
  readonly topics: Pick<TopicNames, 'keys' | 'forgottenKeys'>
  readonly partitions: number
}

/** What the two topics say about a data key. */
export interface KnownDataKey {
  /** Whether `payments.keys` has the key; false after its tombstone. */
  readonly isHeld: boolean
  /** The last note about it. */
  readonly note: KeyNote | null
}

/** Every data key of these scopes that exists or existed, by id, as far back as the topics reach. */
export async function knownDataKeys(
  { reader, topics, partitions }: DataKeyPorts,
  scopes: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, KnownDataKey>> {
  const known = new Map<string, KnownDataKey>()
  const eachOf = (records: readonly InRecord[], note: (id: string, value: Buffer | null) => Partial<KnownDataKey>) => {
    for (const { key, value } of records) {
      const id = String(key)
      if (scopes.has(partsOfDataKeyId(id)?.scope ?? '')) {
        known.set(id, { isHeld: false, note: null, ...known.get(id), ...note(id, value) })
      }
    }
  }
  for (const partition of new Set([...scopes].map((scope) => keyPartition(scope, partitions)))) {
    const onKeys = (records: readonly InRecord[]) => eachOf(records, (_, value) => ({ isHeld: value !== null }))
    await reader.read(topics.keys, partition, 0n, onKeys, signal)
  }
  const onNotes = (records: readonly InRecord[]) =>
    eachOf(records, (id, value) => {
      const isFinal = String(value) === 'forgotten' || known.get(id)?.note === 'forgotten'
      return { note: isFinal ? 'forgotten' : 'retired' }
    })
  await reader.read(topics.forgottenKeys, NOTES_PARTITION, 0n, onNotes, signal)
  return known
}

/** Whether nothing is left to do: an interrupted `forget` leaves the key, or no note that it is forgotten. */
export function isForgotten({ isHeld, note }: KnownDataKey): boolean {
  return !isHeld && note === 'forgotten'
}
