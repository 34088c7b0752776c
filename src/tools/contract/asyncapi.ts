import type { PublishedState } from '../../avro/payment-codecs.ts'
import { readSchemaFile } from '../../avro/schema-files.ts'
import type { Config } from '../../config.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { AVRO_CONTENT_TYPE } from '../../processor/step-headers.ts'
import { TOPICS, topicNames, toTopicConfig } from '../../topics.ts'
import { VERSION } from '../../version.ts'
import { exampleRecords } from './example-records.ts'
import { PUBLISHED_HEADERS, type PublishedHeader } from './published-headers.ts'
import { securitySchemesOf, withoutCredentials } from './server-security.ts'

/** Whose operations the document describes: an AsyncAPI document has one application's side. */
export type Side = 'paystatus' | 'subscriber'

/** The topics that are the contract. All others may change with any release, so they are in no document. */
export type PublishedTopic = 'changes' | 'current'

/**
 * An AsyncAPI 3 document about the two topics that other teams read, derived from the configuration, the topics, the schemas
 * and the header table. It is self-contained and holds no secret. Pure, apart from reading the schema files.
 *
 * With `side` `subscriber` the operations are those of a subscriber, as generators of consumers expect them.
 */
export function asyncApiOf(config: Pick<Config, 'kafka' | 'registry'>, side: Side) {
  const schemes = securitySchemesOf(config.kafka)
  const { changes, current } = exampleRecords()
  return {
    asyncapi: ASYNCAPI_VERSION,
    info: {
      title: side === 'paystatus' ? 'paystatus' : 'Subscriber of paystatus',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      tags: [{ name: 'payments', description: 'Status of payments.' }],
    },
    defaultContentType: AVRO_CONTENT_TYPE,
    servers: serversOf(config, Object.keys(schemes)),
    channels: {
      changes: {
        ...channelOf(config, 'changes'),
        title: 'Steps of payments',
        description:
          'One record for every step of a payment, in order per key. Compare (incarnation, statusVersion), in that order, ' +
          'and skip what is not greater than what you have. A gap in statusVersion means that you missed records: take the ' +
          'payment from `current`.',
        messages: { PaymentStatusChange: { $ref: '#/components/messages/PaymentStatusChange' } },
      },
      current: {
        ...channelOf(config, 'current'),
        title: 'Current status of payments',
        description:
          'The latest record of a key is everything that is known about the payment, with its history. Read it from the ' +
          'beginning to know all payments.',
        messages: {
          PaymentStatus: { $ref: '#/components/messages/PaymentStatus' },
          PaymentForgotten: { $ref: '#/components/messages/PaymentForgotten' },
        },
      },
    },
    operations: Object.fromEntries((['changes', 'current'] as const).map((topic) => operationOf(topic, side))),
    components: {
      messages: {
        PaymentStatusChange: {
          ...messageOf('changes'),
          name: 'PaymentStatusChange',
          title: 'A step of a payment',
          summary: 'A new event of a payment, another reading of a known one, or that it is overdue.',
          examples: changes.map((payload) => ({
            name: EXAMPLE_NAMES[payload.rule] ?? payload.rule,
            summary: `Verdict ${payload.verdict}, rule ${payload.rule}.`,
            payload,
          })),
        },
        PaymentStatus: {
          ...messageOf('current'),
          name: 'PaymentStatus',
          title: 'The current status of a payment',
          summary: 'Replaces every earlier record of the same key.',
          examples: [
            { name: 'afterThreeSteps', summary: 'The payment after the steps in the example.', payload: current },
          ],
        },
        PaymentForgotten: {
          name: 'PaymentForgotten',
          title: 'A payment was forgotten',
          summary: 'A tombstone: the payment had no activity for the retention. Delete it or keep your copy.',
          contentType: AVRO_CONTENT_TYPE,
          headers: headersOf(PUBLISHED_HEADERS.forgotten),
          payload: { type: 'null' },
          bindings: { kafka: { key: KEY, bindingVersion: BINDING_VERSION } },
          examples: [{ name: 'tombstone', summary: 'No value.', payload: null }],
        },
      },
      ...(Object.keys(schemes).length > 0 && { securitySchemes: schemes }),
    },
  }
}

const ASYNCAPI_VERSION = '3.1.0'
const BINDING_VERSION = '0.5.0'

const DESCRIPTION = [
  'paystatus publishes the status of every payment, in one vocabulary. These two topics are the contract; docs/consumers.md ' +
    'has its rules. All other topics of an installation are internal: any release may change them, so they are left out.',
  "Read with isolation level read_committed. Values have Confluent's framing: byte 0, the schema id in 4 bytes (big endian), " +
    'the Avro body. The examples show unions as plain values. Every subject is FULL_TRANSITIVE: use the schema you were built ' +
    'with as reader schema, and expect the default of an enum for a symbol that you do not know.',
  'No field holds personal data: schemas/datacontract.yaml has the class of each.',
].join('\n\n')

