import { z } from 'zod'
import type { TableRow } from './table-row.ts'

/** A line that is no row. The subscriber must be corrected. */
export class TableFormatError extends Error {
  readonly code = 'TABLE_FORMAT'

  constructor(line: number, problem: string) {
    super(`line ${line} of the table ${problem}`)
    this.name = 'TableFormatError'
  }
}

const wholeNumber = z.int().min(0)
const LINE = z.object({
  paymentKey: z.string().min(1),
  incarnation: wholeNumber,
  statusVersion: wholeNumber,
  status: z.string().min(1),
  finality: z.string().optional(),
  kind: z.string().optional(),
  amount: z
    .object({
      value: z.union([z.string().regex(/^-?\d+(\.\d+)?$/, 'is not a decimal'), z.number().transform(String)]),
      currency: z.string().nullable(),
    })
    .nullable()
    .optional(),
  steps: z.array(z.tuple([wholeNumber, wholeNumber])).optional(),
})
const REMOVAL = z.object({ paymentKey: z.string().min(1), forgotten: z.literal(true) })

/**
 * The rows of a table in JSON lines, by payment key. The last line of a key counts. What follows the last line feed is still
 * being written, and is ignored. Throws TableFormatError.
 */
export function parseTable(text: string): ReadonlyMap<string, TableRow> {
  const rows = new Map<string, TableRow>()
  const lines = text.split('\n').slice(0, -1)
  for (const [index, line] of lines.entries()) {
    if (line.trim() !== '') {
      takeLine(rows, line, index + 1)
    }
  }
  return rows
}

function takeLine(rows: Map<string, TableRow>, line: string, number: number): void {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new TableFormatError(number, 'is not JSON')
  }
  const removal = REMOVAL.safeParse(value)
  if (removal.success) {
    rows.delete(removal.data.paymentKey)
    return
  }
  const parsed = LINE.safeParse(value)
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the line'}: ${message}`)
    throw new TableFormatError(number, `is no row: ${problems.join('; ')}`)
  }
  rows.set(parsed.data.paymentKey, parsed.data)
}
