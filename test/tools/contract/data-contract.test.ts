import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { type Definition, definitionsIn } from '../../../src/avro/schema-definition.ts'
import { readSchemaFile } from '../../../src/avro/schema-files.ts'
import { loadConfig } from '../../../src/config.ts'
import { dataContractOf, MEASURED_LATENCY } from '../../../src/tools/contract/data-contract.ts'
import { DATA_CLASSES, FIELD_CLASSES } from '../../../src/tools/contract/field-classes.ts'
import { toYaml } from '../../../src/tools/contract/to-yaml.ts'
import { TOPICS } from '../../../src/topics.ts'

/** The data contract says what the product does, and classifies every field (I9). datacontract-cli checks its form. */

const ROOT = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8')
const config = loadConfig(undefined, {})
const contract = dataContractOf(config)

interface Property {
  readonly name: string
  readonly properties?: readonly Property[]
  readonly items?: { readonly properties?: readonly Property[] }
}

/** Every field with its path, as the contract nests them. */
function pathsOf(properties: readonly Property[], prefix = ''): readonly string[] {
  return properties.flatMap(({ name, properties: own, items }) => [
    `${prefix}${name}`,
    ...pathsOf(own ?? items?.properties ?? [], `${prefix}${name}.`),
  ])
}

/** The same from the Avro schema, walked independently of the contract. */
function pathsOfAvro(schema: unknown, named: Map<string, Definition>, prefix = ''): readonly string[] {
  if (typeof schema === 'string') {
    const definition = named.get(schema)
    return definition === undefined ? [] : pathsOfAvro(definition, named, prefix)
  }
  if (Array.isArray(schema)) {
    return schema.flatMap((branch) => pathsOfAvro(branch, named, prefix))
  }
  const { fields = [], items } = schema as Definition
  return items === undefined
    ? fields.flatMap(({ name, type }) => [`${prefix}${name}`, ...pathsOfAvro(type, named, `${prefix}${name}.`)])
    : pathsOfAvro(items, named, prefix)
}

test('schemas/datacontract.yaml is what `paystatus datacontract` prints without a configuration', () => {
  expect(read('schemas/datacontract.yaml')).toBe(`${toYaml(contract)}\n`)
})

describe.each([
  [0, TOPICS.changes],
  [1, TOPICS.current],
] as const)('object %i', (index, topic) => {
  const object = contract.schema[index]
  const schema = JSON.parse(readSchemaFile(topic.schema)) as Definition
  const definitions = definitionsIn(schema)

  test(`has every field of ${topic.name}`, () => {
    const named = new Map(definitions.map((definition) => [definition.name ?? '', definition]))
    expect(object?.physicalName).toBe(topic.name)
    expect(pathsOf(object?.properties ?? [])).toEqual(pathsOfAvro(schema, named))
  })

  test('has a class for every field', () => {
    const fields = definitions.flatMap(({ name, fields: own }) =>
      (own ?? []).map((field) => [name, field.name] as const),
    )
    expect(fields.length).toBeGreaterThan(60)
    const unknown = fields.filter(([record, field]) => !(FIELD_CLASSES[`${record}.${field}`] ?? FIELD_CLASSES[field]))
    expect(unknown).toEqual([])
  })
})

test('classifies no field that does not exist', () => {
  const fields = [TOPICS.changes, TOPICS.current].flatMap(({ schema }) =>
    definitionsIn(JSON.parse(readSchemaFile(schema))).flatMap(({ name, fields: own }) =>
      (own ?? []).flatMap((field) => [field.name, `${name}.${field.name}`]),
    ),
  )
  expect(Object.keys(FIELD_CLASSES).filter((name) => !fields.includes(name))).toEqual([])
})

test('says of every class why its values are no personal data', () => {
  const said = new Map(contract.customProperties.map(({ property, value }) => [property, value]))
  expect(said.get('personalData')).toBe(false)
  expect(Object.values(DATA_CLASSES).filter(({ personalData }) => ![...said.values()].includes(personalData))).toEqual(
    [],
  )
})

test('has the keys that docs/consumers.md tells consumers to compare', () => {
  const keys = contract.schema.map(({ properties }) =>
    properties.flatMap((property) => ('primaryKey' in property ? [property.name] : [])),
  )
  expect(keys).toEqual([['paymentKey', 'incarnation', 'statusVersion'], ['paymentKey']])
})

test('promises the retention of the topics and of the configuration', () => {
  const of = (name: string) =>
    dataContractOf({ ...config, payments: { ...config.payments, retentionMs: 500 * 86_400_000 } })
      .slaProperties.filter(({ property }) => property === name)
      .map(({ element, value }) => [element, value])
  expect(of('retention')).toEqual([
    ['changes.recordedAt', TOPICS.changes.settings.retentionDays],
    ['current.touchedAt', 500],
  ])
  expect(of('tombstoneRetention')).toEqual([['current.paymentKey', TOPICS.current.settings.deleteRetentionDays]])
})

test('states the latency that docs/benchmarks.md reports as measured', () => {
  const row = /^\| at ([\d,]+) callbacks\/s: record in `changes`.*\| (\d+) \/ (\d+) \/ (\d+) ms \|$/m.exec(
    read('docs/benchmarks.md'),
  )
  const [perSecond, p50Ms, p99Ms, p999Ms] = (row ?? []).slice(1).map((text) => Number(text.replace(',', '')))
  expect(MEASURED_LATENCY).toEqual({ callbacksPerSecond: perSecond, p50Ms, p99Ms, p999Ms })
})

test('has the servers, topics and environment of the configuration', () => {
  const { servers, schema } = dataContractOf({
    ...config,
    environment: 'prod',
    kafka: { ...config.kafka, brokers: ['a:1', 'b:2'], topicPrefix: 'eu.' },
  })
  expect(servers).toMatchObject([{ host: 'a:1,b:2', environment: 'prod' }])
  expect(schema.map(({ physicalName }) => physicalName)).toEqual([
    'eu.payments.status.changes',
    'eu.payments.status.current',
  ])
})
