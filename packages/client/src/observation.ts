import type { Change } from './change.ts'

/** What the client is doing, for metrics and logs. None holds a payment's data, except for its key. */
export type Observation =
  /** A partition is ready: its table is complete, and changes are handed over. */
  | { readonly type: 'opened'; readonly partition: number; readonly payments: number; readonly durationMs: number }
  | {
      readonly type: 'handled'
      readonly partition: number
      readonly kind: Change['kind']
      readonly durationMs: number
      /** Since paystatus recorded the step, by the clock of this machine; null for other changes. */
      readonly ageMs: number | null
    }
  /** A record that was not newer, and so was not decoded. */
  | { readonly type: 'skipped'; readonly partition: number; readonly paymentKey: string }
  | { readonly type: 'gap'; readonly partition: number; readonly paymentKey: string; readonly missed: number }
  /** The handler threw; it is told the change again after `retryInMs`. */
  | {
      readonly type: 'handler-failed'
      readonly partition: number
      readonly paymentKey: string
      readonly error: unknown
      readonly retryInMs: number
    }
  /** Records of `changes` behind the end of the partition, after each portion. */
  | { readonly type: 'lag'; readonly partition: number; readonly records: number }
  /** Something that is tried again, such as a broker that does not answer. */
  | { readonly type: 'trouble'; readonly error: unknown }

export type Observe = (observation: Observation) => void
