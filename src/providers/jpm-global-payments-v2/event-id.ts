import { normalizeWord } from '../normalize-word.ts'

/** The ids are UUIDs, which are equal in either case. Ids of other forms keep their case. */
export function v2PaymentKey(namespace: string, id: string): string {
  const lower = id.toLowerCase()
  return `${namespace}:${lower !== id && UUID.test(id) ? lower : id}`
}

const UUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/

/**
 * Status, sub-status and time identify one step of a payment, even if it is sent again in a new envelope. The envelope's
 * `source` is not included, because its form varies. A return has no time of its own, so its time is null here.
 */
export function v2NaturalKey(
  sourceStatus: string,
  sourceSubStatus: string | null,
  statusUpdatedAt: string | null,
): string {
  const subStatus = sourceSubStatus === null ? '' : normalizeWord(sourceSubStatus)
  return `${normalizeWord(sourceStatus)}|${subStatus}|${statusUpdatedAt ?? ''}`
}
