import type { Config } from '../config.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { type SourcesById, sourcesById } from '../normalizer/sources.ts'
import { headerText, RAW_HEADERS, toCallback } from '../normalizer/to-callback.ts'
import type { Logger } from '../observability/log.ts'
import type { DriftKind } from '../providers/drift.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import { topicNames } from '../topics.ts'

/** A name that the mapping does not know, and when callbacks had it. Times are those of receipt, ms since the epoch. */
export interface DriftRow {
  readonly provider: string
  readonly kind: DriftKind
  readonly name: string
  /** Callbacks that had it. */
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
}

export interface DriftReport {
  /** By provider, kind and name. */
  readonly rows: readonly DriftRow[]
  readonly callbacks: number
  /** Callbacks of a source that the configuration no longer has: they cannot be read. */
  readonly unknownSource: number
  /** True if there were more names than are listed. */
  readonly truncated: boolean
}

/** The most names that are listed (I10). */
const DRIFT_ROWS_MAX = 10_000

/**
 * Lists what callbacks hold that the mapping does not know, as far back as the raw topic reaches.
 *
 * Nothing of it is stored: the callbacks are read again with the mapping of today, so what was added since is gone from
 * the list.
 */
export async function findDrift(config: Config, logger: Logger, signal?: AbortSignal): Promise<DriftReport> {
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-drift', logger, retries: 5 })
  const { raw } = topicNames(config.kafka.topicPrefix)
  return scanForDrift(createPartitionReader(kafka), raw, config.kafka.partitions, sourcesById(config.sources), signal)
}

/** Reads every partition of the raw topic to its end as it is now. */
export async function scanForDrift(
  reader: Pick<PartitionReader, 'read'>,
  topic: string,
  partitions: number,
  sources: SourcesById,
  signal?: AbortSignal,
): Promise<DriftReport> {
  const scan = new DriftScan(sources)
  for (let partition = 0; partition < partitions; partition += 1) {
    await reader.read(topic, partition, 0n, (records) => scan.read(records), signal)
  }
  return scan.report()
}

class DriftScan {
  readonly #sources: SourcesById
  readonly #rows = new Map<string, { -readonly [Name in keyof DriftRow]: DriftRow[Name] }>()
  #callbacks = 0
  #unknownSource = 0
  #truncated = false

  constructor(sources: SourcesById) {
    this.#sources = sources
  }

  read(records: readonly InRecord[]): void {
    for (const record of records) {
      this.#callbacks += 1
      const source = this.#sources.get(headerText(record, RAW_HEADERS.source))
      if (source === undefined) {
        this.#unknownSource += 1
        continue
      }
      const callback = toCallback(record, source.facts)
      for (const { kind, name } of source.provider.translate(callback).drift) {
        this.#add(source.provider.id, kind, name, callback.receivedAt)
      }
    }
  }

  report(): DriftReport {
    const rows = [...this.#rows.values()].sort(
      (a, b) => compare(a.provider, b.provider) || compare(a.kind, b.kind) || compare(a.name, b.name),
    )
    return { rows, callbacks: this.#callbacks, unknownSource: this.#unknownSource, truncated: this.#truncated }
  }

  #add(provider: string, kind: DriftKind, name: string, at: number): void {
    const key = `${provider} ${kind} ${name}`
    const row = this.#rows.get(key)
    if (row !== undefined) {
      row.count += 1
      // Partitions are read one after the other, so the callbacks do not come in the order of time.
      row.firstAt = Math.min(row.firstAt, at)
      row.lastAt = Math.max(row.lastAt, at)
    } else if (this.#rows.size < DRIFT_ROWS_MAX) {
      this.#rows.set(key, { provider, kind, name, count: 1, firstAt: at, lastAt: at })
    } else {
      this.#truncated = true
    }
  }
}

/** The report as lines for a person. */
export function driftLines(report: DriftReport): readonly string[] {
  const { rows, callbacks, unknownSource, truncated } = report
  const date = (ms: number) => new Date(ms).toISOString()
  return [
    ...rows.map(
      ({ provider, kind, name, count, firstAt, lastAt }) =>
        `${provider}  ${kind.padEnd(13)}  ${name}  ${count} times, ${date(firstAt)} to ${date(lastAt)}`,
    ),
    ...(truncated ? [`only the first ${DRIFT_ROWS_MAX} names are listed`] : []),
    ...(unknownSource > 0 ? [`${unknownSource} callbacks of sources that are not configured were not read`] : []),
    `${rows.length} unknown names in ${callbacks} callbacks`,
  ]
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
