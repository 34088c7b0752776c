import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { type ConfigError, loadConfig } from '../../src/config.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-settings-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function load(config: object, env: Record<string, string> = {}) {
  const file = join(directory, 'paystatus.yaml')
  writeFileSync(file, stringify(config))
  return loadConfig(file, env)
}

function problemsOf(config: object, env: Record<string, string> = {}): readonly string[] {
  try {
    load(config, env)
    return []
  } catch (error) {
    return (error as ConfigError).problems
  }
}

const SECRET = { env: 'SECRET' }
const SENTINEL = { name: 'paystatus', nodes: ['s:26379'] }
const SCRAM = { mechanism: 'SCRAM-SHA-512', username: 'u', password: SECRET }

test('a cluster and Sentinel can have credentials and TLS without a URL', () => {
  const env = { SECRET: 'data', OTHER: 'sentinel' }
  const cluster = load({ redis: { cluster: { nodes: ['a:1'] }, username: 'u', password: SECRET, tls: {} } }, env).redis
  expect([cluster.username, cluster.password?.(), cluster.tls]).toEqual(['u', 'data', { keyPassword: undefined }])
  const sentinel = { ...SENTINEL, username: 's', password: { env: 'OTHER' }, tls: {} }
  const found = load({ redis: { sentinel, password: SECRET } }, env).redis
  expect([found.password?.(), found.tls, found.sentinel?.password?.()]).toEqual(['data', undefined, 'sentinel'])
  expect(found.sentinel).toMatchObject({ name: 'paystatus', nodes: ['s:26379'], username: 's', tls: {} })
})

test('by default connections are neither encrypted nor authenticated', () => {
  const { kafka, redis, registry } = load({})
  expect([kafka.tls, kafka.sasl, redis.tls, redis.password, registry.token]).toEqual(Array(5).fill(undefined))
})

test('a secret is read on every use, so that a new one needs no restart', () => {
  const file = join(directory, 'password')
  writeFileSync(file, 'first\n')
  const { sasl } = load({ kafka: { sasl: { ...SCRAM, password: { file } } } }).kafka
  const read = () => (sasl?.mechanism === 'SCRAM-SHA-512' ? sasl.password() : '')
  expect(read()).toBe('first')
  writeFileSync(file, 'second\n')
  expect(read()).toBe('second')
})

test('each role can be a different user with a shared configuration file', () => {
  const { sasl } = load({ kafka: { sasl: SCRAM } }, { SECRET: 's', PAYSTATUS_KAFKA_USERNAME: 'gateway' }).kafka
  expect(sasl).toMatchObject({ username: 'gateway' })
})

describe('refuses, naming the setting but not its value:', () => {
  const CASES: readonly (readonly [what: string, config: object, says: string])[] = [
    [
      'a variable that is not set',
      { kafka: { sasl: { ...SCRAM, password: { env: 'NO' } } } },
      'kafka.sasl.password: the variable NO',
    ],
    [
      'a missing file',
      { redis: { password: { file: '/no/such' } } },
      'redis.password: the secret file /no/such cannot be read (ENOENT)',
    ],
    ['both file and env', { redis: { password: { file: 'a', env: 'B' } } }, 'redis.password: give either file or env'],
    ['a password in the YAML file', { redis: { password: 'hunter2' } }, 'redis.password: '],
    [
      'PLAIN without TLS',
      { kafka: { sasl: { ...SCRAM, mechanism: 'PLAIN' } } },
      'kafka.sasl: PLAIN sends its secret readable',
    ],
    [
      'OAUTHBEARER without a token',
      { kafka: { tls: {}, sasl: { mechanism: 'OAUTHBEARER' } } },
      'kafka.sasl: OAUTHBEARER needs',
    ],
    [
      'a client secret over plain HTTP',
      { registry: { tokenEndpoint: { url: 'http://idp/token', clientId: 'c', clientSecret: SECRET } } },
      'registry.tokenEndpoint.url: must be https://',
    ],
    [
      'a certificate without its key',
      { kafka: { tls: { certificateFile: 'x' } } },
      'kafka.tls: certificateFile and keyFile go together',
    ],
    [
      'an invalid CA',
      {
        kafka: {
          tls: {
            caFile: join(import.meta.dirname, 'settings.test.ts'),
            certificateFile: import.meta.filename,
            keyFile: import.meta.filename,
          },
        },
      },
      'kafka.tls: ',
    ],
    ['TLS with a redis:// URL', { redis: { tls: {} } }, 'redis.tls: has no effect without a rediss:// URL'],
    [
      'TLS to Sentinel without its key',
      { redis: { sentinel: { ...SENTINEL, tls: { certificateFile: 'x' } } } },
      'redis.sentinel.tls: ',
    ],
    [
      'a missing password of Sentinel',
      { redis: { sentinel: { ...SENTINEL, password: { env: 'MISSING' } } } },
      'redis.sentinel.password: ',
    ],
    [
      'a user of Sentinel without a password',
      { redis: { sentinel: { ...SENTINEL, username: 'u' } } },
      'redis.sentinel.password: missing for username u',
    ],
    ['a user without a password', { registry: { username: 'u' } }, 'registry.password: missing for username u'],
    ['a user and a token', { registry: { username: 'u', password: SECRET, token: SECRET } }, 'registry: give either'],
  ]
  test.each(CASES)('%s', (_what, config, says) => {
    const problems = problemsOf(config, { SECRET: 'do-not-print' })
    expect(problems.filter((problem) => problem.startsWith(says))).toHaveLength(1)
    expect(problems.join()).not.toMatch(/do-not-print|hunter2/)
  })
})
