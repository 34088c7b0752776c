import { z } from 'zod'

/** A day. Node.js ends a timer of more than 24 days after 1 ms, and these times are added to others. */
const MS_MAX = 86_400_000

/** A time that a timer waits, ms. */
export function milliseconds(min = 1) {
  return z.number().int().min(min).max(MS_MAX)
}
