import { expect } from 'vitest'
import type { Provider, Translation } from '../../../src/providers/provider.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { callbackOf } from '../callback-of.ts'
import { UNREAD } from './specified.ts'

export function provider(id: string): Provider {
  const found = providerById(id)
  if (found === undefined) {
    throw new Error(`no provider ${id}`)
  }
  return found
}

/** An arbitrary text as time, and a pair of documented words whose combination is not documented. */
const EXPECTED_DRIFT: ReadonlySet<string> = new Set(['time', 'status'])

/**
 * Checks what must hold for every body that a provider's schema allows, if ids and statuses are given:
 *
 * - I2 each element becomes exactly one event, in order, and no dead letter; a body without elements is set aside;
 * - I3 translating it again gives the same result;
 * - I9 no value of a field that is never read appears in the result, including drift names and messages;
 * - every field and every word of the provider's vocabulary is known, so no drift is noted;
 * - the gateway's key is that of the first event, so that the callbacks of a payment stay together. The key is found
 *   without parsing, so it can be that of another element if elements have ids of different kinds (v1):
 *   `keyIsThatOfTheFirst` is then false.
 */
export function expectContract(
  adapter: Provider,
  body: Buffer,
  contentType: string,
  elements: number,
  keyIsThatOfTheFirst = true,
): Translation['events'] {
  const callback = callbackOf(body, { contentType })
  const translation = adapter.translate(callback)
  const { events, deadLetters, setAside, drift } = translation
  expect(deadLetters).toEqual([])
  expect(drift.filter(({ kind }) => !EXPECTED_DRIFT.has(kind))).toEqual([])
  expect([events.map(({ element }) => element), setAside]).toEqual([
    Array.from({ length: elements }, (_, index) => index),
    elements === 0 ? 1 : 0,
  ])
  const text = JSON.stringify(translation)
  expect(JSON.stringify(adapter.translate(callback)) === text).toBe(true)
  expect(text.includes(UNREAD)).toBe(false)
  if (events[0] !== undefined) {
    const keys = keyIsThatOfTheFirst ? [events[0].paymentKey] : events.map(({ paymentKey }) => paymentKey)
    expect(keys).toContain(adapter.firstPaymentKey(callback))
  }
  return events
}

export function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
