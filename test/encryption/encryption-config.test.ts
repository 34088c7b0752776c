import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type ConfigError, loadConfig } from '../../src/config.ts'

const directory = mkdtempSync(join(tmpdir(), 'paystatus-encryption-'))
afterAll(() => rmSync(directory, { recursive: true }))

const KEY = randomBytes(32)

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

function load(encryption: object | undefined) {
  return loadConfig(file('paystatus.yaml', stringify({ encryption })), {}).encryption
}

test('is off if it is not configured', () => {
  expect(load(undefined)).toBeNull()
})

test.each(['base64', 'base64url', 'hex'] as const)('reads a key as %s', (encoding) => {
  const keys = [{ id: 'k1', file: file('k1', `${KEY.toString(encoding)}\n`) }]
  expect(load({ active: 'k1', keys })).toEqual({
    activeKey: 'k1',
    dataKeyPer: 'payment',
    keys: new Map([['k1', KEY]]),
  })
  expect(load({ active: 'none', keys })?.activeKey).toBeNull()
})

test('lists everything that is wrong, without any byte of a key', () => {
  const short = randomBytes(16).toString('base64')
  const config = {
    active: 'k9',
    keys: [
      { id: 'k1', file: file('k1', KEY.toString('base64')) },
      { id: 'k1', file: file('short', short) },
      { id: 'k3', file: join(directory, 'not-there') },
    ],
  }
  let problems: readonly string[] = []
  try {
    load(config)
  } catch (error) {
    problems = (error as ConfigError).problems
  }
  expect(problems).toEqual([
    'encryption.keys.1.id: k1 is already used; a new key needs a new id',
    expect.stringContaining('encryption.keys.1.file: must hold 32 random bytes'),
    'encryption.keys.2.file: cannot be read (ENOENT)',
    expect.stringContaining('encryption.active: encryption.keys has no key k9'),
  ])
  expect(problems.join()).not.toContain(short)
})
