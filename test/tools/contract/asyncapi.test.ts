import { readFileSync } from 'node:fs'
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser'
import { Parser } from '@asyncapi/parser'
import { describe, expect, test } from 'vitest'
import { readerType } from '../../../src/avro/avro-type.ts'
import { readSchemaFile } from '../../../src/avro/schema-files.ts'
import { loadConfig } from '../../../src/config.ts'
import { CHANGE_HEADERS } from '../../../src/processor/step-headers.ts'
import { asyncApiOf } from '../../../src/tools/contract/asyncapi.ts'
import { PUBLISHED_HEADERS } from '../../../src/tools/contract/published-headers.ts'
import { toYaml } from '../../../src/tools/contract/to-yaml.ts'
import { TOPICS } from '../../../src/topics.ts'

/** The contract that machines read: what it says is what the product does, and it holds no secret (I9). */

const ROOT = new URL('../../../', import.meta.url)
const config = loadConfig(undefined, {})
const document = asyncApiOf(config, 'paystatus')

/** As an installation in production would be configured. */
const secured: Parameters<typeof asyncApiOf>[0] = {
  kafka: {
    ...config.kafka,
    brokers: ['kafka-1.example:9093', 'kafka-2.example:9093'],
    topicPrefix: 'eu.',
    partitions: 24,
    replicationFactor: 3,
    tls: { certificateFile: '/secret/hunter1.pem', keyFile: '/secret/hunter2.pem' },
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'hunter3', password: () => 'hunter4' },
  },
  registry: { ...config.registry, url: 'https://hunter5:hunter6@registry.example/apis/ccompat/v7' },
}

