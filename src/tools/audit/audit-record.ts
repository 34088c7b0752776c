/** The acts of the commands that change something, and `open-body`: a person looked at a body in the console. */
export const ACTS = ['reprocess', 'redrive', 'close', 'forget', 'repair', 'carry-over', 'open-body'] as const
export type ActName = (typeof ACTS)[number]

/**
 * `started`: written before the act begins, and remains the last outcome if the process is killed. `interrupted`: ended by a
 * signal. `failed`: ended by an error. All acts can be repeated.
 */
export const OUTCOMES = ['started', 'done', 'failed', 'interrupted'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** One record of `payments.audit`. An act has two records with the same id: at its start and at its end. */
export interface AuditRecord {
  readonly act: ActName
  /** UUIDv7. */
  readonly id: string
  /** Who ran the command. */
  readonly by: string
  /** When the act began, and when it ended (null: not yet), ms since the epoch. */
  readonly at: number
  readonly endedAt: number | null
  /** Null if none was given. */
  readonly reason: string | null
  /** What the act was applied to: the filters of the command. Keys, ids and times only. */
  readonly scope: Readonly<Record<string, string>>
  readonly outcome: Outcome
  /** How much was done. */
  readonly counts: Readonly<Record<string, number>>
}

/** Limits of the free texts, in characters. */
export const BY_LENGTH_MAX = 128
export const REASON_LENGTH_MAX = 500

export function toAuditValue(record: AuditRecord): Buffer {
  const { at, endedAt } = record
  const iso = (ms: number) => new Date(ms).toISOString()
  return Buffer.from(JSON.stringify({ ...record, at: iso(at), endedAt: endedAt === null ? null : iso(endedAt) }))
}

/** Null for a value that is not an audit record, because other programs may write into the topic. */
export function fromAuditValue(value: Buffer | null): AuditRecord | null {
  const fields = objectOf(value)
  if (fields === null) {
    return null
  }
  const { act, id, by, reason, scope, outcome, counts } = fields
  const at = msOf(fields['at'])
  const endedAt = msOf(fields['endedAt'])
  const isRecord =
    isOneOf(ACTS, act) &&
    isOneOf(OUTCOMES, outcome) &&
    typeof id === 'string' &&
    typeof by === 'string' &&
    (reason === null || typeof reason === 'string') &&
    typeof at === 'number' &&
    endedAt !== undefined &&
    isRecordOf('string', scope) &&
    isRecordOf('number', counts)
  return isRecord ? { act, id, by, at, endedAt, reason, scope, outcome, counts } : null
}

function objectOf(value: Buffer | null): Record<string, unknown> | null {
  try {
    const found: unknown = JSON.parse(String(value))
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : null
  } catch {
    return null
  }
}

/** Undefined if it is not a time. */
function msOf(text: unknown): number | null | undefined {
  const ms = typeof text === 'string' ? Date.parse(text) : Number.NaN
  return text === null ? null : Number.isNaN(ms) ? undefined : ms
}

function isOneOf<T extends string>(list: readonly T[], found: unknown): found is T {
  return (list as readonly unknown[]).includes(found)
}

function isRecordOf<K extends 'string' | 'number'>(
  type: K,
  found: unknown,
): found is Record<string, K extends 'string' ? string : number> {
  return (
    typeof found === 'object' && found !== null && Object.values(found).every((value: unknown) => typeof value === type)
  )
}
