import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { describe, expect, test, vi } from 'vitest'
import { TokenList } from '../../src/config/token-list.ts'
import { tokenLine } from './token-line.ts'

const listOf = (...lines: readonly string[]) => new TokenList(Buffer.from(lines.join('\n')))

describe('a list of tokens', () => {
  test('compares every entry in constant time, wherever the token stands', () => {
    const list = listOf(...['a', 'b', 'c'].map((token) => tokenLine(`of-${token}`, 'viewer', token)))
    const compare = vi.spyOn(crypto, 'timingSafeEqual')
    syncBuiltinESMExports()
    try {
      for (const [token, name] of [
        ['a', 'of-a'],
        ['c', 'of-c'],
        ['x', undefined],
      ]) {
        compare.mockClear()
        expect(list.find(token ?? '')?.name).toBe(name)
        expect(compare).toHaveBeenCalledTimes(3)
      }
    } finally {
      compare.mockRestore()
      syncBuiltinESMExports()
    }
  })

  test.each([
    ['no entry', ''],
    ['entry 1 must be', 'billing viewer'],
    ['entry 1 must be', 'billing viewer 00ff'],
    ['entry 1 must be', tokenLine('billing', 'Viewer', 'v')],
    ['entry 2 must be', `${tokenLine('billing', 'viewer', 'v')}\n${tokenLine('alex', 'admin', 'o')}`],
    ['entry 1 must be', `${tokenLine('billing', 'viewer', 'v')} operator`],
    ['entry 1 has the SHA-256 of an empty token', tokenLine('billing', 'viewer', '')],
    [
      'entry 2 has the SHA-256 of another entry',
      `${tokenLine('billing', 'viewer', 'v')}\n${tokenLine('alex', 'operator', 'v')
        .toUpperCase()
        .replace(/^\S+ \S+/, 'alex operator')}`,
    ],
  ])('refuses the file with: %s', (message, content) => {
    expect(() => listOf(content)).toThrow(message)
  })

  test('an error quotes nothing of the file', () => {
    expect(() => listOf('billing viewer my-token-in-the-clear')).toThrow(
      /^entry 1 must be: name, viewer or operator, SHA-256 of the token in hex$/,
    )
  })
})
