import { z } from 'zod'
import { COUNTER_NAMES, type CounterName, type Totals } from '../payment/totals.ts'
import { type Origin, originIn, toOriginJson } from '../stream/origin.ts'

/**
 * What the view of one partition contains, stored beside it and changed only together with it.
 *
 * The whole text is compared, byte for byte, before every write: a marker that is not the one this assignment left
 * means that Redis lost or rolled back data, or that somebody else owns the partition.
 */
export interface ViewMarker {
  /** Kafka cluster that the view was made from. */
  readonly clusterId: string
  /** Assignment that wrote last. */
  readonly token: string
  /** Grows with every write, so that no two markers of an assignment are equal. */
  readonly writes: number
  /** Next offset of `payments.events` when this was written; for people. */
  readonly next: bigint
  /** Next offset of `payments.status.current` that is not in the view yet. */
  readonly viewNext: bigint
  /** Assignment whose commit is the last one in the view; empty if none is known. See CommitMetadata. */
  readonly committedBy: string
  readonly totals: Totals
  /** Stands for the settings that the due times in the view come of. */
  readonly dueBy: string
  /**
   * Time up to which the view is known to hold all of `current`, ms since the epoch: what was written there later may be
   * missing. Moves with every commit and when a replay has reached the end, never when one begins.
   */
  readonly completeAt: number
  /** A replay is under way: until it has ended, payments that were forgotten since `completeAt` may be in the view. */
  readonly replaying: boolean
}

/** What the processor writes, and where a commit promises that it ends. */
export const OUTPUTS = ['current', 'changes', 'eventDeadLetters'] as const satisfies readonly (keyof OutputEnds)[]

const offset = z.string().regex(/^\d+$/).transform(BigInt)
const count = z.number().int().min(0)
const totals: z.ZodType<Totals> = z.object({
  since: z.string(),
  ...(Object.fromEntries(COUNTER_NAMES.map((name) => [name, count])) as Record<CounterName, typeof count>),
})
const MARKER = z.object({
  clusterId: z.string(),
  token: z.string(),
  writes: count,
  next: offset,
  viewNext: offset,
  committedBy: z.string().default(''),
  totals,
  dueBy: z.string(),
  completeAt: z.number(),
  replaying: z.boolean(),
})
const METADATA = z.object({
  ends: z.object({ current: offset, changes: offset, eventDeadLetters: offset }),
  committedBy: z.string().default(''),
  former: z.object({ committedBy: z.string(), current: offset }).default({ committedBy: '', current: 0n }),
  totals,
  inexact: z.array(z.enum(OUTPUTS)).optional(),
})

export function toMarkerText(marker: ViewMarker): string {
  return JSON.stringify({ ...marker, next: String(marker.next), viewNext: String(marker.viewNext) })
}

/** Null for a text that is no marker of ours: then the view cannot be trusted. */
export function fromMarkerText(text: string | null): ViewMarker | null {
  return text === null ? null : parsed(MARKER, text)
}

/** What Kafka itself says the view must contain: the metadata of the committed offset (4 KiB at most on the broker). */
export interface CommitMetadata {
  readonly ends: OutputEnds
  /**
   * Assignment that committed this. A commit can be answered and come to nothing (settle-outputs.ts), and once others
   * followed, offsets alone do not tell: so a view is trusted if it ends with a commit of this assignment,
   */
  readonly committedBy: string
  /** or of the one before, and not beyond where `current` ended when this one began. */
  readonly former: { readonly committedBy: string; readonly current: bigint }
  readonly totals: Totals
  /**
   * Outputs whose end is only that of the topic, with whatever control records it ends: no commit said where their last
   * record was, as when somebody moved the group. Absent if an older release committed.
   */
  readonly inexact?: readonly (keyof OutputEnds)[]
  /** Absent if an older release committed. */
  readonly origin?: Origin
}

/** Offset after the last record that was committed to each output of a partition. */
export interface OutputEnds {
  readonly current: bigint
  readonly changes: bigint
  readonly eventDeadLetters: bigint
}

/** Nothing was ever committed. */
export const NO_OUTPUT: OutputEnds = { current: 0n, changes: 0n, eventDeadLetters: 0n }

export function toMetadataText(metadata: CommitMetadata): string {
  const { current, changes, eventDeadLetters } = metadata.ends
  const ends = { current: String(current), changes: String(changes), eventDeadLetters: String(eventDeadLetters) }
  const former = { ...metadata.former, current: String(metadata.former.current) }
  const origin = metadata.origin && toOriginJson(metadata.origin)
  const { committedBy, totals, inexact } = metadata
  return JSON.stringify({ ends, committedBy, former, totals, inexact, origin })
}

/** Null if the offset was committed by somebody else, such as an operator who moved the group. */
export function fromMetadataText(text: string | null): CommitMetadata | null {
  const metadata = text === null || text === '' ? null : parsed(METADATA, text)
  if (metadata === null) {
    return null
  }
  const { inexact, ...rest } = metadata
  const origin = originIn(text)
  return { ...rest, ...(inexact !== undefined && { inexact }), ...(origin !== null && { origin }) }
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    return null
  }
}
