import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TokenList } from '../../src/config/token-list.ts'
import { runCommand } from '../lab/stack/run-command.ts'

const PROGRAM = join(import.meta.dirname, '../../docker/make-secrets.mjs')
let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-secrets-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

test('makes what is missing, keeps what is there, and prints the token that the console accepts', async () => {
  const make = () => runCommand([process.execPath, PROGRAM, directory, 'jpm-v1', 'console-token'])
  const { ok, output } = await make()
  expect(ok, output).toBe(true)
  expect(readdirSync(directory).toSorted()).toEqual(['console-token', 'console-tokens', 'jpm-v1'])
  const token = /sign in with the token (\S+)/.exec(output)?.[1] ?? ''
  const tokens = new TokenList(readFileSync(join(directory, 'console-tokens')))
  expect(tokens.find(token)).toMatchObject({ role: 'operator' })
  expect((await make()).output).toContain(token)
})
