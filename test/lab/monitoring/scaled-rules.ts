import { parseDuration } from '../../../src/duration.ts'

/** A drill takes minutes instead of hours: all durations of the rules are divided by this. */
export const SPEED = 60
/** Shortest window of a rate, ms: it needs several scrapes. */
const WINDOW_MIN_MS = 5_000
const WAIT_MIN_MS = 1_000

/** Thresholds that are times, s. Each text must be in the rules exactly once. */
const THRESHOLDS: readonly (readonly [text: string, scaled: string])[] = [
  ['max by (stage) (paystatus_lag_seconds) > 60', 'max by (stage) (paystatus_lag_seconds) > 5'],
  ['(paystatus_open_transaction_seconds) > 60', '(paystatus_open_transaction_seconds) > 5'],
  [
    '(paystatus_gateway_last_accepted_timestamp_seconds) > 3600',
    '(paystatus_gateway_last_accepted_timestamp_seconds) > 20',
  ],
]

/** The rules as they are drilled. Throws if a threshold is no longer there. */
export function scaledRules(rules: string): string {
  let text = rules
  for (const [threshold, scaled] of THRESHOLDS) {
    if (text.split(threshold).length !== 2) {
      throw new Error(`the rules do not have ${JSON.stringify(threshold)} once: update scaled-rules.ts`)
    }
    text = text.replace(threshold, scaled)
  }
  return text
    .replaceAll(/\[(\w+)\]/g, (_, window: string) => `[${scaledText(window, WINDOW_MIN_MS)}]`)
    .replaceAll(/\bfor: (\w+)/g, (_, wait: string) => `for: ${scaledText(wait, WAIT_MIN_MS)}`)
}

function scaledText(duration: string, minMs: number): string {
  const ms = parseDuration(duration)
  if (ms === undefined) {
    throw new Error(`${duration} in the rules is no duration`)
  }
  return `${Math.max(minMs, Math.round(ms / SPEED))}ms`
}
