import type { AvroCodec } from '../../avro/codec.ts'
import type { Config } from '../../config.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import type { Logger } from '../../observability/log.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { headerText } from '../../stream/header-text.ts'
import type { TimedPartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import { decodeOrNull } from '../verify/decode-or-null.ts'
import { withClients } from '../with-clients.ts'
import { type AnswerCounts, answerCountsIn } from './answer-counts.ts'
import { ScoreSheet, type SourceScore } from './score-sheet.ts'

export interface Scorecard {
  /** Ms since the epoch. */
  readonly since: number
  readonly until: number
  readonly scores: readonly SourceScore[]
  /** Null if no gateway was named. */
  readonly answers: AnswerCounts | null
}

/**
 * How each source behaved since a time, from the topics: by when records were written. Answer codes come from the metrics of
 * the gateways, since their start, because refused callbacks are in no topic. Rejects if a server or a gateway does not answer.
 *
 * @param gateways Addresses of their admin servers.
 */
export async function findScorecard(
  config: Config,
  logger: Logger,
  since: number,
  gateways: readonly string[],
  signal: AbortSignal,
): Promise<Scorecard> {
  const sheet = new ScoreSheet()
  const until = Date.now()
  await withClients({ config, logger, tool: 'scorecard' }, ['brokers', 'codecs'], async (clients) => {
    const { topics, reader, codecs } = clients
    const offsets = createGroupOffsets(clients.kafka)
    const read = (topic: string, partition: number, onRecord: (record: InRecord) => Promise<void> | void) =>
      readSince(reader, topic, partition, since, onRecord, signal)
    for (let partition = 0; partition < config.kafka.partitions; partition += 1) {
      await read(topics.raw, partition, (record) => sheet.callback(...sourceOf(record), bodyOf(record)))
      await read(topics.rawDeadLetters, partition, (record) => sheet.deadLetter(...sourceOf(record)))
      // What is not processed yet would look like a duplicate.
      const { offset: processed } = await offsets.committed(config.processor.group, topics.events, partition)
      await read(topics.events, partition, async (record) => {
        const event = record.offset < processed ? await decoded(codecs.event, topics.events, partition, record) : null
        if (event !== null) {
          sheet.event(event)
        }
      })
      await read(topics.changes, partition, async (record) => {
        const change = await decoded(codecs.change, topics.changes, partition, record)
        if (change !== null) {
          sheet.change(change)
        }
      })
    }
  })
  const answers = gateways.length === 0 ? null : answerCountsIn(await Promise.all(gateways.map(metricsOf)))
  return { since, until, scores: sheet.scores(), answers }
}

async function readSince(
  reader: TimedPartitionReader,
  topic: string,
  partition: number,
  since: number,
  onRecord: (record: InRecord) => Promise<void> | void,
  signal: AbortSignal,
): Promise<void> {
  const from = await reader.offsetAt(topic, partition, since)
  await reader.read(
    topic,
    partition,
    from,
    async (records) => {
      for (const record of records) {
        await onRecord(record)
      }
    },
    signal,
  )
}

function sourceOf(record: InRecord): [source: string, provider: string] {
  return [headerText(record, RAW_HEADERS.source), headerText(record, RAW_HEADERS.provider)]
}

function bodyOf(record: InRecord): Buffer | null {
  return headerText(record, RAW_HEADERS.encryption) === '' ? record.value : null
}

function decoded<T>(codec: AvroCodec<T>, topic: string, partition: number, { value, offset }: InRecord) {
  return decodeOrNull(codec, value, { topic, partition, offset })
}

async function metricsOf(url: string): Promise<string> {
  try {
    return await (await fetch(new URL('/metrics', url), { signal: AbortSignal.timeout(5_000) })).text()
  } catch (cause) {
    throw new Error(`${url} does not answer: name the admin address of a running gateway`, { cause })
  }
}
