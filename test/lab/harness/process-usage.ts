import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** CPU time of a process since it started, s, with a resolution of 10 ms; Linux only. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** The most memory that a process has had, MiB; 0 if it is gone. */
export function peakRssMiB(pid: number): number {
  const file = `/proc/${pid}/status`
  return existsSync(file) ? Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) / 1_024) : 0
}

/** From now on, `peakRssMiB` is the most that the process has after this moment. */
export function resetPeakRss(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}
