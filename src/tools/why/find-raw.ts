import { hash } from 'node:crypto'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { receivedAtOf } from '../../raw/received-at.ts'
import { headerText } from '../../stream/header-text.ts'
import type { TimedPartitionReader } from '../../stream/partition-reader.ts'
import { firstRecord } from '../../stream/read-until.ts'
import type { InRecord } from '../../stream/record.ts'
import { traceIdOf } from '../../stream/traceparent.ts'
import type { TopicNames } from '../../topics.ts'
import { type OpenedIfPossible, openIfPossible } from '../open-if-possible.ts'
import type { PaymentTrace, RawPlace } from './explain-payment.ts'

export interface RawPorts {
  readonly reader: TimedPartitionReader
  readonly bodies: OpensBodies
  readonly topics: Pick<TopicNames, 'raw'>
  readonly signal: AbortSignal | undefined
}

/** A callback can stand in raw this much before an older one, ms: gateways append side by side, and their clocks differ. */
const DISORDER_MS = 3_600_000

/**
 * Finds callbacks in raw. Reads partitions in the given order, from the time of the oldest callback that can be there: always the
 * `homes`, the others only while callbacks are missing. A callback that is older than a partition is not looked for in it.
 *
 * @param callbacks When each was received, by its id, ms since the epoch.
 * @param onReading Called before a partition is read.
 */
export async function findRaw(
  { reader, bodies, topics, signal }: RawPorts,
  callbacks: ReadonlyMap<string, number>,
  partitions: readonly number[],
  homes: ReadonlySet<number>,
  onReading?: (topic: string, partition: number) => void,
): Promise<Pick<PaymentTrace, 'raw' | 'rawReachesBackTo'>> {
  const raw = new Map<string, RawPlace>()
  let rawReachesBackTo: number | null = null
  for (const partition of partitions) {
    const isHome = homes.has(partition)
    if (raw.size === callbacks.size && !isHome) {
      break
    }
    const { start } = await reader.range(topics.raw, partition)
    const first = await firstRecord(reader, topics.raw, partition, start, signal)
    const firstAt = first && receivedAtOf(first)
    if (start > 0n) {
      rawReachesBackTo = Math.max(rawReachesBackTo ?? 0, firstAt ?? Date.now())
    }
    const times = [...callbacks].flatMap(([id, at]) => (isHome || !raw.has(id) ? [at] : []))
    const possible = times.filter((at) => firstAt !== null && at >= firstAt - DISORDER_MS)
    if (possible.length === 0) {
      continue
    }
    onReading?.(topics.raw, partition)
    await reader.read(
      topics.raw,
      partition,
      await reader.offsetAt(topics.raw, partition, Math.min(...possible) - DISORDER_MS),
      async (records) => {
        const wanted = records.filter((record) => callbacks.has(headerText(record, RAW_HEADERS.id)))
        const opened = await openIfPossible(bodies, wanted, signal)
        for (const [index, record] of wanted.entries()) {
          const id = headerText(record, RAW_HEADERS.id)
          raw.set(id, placeOf(record, opened[index] ?? 'no-key', topics.raw, partition, raw.get(id)))
        }
      },
      signal,
    )
  }
  return { raw, rawReachesBackTo }
}

function placeOf(
  record: InRecord,
  opened: OpenedIfPossible,
  topic: string,
  partition: number,
  before: RawPlace | undefined,
): RawPlace {
  const offset = Number(record.offset)
  if (before !== undefined) {
    return { ...before, repeatedAt: [...before.repeatedAt, offset] }
  }
  const body = typeof opened === 'string' ? null : (opened.value ?? Buffer.alloc(0))
  return {
    topic,
    partition,
    offset,
    body: typeof opened === 'string' ? opened : 'readable',
    bodySha256: body === null ? null : hash('sha256', body, 'hex'),
    bodyBytes: body?.length ?? null,
    dataKeyId: headerText(record, RAW_HEADERS.dataKey) || null,
    traceId: traceIdOf(record),
    repeatedAt: [],
  }
}