/** Short names for the examples; the rule otherwise. */
const EXAMPLE_NAMES: Readonly<Record<string, string>> = {
  'first-event': 'firstEvent',
  overdue: 'overdue',
  'status-changed': 'outcome',
} satisfies Partial<Record<StatusChangeRecord['rule'], string>>

const KEY = {
  type: 'string',
  description:
    'The payment key as UTF-8 text: all records of a payment are in one partition, that of murmur2(key) modulo the partition ' +
    'count. Do not parse it: its form may change.',
  examples: [exampleRecords().current.paymentKey satisfies PublishedState['paymentKey']],
} as const

function serversOf({ kafka, registry }: Pick<Config, 'kafka' | 'registry'>, schemes: readonly string[]) {
  return Object.fromEntries(
    kafka.brokers.map((host, index) => [
      `kafka${index + 1}`,
      {
        host,
        protocol: kafka.tls === undefined ? 'kafka' : 'kafka-secure',
        description: `A broker to start from${kafka.tls === undefined ? '' : ', with TLS'}.`,
        // AsyncAPI reads this list as alternatives; the descriptions say that a connection needs all of them.
        ...(schemes.length > 0 && {
          security: schemes.map((name) => ({ $ref: `#/components/securitySchemes/${name}` })),
        }),
        bindings: {
          kafka: {
            schemaRegistryUrl: withoutCredentials(registry.url),
            schemaRegistryVendor: 'confluent',
            bindingVersion: BINDING_VERSION,
          },
        },
      },
    ]),
  )
}

function channelOf({ kafka }: Pick<Config, 'kafka'>, topic: PublishedTopic) {
  const settings = toTopicConfig(TOPICS[topic].settings)
  const numbers = ['retention.ms', 'delete.retention.ms', 'max.message.bytes'].flatMap((name) =>
    settings[name] === undefined ? [] : [[name, Number(settings[name])] as const],
  )
  const address = topicNames(kafka.topicPrefix)[topic]
  return {
    address,
    bindings: {
      kafka: {
        topic: address,
        partitions: kafka.partitions,
        replicas: kafka.replicationFactor,
        topicConfiguration: {
          'cleanup.policy': settings['cleanup.policy']?.split(','),
          ...Object.fromEntries(numbers),
        },
        bindingVersion: BINDING_VERSION,
      },
    },
  }
}

function messageOf(topic: PublishedTopic) {
  return {
    contentType: AVRO_CONTENT_TYPE,
    headers: headersOf(PUBLISHED_HEADERS[topic]),
    payload: {
      schemaFormat: 'application/vnd.apache.avro;version=1.9.0',
      schema: JSON.parse(readSchemaFile(TOPICS[topic].schema)) as object,
    },
    bindings: {
      kafka: {
        key: KEY,
        schemaIdLocation: 'payload',
        schemaIdPayloadEncoding: 'confluent',
        schemaLookupStrategy: 'TopicNameStrategy',
        bindingVersion: BINDING_VERSION,
      },
    },
  }
}

function headersOf(headers: readonly PublishedHeader[]) {
  return {
    type: 'object',
    properties: Object.fromEntries(
      headers.map(({ name, description, example }) => [name, { type: 'string', description, examples: [example] }]),
    ),
    ...(headers.some(({ required }) => required) && {
      required: headers.filter(({ required }) => required).map(({ name }) => name),
    }),
  }
}

interface Operation {
  readonly action: 'send' | 'receive'
  readonly channel: { readonly $ref: string }
  readonly title: string
  readonly summary: string
  readonly description: string
}

function operationOf(topic: PublishedTopic, side: Side): readonly [id: string, operation: Operation] {
  const name = topic === 'changes' ? 'Changes' : 'Current'
  const common = { channel: { $ref: `#/channels/${topic}` }, description: SUBSCRIBERS[topic] }
  return side === 'paystatus'
    ? [
        `publish${name}`,
        {
          action: 'send',
          title: `Publish ${topic}`,
          summary: 'The status processor writes both topics in one transaction per batch.',
          ...common,
        },
      ]
    : [
        `read${name}`,
        {
          action: 'receive',
          title: `Read ${topic}`,
          summary: 'Isolation level read_committed is required.',
          ...common,
        },
      ]
}

/** What a subscriber receives. */
const SUBSCRIBERS: Readonly<Record<PublishedTopic, string>> = {
  changes:
    'A read_committed subscriber receives every step exactly once, and again whatever it had not committed when it crashed.',
  current:
    'A read_committed subscriber receives the latest record of every payment, some or none of the versions in between, and a ' +
    'tombstone when a payment is forgotten.',
}
