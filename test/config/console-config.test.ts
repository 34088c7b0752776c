import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CONSOLE_SCHEMA, resolveConsole } from '../../src/config/console-config.ts'
import { tokenLine } from './token-line.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-console-config-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function problemsOf(section: object, env: Readonly<Record<string, string>> = {}): readonly string[] {
  const parsed = CONSOLE_SCHEMA.safeParse(section)
  const problems = parsed.success ? [] : parsed.error.issues.map(({ message }) => message)
  if (parsed.success) {
    resolveConsole(parsed.data, env, problems)
  }
  return problems
}

function tokensFile(content: string): object {
  const file = join(directory, 'tokens')
  writeFileSync(file, content)
  return { tokens: { file } }
}

describe('without sign-in', () => {
  test.each(['127.0.0.1', '127.0.0.2', '::1', 'localhost'])('may listen on %s', (host) => {
    expect(problemsOf({ host })).toEqual([])
  })

  test.each(['0.0.0.0', '::', '', '10.0.0.7', '2001:db8::1', '::ffff:127.0.0.1', '127.1', '127.example', 'console'])(
    'may not listen on %j',
    (host) => {
      expect(problemsOf({ host })).toEqual([expect.stringContaining('console.signIn: is required')])
      expect(problemsOf({ host, signIn: tokensFile(tokenLine('billing', 'viewer', 'v')) })).toEqual([])
    },
  )

  test('a section without any way to sign in is refused', () => {
    expect(problemsOf({ host: '0.0.0.0', signIn: {} })).toEqual(['give at least one of tokens, proxy, oidc'])
  })
})

describe('sign-in', () => {
  test('with a file of tokens that is missing or malformed is refused, and says why', () => {
    const missing = { tokens: { file: join(directory, 'missing') } }
    expect(problemsOf({ signIn: missing })).toEqual(['console.signIn.tokens.file: the file cannot be read (ENOENT)'])
    expect(problemsOf({ signIn: tokensFile('billing viewer secret') })).toEqual([
      expect.stringMatching(/^console\.signIn\.tokens\.file: entry 1 must be/),
    ])
  })

  test('through a proxy needs its addresses, and a header for groups that is not that of the name', () => {
    const proxy = { addresses: ['10.0.0.0/8'], userHeader: 'X-User', groupsHeader: 'X-Groups' }
    expect(problemsOf({ signIn: { proxy } })).toEqual([])
    expect(problemsOf({ signIn: { proxy: { ...proxy, addresses: [] } } })).toHaveLength(1)
    expect(problemsOf({ signIn: { proxy: { ...proxy, addresses: ['proxy.example'] } } })).toEqual([
      expect.stringMatching(/^console\.signIn\.proxy\.addresses\.0: must be/),
    ])
    expect(problemsOf({ signIn: { proxy: { ...proxy, groupsHeader: 'x-user' } } })).toEqual([
      'userHeader and groupsHeader must differ',
    ])
  })

  describe('with OpenID Connect', () => {
    const oidc = { issuer: 'https://login.example', clientId: 'console', clientSecret: { env: 'SECRET' } }
    const publicUrl = 'https://console.example'
    const problemsWith = (given: object, more: object = {}, env: Readonly<Record<string, string>> = { SECRET: 'x' }) =>
      problemsOf({ publicUrl, ...more, signIn: { oidc: { ...oidc, ...given } } }, env)

    test('needs its secret and where people reach the console', () => {
      expect(problemsWith({})).toEqual([])
      expect(problemsWith({}, {}, {})).toEqual([
        expect.stringMatching(/^console\.signIn\.oidc\.clientSecret: .*SECRET/),
      ])
      expect(problemsWith({}, { publicUrl: null })).toEqual([expect.stringMatching(/^console\.publicUrl: is required/)])
    })

    test('asks the provider over TLS, unless it is on this machine', () => {
      for (const issuer of ['http://127.0.0.1:8081/realm', 'http://localhost', 'http://[::1]:81']) {
        expect(problemsWith({ issuer })).toEqual([])
      }
      for (const issuer of ['http://login.example', 'http://10.0.0.7', 'http://localhost.example']) {
        expect(problemsWith({ issuer })).toEqual([expect.stringMatching(/^console\.signIn\.oidc\.issuer: must begin/)])
      }
    })
  })

  test.each(['https://console.example/paystatus', 'https://console.example/?a', 'https://alex@console.example'])(
    'does not accept %s as the address of the console',
    (publicUrl) => {
      expect(problemsOf({ publicUrl })).toEqual(['must be scheme, host and port only'])
    },
  )
})
