import { z } from 'zod'
import { checked, checkedFile, type Problems } from './problems.ts'

/** A list in the configuration, or in its own file with one entry per line, which is read again when it changes. */
export type Lines = { readonly lines: readonly string[] } | { readonly file: string }

export const LINES_SCHEMA = z.union([
  z
    .array(z.string())
    .min(1)
    .transform((lines) => ({ lines })),
  z.strictObject({ file: z.string() }),
])

/** Checks every entry. An empty file is a problem. */
export function checkLines(lines: Lines, where: string, problems: Problems, check: (line: string) => void): void {
  if ('file' in lines) {
    checkedFile(`${where}.file`, lines.file, problems, (content) => {
      for (const line of linesOf(content)) {
        check(line)
      }
    })
  } else {
    lines.lines.forEach((line, index) => {
      checked(`${where}.${index}`, problems, () => check(line))
    })
  }
}

/** The lines of a file without comments (#) and empty lines. Throws if none is left. */
export function linesOf(content: Buffer): string[] {
  const lines = content
    .toString('utf8')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
  if (lines.length === 0) {
    throw new Error('contains no entry')
  }
  return lines
}
