import { z } from 'zod'
import { COUNTER_NAMES, type CounterName, type Totals } from '../payment/totals.ts'
import { type Origin, originIn, toOriginJson } from '../stream/origin.ts'

/**
 * Describes what the view of one partition contains. It is stored in the view and changes only together with it.
 *
 * Its text is compared byte for byte before every write. If it is not the one this assignment wrote last, Redis lost or
 * rolled back data, or the partition has another owner.
 */
export interface ViewMarker {
  /** Kafka cluster the view was built from. */
  readonly clusterId: string
  /** Assignment that wrote the marker. */
  readonly token: string
  /** Incremented by every write, so that no two markers of an assignment are equal. */
  readonly writes: number
  /** Next input offset as of this write. */
  readonly next: bigint
  /** First offset of `payments.status.current` that is not yet in the view. */
  readonly viewNext: bigint
  /** Assignment whose commit is the last one in the view; empty if unknown. See CommitMetadata. */
  readonly committedBy: string
  readonly totals: Totals
  /** Fingerprint of the settings that determine the due times in the view. */
  readonly dueBy: string
  /**
   * Time up to which the view is known to contain all of `current`, ms since the epoch; later records may be missing. It
   * advances with every commit and when a replay has reached the end, never when a replay begins.
   */
  readonly completeAt: number
  /** A replay is in progress: until it ends, the view may contain payments that were forgotten since `completeAt`. */
  readonly replaying: boolean
}

/** The processor's output topics, whose ends every commit promises. */
export const OUTPUTS = ['current', 'changes', 'eventDeadLetters'] as const satisfies readonly (keyof OutputEnds)[]

const offset = z.string().regex(/^\d+$/).transform(BigInt)
const count = z.number().int().min(0)
/** Counters that older releases do not know and never counted. */
const LATER_COUNTERS: ReadonlySet<CounterName> = new Set(['restated', 'withdrawn'])
const totals: z.ZodType<Totals> = z.object({
  since: z.string(),
  ...(Object.fromEntries(
    COUNTER_NAMES.map((name) => [name, LATER_COUNTERS.has(name) ? count.default(0) : count]),
  ) as Record<CounterName, typeof count>),
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
  ends: z.object(mapOutputs(() => offset)),
  committedBy: z.string().default(''),
  former: z.object({ committedBy: z.string(), current: offset }).default({ committedBy: '', current: 0n }),
  totals,
  inexact: z.array(z.enum(OUTPUTS)).optional(),
})

export function toMarkerText(marker: ViewMarker): string {
  return JSON.stringify({ ...marker, next: String(marker.next), viewNext: String(marker.viewNext) })
}

/** Null for a text that is not our marker: the view cannot be trusted then. */
export function fromMarkerText(text: string | null): ViewMarker | null {
  return text === null ? null : parsed(MARKER, text)
}

/**
 * Whether the view with this marker has every payment, so that one that it lacks does not exist. It has not while `current` is
 * replayed: payments are missing then, or are older than in `current`.
 */
export function isComplete(marker: string | null): boolean {
  return fromMarkerText(marker)?.replaying === false
}

/** Metadata of the committed offset: what the outputs, and so the view, must contain. The broker accepts at most 4 KiB. */
export interface CommitMetadata {
  readonly ends: OutputEnds
  /**
   * Assignment that committed this. An acknowledged commit can still be aborted (settle-outputs.ts), and once other commits
   * have followed, offsets alone do not reveal it. So a view is trusted only if its last commit is by this assignment or,
   * within the limit below, by `former`.
   */
  readonly committedBy: string
  /** The previous assignment; its view must not reach beyond `current`, the end of that output when this one began. */
  readonly former: { readonly committedBy: string; readonly current: bigint }
  readonly totals: Totals
  /**
   * Outputs whose promised end is only the end of the topic, control records included, because no commit said where their
   * last record was, for example after an operator moved the group. Absent if an older release committed.
   */
  readonly inexact?: readonly (keyof OutputEnds)[]
  /** Absent if an older release committed. */
  readonly origin?: Origin
}

/** Offset after the last committed record of each output of a partition. */
export interface OutputEnds {
  readonly current: bigint
  readonly changes: bigint
  readonly eventDeadLetters: bigint
}

/** One value per output. */
export function mapOutputs<T>(value: (name: keyof OutputEnds) => T): Readonly<Record<keyof OutputEnds, T>> {
  return { current: value('current'), changes: value('changes'), eventDeadLetters: value('eventDeadLetters') }
}

/** The ends before the first commit. */
export const NO_OUTPUT: OutputEnds = mapOutputs(() => 0n)

export function toMetadataText(metadata: CommitMetadata): string {
  const ends = mapOutputs((name) => String(metadata.ends[name]))
  const former = { ...metadata.former, current: String(metadata.former.current) }
  const origin = metadata.origin && toOriginJson(metadata.origin)
  const { committedBy, totals, inexact } = metadata
  return JSON.stringify({ ends, committedBy, former, totals, inexact, origin })
}

/** Null if the offset was not committed by this stage, for example by an operator who moved the group. */
export function fromMetadataText(text: string | null): CommitMetadata | null {
  const metadata = text === null || text === '' ? null : parsed(METADATA, text)
  if (metadata === null) {
    return null
  }
  const { inexact, ...rest } = metadata
  const origin = originIn(text)
  return { ...rest, ...(inexact !== undefined && { inexact }), ...(origin !== null && { origin }) }
}

/** Whether the release that committed this metadata has this counter. False if it is not ours. */
export function hasCounter(metadata: string | null, name: CounterName): boolean {
  const found = parsed(z.object({ totals: z.record(z.string(), z.unknown()) }), metadata ?? '')
  return found !== null && name in found.totals
}

function parsed<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    return null
  }
}