/** Everything that the reference parser has to say, down to hints. */
async function findingsOf(text: string): Promise<readonly string[]> {
  const parser = new Parser()
  parser.registerSchemaParser(AvroSchemaParser())
  const { document: read, diagnostics } = await parser.parse(text)
  const findings = diagnostics.map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`)
  return read === undefined && findings.length === 0 ? ['not an AsyncAPI document'] : findings
}

test('schemas/asyncapi.yaml is what `paystatus asyncapi` prints without a configuration', () => {
  expect(readFileSync(new URL('schemas/asyncapi.yaml', ROOT), 'utf8')).toBe(`${toYaml(document)}\n`)
})

describe('the reference parser', () => {
  test('finds nothing in the committed document, and nothing in that of a secured subscriber', {
    timeout: 120_000,
  }, async () => {
    expect(await findingsOf(toYaml(document))).toEqual([])
    expect(await findingsOf(toYaml(asyncApiOf(secured, 'subscriber')))).toEqual([])
  })

  test('would find a field that AsyncAPI does not have', async () => {
    expect(await findingsOf(toYaml({ ...document, topics: {} }))).not.toEqual([])
  })
})

describe('the channels', () => {
  test('are the two topics that other teams read, with the settings of topics.ts', () => {
    expect(Object.keys(document.channels)).toEqual(['changes', 'current'])
    expect(document.channels.changes).toMatchObject({
      address: 'payments.status.changes',
      bindings: {
        kafka: {
          partitions: 6,
          replicas: 1,
          topicConfiguration: { 'cleanup.policy': ['delete'], 'retention.ms': 90 * 86_400_000 },
        },
      },
    })
    expect(document.channels.current.bindings.kafka.topicConfiguration).toEqual({
      'cleanup.policy': ['compact'],
      'delete.retention.ms': 7 * 86_400_000,
      'max.message.bytes': 2_097_152,
    })
  })

  test('have the names, partitions and replicas of the configuration', () => {
    const { channels } = asyncApiOf(secured, 'paystatus')
    expect(channels.current).toMatchObject({
      address: 'eu.payments.status.current',
      bindings: { kafka: { topic: 'eu.payments.status.current', partitions: 24, replicas: 3 } },
    })
  })
})

describe('the messages', () => {
  const { PaymentStatusChange, PaymentStatus, PaymentForgotten } = document.components.messages

  test('have the schemas of this release as payloads', () => {
    expect(PaymentStatusChange.payload.schema).toEqual(JSON.parse(readSchemaFile(TOPICS.changes.schema)))
    expect(PaymentStatus.payload.schema).toEqual(JSON.parse(readSchemaFile(TOPICS.current.schema)))
  })

  test.each([
    ['changes', PaymentStatusChange],
    ['current', PaymentStatus],
    ['forgotten', PaymentForgotten],
  ] as const)('list the headers of the header table: %s', (topic, message) => {
    const described = PUBLISHED_HEADERS[topic]
    const { properties, required = [] } = message.headers
    expect(Object.keys(properties)).toEqual(described.map(({ name }) => name))
    expect(required).toEqual(described.filter((header) => header.required).map(({ name }) => name))
  })

  test('leave out no header of `changes`', () => {
    const names: readonly string[] = PUBLISHED_HEADERS.changes.map(({ name }) => name)
    expect(Object.values(CHANGE_HEADERS).filter((name) => !names.includes(name))).toEqual([])
  })

  // The reference parser does not check the payloads of examples against Avro schemas.
  test('have examples that their schemas accept, and that are values of the product', () => {
    const change = readerType(readSchemaFile(TOPICS.changes.schema))
    expect(PaymentStatusChange.examples.map(({ name, payload }) => [name, change.isValid(payload)])).toEqual([
      ['firstEvent', true],
      ['overdue', true],
      ['outcome', true],
    ])
    const [example] = PaymentStatus.examples
    expect(readerType(readSchemaFile(TOPICS.current.schema)).isValid(example?.payload)).toBe(true)
    expect(example?.payload).toMatchObject({ statusVersion: 3, status: 'COMPLETED', events: [{}, {}] })
  })

  test('include the tombstone of a forgotten payment', () => {
    expect(PaymentForgotten).toMatchObject({ payload: { type: 'null' }, examples: [{ payload: null }] })
  })
})

describe('the operations', () => {
  test('send, for paystatus, and receive, for a subscriber, on the same channels', () => {
    const of = (side: 'paystatus' | 'subscriber') =>
      Object.entries(asyncApiOf(config, side).operations).map(([id, { action, channel }]) => [id, action, channel.$ref])
    expect(of('paystatus')).toEqual([
      ['publishChanges', 'send', '#/channels/changes'],
      ['publishCurrent', 'send', '#/channels/current'],
    ])
    expect(of('subscriber')).toEqual([
      ['readChanges', 'receive', '#/channels/changes'],
      ['readCurrent', 'receive', '#/channels/current'],
    ])
  })
})

describe('the servers', () => {
  test('are the brokers, with the registry and how clients log in, and without secrets (I9)', () => {
    const { servers, components } = asyncApiOf(secured, 'paystatus')
    expect(Object.values(servers).map(({ host, protocol, security }) => [host, protocol, security])).toEqual([
      ['kafka-1.example:9093', 'kafka-secure', refs('clientCertificate', 'sasl')],
      ['kafka-2.example:9093', 'kafka-secure', refs('clientCertificate', 'sasl')],
    ])
    expect(servers['kafka1']?.bindings.kafka.schemaRegistryUrl).toBe('https://registry.example/apis/ccompat/v7')
    expect(components.securitySchemes).toMatchObject({
      clientCertificate: { type: 'X509' },
      sasl: { type: 'scramSha512' },
    })
    expect(JSON.stringify(asyncApiOf(secured, 'paystatus'))).not.toContain('hunter')
  })

  test.each([
    [{ mechanism: 'SCRAM-SHA-256', username: 'hunter3', password: () => 'hunter4' }, { type: 'scramSha256' }],
    [{ mechanism: 'PLAIN', username: 'hunter3', password: () => 'hunter4' }, { type: 'plain' }],
    [
      { mechanism: 'OAUTHBEARER', token: { from: 'secret', token: () => 'hunter4' } },
      { type: 'http', scheme: 'bearer' },
    ],
    [
      {
        mechanism: 'OAUTHBEARER',
        token: {
          from: 'endpoint',
          url: 'https://hunter5:hunter6@login.example/token',
          clientId: 'hunter7',
          clientSecret: () => 'hunter8',
          scope: 'kafka',
        },
      },
      {
        type: 'oauth2',
        flows: {
          clientCredentials: {
            tokenUrl: 'https://login.example/token',
            availableScopes: { kafka: expect.any(String) },
          },
        },
      },
    ],
  ] as const)('describe the login %j', (sasl, scheme) => {
    const described = asyncApiOf({ ...secured, kafka: { ...secured.kafka, tls: undefined, sasl } }, 'paystatus')
    expect(described.components.securitySchemes?.['sasl']).toMatchObject(scheme)
    expect(JSON.stringify(described)).not.toContain('hunter')
  })
})

function refs(...names: readonly string[]) {
  return names.map((name) => ({ $ref: `#/components/securitySchemes/${name}` }))
}
