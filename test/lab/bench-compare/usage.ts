import { cpuSeconds, peakRssMiB, resetPeakRss } from '../harness/process-usage.ts'

/** What processes used from `startUsage` to the call of the function that it returns, in the order of the pids. */
export interface Usage {
  readonly seconds: number
  readonly cpuSeconds: readonly number[]
  readonly peakMiB: readonly number[]
}

export function startUsage(pids: readonly number[]): () => Usage {
  pids.forEach(resetPeakRss)
  const before = pids.map(cpuSeconds)
  const startedAt = performance.now()
  return () => ({
    seconds: (performance.now() - startedAt) / 1_000,
    cpuSeconds: pids.map((pid, index) => cpuSeconds(pid) - (before[index] as number)),
    peakMiB: pids.map(peakRssMiB),
  })
}
