import { createCodec } from '../../avro/codec.ts'
import { type PaymentCodecs, toPublishedState } from '../../avro/payment-codecs.ts'
import { readSchemaFile, subjectOf } from '../../avro/schema-files.ts'
import type { SchemaRegistry } from '../../avro/schema-registry.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { TOPICS, type TopicNames } from '../../topics.ts'
import { NEWER, newerSchema } from './newer-schema.ts'

/**
 * Registers what a newer release might register, under the subjects of these topics, and returns codecs that write it: every
 * status is one that this release does not know. For writing only. Rejects as SchemaRegistry does.
 */
export async function newerCodecs(
  registry: Pick<SchemaRegistry, 'register' | 'schemaById'>,
  topics: TopicNames,
  codecs: PaymentCodecs,
  now: () => number,
): Promise<PaymentCodecs> {
  const codecOf = async <T>(name: string, topic: 'changes' | 'current', toAvro: (value: T) => object) => {
    const schema = newerSchema(readSchemaFile(TOPICS[topic].schema))
    const subject = subjectOf(topics[topic])
    return createCodec<T, object>({
      name,
      schema,
      subject,
      schemaId: await registry.register(subject, schema),
      fetchSchema: (schemaId) => registry.schemaById(schemaId),
      now,
      toAvro: (value) => ({ ...toAvro(value), finality: NEWER.finality, [NEWER.field]: 'added' }),
      fromAvro: () => {
        throw new TypeError('values of a newer release are only written')
      },
    })
  }
  return {
    event: codecs.event,
    change: await codecOf<StatusChangeRecord>('PaymentStatusChange', 'changes', (change) => ({
      ...change,
      statusAfter: NEWER.status,
    })),
    state: await codecOf<PaymentState>('PaymentStatus', 'current', (state) => ({
      ...toPublishedState(state),
      status: NEWER.status,
    })),
  }
}
