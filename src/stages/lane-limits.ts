import type { LaneLimits } from '../stream/lane.ts'

/** Limits of one lane (I10). `chunkIntervalMs` is how long it gathers records for a chunk. */
export function laneLimits(chunkIntervalMs: number): LaneLimits {
  return {
    queuedRecordsMax: 10_000,
    queuedBytesMax: 64 * 1024 * 1024,
    chunkRecordsMax: 1_000,
    chunkIntervalMs,
    idleIntervalMs: 1_000,
  }
}
