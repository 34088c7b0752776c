/**
 * Transactional id of the processor of one partition of a topic. It depends only on what is owned: every processor of the same
 * partition has the same id, whatever its environment or group, and fences the previous one (I7).
 */
export function processorTransactionalId(topic: string, partition: number): string {
  return `paystatus.${topic}.${partition}`
}

/** The id used by releases up to 0.1, which differed between environments and groups. */
export function formerTransactionalId(environment: string, group: string, topic: string, partition: number): string {
  return `${environment}.${group}.${topic}.${partition}`
}
