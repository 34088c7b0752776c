import { isJsonObject } from '../json-object.ts'

/**
 * The body of a Global Payments v1 callback (OAS 1.1.11 and 1.1.33). No property is required there.
 *
 * ```
 * { "callbacks": [ {                        0 to 100 payments
 *     "endToEndId":              the customer's reference, not unique
 *     "firmRootId":              J.P. Morgan's id, usually but not always a UUID
 *     "clearingSystemReference": optional
 *     "createDateTime":          with or without a zone
 *     "paymentStatus":           see status-map.ts
 *     "exceptions":              [ { errorCode, errorDescription, ruleDefinition, externalCode } ]
 *     "exception":               the same; the name in the answers to a status request
 *     "fx":                      { "appliedRate": a decimal as text }
 * } ] }
 * ```
 *
 * `errorDescription` is free text and never read.
 */
export function callbacksOf(body: unknown): readonly unknown[] | null {
  const callbacks = isJsonObject(body) ? body['callbacks'] : null
  return Array.isArray(callbacks) ? callbacks : null
}

/** Every documented field, read or not: what is in none of these is new. */
export const V1_FIELDS = {
  body: new Set(['callbacks']),
  element: new Set([
    'endToEndId',
    'firmRootId',
    'clearingSystemReference',
    'createDateTime',
    'paymentStatus',
    'exceptions',
    'exception',
    'fx',
  ]),
  exception: new Set(['errorCode', 'errorDescription', 'ruleDefinition', 'externalCode']),
  fx: new Set(['appliedRate']),
} as const satisfies Record<string, ReadonlySet<string>>
