/** Points between two externally visible steps. A crash at any of them must lose nothing and publish no status twice. */
export const CRASH_POINTS = [
  'gateway:before-append',
  'gateway:after-append',
  'normalizer:before-append',
  'normalizer:after-append',
  'normalizer:after-commit',
  'processor:after-init',
  'processor:after-settle',
  'processor:after-restore',
  'processor:after-read',
  'processor:after-fold',
  'processor:after-append',
  'processor:after-offset',
  'processor:after-commit',
  'processor:after-view',
] as const

/** The same for commands that publish. */
export const TOOL_CRASH_POINTS = ['reprocess:before-append', 'reprocess:after-append', 'reprocess:before-end'] as const
export type CrashPoint = (typeof CRASH_POINTS | typeof TOOL_CRASH_POINTS)[number]

/** Called by a stage or command at each of its crash points. Only fault tests pass one. */
export type ReachCrashPoint = (point: CrashPoint) => void

/**
 * For fault tests: kills the process, as with `kill -9`, at the given points with the given probabilities. The setting has the
 * form `processor:after-commit=0.01,…`; returns undefined if it is empty.
 */
export function crashPointsOf(setting: string | undefined): ReachCrashPoint | undefined {
  const entries = (setting ?? '').split(',').filter((entry) => entry !== '')
  if (entries.length === 0) {
    return undefined
  }
  const likelihoods = new Map(entries.map((entry) => entry.split('=') as [string, string]))
  return (point) => {
    if (Math.random() < Number(likelihoods.get(point) ?? 0)) {
      process.stderr.write(`crash point ${point}\n`)
      process.kill(process.pid, 'SIGKILL')
    }
  }
}
