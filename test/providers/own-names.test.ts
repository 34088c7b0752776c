import { expect, test } from 'vitest'
import { NAME_NOT_SHOWN } from '../../src/providers/drift.ts'
import { placeOfOwnNames, STEPS_SHOWN_MAX } from '../../src/providers/own-names.ts'

const GROUPS = [['id'], ['reference', 'state']]
const placeIn = (body: unknown) => placeOfOwnNames(body, GROUPS)

test.each([
  [{ id: null }, 'id at the root'],
  [[{ other: 1 }, { ID: 'x' }], 'id at [1]'],
  [{ a: { b: [{ reference: 1, State: 2 }] } }, 'reference and state at a.b[0]'],
  [{ a: '{"id":1}' }, 'id in the text at a'],
  [{ a: '{\\"id\\":1}' }, 'id in the text at a'],
  [{ a: '<ns:reference>1</ns:reference><STATE/>' }, 'reference and state in the text at a'],
  ['{"id":1}', 'id in the text at the root'],
])('%j has %s', (body, place) => {
  expect(placeIn(body)).toBe(place)
})

test.each([
  [{}],
  [null],
  [7],
  ['id'],
  [{ identity: 1, a: '"identity"' }],
  [{ reference: 1, a: { state: 1 } }],
  [{ a: 'the id of a state' }],
])('%j has none', (body) => {
  expect(placeIn(body)).toBeNull()
})

test('I9 no value is shown, nor a name that could be personal data', () => {
  expect(placeIn({ 'Jane Doe': [{ DE89370400440532013000: { id: 'secret' } }] })).toBe(
    `id at ${NAME_NOT_SHOWN}[0].${NAME_NOT_SHOWN}`,
  )
})

test('I10 a long way is cut', () => {
  let body: object = { id: 1 }
  for (let depth = 0; depth < 60; depth += 1) {
    body = { [`${'x'.repeat(63)}a`]: body }
  }
  expect(placeIn(body)?.length).toBeLessThan(STEPS_SHOWN_MAX * 66 + 20)
})
