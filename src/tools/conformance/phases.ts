/**
 * When records are written, in this order. The kit waits after each phase until the subscriber has handled it, so a rule that is
 * broken in one phase does not hide what the others show.
 */
export const PHASES = {
  start: 'before the subscriber starts',
  live: 'while it runs',
  newer: 'while it runs, by a release with a newer schema',
  away: 'after it was killed, before it is started again',
  closing: 'at the end',
} as const
export type Phase = keyof typeof PHASES
