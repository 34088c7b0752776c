import type { OpensBodies } from '../../../src/encryption/body-opener.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { sourcesById } from '../../../src/raw/sources-by-id.ts'
import { toRawRecord } from '../../../src/raw/to-raw-record.ts'
import { toDeadLetter } from '../../../src/stream/dead-letter.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { LetterFilter } from '../../../src/tools/dlq/letter-filter.ts'
import type { LetterPlace } from '../../../src/tools/dlq/letter-place.ts'
import { type OpenLetter, readOpenLetters } from '../../../src/tools/dlq/open-letters.ts'
import { type RedrivenLetter, type RedrivePorts, redriveLetters } from '../../../src/tools/dlq/redrive-letters.ts'
import { statesInTopic } from '../../../src/tools/states-in-topic.ts'
import { CODECS } from '../../processor/status-world.ts'
import { MemoryInstallation, PARTITIONS, TOPICS } from '../verify/memory-installation.ts'

const DECIDER = { by: 'operator', reason: 'mended' }
const SOURCE = 'jpm-global-payments-v1'

export function v1Body(elements: readonly object[]): string {
  return JSON.stringify({ callbacks: elements })
}

export const element = (id: string, paymentStatus = 'COMPLETED') => ({ firmRootId: id, paymentStatus })
export const keyOf = (id: string) => `${SOURCE}:${id}`

/** An installation in memory whose dead letters a test makes, decides and redrives. */
export class DeadLetterWorld {
  readonly installation = new MemoryInstallation()
  bodies: OpensBodies = { open: async (records) => records }
  /** Throws to make the tool die before this append. */
  onAppend: (topic: 'events' | 'resolvedDeadLetters') => void = () => {}
  #received = 0

  /** A callback that a release made a dead letter of, for a reason that the present release may not have. */
  callbackLetter(reason: string, body: string, of: { element?: number; headers?: boolean } = {}): LetterPlace {
    const { kafka, config } = this.installation
    const provider = providerById(SOURCE)
    if (provider === undefined) {
      throw new TypeError('no provider')
    }
    this.#received += 1
    this.installation.now += 1_000
    const callback = {
      callbackId: `letter-${this.#received}`,
      source: SOURCE,
      namespace: SOURCE,
      currency: null,
      receivedAt: this.installation.now,
      contentType: 'application/json',
      authenticity: [],
      body: Buffer.from(body),
    }
    const record = toRawRecord(callback, provider)
    const partition = partitionOf(record.key, PARTITIONS)
    const offset = kafka.produce(TOPICS.raw, partition, record)
    kafka.moveGroup(config.normalizer.group, TOPICS.raw, partition, offset + 1n)
    const stored = kafka.records(TOPICS.raw, partition).find((one) => one.offset === offset)
    if (stored === undefined) {
      throw new TypeError('not stored')
    }
    const letter = toDeadLetter(stored, {
      reason,
      message: 'as the other release said',
      stage: 'normalizer',
      topic: TOPICS.raw,
      partition,
      offset,
      element: of.element ?? null,
      at: this.installation.now,
    })
    return { topic: 'rawDeadLetters', partition, offset: kafka.produce(TOPICS.rawDeadLetters, partition, letter) }
  }

  /** Bytes in `payments.events`, of which the status processor then makes a dead letter, if it does. */
  event(key: string, value: Buffer): void {
    this.installation.kafka.produce(TOPICS.events, partitionOf(Buffer.from(key), PARTITIONS), { key, value })
  }

  /** A record that an older release could not decode, although it is an event. */
  eventLetter(event: PaymentEvent, reason = 'undecodable'): LetterPlace {
    const { kafka } = this.installation
    const key = Buffer.from(event.paymentKey)
    const partition = partitionOf(key, PARTITIONS)
    const record = { offset: 7n, key, value: CODECS.event.encode(event), headers: {}, timestamp: 5 }
    const letter = toDeadLetter(record, {
      reason,
      message: 'as the other release said',
      stage: 'processor',
      topic: TOPICS.events,
      partition,
      offset: 7n,
      element: null,
      at: this.installation.now,
    })
    return { topic: 'eventDeadLetters', partition, offset: kafka.produce(TOPICS.eventDeadLetters, partition, letter) }
  }

  async open(filter: LetterFilter = {}): Promise<readonly OpenLetter[]> {
    const all: OpenLetter[] = []
    const { reader, logs } = this.installation.kafka
    const ports = { reader, logs, codecs: CODECS, topics: TOPICS, partitions: PARTITIONS }
    await readOpenLetters(ports, filter, (letters) => {
      all.push(...letters)
    })
    return all
  }

  /** The reasons of the open dead letters, sorted. */
  async reasons(): Promise<readonly string[]> {
    return (await this.open()).map(({ reason }) => reason).toSorted()
  }

  async redrive({ apply = true, again = false, filter = {} } = {}): Promise<readonly RedrivenLetter[]> {
    return redriveLetters(this.ports, await this.open(filter), apply ? DECIDER : null, again)
  }

  get ports(): RedrivePorts {
    const { kafka, config, now } = this.installation
    return {
      codecs: CODECS,
      bodies: { open: (records, signal) => this.bodies.open(records, signal) },
      sources: sourcesById(config.sources),
      topics: TOPICS,
      partitions: PARTITIONS,
      group: config.processor.group,
      statesOf: (keys) =>
        statesInTopic({ reader: kafka.reader, codecs: CODECS, topics: TOPICS, partitions: PARTITIONS }, keys),
      append: async (topic, partition, records) => {
        this.onAppend(topic)
        for (const record of records) {
          kafka.produce(TOPICS[topic], partition, record)
        }
      },
      now: () => now,
    }
  }

  /** How many records of `changes` each payment has. */
  get steps(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { key } of this.#recordsOf(TOPICS.changes)) {
      counts[String(key)] = (counts[String(key)] ?? 0) + 1
    }
    return counts
  }

  records(topic: 'events' | 'resolvedDeadLetters' | 'eventDeadLetters') {
    return this.#recordsOf(TOPICS[topic])
  }

  #recordsOf(topic: string) {
    return Array.from({ length: PARTITIONS }, (_, partition) =>
      this.installation.kafka.records(topic, partition),
    ).flat()
  }
}
