import { hash } from 'node:crypto'
import type { Callback, Provider } from '../providers/provider.ts'
import { CLOUD_EVENTS_VERSION } from '../stream/cloud-event-headers.ts'
import type { OutRecord } from '../stream/record.ts'
import { toContentTypeHeader } from './media-type.ts'
import { RAW_HEADERS } from './raw-headers.ts'

/** CloudEvents type of a record in the raw topic. */
const CALLBACK_RECEIVED = 'paystatus.callback.received'

/** A record whose key is bytes, so that its partition is derived from exactly what the broker receives. */
export interface RawRecord extends OutRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * The record of a callback: the body byte for byte as the value, CloudEvents in binary mode (the Kafka binding) as
 * headers. No header contains data from the body (I9).
 *
 * The record is self-describing: its headers hold the source settings that translation needs, taken from our configuration
 * and never from the caller. So the normalizer can read callbacks of a source that is not yet in its own configuration.
 *
 * The key is that of the first payment in the body, so that callbacks of one payment stay in one partition; without one it
 * is a digest of the body, so that at least identical bodies do.
 *
 * @param traceparent The trace context of the callback's span; null if it has none.
 */
export function toRawRecord(
  callback: Callback,
  provider: Pick<Provider, 'id' | 'firstPaymentKey'>,
  digestOf: BodyDigest = sha256Hex,
  traceparent: string | null = null,
): RawRecord {
  const headers: Record<string, string> = {
    [RAW_HEADERS.specVersion]: CLOUD_EVENTS_VERSION,
    [RAW_HEADERS.id]: callback.callbackId,
    [RAW_HEADERS.source]: callback.source,
    [RAW_HEADERS.type]: CALLBACK_RECEIVED,
    [RAW_HEADERS.time]: new Date(callback.receivedAt).toISOString(),
    [RAW_HEADERS.provider]: provider.id,
    [RAW_HEADERS.namespace]: callback.namespace,
  }
  if (callback.currency !== null) {
    headers[RAW_HEADERS.currency] = callback.currency
  }
  if (callback.jsonDepthMax !== undefined) {
    headers[RAW_HEADERS.jsonDepthMax] = String(callback.jsonDepthMax)
  }
  const contentType = toContentTypeHeader(callback.contentType)
  if (contentType !== '') {
    headers[RAW_HEADERS.contentType] = contentType
  }
  if (callback.authenticity.length > 0) {
    headers[RAW_HEADERS.authentication] = callback.authenticity.join(',')
  }
  if (traceparent !== null) {
    headers[RAW_HEADERS.traceparent] = traceparent
  }
  return { key: keyOf(callback, provider, digestOf), value: callback.body, headers }
}

/** Equal for equal bodies. Hex digits, so it never looks like a payment key, which contains a colon. */
export type BodyDigest = (body: Buffer) => string

/** A key counts towards the broker's record limit. Ids are short, so anything longer is not an id. */
const KEY_BYTES_MAX = 512

function keyOf(callback: Callback, provider: Pick<Provider, 'firstPaymentKey'>, digestOf: BodyDigest): Buffer {
  let paymentKey: string | null
  try {
    paymentKey = provider.firstPaymentKey(callback)
  } catch {
    // A defect in the adapter must not reject a callback, which its sender would repeat forever. The normalizer hits the
    // same defect and writes a dead letter.
    paymentKey = null
  }
  const key = paymentKey === null || paymentKey === '' ? null : Buffer.from(paymentKey, 'utf8')
  return key === null || key.length > KEY_BYTES_MAX ? Buffer.from(digestOf(callback.body), 'ascii') : key
}

function sha256Hex(body: Buffer): string {
  return hash('sha256', body, 'hex')
}
