import { schemaIdRemedy } from '../avro/errors.ts'
import { readTopicSchemas } from '../avro/schema-files.ts'
import { schemaIdProblem } from '../avro/schema-id-problem.ts'
import { createSchemaRegistry, type SchemaRegistry } from '../avro/schema-registry.ts'
import type { Config } from '../config.ts'
import { kafkaErrorType } from '../kafka/errors.ts'
import type { Logger } from '../observability/log.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import { readUntil } from '../stream/read-until.ts'
import { topicNames } from '../topics.ts'
import { withClients } from './with-clients.ts'

export interface RecordSchemaFinding {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly schemaId: number
  /** For people, with the remedy. */
  readonly message: string
}

export interface RecordSchemas {
  readonly findings: readonly RecordSchemaFinding[]
  /** True if the registry cannot list the subjects of an id, so that only record names were compared. */
  readonly namesOnly: boolean
}

/**
 * Looks up the schema ids of the oldest and newest record of every partition. Comparing the registry with this release's
 * schemas is not enough: a registry that was lost and refilled has all schemas, under different ids.
 */
export async function checkRecordSchemas(config: Config, logger: Logger): Promise<RecordSchemas> {
  return withClients({ config, logger, tool: 'schemas' }, [], ({ reader }) =>
    recordSchemas(reader, createSchemaRegistry(config.registry), config),
  )
}

async function recordSchemas(
  reader: PartitionReader,
  registry: Pick<SchemaRegistry, 'schemaById'>,
  { kafka }: Config,
): Promise<RecordSchemas> {
  const findings: RecordSchemaFinding[] = []
  const names = topicNames(kafka.topicPrefix)
  const lookedUp = new Map<number, ReturnType<SchemaRegistry['schemaById']>>()
  let namesOnly = false
  for (const { topic: id, subject, schema } of readTopicSchemas(names)) {
    const topic = names[id]
    const told = new Set<number>()
    for (let partition = 0; partition < kafka.partitions; partition += 1) {
      for (const { offset, schemaId } of await schemaIdsOf(reader, topic, partition)) {
        const found = await (lookedUp.get(schemaId) ?? registry.schemaById(schemaId))
        lookedUp.set(schemaId, Promise.resolve(found))
        namesOnly ||= found.found === 'avro' && found.subjects === null
        const problem = schemaIdProblem(found, { schemaId, subject, schema })
        if (problem !== undefined && !told.has(schemaId)) {
          // Reported once: the partitions of a topic usually hold the same ids.
          told.add(schemaId)
          const message = `${topic}[${partition}] at offset ${offset}: ${problem.message}. ${schemaIdRemedy(problem.problem)}`
          findings.push({ topic, partition, offset: String(offset), schemaId, message })
        }
      }
    }
  }
  return { findings, namesOnly }
}

interface CarriedId {
  readonly offset: bigint
  readonly schemaId: number
}

/** Schema ids of the oldest and newest values in the registry's format; none for an empty or missing topic. */
async function schemaIdsOf(reader: PartitionReader, topic: string, partition: number): Promise<readonly CarriedId[]> {
  try {
    const { start, end } = await reader.range(topic, partition)
    const oldest = await firstId(reader, topic, partition, start)
    return oldest === undefined ? [] : [oldest, await lastId(reader, topic, partition, oldest, end)]
  } catch (error) {
    if (kafkaErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') {
      // `paystatus topics check` reports it.
      return []
    }
    throw error
  }
}

async function firstId(
  reader: PartitionReader,
  topic: string,
  partition: number,
  start: bigint,
): Promise<CarriedId | undefined> {
  let first: CarriedId | undefined
  await readUntil(reader, topic, partition, start, (records) => {
    for (const { offset, value } of records) {
      first ??= carriedId(offset, value)
    }
    return first !== undefined
  })
  return first
}

/** Looks back in growing steps: the last offsets can hold control records, tombstones or nothing. */
async function lastId(
  reader: PartitionReader,
  topic: string,
  partition: number,
  oldest: CarriedId,
  end: bigint,
): Promise<CarriedId> {
  for (let back = LOOK_BACK_START; ; back *= LOOK_BACK_FACTOR) {
    let from = end - back
    if (from < oldest.offset) {
      from = oldest.offset
    }
    let last: CarriedId | undefined
    await reader.read(topic, partition, from, (records) => {
      for (const { offset, value } of records) {
        last = carriedId(offset, value) ?? last
      }
    })
    if (last !== undefined || from === oldest.offset) {
      return last ?? oldest
    }
  }
}

const LOOK_BACK_START = 100n
const LOOK_BACK_FACTOR = 10n

function carriedId(offset: bigint, value: Buffer | null): CarriedId | undefined {
  return value === null || value.length < 5 || value[0] !== 0 ? undefined : { offset, schemaId: value.readUInt32BE(1) }
}
