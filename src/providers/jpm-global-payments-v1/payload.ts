import type { KnownNames } from '../drift.ts'
import { isJsonObject } from '../json-object.ts'
import type { OwnNames } from '../own-names.ts'

/**
 * The list of payments in a Global Payments v1 callback (OAS 1.1.11, 1.1.33 and 1.2.3), where no property is required:
 *
 * ```
 * { "callbacks": [ {                        0 to 100 payments
 *     "endToEndId":              the customer's reference, not unique
 *     "firmRootId":              J.P. Morgan's id, usually but not always a UUID
 *     "clearingSystemReference": optional
 *     "createDateTime":          with or without a zone
 *     "paymentStatus":           see status-map.ts
 *     "exceptions":              [ { errorCode, errorDescription, externalDescription, ruleDefinition, externalCode } ]
 *     "exception":               the same; the name in the answers to a status request
 *     "fx":                      { "appliedRate": a decimal as text }
 *     "paymentRedirected...":    a flag, and account and bank ids: never read
 * } ] }
 * ```
 *
 * `errorDescription` and `externalDescription` are free text and never read.
 *
 * Null if the list is absent or not an array.
 */
export function callbacksOf(body: unknown): readonly unknown[] | null {
  const callbacks = isJsonObject(body) ? body[V1_LIST] : null
  return Array.isArray(callbacks) ? callbacks : null
}

/** The name that identifies a body of this provider. */
export const V1_LIST = 'callbacks'
export const V1_LISTS: ReadonlySet<string> = new Set([V1_LIST])

/** What only a payment of v1 has: v2 has the last two as well, but not in one object. */
export const V1_OWN_NAMES: readonly OwnNames[] = [['firmRootId'], ['endToEndId', 'paymentStatus']]

/** An id and a status: what an object outside of the list has if it is a payment. */
export const V1_PAYMENT_NAMES: readonly OwnNames[] = [
  ['firmRootId', 'paymentStatus'],
  ['endToEndId', 'paymentStatus'],
]

/** The fields that are read from an element. */
export const V1_ELEMENT_READ: ReadonlySet<string> = new Set([
  'endToEndId',
  'firmRootId',
  'clearingSystemReference',
  'createDateTime',
  'paymentStatus',
  'exceptions',
  'exception',
  'fx',
])

/** Every documented field, read or not. Any other field is new. */
export const V1_FIELDS = {
  body: V1_LISTS,
  // The fields of a redirection are documented only by their prefix.
  element: { has: (name) => V1_ELEMENT_READ.has(name) || name.startsWith('paymentRedirected') },
  exception: new Set(['errorCode', 'errorDescription', 'externalDescription', 'ruleDefinition', 'externalCode']),
  fx: new Set(['appliedRate']),
} as const satisfies Record<string, KnownNames>
