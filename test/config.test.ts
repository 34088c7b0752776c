import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, type ConfigPart, ENVIRONMENT_OVERRIDES, loadConfig } from '../src/config.ts'
import { rootCa } from './pki/certificate-authority.ts'

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
  test('has every default without a file', () => {
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
      compressStatusTopics: false,
    })
    expect(config.gateway.answerDeadlineMs).toBe(1_500)
    expect(config.sources).toEqual([])
  })

  test('treats an empty file as no settings', () => {
    expect(loadConfig(file('# nothing here\n'), {})).toEqual(loadConfig(undefined, {}))
  })

  test('keeps the other defaults of a section that the file sets only in part', () => {
    const { gateway } = loadConfig(file('gateway: { port: 9999 }'), {})
    expect(gateway.port).toBe(9999)
    expect(gateway.bodyBytesMax).toBe(262_144)
  })

  test('takes missing settings of a source from its provider', () => {
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

  test('accepts a single Redis, a cluster or Sentinel; the default is a local server', () => {
    const placeOf = (text: string, env: Record<string, string> = {}) => {
      const { url, cluster, sentinel } = loadConfig(file(text), env).redis
      return { url, cluster, sentinel: sentinel && { name: sentinel.name, nodes: sentinel.nodes } }
    }
    const none = { url: undefined, cluster: undefined, sentinel: undefined }
    expect(placeOf('')).toEqual({ ...none, url: 'redis://127.0.0.1:6379' })
    expect(placeOf('redis: { url: rediss://one:1 }')).toEqual({ ...none, url: 'rediss://one:1' })
    const nodes = ['a:7000', '10.0.0.1:7000', '[::1]:7000']
    expect(placeOf(`redis: { cluster: { nodes: ${JSON.stringify(nodes)} } }`)).toEqual({ ...none, cluster: { nodes } })
    expect(placeOf(`redis: { sentinel: { name: pay, nodes: ['s:26379'] } }`)).toEqual({
      ...none,
      sentinel: { name: 'pay', nodes: ['s:26379'] },
    })
  })

  test.each([
    ['url and cluster', `redis: { cluster: { nodes: ['a:1'] }, url: redis://b:2 }`, {}],
    ['cluster and sentinel', `redis: { cluster: { nodes: ['a:1'] }, sentinel: { name: n, nodes: ['b:2'] } }`, {}],
    [
      'a cluster with a url from the environment',
      `redis: { cluster: { nodes: ['a:1'] } }`,
      { PAYSTATUS_REDIS_URL: 'redis://b:2' },
    ],
  ])('refuses %s', (_what, text, env) => {
    expect(() => loadConfig(file(text), env)).toThrow(
      'redis: give one of url (PAYSTATUS_REDIS_URL), cluster and sentinel',
    )
  })

  test.each([
    ['no nodes', 'redis: { cluster: { nodes: [] } }', 'redis.cluster.nodes'],
    ['a node without a port', `redis: { cluster: { nodes: ['a'] } }`, 'redis.cluster.nodes.0: must be host:port'],
    [
      'a node that is a URL',
      `redis: { cluster: { nodes: ['redis://a:1'] } }`,
      'redis.cluster.nodes.0: must be host:port',
    ],
    [
      'IPv6 without brackets',
      `redis: { cluster: { nodes: ['::1:7000'] } }`,
      'redis.cluster.nodes.0: must be host:port',
    ],
    ['no name', `redis: { sentinel: { nodes: ['a:1'] } }`, 'redis.sentinel.name'],
  ])('refuses a Redis with %s', (_what, text, says) => {
    expect(() => loadConfig(file(text), {})).toThrow(says)
  })

  test('overrides the file with environment variables, each with its setting and type', () => {
    const texts: Record<string, string> = {
      PAYSTATUS_ENVIRONMENT: 'prod',
      PAYSTATUS_LOG_LEVEL: 'warn',
      PAYSTATUS_KAFKA_BROKERS: 'one:1, two:2',
      PAYSTATUS_KAFKA_USERNAME: 'gateway',
      PAYSTATUS_KAFKA_TOPIC_PREFIX: 'x.',
      PASSWORD: 'p',
      PAYSTATUS_KAFKA_PARTITIONS: '12',
      PAYSTATUS_KAFKA_GROUP_INSTANCE_ID: 'pod-0',
      PAYSTATUS_REDIS_URL: 'rediss://cache:6380',
      PAYSTATUS_REDIS_USERNAME: 'maintainer',
      PAYSTATUS_REGISTRY_URL: 'https://registry:1/apis',
      PAYSTATUS_GATEWAY_HOST: '0.0.0.0',
      PAYSTATUS_GATEWAY_PORT: '1',
      PAYSTATUS_ADMIN_HOST: '::1',
      PAYSTATUS_ADMIN_PORT: '2',
      PAYSTATUS_CONSOLE_HOST: '127.0.0.3',
      PAYSTATUS_CONSOLE_PORT: '3',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
    }
    expect(ENVIRONMENT_OVERRIDES.map(([name]) => name).sort()).toEqual(
      Object.keys(texts)
        .filter((name) => name !== 'PASSWORD')
        .sort(),
    )
    const sasl = 'sasl: { mechanism: SCRAM-SHA-512, username: file, password: { env: PASSWORD } }'
    const config = loadConfig(
      file(
        `environment: dev\nkafka: { partitions: 3, replicationFactor: 3, ${sasl} }\nredis: { password: { env: PASSWORD } }\n`,
      ),
      texts,
    )
    expect(config.environment).toBe('prod')
    expect(config.log.level).toBe('warn')
    expect(config.kafka).toMatchObject({
      brokers: ['one:1', 'two:2'],
      topicPrefix: 'x.',
      partitions: 12,
      groupInstanceId: 'pod-0',
      replicationFactor: 3,
      sasl: { username: 'gateway' },
    })
    expect(config.redis).toMatchObject({ url: 'rediss://cache:6380', username: 'maintainer' })
    expect(config.registry.url).toBe('https://registry:1/apis')
    expect(config.gateway).toMatchObject({ host: '0.0.0.0', port: 1 })
    expect(config.admin).toEqual({ host: '::1', port: 2 })
    expect(config.console).toMatchObject({ host: '127.0.0.3', port: 3 })
    expect(config.tracing).toEqual({ endpoint: 'http://collector:4318', sampleRatio: 0.5 })
  })

  test('treats an empty variable as unset', () => {
    expect(loadConfig(undefined, { PAYSTATUS_GATEWAY_PORT: '' }).gateway.port).toBe(8080)
  })

  test('has a default for every limit, and each can be set', () => {
    const { gateway, shutdown } = loadConfig(undefined, {})
    const limits = {
      answerDeadlineMs: 1_500,
      headersTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
      keepAliveTimeoutMs: 75_000,
      answerReadTimeoutMs: 5_000,
      connectionsMax: 10_000,
      connectionsPerAddressMax: 1_000,
      headerBytesMax: 16_384,
      headersMax: 100,
      bodyBytesMax: 262_144,
      waitingRecordsMax: 20_000,
      waitingBytesMax: 67_108_864,
    }
    expect(gateway).toMatchObject({ host: '127.0.0.1', port: 8080, ...limits, shutdown: { waitMs: 5_000 } })
    expect(shutdown).toEqual({ limitMs: 45_000 })
    const doubled = Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, value + 1]))
    const text = JSON.stringify({ gateway: { ...doubled, headersMax: 101, shutdown: { waitMs: 0 } } })
    expect(loadConfig(file(text), {}).gateway).toMatchObject({ ...doubled, shutdown: { waitMs: 0 } })
    expect(loadConfig(file(SOURCE), {}).sources[0]).toMatchObject({ requestsPerSecondMax: 5_000, jsonDepthMax: 64 })
    const own = SOURCE.replace('path:', 'requestsPerSecondMax: 0.5\n    jsonDepthMax: 100\n    path:')
    expect(loadConfig(file(own), {}).sources[0]).toMatchObject({ requestsPerSecondMax: 0.5, jsonDepthMax: 100 })
  })

  test('reports limits that contradict each other', () => {
    expect(problemsOf('gateway: { headersTimeoutMs: 11000, answerDeadlineMs: 12000 }')).toEqual([
      expect.stringMatching(/^gateway\.headersTimeoutMs: .*requestTimeoutMs/),
      expect.stringMatching(/^gateway\.answerDeadlineMs: .*requestTimeoutMs/),
    ])
    expect(problemsOf('kafka: { replicationFactor: 2, minInsyncReplicas: 3 }')).toEqual([
      'kafka.minInsyncReplicas: must not be above kafka.replicationFactor',
    ])
    expect(problemsOf('gateway: { shutdown: { waitMs: 60000 } }')).toEqual([
      expect.stringMatching(/^shutdown\.limitMs: must be above 61500 ms/),
    ])
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

  test('reports all problems at once, in settings, in secrets and between sources', () => {
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
  - { id: f, provider: instamed, path: /f }
  - { id: g, provider: instamed, path: /g, authentication: [] }
  - { id: h, provider: instamed, path: /h, authentication: [none, { type: ip-allow-list, addresses: [1.2.3.4] }] }
  - { id: i, provider: instamed, path: /i, authentication: [{ type: basic, username: u, password: { env: P } }, { type: hmac }] }
  - { id: j, provider: instamed, path: /j, authentication: [{ type: ip-allow-list, addresses: [1.2.3.4/33] }, { type: path-token, token: { env: P } }] }
  - { id: k, provider: instamed, path: /k, authentication: { type: mtls, ca: /no/such/ca, crl: /no/such/crl, pins: ['CN=x'] } }
  - { id: l, provider: instamed, path: /l, authentication: { type: mtls, ca: /no/such/ca } }
  - { id: m, provider: instamed, path: /m, authentication: { type: standard-webhooks, secret: [{ env: P }] } }
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
      /^sources\.1\.path: equals the path of sources\.0, alone or with a suffix of a provider$/m,
      /^sources\.1\.authentication\.secret: the variable NOT_SET is empty or not set/m,
      /^sources\.2\.provider: /m,
      /^sources\.2\.path: must be an absolute path/m,
      /^sources\.3\.authentication\.username: .*colon/m,
      /^sources\.4\.authentication\.type: /m,
      /^sources\.5\.authentication: .*to accept everybody, write none/m,
      /^sources\.6\.authentication: .*to accept everybody, write none/m,
      /^sources\.7\.authentication: none cannot be combined with others/m,
      /^sources\.8\.authentication\.1\.header: /m,
      /^sources\.8\.authentication\.1\.secret: /m,
      /^sources\.9\.authentication\.0\.addresses\.0: must be an IPv4 or IPv6 address, or a range/m,
      /^sources\.9\.authentication\.1\.token: must be 22 to 128/m,
      /^sources\.10\.authentication\.ca: the file cannot be read \(ENOENT\)/m,
      /^sources\.10\.authentication\.crl: the file cannot be read \(ENOENT\)/m,
      /^sources\.10\.authentication\.pins\.0: must be subject:/m,
      /^sources\.11\.authentication\.pins: must be a list, \{ file: … \}, or the word any/m,
      /^sources\.12\.authentication\.secret: must be whsec_/m,
    ]) {
      expect(text).toMatch(expected)
    }
    expect(problems).toHaveLength(27)
  })

  test('names the variable of a wrong value, which is not in the file', () => {
    const gateway = 'kafka: { topicPrefix: "a b" }'
    expect(problemsOf(gateway, { PAYSTATUS_KAFKA_BROKERS: 'nowhere', PAYSTATUS_KAFKA_PARTITIONS: 'six' })).toEqual([
      expect.stringMatching(
        /^kafka\.brokers\.0: must be host:port.* \(set in the environment variable PAYSTATUS_KAFKA_BROKERS\)$/,
      ),
      expect.stringMatching(/^kafka\.topicPrefix: [^(]*\/$/),
      expect.stringMatching(
        /^kafka\.partitions: .*number.* \(set in the environment variable PAYSTATUS_KAFKA_PARTITIONS\)$/,
      ),
    ])
    expect(problemsOf('', { PAYSTATUS_KAFKA_USERNAME: 'x' })).toEqual([
      expect.stringMatching(/^kafka\.sasl\.mechanism: .*PAYSTATUS_KAFKA_USERNAME/),
    ])
  })

  test('puts the topic prefix into the default groups, so that installations with different topics share no group', () => {
    const groups = (text: string) => {
      const { normalizer, processor } = loadConfig(file(text), {})
      return [normalizer.group, processor.group]
    }
    expect(groups('')).toEqual(['paystatus-normalizer', 'paystatus-processor'])
    expect(groups('kafka: { topicPrefix: Team_a. }')).toEqual([
      'Team_a.paystatus-normalizer',
      'Team_a.paystatus-processor',
    ])
    expect(groups('kafka: { topicPrefix: a. }\nnormalizer: { group: mine }')).toEqual(['mine', 'a.paystatus-processor'])
    expect(problemsOf('processor: { group: paystatus-normalizer }')).toEqual([
      expect.stringMatching(/^processor\.group: must not be normalizer\.group/),
    ])
  })

  test('explains Kubernetes service links and how to disable them', () => {
    expect(problemsOf('', { PAYSTATUS_GATEWAY_PORT: 'tcp://10.96.0.1:8080' })).toEqual([
      expect.stringMatching(/^gateway\.port: .*PAYSTATUS_GATEWAY_PORT .*enableServiceLinks: false/),
    ])
  })

  test.each(['[::1]:9092', '[2001:db8::1]:1', 'kafka-0.kafka.svc:65535', '10.0.0.1:9092'])(
    '%s is a valid broker',
    (broker) => {
      expect(problemsOf(`kafka: { brokers: ["${broker}"] }`)).toEqual([])
    },
  )

  test.each(['::1:9092', '[::1]', '[nonsense]:1', '[::1]:0', 'a:70000', 'a b:1', ':9092', '[10.0.0.1]:9092'])(
    '%s is not a broker',
    (broker) => {
      expect(problemsOf(`kafka: { brokers: ["${broker}"] }`)).toEqual([
        expect.stringContaining('must be host:port, with an IPv6 address in brackets'),
      ])
    },
  )

  test('reports all problems and the code in the error', () => {
    const error = new ConfigError(['a: b', 'c: d'])
    expect(error).toMatchObject({ name: 'ConfigError', code: 'CONFIG_INVALID', problems: ['a: b', 'c: d'] })
    expect(error.message).toBe('2 problems in the configuration:\n  - a: b\n  - c: d')
  })

  test('names a file that cannot be read, is not YAML, or is not a mapping', () => {
    const missing = join(directory, 'missing.yaml')
    expect(() => loadConfig(missing, {})).toThrow(`${missing}: cannot be read (ENOENT)`)
    expect(problemsOf('- a\n- b\n')).toEqual([expect.stringContaining('must be a mapping')])
    expect(problemsOf('a: [')).toEqual([expect.stringMatching(/is not valid YAML: .*line/)])
  })

  test.each([
    ['redis: { url: redis://h:1x }', 'redis.url: must be a redis:// or rediss:// URL, such as redis://127.0.0.1:6379'],
    ['redis: { url: redis://:hunter2@ }', 'redis.url: must be a redis:// or rediss:// URL'],
    ['redis: { url: http://h:1 }', 'redis.url: must be a redis:// or rediss:// URL'],
    ['registry: { url: http://h:1x }', 'registry.url: must be an http:// or https:// URL'],
  ])('refuses an address that is no URL: %s', (content, problem) => {
    expect(problemsOf(content)).toEqual([expect.stringContaining(problem)])
  })

  test.each([
    ['redis: { password: hunter2 }', 'redis.password'],
    ['redis: { password: { hunter2 } }', 'redis.password'],
    ['redis: { password: [hunter2] }', 'redis.password'],
    ['registry: { token: 4711 }', 'registry.token'],
    ['kafka: { sasl: { mechanism: SCRAM-SHA-512, username: u, password: hunter2 } }', 'kafka.sasl.password'],
    ['kafka: { tls: { keyPassword: hunter2 } }', 'kafka.tls.keyPassword'],
    [SOURCE.replace('type: none', 'type: path-token, token: hunter2'), 'sources.0.authentication.token'],
    [SOURCE.replace('type: none', 'type: path-token, token: [hunter2]'), 'sources.0.authentication.token'],
    [SOURCE.replace('type: none', 'type: path-token, token: { hunter2 }'), 'sources.0.authentication.token'],
  ])('says how a secret is given instead of inline, without the secret: %s (I9)', (content, path) => {
    const problems = problemsOf(content)
    expect(problems).toEqual([expect.stringMatching(`^${path}: must be \\{ file: … \\} or \\{ env: … \\}`)])
    expect(problems.join()).not.toContain('hunter2')
  })

  test('does not quote an invalid file, which may contain a secret (I9)', () => {
    expect(problemsOf('password: "hunter2\nx: [').join()).not.toContain('hunter2')
  })

  test('refuses a retention that forgets payments while events about them can still arrive', () => {
    expect(problemsOf('payments: { retention: 90d }')).toEqual([])
    expect(problemsOf('payments: { retention: 2159h }')).toEqual([
      'payments.retention: must be at least 90d: raw callbacks, events and dead letters are kept for 90 days',
    ])
    expect(problemsOf(`payments: { retention: 1d }\n${SOURCE}`)).toEqual([expect.stringMatching(/at least 90d/)])
  })

  test('reads how long a status may last, the most specific setting first', () => {
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

describe('authentication', () => {
  const of = (text: string, env: Record<string, string> = {}) =>
    loadConfig(file(SOURCE.replace('{ type: none }', text)), env).sources[0]?.authentication

  test.each(['none', '{ type: none }', '[none]'])('%s means none', (text) => {
    expect(of(text)).toEqual([{ type: 'none' }])
  })

  test('can be several types, with several secrets each', () => {
    const text =
      '[{ type: ip-allow-list, addresses: [2001:db8::/32] }, { type: header, header: X-Key, secret: [{ env: A }, { env: B }] }]'
    expect(of(text, { A: 'a', B: 'b' })).toEqual([
      { type: 'ip-allow-list', addresses: { lines: ['2001:db8::/32'] } },
      {
        type: 'header',
        header: 'X-Key',
        secrets: [
          { value: 'a', file: null },
          { value: 'b', file: null },
        ],
      },
    ])
  })

  test('by signature defaults to hex SHA-256 over the body alone, 5 minutes', () => {
    expect(of('{ type: hmac, header: X-Signature, secret: { env: A } }', { A: 'a' })).toMatchObject([
      { algorithm: 'sha256', encoding: 'hex', prefix: '', timestamp: null },
    ])
    const timed = '{ type: hmac, header: X-Signature, secret: { env: A }, timestamp: { header: X-Time } }'
    expect(of(timed, { A: 'a' })).toMatchObject([
      { timestamp: { header: 'X-Time', separator: '.', toleranceSeconds: 300 } },
    ])
  })

  test('can take its addresses from a file with comments', () => {
    const addresses = file('# networks\n203.0.113.0/24 # first\n\n2001:db8::1\n', 'addresses')
    expect(of(`{ type: ip-allow-list, addresses: { file: '${addresses}' } }`)).toEqual([
      { type: 'ip-allow-list', addresses: { file: addresses } },
    ])
    writeFileSync(addresses, '# none\n')
    expect(() => of(`{ type: ip-allow-list, addresses: { file: '${addresses}' } }`)).toThrow('contains no entry')
  })

  test('by mutual TLS needs TLS, or a proxy that forwards certificates', () => {
    const ca = file(rootCa('CN=Root').pem, 'ca.pem')
    const source = SOURCE.replace('{ type: none }', `{ type: mtls, ca: '${ca}', pins: any }`)
    expect(problemsOf(source)).toEqual([
      'sources.0.authentication: mtls needs gateway.tls, or gateway.trustedProxies.clientCertificate',
    ])
    const proxies =
      'gateway: { trustedProxies: { addresses: [10.0.0.0/8], clientCertificate: { header: x-cert, format: pem } } }'
    expect(loadConfig(file(`${proxies}\n${source}`), {}).sources[0]?.authentication).toEqual([
      { type: 'mtls', ca, crls: [], pins: null },
    ])
  })

  test('needs a certificate and its key for TLS', () => {
    const [one, other] = [rootCa('CN=One'), rootCa('CN=Other')]
    const certificate = file(one.pem, 'server.pem')
    const key = file(other.keyPem, 'server.key')
    const tls = `gateway: { tls: { certificate: '${certificate}', key: '${key}' } }`
    expect(problemsOf(tls)).toEqual(['gateway.tls.certificate: the key does not match the first certificate'])
    writeFileSync(key, 'nothing')
    expect(problemsOf(tls)).toEqual(['gateway.tls.certificate: the key is not a PEM private key without a passphrase'])
    writeFileSync(key, one.keyPem)
    expect(problemsOf(tls)).toEqual([])
    rmSync(key)
    expect(problemsOf(tls)).toEqual(['gateway.tls.key: the file cannot be read (ENOENT)'])
  })
})

describe('secrets', () => {
  function secured(secret: string): string {
    return SOURCE.replace('{ type: none }', `{ type: header, header: X-Key, secret: ${secret} }`)
  }

  test('are read from a file, without the trailing line break', () => {
    const path = file('s3cret\n', 'secret')
    const [source] = loadConfig(file(secured(`{ file: '${path}' }`)), {}).sources
    expect(source?.authentication).toEqual([
      { type: 'header', header: 'X-Key', secrets: [{ value: 's3cret', file: path }] },
    ])
  })

  test('are read from the environment', () => {
    const basic = SOURCE.replace('{ type: none }', '{ type: basic, username: u, password: { env: PASSWORD } }')
    const [source] = loadConfig(file(basic), { PASSWORD: 'p' }).sources
    expect(source?.authentication).toEqual([{ type: 'basic', username: 'u', passwords: [{ value: 'p', file: null }] }])
  })

  test.each([
    ['{}', 'give either file or env'],
    ['{ file: /x, env: Y }', 'give either file or env'],
    ['{ file: /does/not/exist }', 'the secret file /does/not/exist cannot be read (ENOENT)'],
    ['{ env: EMPTY }', 'the variable EMPTY is empty or not set'],
  ])('given as %s are a problem', (secret, problem) => {
    expect(problemsOf(secured(secret), { EMPTY: '' })).toEqual([`sources.0.authentication.secret: ${problem}`])
  })

  test('may be missing only for parts that a process does not use', () => {
    const missing = (name: string) => `{ file: /does/not/exist/${name} }`
    const path = file(
      [
        `kafka: { sasl: { mechanism: SCRAM-SHA-512, username: u, password: ${missing('kafka')} } }`,
        `redis: { password: ${missing('redis')} }`,
        `registry: { username: u, password: ${missing('registry')} }`,
        'gateway: { tls: { certificate: /does/not/exist/gateway, key: /does/not/exist/gateway } }',
        'encryption: { active: k, keys: [{ id: k, file: /does/not/exist/encryption }] }',
        secured(missing('caller')),
      ].join('\n'),
    )
    const placesOf = (uses?: readonly ConfigPart[]) => {
      try {
        loadConfig(path, {}, uses)
        return []
      } catch (error) {
        return (error as ConfigError).problems.map((problem) => problem.split(/[.:]/, 1)[0])
      }
    }
    expect(placesOf([])).toEqual([])
    expect(placesOf(['kafka'])).toEqual(['kafka'])
    expect(placesOf(['gateway'])).toEqual(['sources', 'gateway', 'gateway'])
    expect(placesOf(['kafka', 'encryption', 'registry'])).toEqual(['encryption', 'kafka', 'registry'])
    expect(placesOf(['redis'])).toEqual(['redis'])
    expect(placesOf()).toEqual(['sources', 'gateway', 'gateway', 'encryption', 'kafka', 'redis', 'registry'])
  })

  test('never appear in a problem (I9)', () => {
    const problems = problemsOf(`${secured('{ env: KEY }')}\nextra: 1\n`, { KEY: 'hunter2' })
    expect(problems).toHaveLength(1)
    expect(problems.join()).not.toContain('hunter2')
  })
})
