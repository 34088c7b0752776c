const FORM = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/

/**
 * An ISO 8601 time with its zone, or a date, which is its midnight in UTC, in ms since the epoch. Null for any other text, and for a
 * date or time of day that does not exist: `Date.parse` makes 2 March of 30 February, and the next day of 24:00.
 */
export function strictIsoTime(text: string): number | null {
  const [, date, minute = '00:00'] = FORM.exec(text) ?? []
  const ms = Date.parse(text)
  if (date === undefined || Number.isNaN(ms)) {
    return null
  }
  const wallClock = `${date}T${minute}`
  return new Date(`${wallClock}Z`).toISOString().startsWith(wallClock) ? ms : null
}
