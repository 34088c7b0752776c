/**
 * Which record about a payment is newer: the incarnation first, then the statusVersion. A payment that returns after it was
 * forgotten begins again at statusVersion 1 with a greater incarnation.
 */
export interface Version {
  readonly incarnation: number
  readonly statusVersion: number
}

/** Negative if `a` is older than `b`, 0 if they are the same step, positive if it is newer. */
export function compareVersions(a: Version, b: Version): number {
  return a.incarnation - b.incarnation || a.statusVersion - b.statusVersion
}

/** Whether something about a payment is newer than what is known; anything is newer than nothing. */
export function isNewer(version: Version, known: Version | undefined): boolean {
  return known === undefined || compareVersions(version, known) > 0
}

/** The two fields of a longer value. */
export function versionOf({ incarnation, statusVersion }: Version): Version {
  return { incarnation, statusVersion }
}

const INCARNATION = 'paystatus_incarnation'
const STATUS_VERSION = 'paystatus_status_version'
const DIGITS = /^\d{1,15}$/

/** What a record's headers say; null if they say nothing, as those of releases without these headers. */
export function versionOfHeaders(headers: Readonly<Record<string, unknown>> | undefined): Version | null {
  const incarnation = numberIn(headers?.[INCARNATION])
  const statusVersion = numberIn(headers?.[STATUS_VERSION])
  return incarnation === null || statusVersion === null ? null : { incarnation, statusVersion }
}

function numberIn(value: unknown): number | null {
  const text = Buffer.isBuffer(value) || typeof value === 'string' ? String(value) : ''
  return DIGITS.test(text) ? Number(text) : null
}
