import { expect, test } from 'vitest'
import { isPlaceholder } from '../../src/providers/placeholder.ts'

test.each([
  'NOTPROVIDED',
  'NotProvided',
  'NOT PROVIDED',
  'not_provided',
  'Not-Provided',
  '_NOT PROVIDED_',
  '-none-',
  'N/A',
  'n / a',
  'null',
  'None',
  'NIL',
  'undefined',
  '0',
  '0000',
  '0-0',
  '(0)',
  '-0',
  '00000000-0000-0000-0000-000000000000',
  '{00000000-0000-0000-0000-000000000000}',
])('%j is a placeholder', (id) => {
  expect(isPlaceholder(id)).toBe(true)
})

test.each([
  'NOTPROVIDED1',
  'NA',
  'NULLA',
  'Nilsson',
  'none of it',
  'undefined-7',
  'XNONE',
  'A0',
  '01',
  '0a',
  '{0}1',
  '00000000-0000-0000-0000-000000000001',
  '-',
  '--',
  '{}',
  '()',
  '_',
  'a',
])('%j is an id', (id) => {
  expect(isPlaceholder(id)).toBe(false)
})
