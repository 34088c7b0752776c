import { sleep } from '../sleep.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import type { TopicNames } from '../topics.ts'
import { BodyOpener, type BodyOpenerOptions } from './body-opener.ts'
import type { EncryptionConfig } from './encryption-config.ts'
import { ForgottenKeys } from './forgotten-keys.ts'
import { KeyEncryptionKeys } from './key-encryption-keys.ts'

/** The body opener of one installation. Needed even without `encryption`, to report encrypted bodies. */
export function createBodyOpener(
  config: { readonly encryption: EncryptionConfig | null; readonly kafka: { readonly partitions: number } },
  topics: TopicNames,
  reader: TimedPartitionReader,
  onWaiting: NonNullable<BodyOpenerOptions['onWaiting']> = () => {},
): BodyOpener {
  const now = () => performance.now()
  return new BodyOpener({
    keks: new KeyEncryptionKeys(config.encryption?.keys ?? new Map(), config.encryption?.activeKey ?? null),
    reader,
    keysTopic: topics.keys,
    partitions: config.kafka.partitions,
    notes: new ForgottenKeys(reader, topics.forgottenKeys, now),
    rawTopic: topics.raw,
    now,
    sleep,
    onWaiting,
  })
}
