import type { PaymentState } from '../payment/apply-event.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import { CLOUD_EVENT_HEADERS, CLOUD_EVENTS_VERSION } from '../stream/cloud-event-headers.ts'
import type { OutRecord } from '../stream/record.ts'

/** Header names on both status topics, tombstones included: the version of a payment, to be compared without decoding. */
export const VERSION_HEADERS = {
  incarnation: 'paystatus_incarnation',
  statusVersion: 'paystatus_status_version',
} as const

/** Names of the headers on records of `payments.status.changes`. */
export const CHANGE_HEADERS = {
  ...CLOUD_EVENT_HEADERS,
  ...VERSION_HEADERS,
  /**
   * When the record was published again because the topic had lost it. It may follow later versions of its payment;
   * a consumer that skips records not greater than (`incarnation`, `statusVersion`) is not affected.
   */
  repaired: 'paystatus_repaired',
} as const

/** CloudEvents type of every record in `changes`: what a step meant is in the value, and verdicts may be added. */
const STEP_RECORDED = 'paystatus.payment.step'

/** Of values in Confluent's framing, too: CloudEvents has no name for it. */
export const AVRO_CONTENT_TYPE = 'application/avro'

/** A reference to where the steps of an installation come from. Together with the id it names one step. */
function stepSource(changesTopic: string): string {
  return `/paystatus/${changesTopic}`
}

type Versioned = Pick<PaymentState, 'incarnation' | 'statusVersion'>

/** The headers of a record in `current`. A tombstone has those of the version that it ends. */
export function versionHeaders({ incarnation, statusVersion }: Versioned): Record<string, string> {
  return {
    [VERSION_HEADERS.incarnation]: String(incarnation),
    [VERSION_HEADERS.statusVersion]: String(statusVersion),
  }
}

/**
 * The headers of records in `changes`: CloudEvents 1.0 in binary mode, and the version.
 *
 * Guarantee: the id depends only on payment, incarnation and version, so that a step keeps it however often it is published,
 * and no two steps share one.
 */
export class StepHeaders {
  readonly #source: Buffer
  #timeAt = Number.NaN
  #time = Buffer.alloc(0)

  constructor(changesTopic: string) {
    this.#source = Buffer.from(stepSource(changesTopic))
  }

  of(step: Pick<StatusChangeRecord, 'paymentKey' | 'incarnation' | 'statusVersion' | 'recordedAt'>) {
    const { paymentKey, recordedAt } = step
    const incarnation = String(step.incarnation)
    const statusVersion = String(step.statusVersion)
    return {
      [CHANGE_HEADERS.specVersion]: SPEC_VERSION,
      [CHANGE_HEADERS.id]: `${paymentKey}:${incarnation}:${statusVersion}`,
      [CHANGE_HEADERS.source]: this.#source,
      [CHANGE_HEADERS.type]: TYPE,
      [CHANGE_HEADERS.subject]: paymentKey,
      [CHANGE_HEADERS.time]: this.#timeOf(recordedAt),
      [CHANGE_HEADERS.contentType]: CONTENT_TYPE,
      [CHANGE_HEADERS.incarnation]: incarnation,
      [CHANGE_HEADERS.statusVersion]: statusVersion,
    } satisfies OutRecord['headers']
  }

  /** All steps of a portion have one time, and formatting it costs as much as the other headers together. */
  #timeOf(at: number): Buffer {
    if (at !== this.#timeAt) {
      this.#time = Buffer.from(new Date(at).toISOString())
      this.#timeAt = at
    }
    return this.#time
  }
}

// As bytes, because the producer copies bytes faster than it encodes texts.
const SPEC_VERSION = Buffer.from(CLOUD_EVENTS_VERSION)
const TYPE = Buffer.from(STEP_RECORDED)
const CONTENT_TYPE = Buffer.from(AVRO_CONTENT_TYPE)
