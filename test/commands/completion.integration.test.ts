import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { nodesOf } from '../../src/commands/completion.ts'
import { completionScript } from '../../src/commands/completion-script.ts'
import { createProgram } from '../../src/commands/program.ts'

/** Runs the completion in a real bash. */

const SCRIPT = completionScript('bash', nodesOf(await createProgram()))

function completed(line: string): readonly string[] {
  const words = line.split(' ')
  const run = `${SCRIPT}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_paystatus; printf '%s\\n' "\${COMPREPLY[@]}"`
  const text = execFileSync('bash', ['-u', '-c', run], { encoding: 'utf8' })
  return text.split('\n').filter((word) => word !== '')
}

test.each([
  ['paystatus to', ['topics']],
  ['paystatus topics ', ['apply', 'check', 'carry-over', 'acls', '--help']],
  ['paystatus topics carry-over --f', ['--from-prefix']],
  ['paystatus -c paystatus.yaml dlq red', ['redrive']],
  ['paystatus verify --al', ['--all']],
  ['paystatus completion f', ['fish']],
  // Files, by bash itself.
  ['paystatus -c ', []],
  ['paystatus simulate --out ', []],
  ['paystatus nonsense', []],
])('%s', (line, words) => {
  expect(completed(line)).toEqual(words)
})
