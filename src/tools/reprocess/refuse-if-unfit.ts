import { hasCounter } from '../../processor/view-marker.ts'
import { awaitProcessed, type ProcessedPorts } from './await-processed.ts'
import type { PacedEvents } from './paced-events.ts'
import type { Survey } from './survey-current.ts'

/** Nothing was corrected. The message says why and what to do. */
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
 * Rejects with ReprocessRefusedError if this release must not reprocess, or if a processor is too old to process the result:
 *
 * - Payments in scope were read by a newer mapping. Reading them with ours would undo that.
 * - A processor does not know withdrawals. It would treat a withdrawal as an unchanged reading by our mapping version, and a later
 *   withdrawal with that version could no longer replace this reading.
 *
 * The metadata of a commit show which counters the processor's release has. If the last commit of a partition is from an older
 * release, its processor may have been upgraded without having processed anything since. So a recorded event is published to the
 * partition again: it changes nothing, but the processor must commit it.
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
