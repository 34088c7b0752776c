import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, ENVIRONMENT_OVERRIDES, loadConfig } from '../src/config.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-config-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

function file(content: string, name = 'config.yaml'): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

function problemsOf(content: string, env: Record<string, string> = {}): readonly string[] {
  try {
    loadConfig(file(content), env)
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems
    }
    throw error
  }
  return []
}

const SOURCE = `
sources:
  - id: jpm
    provider: jpm-global-payments-v1
    path: /callbacks/jpm
    authentication: { type: none }
`

describe('loadConfig', () => {
  test('gives every default without a file', () => {
    const config = loadConfig(undefined, {})
    expect(config.environment).toBe('dev')
    expect(config.kafka).toEqual({
      brokers: ['127.0.0.1:9092'],
      topicPrefix: '',
      partitions: 6,
      replicationFactor: 1,
      minInsyncReplicas: 1,
      sessionTimeoutMs: 15_000,
      transactionTimeoutMs: 15_000,
    })
    expect(config.gateway.answerDeadlineMs).toBe(1_500)
    expect(config.sources).toEqual([])
  })

  test('takes an empty file for no settings', () => {
    expect(loadConfig(file('# nothing here\n'), {})).toEqual(loadConfig(undefined, {}))
  })

  test('keeps the other defaults of a section that the file names only in part', () => {
    const { gateway } = loadConfig(file('gateway: { port: 9999 }'), {})
    expect(gateway.port).toBe(9999)
    expect(gateway.bodyBytesMax).toBe(262_144)
  })

  test('fills in what a source leaves to its provider', () => {
    const [v1, v2] = loadConfig(
      file(`
sources:
  - { id: a, provider: jpm-global-payments-v1, path: /a, authentication: { type: none } }
  - { id: b, provider: jpm-global-payments-v2, path: /b, namespace: own, successCode: 201, currency: USD, authentication: { type: none } }
`),
      {},
    ).sources
    expect(v1).toMatchObject({ namespace: 'jpm-global-payments-v1', successCode: 200, currency: null })
    expect(v2).toMatchObject({ namespace: 'own', successCode: 201, currency: 'USD' })
  })

  test('lets the environment win over the file, with each variable in its own place and type', () => {
    const texts: Record<string, string> = {
      PAYSTATUS_ENVIRONMENT: 'prod',
      PAYSTATUS_LOG_LEVEL: 'warn',
      PAYSTATUS_KAFKA_BROKERS: 'one:1, two:2',
      PAYSTATUS_KAFKA_USERNAME: 'gateway',
      PAYSTATUS_KAFKA_TOPIC_PREFIX: 'x.',
      PASSWORD: 'p',
      PAYSTATUS_KAFKA_PARTITIONS: '12',
      PAYSTATUS_REDIS_URL: 'rediss://cache:6380',
      PAYSTATUS_REGISTRY_URL: 'https://registry:1/apis',
      PAYSTATUS_GATEWAY_HOST: '0.0.0.0',
      PAYSTATUS_GATEWAY_PORT: '1',
      PAYSTATUS_ADMIN_HOST: '::1',
      PAYSTATUS_ADMIN_PORT: '2',
    }
    expect(ENVIRONMENT_OVERRIDES.map(([name]) => name).sort()).toEqual(
      Object.keys(texts)
        .filter((name) => name !== 'PASSWORD')
        .sort(),
    )
    const sasl = 'sasl: { mechanism: SCRAM-SHA-512, username: file, password: { env: PASSWORD } }'
    const config = loadConfig(
      file(`environment: dev\nkafka: { partitions: 3, replicationFactor: 3, ${sasl} }\n`),
      texts,
    )
    expect(config.environment).toBe('prod')
    expect(config.log.level).toBe('warn')
    expect(config.kafka).toMatchObject({
      brokers: ['one:1', 'two:2'],
      topicPrefix: 'x.',
      partitions: 12,
      replicationFactor: 3,
      sasl: { username: 'gateway' },
    })
    expect(config.redis.url).toBe('rediss://cache:6380')
    expect(config.registry.url).toBe('https://registry:1/apis')
    expect(config.gateway).toMatchObject({ host: '0.0.0.0', port: 1 })
    expect(config.admin).toEqual({ host: '::1', port: 2 })
  })

  test('takes an empty variable for one that is not set', () => {
    expect(loadConfig(undefined, { PAYSTATUS_GATEWAY_PORT: '' }).gateway.port).toBe(8080)
  })

  test('reports a variable that is not a number', () => {
    expect(problemsOf('', { PAYSTATUS_GATEWAY_PORT: 'http' })).toEqual([
      expect.stringMatching(/^gateway\.port: .*number/),
    ])
  })

  test('reports a section of the wrong shape even when a variable writes into it', () => {
    expect(problemsOf('kafka: 9092', { PAYSTATUS_KAFKA_PARTITIONS: '3' })).toEqual([
      expect.stringMatching(/^kafka: .*object/),
    ])
  })

  test('reports every problem at once, in settings, secrets and between sources', () => {
    const problems = problemsOf(
      `
environment: Not A Name
kafka: { brokers: [nowhere], partitions: 0 }
gateway: { prot: 80 }
payments: { retention: 1000, nextStatusWithin: { instamed: { SETTLED: soon }, swift: 1d } }
surprise: true
sources:
  - { id: a, provider: jpm-global-payments-v1, path: /a, authentication: { type: none } }
  - { id: a, provider: instamed, path: /a/status, authentication: { type: header, header: X-Key, secret: { env: NOT_SET } } }
  - { id: c, provider: unheard-of, path: no-slash, authentication: { type: none } }
  - { id: d, provider: instamed, path: /d, authentication: { type: basic, username: "a:b", password: { env: P } } }
  - { id: e, provider: instamed, path: /e, authentication: { type: carrier-pigeon } }
`,
      { P: 'x' },
    )
    const text = problems.join('\n')
    for (const expected of [
      /^environment: /m,
      /^kafka\.brokers\.0: must be host:port/m,
      /^kafka\.partitions: /m,
      /^gateway: .*prot/m,
      /^payments\.retention: .*string/m,
      /^payments\.nextStatusWithin\.instamed\.SETTLED: must be a duration such as 90s, 15m, 12h or 400d, or never/m,
      /^payments\.nextStatusWithin: .*swift/m,
      /^\(top\): .*surprise/m,
      /^sources\.1\.id: a is already the id of sources\.0/m,
      /^sources\.1\.path: \/a\/status is already served by sources\.0/m,
      /^sources\.1\.authentication\.secret: the secret is empty or its variable is not set/m,
      /^sources\.2\.provider: /m,
      /^sources\.2\.path: must be an absolute path/m,
      /^sources\.3\.authentication\.username: .*colon/m,
      /^sources\.4\.authentication\.type: /m,
    ]) {
      expect(text).toMatch(expected)
    }
    expect(problems).toHaveLength(15)
  })

  test('puts all problems and the code into the error', () => {
    const error = new ConfigError(['a: b', 'c: d'])
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID', problems: ['a: b', 'c: d'] })
    expect(error.message).toBe('2 problems in the configuration:\n  - a: b\n  - c: d')
  })

  test('names a file that cannot be read, is not YAML, or is not a mapping', () => {
    const missing = join(directory, 'missing.yaml')
    expect(() => loadConfig(missing, {})).toThrow(`${missing}: cannot be read (ENOENT)`)
    expect(problemsOf('- a\n- b\n')).toEqual([expect.stringContaining('must be a mapping')])
    expect(problemsOf('a: [')).toEqual([expect.stringMatching(/is not YAML: .*line/)])
  })

  test('does not quote a broken file, which may hold a secret (I9)', () => {
    expect(problemsOf('password: "hunter2\nx: [').join()).not.toContain('hunter2')
  })

  test('refuses to forget a payment while something could still come of it', () => {
    expect(problemsOf('payments: { retention: 90d }')).toEqual([])
    expect(problemsOf('payments: { retention: 2159h }')).toEqual([
      'payments.retention: must be at least 90d: raw callbacks, events and dead letters are kept for 90 days',
    ])
    expect(problemsOf(`payments: { retention: 1d }\n${SOURCE}`)).toEqual([expect.stringMatching(/at least 90d/)])
  })

  test('reads how long a status may last, the most particular setting first', () => {
    expect(loadConfig(file(''), {}).payments).toEqual({
      retentionMs: 400 * 86_400_000,
      nextStatusWithin: { default: 3 * 86_400_000, providers: {} },
    })
    const text =
      'payments: { nextStatusWithin: { default: never, instamed: { default: 2h, SETTLED: 7d, ON_HOLD: never } } }'
    expect(loadConfig(file(text), {}).payments.nextStatusWithin).toEqual({
      default: null,
      providers: { instamed: { default: 7_200_000, SETTLED: 7 * 86_400_000, ON_HOLD: null } },
    })
  })
})

