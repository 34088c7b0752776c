import { expect, test } from 'vitest'
import { nodesOf } from '../../src/commands/completion.ts'
import { completionScript, SHELLS } from '../../src/commands/completion-script.ts'
import { createProgram } from '../../src/commands/program.ts'

const NODES = nodesOf(await createProgram())

test.each(SHELLS)('the completion for %s has every command and every long option', (shell) => {
  const script = completionScript(shell, NODES)
  const named = NODES.flatMap(({ commands, options }) => [
    ...commands.map(({ name }) => name),
    ...options.map(({ name }) => (shell === 'fish' ? `-l ${name.slice(2)}` : name)),
  ])
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter((name) => !script.includes(name))).toEqual([])
})

test('descriptions with quotes and colons are quoted', () => {
  const node = {
    path: [],
    commands: [{ name: 'a', description: "a payment's id: its key" }],
    options: [],
    values: [],
  }
  expect(completionScript('zsh', [node])).toContain(`'a:a payment'"'"'s id\\: its key'`)
  expect(completionScript('fish', [node])).toContain(`'a payment'"'"'s id: its key'`)
})
