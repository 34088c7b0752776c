import { hasCounter } from '../../processor/view-marker.ts'
import { awaitProcessed, type ProcessedPorts } from './await-processed.ts'
import type { PacedEvents } from './paced-events.ts'
import type { Survey } from './survey-current.ts'

/** Nothing was corrected: the message says why, and what to do. */
class ReprocessRefusedError extends Error {
  readonly code = 'REPROCESS_REFUSED'
}

export interface FitnessOptions {
  readonly group: string
  /** `payments.events`. */
  readonly topic: string
}

/** How long a processor may take to show its release, ms. */
const SHOW_MAX_MS = 60_000

/**
 * Rejects with ReprocessRefusedError if another release has to do the work, or to process it:
 *
 * - Payments in scope were read by a newer mapping. Reading them with ours would be a step back.
 * - A processor does not know withdrawals. It would take one for a reading of our version that says the same as before, and a
 *   later withdrawal of that version could not take its place any more.
 *
 * A commit says which counters its release has. A partition whose last commit is from an older release may have a new processor
 * that had nothing to do since; so a recorded event is published to it again, which changes nothing but must be committed.
 */
export async function refuseIfUnfit(
  ports: ProcessedPorts,
  { newer, samples }: Survey,
  events: Pick<PacedEvents, 'add' | 'flush'>,
  { group, topic }: FitnessOptions,
): Promise<void> {
  if (newer.payments > 0) {
    const more = newer.payments > newer.first.length ? ' …' : ''
    throw new ReprocessRefusedError(
      `${newer.payments} payments were read by a newer mapping than that of this release: ${newer.first.join(', ')}${more}. Nothing was published. Reprocess with the release that read them, or a newer one.`,
    )
  }
  const unknown: number[] = []
  for (const [partition, sample] of samples) {
    const { offset, metadata } = await ports.offsets.committed(group, topic, partition)
    if (offset >= 0n && !hasCounter(metadata, 'withdrawn')) {
      unknown.push(partition)
      await events.add([sample])
    }
  }
  await events.flush()
  const silent = await awaitProcessed(ports, { group, topic, partitions: unknown, waitMaxMs: SHOW_MAX_MS })
  if (silent.length > 0) {
    throw new ReprocessRefusedError(
      `no status processor has processed partition ${silent.join(', ')} of ${topic} within ${SHOW_MAX_MS / 1_000} s, so its release is not known. Nothing was corrected. Start the processors.`,
    )
  }
  const old: number[] = []
  for (const partition of unknown) {
    const { metadata } = await ports.offsets.committed(group, topic, partition)
    if (!hasCounter(metadata, 'withdrawn')) {
      old.push(partition)
    }
  }
  if (old.length > 0) {
    throw new ReprocessRefusedError(
      `the status processor of partition ${old.join(', ')} of ${topic} is of an older release, which does not know withdrawn readings. Nothing was corrected. Upgrade all processors first.`,
    )
  }
}
