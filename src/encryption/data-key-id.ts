import { hash } from 'node:crypto'

/**
 * Names of data keys: `<scope>.<UUIDv7>`. The scope says what a key is for, so that `forget` finds all keys of a payment by
 * prefix. The UUIDv7 says when it was made, so that a reader knows where to start reading. It also keeps names distinct when
 * two gateways make a key for the same scope at the same time.
 */
export type DataKeyPer = 'payment' | 'source-and-day'

/** Half of a SHA-256: two payments never share it, and a note that outlives the payment does not reveal its key. */
export function paymentScope(paymentKey: string): string {
  return `p.${hash('sha256', paymentKey, 'hex').slice(0, 32)}`
}

/** @param at ms since the epoch; the day is in UTC */
export function dayScope(source: string, at: number): string {
  return `d.${source}.${new Date(at).toISOString().slice(0, 10)}`
}

export function dataKeyId(scope: string, uuidv7: string): string {
  return `${scope}.${uuidv7}`
}

/** Null if the id is not the name of a data key. */
export function partsOfDataKeyId(id: string): { readonly scope: string; readonly madeAt: number } | null {
  const found = ID.exec(id)
  if (found === null) {
    return null
  }
  const [, scope = '', uuid = ''] = found
  return { scope, madeAt: Number.parseInt(uuid.replace('-', '').slice(0, 12), 16) }
}

const ID =
  /^(p\.[0-9a-f]{32}|d\.[a-z0-9-]{1,63}\.\d{4}-\d{2}-\d{2})\.([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12})$/
