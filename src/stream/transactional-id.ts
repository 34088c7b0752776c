/**
 * Transactional id of whoever processes one partition of a topic. It follows from what is owned and from nothing else:
 * whoever processes the same partition has the same id, whatever its environment or group, and fences who did so
 * before (I7).
 */
export function processorTransactionalId(topic: string, partition: number): string {
  return `paystatus.${topic}.${partition}`
}

/** The id of releases up to 0.1, which processes with another environment or group did not share. */
export function formerTransactionalId(environment: string, group: string, topic: string, partition: number): string {
  return `${environment}.${group}.${topic}.${partition}`
}
