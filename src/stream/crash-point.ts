/** Places between two steps that another process can see. A death at any of them may lose nothing and repeat nothing. */
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
export type CrashPoint = (typeof CRASH_POINTS)[number]

/** For fault tests only: `PAYSTATUS_CRASH_POINTS=processor:after-commit=0.01,…`, how likely the process dies there. */
const LIKELIHOODS = new Map(
  (process.env['PAYSTATUS_CRASH_POINTS'] ?? '')
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => entry.split('=') as [string, string])
    .map(([name, likelihood]) => [name, Number(likelihood)]),
)

/** Does nothing, unless a fault test asked for a death here: then the process is gone at once, as with `kill -9`. */
export const crashPoint: (name: CrashPoint) => void = LIKELIHOODS.size === 0 ? () => {} : mayDie

function mayDie(name: CrashPoint): void {
  if (Math.random() < (LIKELIHOODS.get(name) ?? 0)) {
    process.stderr.write(`crash point ${name}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
}
