import { normalizeWord } from '../normalize-word.ts'

/** Their ids are UUIDs, which are the same in either case; an id of another form keeps its own. */
export function v2PaymentKey(namespace: string, id: string): string {
  const lower = id.toLowerCase()
  return `${namespace}:${lower !== id && UUID.test(id) ? lower : id}`
}

const UUID = /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/

/**
 * Status, sub-status and time name one step of a payment, also when it is sent again under a new envelope. The
 * envelope's `source` has no place here: its form varies. A return has no time of its own, and so none here.
 */
export function v2NaturalKey(
  sourceStatus: string,
  sourceSubStatus: string | null,
  statusUpdatedAt: string | null,
): string {
  const subStatus = sourceSubStatus === null ? '' : normalizeWord(sourceSubStatus)
  return `${normalizeWord(sourceStatus)}|${subStatus}|${statusUpdatedAt ?? ''}`
}
