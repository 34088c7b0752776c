import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RECORDS_FILE, SCHEMAS } from './inputs.ts'
import { recordsOf } from './records-of.ts'

test('src/generated/records.ts is what the schemas of this release give', () => {
  expect(readFileSync(RECORDS_FILE, 'utf8')).toBe(recordsOf(SCHEMAS))
})

test('enums become unions of texts, optional fields nullable, lists read-only', () => {
  const enumeration = { type: 'enum', name: 'Colour', symbols: ['RED', 'BLUE'], default: 'RED' }
  const fields = [
    { name: 'colour', type: enumeration, doc: "What it's like." },
    { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
    { name: 'words', type: { type: 'array', items: 'string' } },
  ]
  const text = recordsOf({ THING: JSON.stringify({ type: 'record', name: 'Thing', fields }) })
  expect(text).toContain("export type Colour =\n  | 'RED'\n  | 'BLUE'")
  expect(text).toContain("  /** What it's like. */\n  readonly colour: Colour\n")
  expect(text).toContain('readonly at: number | null')
  expect(text).toContain('readonly words: readonly string[]')
  expect(text).not.toContain('"doc"')
})
