import { expect, test } from 'vitest'
import { coloursFor } from '../../src/commands/colours.ts'

const TERMINAL = { isTTY: true }

test.each([
  ['on a terminal', TERMINAL, {}, '\u001b[31mbad\u001b[39m'],
  ['in a file or pipe', {}, {}, 'bad'],
  ['if NO_COLOR is set', TERMINAL, { NO_COLOR: '1' }, 'bad'],
  ['if NO_COLOR is set but empty', TERMINAL, { NO_COLOR: '' }, '\u001b[31mbad\u001b[39m'],
  ['if the terminal is dumb', TERMINAL, { TERM: 'dumb' }, 'bad'],
])('%s', (_name, stream, env, shown) => {
  expect(coloursFor(stream, env).red('bad')).toBe(shown)
})
