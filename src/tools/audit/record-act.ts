import type { ActName, AuditRecord } from './audit-record.ts'

/** Appends to `payments.audit`; resolves once the record is acknowledged. */
export interface AuditLog {
  append(record: AuditRecord): Promise<void>
}

/** Who does what, and why. */
export interface Intent {
  readonly act: ActName
  readonly by: string
  readonly reason: string | null
  readonly scope: Readonly<Record<string, string>>
}

export interface ActPorts {
  readonly log: AuditLog
  readonly newId: () => string
  /** ms since the epoch. */
  readonly now: () => number
}

/** How much was done so far. The work adds to it while it runs, so that a failed act is recorded with its counts, too. */
export type ActCounts = Record<string, number>

/**
 * Records an act before it begins and after it has ended, whatever the outcome. The work does not start unless the first record
 * is acknowledged.
 *
 * If the work returns, the outcome is `done`, even if the signal was aborted meanwhile. If the work throws, the outcome is
 * `interrupted` if the signal was aborted, otherwise `failed`. If the act is done but its end cannot be recorded, the error
 * says so.
 */
export async function recordAct<T>(
  { log, newId, now }: ActPorts,
  intent: Intent,
  signal: AbortSignal | undefined,
  work: (counts: ActCounts) => Promise<T>,
): Promise<T> {
  const counts: ActCounts = {}
  const { act, by, reason, scope } = intent
  const begun: AuditRecord = {
    act,
    id: newId(),
    by,
    at: now(),
    endedAt: null,
    reason,
    scope,
    outcome: 'started',
    counts: {},
  }
  const end = (outcome: 'done' | 'failed' | 'interrupted') =>
    log.append({ ...begun, endedAt: now(), outcome, counts: { ...counts } })
  await log.append(begun)
  let result: T
  try {
    result = await work(counts)
  } catch (error) {
    // The error of the work is more important than a failure to write the log.
    await end(signal?.aborted ? 'interrupted' : 'failed').catch(() => {})
    throw error
  }
  try {
    await end('done')
  } catch (cause) {
    throw new ActNotRecordedError(act, begun.id, cause)
  }
  return result
}

/** The act is done, but its end could not be recorded. */
class ActNotRecordedError extends Error {
  readonly code = 'ACT_NOT_RECORDED'

  constructor(act: ActName, id: string, cause: unknown) {
    super(`${act} is done, but its end could not be written to the audit trail, where ${id} stays "started"`, { cause })
    this.name = 'ActNotRecordedError'
  }
}
