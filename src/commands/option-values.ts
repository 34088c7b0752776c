import { InvalidArgumentError } from 'commander'
import type { nameRule } from '../config.ts'
import { DURATION_HINT, parseDuration } from '../duration.ts'
import { strictIsoTime } from '../strict-time.ts'

/** Parsers of option values. All throw InvalidArgumentError with a message that follows the option's name. */

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) {
    throw new InvalidArgumentError('must be a whole number.')
  }
  const value = Number(text)
  // A greater number would silently become another one.
  if (!Number.isSafeInteger(value)) {
    throw new InvalidArgumentError(`must be at most ${Number.MAX_SAFE_INTEGER}.`)
  }
  return value
}

export function countFromOne(text: string): number {
  const value = wholeNumber(text)
  if (value === 0) {
    throw new InvalidArgumentError('must be at least 1.')
  }
  return value
}

/** A key, an id or a name. An empty one, as of an unset variable of the shell, would match nothing or everything. */
export function notEmpty(text: string): string {
  if (text.trim() === '') {
    throw new InvalidArgumentError('must not be empty.')
  }
  return text
}

export function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError('must be a number above 0.')
  }
  return value
}

export function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1)) {
    throw new InvalidArgumentError('must be a share from 0 to 1.')
  }
  return value
}

/** In ms. */
export function durationMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) {
    throw new InvalidArgumentError(`${DURATION_HINT}.`)
  }
  return ms
}

/** In ms since the epoch. */
export function isoTime(text: string): number {
  const ms = strictIsoTime(text)
  if (ms === null) {
    throw new InvalidArgumentError('must be an ISO 8601 time with its zone, such as 2026-03-01T08:00:00Z.')
  }
  return ms
}

/** For options that are settings too: the same rule applies to both. */
export function ruledBy(rule: typeof nameRule): (text: string) => string {
  return (text) => {
    const parsed = rule.safeParse(text)
    if (!parsed.success) {
      throw new InvalidArgumentError(`${parsed.error.issues.map(({ message }) => message).join('; ')}.`)
    }
    return parsed.data
  }
}

export function httpUrl(text: string): string {
  if (toHttpUrl(text) === null) {
    throw new InvalidArgumentError('must be an http or https URL, such as http://127.0.0.1:8080.')
  }
  return text
}

/** Adds the address of a process's admin server, without a path. */
export function adminUrls(text: string, before: readonly string[] = []): readonly string[] {
  const url = toHttpUrl(text)
  if (url === null || url.pathname !== '/') {
    throw new InvalidArgumentError('must be an address such as http://gateway:9090.')
  }
  return [...before, url.origin]
}

/** In ms since the epoch: an ISO 8601 time, or a duration before now. */
export function timeOrAge(text: string): number {
  const ageMs = parseDuration(text)
  if (ageMs === undefined) {
    return isoTime(text)
  }
  // No topic is older than the epoch, and not every number is a time.
  return Math.max(0, Date.now() - ageMs)
}

function toHttpUrl(text: string): URL | null {
  const url = URL.parse(text)
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url : null
}
