import type { Config } from '../config.ts'
import type { OpenedRecord, OpensBodies } from '../encryption/body-opener.ts'
import { createBodyOpener } from '../encryption/open-bodies.ts'
import type { Logger } from '../observability/log.ts'
import { compareTexts } from '../payment/compare-texts.ts'
import type { DriftKind } from '../providers/drift.ts'
import { fromRawRecord } from '../raw/from-raw-record.ts'
import { type SourcesById, sourcesById } from '../raw/sources-by-id.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import { withClients } from './with-clients.ts'

/** A name unknown to the mapping, and when callbacks contained it. Times are receipt times, ms since the epoch. */
export interface DriftRow {
  readonly provider: string
  readonly kind: DriftKind
  readonly name: string
  /** Callbacks that contained it. */
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
}

export interface DriftReport {
  /** Sorted by provider, kind and name. */
  readonly rows: readonly DriftRow[]
  readonly callbacks: number
  /** Callbacks that cannot be read because their source is unknown. */
  readonly unknownSource: number
  /** Callbacks whose body was forgotten or cannot be decrypted. */
  readonly unreadable: number
  /** True if some names are not listed. */
  readonly truncated: boolean
}

/** The maximum number of listed names (I10). */
const DRIFT_ROWS_MAX = 10_000

/**
 * Lists names in callbacks that the mapping does not know, as far back as the raw topic reaches.
 *
 * Nothing is stored: the callbacks are translated again with the current mapping, so names it has learned since are not listed.
 */
export async function findDrift(config: Config, logger: Logger, signal?: AbortSignal): Promise<DriftReport> {
  return withClients({ config, logger, tool: 'drift' }, [], async ({ topics, reader }) => {
    const bodies = createBodyOpener(config, topics, reader)
    return scanForDrift(reader, bodies, topics.raw, config.kafka.partitions, sourcesById(config.sources), signal)
  })
}

/** Reads every partition of the raw topic to its current end. */
export async function scanForDrift(
  reader: Pick<PartitionReader, 'read'>,
  bodies: OpensBodies,
  topic: string,
  partitions: number,
  sources: SourcesById,
  signal?: AbortSignal,
): Promise<DriftReport> {
  const scan = new DriftScan(sources)
  for (let partition = 0; partition < partitions; partition += 1) {
    await reader.read(topic, partition, 0n, async (records) => scan.read(await bodies.open(records, signal)), signal)
  }
  return scan.report()
}

class DriftScan {
  readonly #sources: SourcesById
  readonly #rows = new Map<string, { -readonly [Name in keyof DriftRow]: DriftRow[Name] }>()
  #callbacks = 0
  #unknownSource = 0
  #unreadable = 0
  #truncated = false

  constructor(sources: SourcesById) {
    this.#sources = sources
  }

  read(records: readonly OpenedRecord[]): void {
    for (const record of records) {
      this.#callbacks += 1
      if (typeof record === 'string') {
        this.#unreadable += 1
        continue
      }
      const raw = fromRawRecord(record, this.#sources)
      if (typeof raw === 'string') {
        this.#unknownSource += 1
        continue
      }
      const { callback, provider } = raw
      for (const { kind, name } of provider.translate(callback).drift) {
        this.#add(provider.id, kind, name, callback.receivedAt)
      }
    }
  }

  report(): DriftReport {
    const rows = [...this.#rows.values()].sort(
      (a, b) => compareTexts(a.provider, b.provider) || compareTexts(a.kind, b.kind) || compareTexts(a.name, b.name),
    )
    return {
      rows,
      callbacks: this.#callbacks,
      unknownSource: this.#unknownSource,
      unreadable: this.#unreadable,
      truncated: this.#truncated,
    }
  }

  #add(provider: string, kind: DriftKind, name: string, at: number): void {
    const key = `${provider} ${kind} ${name}`
    const row = this.#rows.get(key)
    if (row !== undefined) {
      row.count += 1
      // Partitions are read one after another, so callbacks are not in order of time.
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
  const { rows, callbacks, unknownSource, unreadable, truncated } = report
  const date = (ms: number) => new Date(ms).toISOString()
  return [
    ...rows.map(
      ({ provider, kind, name, count, firstAt, lastAt }) =>
        `${provider}  ${kind.padEnd(13)}  ${name}  ${count} times, ${date(firstAt)} to ${date(lastAt)}`,
    ),
    ...(truncated ? [`only the first ${DRIFT_ROWS_MAX} names are listed`] : []),
    ...(unknownSource > 0
      ? [`${unknownSource} callbacks were not read: neither they nor the configuration name their source`]
      : []),
    ...(unreadable > 0
      ? [`${unreadable} callbacks were not read: their bodies were forgotten or cannot be decrypted`]
      : []),
    `${rows.length} unknown names in ${callbacks} callbacks`,
  ]
}
