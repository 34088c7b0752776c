import { expect, test } from 'vitest'
import { PARTS, partsOf } from './part.ts'

const names = (asked?: string, binary?: string) => partsOf(asked, binary).map(({ name }) => name)

test('all parts by default; Redpanda Connect only if there is a binary', () => {
  expect(names(undefined, '/bin/connect')).toEqual(PARTS.map(({ name }) => name))
  expect(names('')).toEqual(PARTS.map(({ name }) => name).filter((name) => name !== 'connect'))
})

test('some parts, in the order of the table', () => {
  expect(names('streams-2-cold,ours-two')).toEqual(['ours-two', 'streams-2-cold'])
})

test('an unknown part and Redpanda Connect without a binary are refused with what to do', () => {
  expect(() => names('ours-two,ours-three')).toThrow('no part ours-three; there are ours-one, ours-two')
  expect(() => names('connect')).toThrow('connect needs RPC_BIN')
})
