/**
 * Transactional id of whoever processes one partition of a topic for a group. It follows from what is owned and from
 * nothing else: whoever processes the same partition for the same group has the same id, however it is configured, and
 * fences who did so before (I7).
 */
export function processorTransactionalId(group: string, topic: string, partition: number): string {
  return `${group}.${topic}.${partition}`
}

/** The id of releases up to 0.1, which two processes with different environments did not share. */
export function formerTransactionalId(environment: string, group: string, topic: string, partition: number): string {
  return `${environment}.${processorTransactionalId(group, topic, partition)}`
}
