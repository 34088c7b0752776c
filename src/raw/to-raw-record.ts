import { hash } from 'node:crypto'
import type { Callback, Provider } from '../providers/provider.ts'
import type { OutRecord } from '../stream/record.ts'
import { toContentTypeHeader } from './media-type.ts'
import { RAW_HEADERS } from './raw-headers.ts'

/** CloudEvents type of a record in the raw topic. */
const CALLBACK_RECEIVED = 'paystatus.callback.received'

/** A record whose key is bytes, so that its partition is chosen from exactly what the broker gets. */
export interface RawRecord extends OutRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * The record of a callback: the body byte for byte as the value, CloudEvents in binary mode (the Kafka binding) as
 * headers. Nothing of the body goes into a header (I9).
 *
 * The record explains itself: the headers have what the translation needs to know of the source, from our configuration
 * and never from the caller. So the normalizer can read a source that its own configuration does not have yet.
 *
 * The key is the first payment's, so that one payment's callbacks stay in one partition, or else the body's SHA-256, so
 * that at least its repeats do.
 */
export function toRawRecord(
  callback: Callback,
  provider: Pick<Provider, 'id' | 'firstPaymentKey'>,
  digestOf: BodyDigest = sha256Hex,
): RawRecord {
  const headers: Record<string, string> = {
    [RAW_HEADERS.specVersion]: '1.0',
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
  return { key: keyOf(callback, provider, digestOf), value: callback.body, headers }
}

/** Equal for equal bodies; hex digits, without the colon that a payment key has. */
export type BodyDigest = (body: Buffer) => string

/** A key counts towards the broker's record limit, and ids are short: a longer one is not an id. */
const KEY_BYTES_MAX = 512

function keyOf(callback: Callback, provider: Pick<Provider, 'firstPaymentKey'>, digestOf: BodyDigest): Buffer {
  let paymentKey: string | null
  try {
    paymentKey = provider.firstPaymentKey(callback)
  } catch {
    // A defect of the adapter must not refuse a callback, which its sender would repeat for ever. The normalizer meets
    // the same defect and reports it as a dead letter.
    paymentKey = null
  }
  const key = paymentKey === null || paymentKey === '' ? null : Buffer.from(paymentKey, 'utf8')
  return key === null || key.length > KEY_BYTES_MAX ? Buffer.from(digestOf(callback.body), 'ascii') : key
}

function sha256Hex(body: Buffer): string {
  return hash('sha256', body, 'hex')
}
