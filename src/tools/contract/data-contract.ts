import { type Definition, type Field, isUnion, namedTypesOf, type Schema } from '../../avro/schema-definition.ts'
import { readSchemaFile } from '../../avro/schema-files.ts'
import type { Config } from '../../config.ts'
import { CHANGE_HEADERS } from '../../processor/step-headers.ts'
import { TOPICS, topicNames } from '../../topics.ts'
import { VERSION } from '../../version.ts'
import { COMPATIBILITY } from '../schemas.ts'
import type { PublishedTopic } from './asyncapi.ts'
import { DATA_CLASSES, type DataClass, FIELD_CLASSES } from './field-classes.ts'

/**
 * From a callback's due time to the moment when a read_committed consumer sees its step, as docs/benchmarks.md has it (the
 * broker started by the benchmark, the slower column); a test compares them.
 */
export const MEASURED_LATENCY = { callbacksPerSecond: 1_000, p50Ms: 64, p99Ms: 275, p999Ms: 392 } as const

/**
 * A data contract about the two published topics in the Open Data Contract Standard 3.1, derived from the topics, the schemas,
 * the classes of the fields and the configuration. Pure, apart from reading the schema files.
 */
export function dataContractOf(config: Pick<Config, 'environment' | 'kafka' | 'payments'>) {
  const names = topicNames(config.kafka.topicPrefix)
  return {
    apiVersion: 'v3.1.0',
    kind: 'DataContract',
    id: 'paystatus.payment-status',
    name: 'Payment status',
    version: VERSION,
    status: 'active',
    domain: 'payments',
    description: {
      purpose: 'The status of every payment, in one vocabulary, and every step that led to it.',
      usage:
        'docs/consumers.md has the rules for consumers; schemas/asyncapi.yaml describes topics, headers and examples.',
      limitations:
        'A status is what the provider reported; it is no proof that money moved. Before something irreversible, check the ' +
        'authenticity of the deciding event or ask the provider.',
    },
    servers: [
      {
        server: 'kafka',
        type: 'kafka',
        environment: config.environment,
        description: `Topics ${names.changes} and ${names.current}; read them with isolation level read_committed.`,
        host: config.kafka.brokers.join(','),
        format: 'avro',
      },
    ],
    schema: [
      {
        ...objectOf('changes', names.changes),
        dataGranularityDescription: 'One record for every step of a payment.',
        quality: [uniqueSteps(), noGaps()],
      },
      {
        ...objectOf('current', names.current),
        dataGranularityDescription:
          'The latest record of a key is the payment; a null value says that it was forgotten.',
      },
    ],
    slaProperties: serviceLevelsOf(config),
    customProperties: [
      {
        property: 'personalData',
        value: false,
        description:
          'Names, accounts, cards and free text stay in the raw callbacks, which are not part of this contract. The mappings ' +
          'copy only fields on an allow-list. Every field has a dataClass; the properties that begin with dataClass say why ' +
          'its values are no personal data.',
      },
      ...Object.entries(DATA_CLASSES).map(([name, { personalData }]) => ({
        property: `dataClass${name[0]?.toUpperCase()}${name.slice(1)}`,
        value: personalData,
      })),
      {
        property: 'compatibility',
        value: COMPATIBILITY,
        description: 'Of both subjects in the registry: every version reads what any other version wrote.',
      },
      {
        property: 'mayChange',
        value: MAY_CHANGE,
        description: 'In any release; the CHANGELOG says so.',
      },
      { property: 'neverChanges', value: NEVER_CHANGES, description: 'Such a change needs a new topic.' },
    ],
  }
}

const MAY_CHANGE = [
  'a field with a default is added or removed',
  'a symbol is added to an enum; readers that do not know it get the default of the enum',
  'a value is added to a list of strings, such as attention',
  'a description is improved',
]
const NEVER_CHANGES = [
  'a field is renamed, changes its type or its meaning',
  'a field without a default is added or removed',
  'a symbol that was ever written is removed',
  'the key of a record, its partition, the partition count',
]

function objectOf(topic: PublishedTopic, physicalName: string) {
  const schema = JSON.parse(readSchemaFile(TOPICS[topic].schema)) as Definition
  return {
    name: topic,
    physicalName,
    physicalType: 'topic',
    logicalType: 'object',
    description: schema.doc ?? '',
    properties: propertiesOf(schema, namedTypesOf(schema), KEYS[topic]),
  }
}

/** What identifies a record for a consumer, in order. The first is the key of the Kafka record, which selects the partition. */
const KEYS: Readonly<Record<PublishedTopic, readonly string[]>> = {
  changes: ['paymentKey', 'incarnation', 'statusVersion'],
  current: ['paymentKey'],
}

interface Property extends Shape {
  readonly name: string
  readonly description: string
  readonly required: boolean
  readonly classification: string
  readonly customProperties: readonly { readonly property: string; readonly value: unknown }[]
}

interface Shape {
  readonly logicalType: 'string' | 'integer' | 'boolean' | 'timestamp' | 'object' | 'array'
  readonly physicalType: string
  readonly properties?: readonly Property[]
  readonly items?: Shape
}

type Named = ReadonlyMap<string, Definition>

