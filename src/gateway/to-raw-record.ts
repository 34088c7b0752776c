import { hash } from 'node:crypto'
import type { Callback, Provider } from '../providers/provider.ts'
import type { OutRecord } from '../stream/record.ts'

/** CloudEvents type of a record in the raw topic. */
const CALLBACK_RECEIVED = 'paystatus.callback.received'
/** How the caller was authenticated: kinds (gateway/access/requirement.ts), sorted, separated by commas. */
const AUTHENTICATION_HEADER = 'paystatus_authentication'

/** A record whose key is bytes, so that its partition is chosen from exactly what the broker gets. */
export interface RawRecord extends OutRecord {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * The record of a callback: the body byte for byte as the value, CloudEvents in binary mode (the Kafka binding) as
 * headers. Nothing of the body goes into a header (I9).
 *
 * The key is the first payment's, so that one payment's callbacks stay in one partition, or else the body's SHA-256, so
 * that at least its repeats do.
 */
export function toRawRecord(
  callback: Callback,
  provider: Pick<Provider, 'firstPaymentKey'>,
  authentication: string,
): RawRecord {
  const headers: Record<string, string> = {
    ce_specversion: '1.0',
    ce_id: callback.callbackId,
    ce_source: callback.source,
    ce_type: CALLBACK_RECEIVED,
    ce_time: new Date(callback.receivedAt).toISOString(),
    [AUTHENTICATION_HEADER]: authentication,
  }
  if (callback.contentType !== '') {
    headers['content-type'] = callback.contentType
  }
  return { key: keyOf(callback, provider), value: callback.body, headers }
}

/** A key counts towards the broker's record limit, and ids are short: a longer one is not an id. */
const KEY_BYTES_MAX = 512

function keyOf(callback: Callback, provider: Pick<Provider, 'firstPaymentKey'>): Buffer {
  let paymentKey: string | null
  try {
    paymentKey = provider.firstPaymentKey(callback)
  } catch {
    // A defect of the adapter must not refuse a callback, which its sender would repeat for ever. The normalizer meets
    // the same defect and reports it as a dead letter.
    paymentKey = null
  }
  const key = paymentKey === null || paymentKey === '' ? null : Buffer.from(paymentKey, 'utf8')
  return key === null || key.length > KEY_BYTES_MAX ? Buffer.from(hash('sha256', callback.body, 'hex'), 'ascii') : key
}