describe('secrets', () => {
  function secured(secret: string): string {
    return SOURCE.replace('{ type: none }', `{ type: header, header: X-Key, secret: ${secret} }`)
  }

  test('are read from a file, without the line break at its end', () => {
    const path = file('s3cret\n', 'secret')
    const [source] = loadConfig(file(secured(`{ file: '${path}' }`)), {}).sources
    expect(source?.authentication).toEqual({ type: 'header', header: 'X-Key', secret: 's3cret' })
  })

  test('are read from the environment', () => {
    const basic = SOURCE.replace('{ type: none }', '{ type: basic, username: u, password: { env: PASSWORD } }')
    const [source] = loadConfig(file(basic), { PASSWORD: 'p' }).sources
    expect(source?.authentication).toEqual({ type: 'basic', username: 'u', password: 'p' })
  })

  test.each([
    ['{}', 'give either file or env'],
    ['{ file: /x, env: Y }', 'give either file or env'],
    ['{ file: /does/not/exist }', 'the secret file cannot be read (ENOENT)'],
    ['{ env: EMPTY }', 'the secret is empty or its variable is not set'],
  ])('given as %s are a problem', (secret, problem) => {
    expect(problemsOf(secured(secret), { EMPTY: '' })).toEqual([`sources.0.authentication.secret: ${problem}`])
  })

  test('are never part of a problem (I9)', () => {
    const problems = problemsOf(`${secured('{ env: KEY }')}\nextra: 1\n`, { KEY: 'hunter2' })
    expect(problems).toHaveLength(1)
    expect(problems.join()).not.toContain('hunter2')
  })
})
