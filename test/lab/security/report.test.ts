import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type Run, withRun } from './report.ts'

const DOCUMENT = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8')
const run = (findings: readonly string[]): Run => ({
  at: '2026-01-02T03:04:05Z',
  node: 'v24',
  batteries: [{ name: 'one', title: 'bad things', ran: '3 of them', seconds: 1, measured: { 'a | b': 2 }, findings }],
})

test('a run replaces the previous one and leaves the rest of docs/security.md unchanged', () => {
  const first = withRun(DOCUMENT, run([]))
  expect(first).toContain('## An attacker on the network')
  expect(first).toContain('\n| one | Bad things. 3 of them, in 1 s. | a \\| b: 2 |\n')
  expect(first).toContain('findings: 0.')
  const second = withRun(first, run(['a hole\nin it']))
  expect(second).toContain('findings: 1.')
  expect(second).toContain('- FINDING one: a hole in it')
  expect(second).not.toContain('findings: 0.')
  expect(withRun(second, run([]))).toBe(first)
})

test('a document without a marked place is refused, not appended to', () => {
  expect(() => withRun('# Security', run([]))).toThrow('no place')
})