function propertiesOf(record: Definition, named: Named, keys: readonly string[] = []): readonly Property[] {
  return (record.fields ?? []).map((field) => {
    const dataClass = classOf(record, field)
    const position = keys.indexOf(field.name) + 1
    const type = withoutNull(field.type)
    const { symbols, default: otherwise } = definitionOf(type, named) ?? {}
    return {
      name: field.name,
      ...(position > 0 && { primaryKey: true, primaryKeyPosition: position }),
      ...(position === 1 && { partitioned: true, partitionKeyPosition: 1 }),
      ...shapeOf(type, named),
      required: type === field.type,
      description: field.doc ?? '',
      classification: DATA_CLASSES[dataClass].classification,
      customProperties: [
        { property: 'dataClass', value: dataClass },
        ...(symbols === undefined
          ? []
          : [
              { property: 'symbols', value: symbols },
              { property: 'unknownSymbolsAreReadAs', value: otherwise },
            ]),
      ],
    }
  })
}

function classOf({ name }: Definition, field: Field): DataClass {
  const found = FIELD_CLASSES[`${name}.${field.name}`] ?? FIELD_CLASSES[field.name]
  if (found === undefined) {
    throw new TypeError(
      `${name}.${field.name} has no class: add it to FIELD_CLASSES in src/tools/contract/field-classes.ts`,
    )
  }
  return found
}

/** The other branch of a union with null; our schemas have no other unions. */
function withoutNull(type: Schema): Schema {
  return isUnion(type) ? (type.find((branch) => branch !== 'null') ?? 'null') : type
}

function definitionOf(type: Schema, named: Named): Definition | undefined {
  return typeof type === 'string' ? named.get(type) : isUnion(type) ? undefined : type
}

function shapeOf(type: Schema, named: Named): Shape {
  const definition = definitionOf(type, named)
  if (definition === undefined) {
    const [logicalType] = Object.entries(PRIMITIVES).find(([, avro]) => avro.includes(String(type))) ?? ['string']
    return { logicalType: logicalType as keyof typeof PRIMITIVES, physicalType: String(type) }
  }
  switch (definition.type) {
    case 'record':
      return {
        logicalType: 'object',
        physicalType: `record ${definition.name}`,
        properties: propertiesOf(definition, named),
      }
    case 'array':
      return { logicalType: 'array', physicalType: 'array', items: shapeOf(definition.items ?? 'null', named) }
    case 'enum':
      return { logicalType: 'string', physicalType: `enum ${definition.name}` }
    default:
      return { logicalType: 'timestamp', physicalType: `${definition.type} (${definition.logicalType})` }
  }
}

const PRIMITIVES = { string: ['string'], integer: ['int', 'long'], boolean: ['boolean'] }

function uniqueSteps() {
  return {
    name: 'uniqueSteps',
    type: 'library',
    metric: 'duplicateValues',
    dimension: 'uniqueness',
    arguments: { properties: KEYS.changes },
    mustBe: 0,
    unit: 'rows',
    description:
      'For a read_committed reader every step has exactly one record. Only `paystatus repair` may publish one again; it has ' +
      `the header ${CHANGE_HEADERS.repaired}.`,
  }
}

function noGaps() {
  return {
    name: 'noGaps',
    type: 'text',
    dimension: 'completeness',
    description:
      'Within an incarnation of a payment, statusVersion is 1, 2, 3 …, without a gap, as long as its records are kept.',
  }
}

function serviceLevelsOf({ payments }: Pick<Config, 'payments'>) {
  const { callbacksPerSecond, p50Ms, p99Ms, p999Ms } = MEASURED_LATENCY
  const measured =
    `Measured, not guaranteed (docs/benchmarks.md): from a callback to its record in \`changes\` as a read_committed consumer sees it, at ` +
    `${callbacksPerSecond} callbacks per second on 2 cores that everything shared; half took at most ${p50Ms} ms, 99.9 % at most ` +
    `${p999Ms} ms. \`current\` is written in the same transaction. Alert on paystatus_status_seconds of your installation.`
  const { retentionDays } = TOPICS.changes.settings
  return [
    ...KEYED.map((element) => ({
      property: 'latency',
      value: p99Ms,
      unit: 'ms',
      element,
      driver: 'operational',
      description: `99 % of the steps. ${measured}`,
    })),
    {
      property: 'retention',
      value: retentionDays,
      unit: 'd',
      element: 'changes.recordedAt',
      driver: 'operational',
      description: 'A consumer that was away for longer takes payments from `current`.',
    },
    {
      property: 'retention',
      value: payments.retentionMs / DAY_MS,
      unit: 'd',
      element: 'current.touchedAt',
      driver: 'operational',
      description: 'A payment without activity for this long is forgotten: a tombstone follows.',
    },
    {
      property: 'tombstoneRetention',
      value: TOPICS.current.settings.deleteRetentionDays,
      unit: 'd',
      element: 'current.paymentKey',
      driver: 'operational',
      description: 'A consumer that was away for longer must bootstrap again, or it keeps forgotten payments.',
    },
  ]
}

const KEYED = ['changes.paymentKey', 'current.paymentKey']
const DAY_MS = 86_400_000
