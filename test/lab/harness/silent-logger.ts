import { pino } from 'pino'

/** A logger for tests that look at behaviour only. */
export const SILENT = pino({ level: 'silent' })
