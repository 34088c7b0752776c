import type { LaneLimits } from '../stream/lane.ts'

/** Limits of the lanes of a stage (I10). */
export const LANE_LIMITS: LaneLimits = {
  chunkRecordsMax: 1_000,
  readAheadBytesMax: 64 * 1024 * 1024,
  idleIntervalMs: 1_000,
}
