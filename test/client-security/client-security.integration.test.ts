import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { CONFIG_PARTS, type ConfigPart } from '../../src/config.ts'
import { createKafka, type KafkaClient } from '../../src/kafka/kafka-client.ts'
import { postExamples } from '../lab/demo/examples.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { type AclEntry, createAcls } from './create-acls.ts'
import { ADMIN, SecuredServers, unsignedToken } from './secured-servers.ts'

/**
 * All client security at once: Kafka with TLS, SASL and ACLs that deny by default; Redis with TLS, client certificates and
 * ACL users; the registry with TLS and a password. The permissions come from running the output of `topics acls` as an
 * operator would.
 */

const ROLES = ['gateway', 'normalizer', 'processor', 'deployer', 'operator', 'maintainer'] as const
type Role = (typeof ROLES)[number]
const PREFIX = 'paystatus-'
/** The servers of each role, as in deploy/README.md. For other servers a role's configuration names missing secrets. */
const NEEDS: Readonly<Record<Role, readonly ConfigPart[]>> = {
  gateway: ['kafka', 'gateway'],
  normalizer: ['kafka', 'registry'],
  processor: ['kafka', 'redis', 'registry'],
  deployer: ['kafka', 'registry'],
  operator: CONFIG_PARTS,
  maintainer: CONFIG_PARTS,
}
const NOT_GIVEN = { file: '/does/not/exist' }
/** Sessions expire many times during the test, so that every client must authenticate again. */
const SESSION_MS = 4_000

let servers: SecuredServers
let deployment: Deployment
let administrator: KafkaClient
const configs = {} as Record<Role, string>

beforeAll(async () => {
  const { registryUrl } = inject('stack')
  servers = await SecuredServers.start({
    users: ROLES.map((role) => PREFIX + role),
    sessionMs: SESSION_MS,
    registryUrl,
  })
  deployment = await Deployment.create(
    {
      kafkaBrokers: [`127.0.0.1:${servers.kafka.ports[0]}`],
      redisUrl: `rediss://127.0.0.1:${servers.redis.ports[0]}`,
      registryUrl: servers.registryUrl,
      pids: {},
      directory: servers.directory,
      control: '',
    },
    { prepare: false, config: { redis: { password: secretFile('redis'), tls: tlsWithCertificate() } } },
  )
  for (const role of ROLES) {
    configs[role] = writeConfig(role, role, {})
  }
  administrator = createKafka({
    connection: {
      brokers: deployment.config.kafka.brokers,
      tls: { caFile: servers.ca },
      sasl: { mechanism: 'SCRAM-SHA-512', username: ADMIN, password: () => servers.passwordOf(ADMIN) },
    },
    clientId: 'administrator',
    logger: SILENT,
  })
})

afterAll(async () => {
  await administrator?.queries.close()
  await deployment?.close()
  await servers?.close()
})

test('the printed permissions suffice for the whole path; a role without one, or with a wrong password, reports what it lacks', async () => {
  const lacking = (entry: AclEntry) =>
    (entry.resourceType === RESOURCE.topic && entry.principal.endsWith('gateway')) ||
    (entry.resourceType === RESOURCE.group && entry.principal.endsWith('normalizer')) ||
    entry.resourceType === RESOURCE['transactional-id']
  const acls = await runPrintedCommands()
  expect(acls.filter(lacking).length).toBeGreaterThanOrEqual(4)

  await createAcls(
    administrator,
    acls.filter((entry) => !lacking(entry)),
  )
  await succeeds(deployment.command(['topics', 'apply'], { configFile: configs.deployer }))
  await succeeds(deployment.command(['schemas', 'apply'], { configFile: configs.deployer }))

  // Each process exits non-zero, and its last line names the remedy.
  const starved = await Promise.all(
    (['gateway', 'normalizer', 'processor'] as const).map((role) => start(role, configs[role])),
  )
  expect(await Promise.all(starved.map(({ exited }) => Promise.race([exited, delay(60_000)])))).toEqual([1, 1, 1])
  const [gatewayEnd, normalizerEnd, processorEnd] = starved.map(({ output }) => output)
  expect(gatewayEnd).toContain(`paystatus: ${deployment.topics.raw} does not exist or is not visible to our user`)
  expect(normalizerEnd).toMatch(
    /paystatus: Kafka refuses reading \S+ in group \S*paystatus-normalizer: .*\(GROUP_AUTHORIZATION_FAILED\); paystatus topics acls/,
  )
  expect(processorEnd).toMatch(
    /paystatus: Kafka refuses the transactions of \S+: .*\(TRANSACTIONAL_ID_AUTHORIZATION_FAILED\); paystatus topics acls/,
  )
  await createAcls(administrator, acls.filter(lacking))

  // A wrong password is reported at once, and correcting it needs no restart.
  const wrong = writeFileSecret('wrong', 'not the password')
  const gateway = await start('gateway', writeConfig('gateway', 'gateway-wrong', { kafkaPassword: wrong }))
  const wrongRedis = writeFileSecret('wrong-redis', 'not the password')
  const processor = await start('processor', writeConfig('processor', 'processor-wrong', { redisPassword: wrongRedis }))
  const normalizer = await start('normalizer', configs.normalizer)
  const reasonOf = async (process: RoleProcess, component: string) =>
    (await process.health()).components[component]?.reason
  await eventually(async () => {
    expect(await reasonOf(gateway, 'kafka')).toContain(
      'refuses us: the login (SCRAM-SHA-512 as paystatus-gateway) failed:',
    )
    expect(await reasonOf(processor, 'redis')).toMatch(/Redis refuses the login; check redis\.username.*: WRONGPASS/)
  })
  expect(gateway.output).toContain('the login (SCRAM-SHA-512 as paystatus-gateway) failed')
  expect(gateway.output + processor.output).not.toContain('not the password')
  writeFileSync(wrong.file, servers.passwordOf('paystatus-gateway'))
  writeFileSync(wrongRedis.file, servers.passwordOf('redis'))
  await Promise.all([gateway, processor, normalizer].map((process) => process.ready(90_000)))

  // A callback becomes a status that the operator's tools see.
  const expected = await postExamples(deployment.config, gateway.gatewayUrl)
  await arrived(expected)

  // Again after every session has expired more than once: OAUTHBEARER tokens were replaced, SCRAM logins repeated.
  const tokensBefore = tokensOfNormalizer()
  await eventually(() => expect(tokensOfNormalizer()).toBeGreaterThan(tokensBefore))
  await postExamples(deployment.config, gateway.gatewayUrl)
  await eventually(async () => {
    expect(await processor.metric('paystatus_processor_verdicts_total{verdict="duplicate"}')).toBe(expected.length)
  })
  const verified = await deployment.command(['verify', '--json'], { configFile: configs.operator })
  expect(JSON.parse(verified.stdout || verified.stderr)).toMatchObject({ ok: true, payments: expected.length })
  // Both stages may count the open dead letters, and a maintainer may redrive them and reprocess.
  const nothingWaits = { open: 0, byReason: {} }
  await eventually(async () => {
    const { rawDeadLetters, eventDeadLetters } = deployment.topics
    const details = async (process: RoleProcess) => ((await process.health()) as { details?: object }).details
    expect(await details(normalizer)).toEqual({ deadLetters: { [rawDeadLetters]: nothingWaits } })
    expect(await details(processor)).toEqual({ deadLetters: { [eventDeadLetters]: nothingWaits } })
  })
  const redrive = ['dlq', 'redrive', '--all', '--apply', '--reason', 'a test']
  await succeeds(deployment.command(redrive, { configFile: configs.maintainer }))
  const reprocess = ['reprocess', '--all', '--apply', '--reason', 'a test']
  await succeeds(deployment.command(reprocess, { configFile: configs.maintainer }))
  // Logging in again aborts no transaction, and no lane loses its partition.
  expect(await processor.metricsText()).not.toMatch(/paystatus_processor_transactions_total\{outcome="failed"\} [1-9]/)
  expect(gateway.output + normalizer.output + processor.output).not.toContain('lane in doubt')

  await refusals()
  expect(await Promise.all([gateway, normalizer, processor].map((process) => process.stop()))).toEqual([0, 0, 0])
})

/** Tools report the problem within seconds and exit with 1. */
async function refusals(): Promise<void> {
  const cases: [sasl: object, tls: object, says: RegExp][] = [
    [
      { mechanism: 'OAUTHBEARER', token: writeFileSecret('expired', unsignedToken('paystatus-operator', -60)) },
      { caFile: servers.ca },
      /the broker rejected the token: .*invalid_token/,
    ],
    [saslOf('operator'), {}, /cannot be reached: .*(self-signed certificate|unable to verify)/],
    [{ ...saslOf('operator'), mechanism: 'PLAIN' }, { caFile: servers.ca }, /SASL.*see kafka\.sasl/],
  ]
  const ends = await Promise.all(
    cases.map(([sasl, tls], index) => {
      const config = JSON.parse(JSON.stringify(parse(readFileSync(configs.operator, 'utf8'))))
      Object.assign(config.kafka, { sasl, tls })
      return deployment.command(['topics', 'check'], { configFile: writeYaml(`refused-${index}`, config) })
    }),
  )
  for (const [index, { code, stderr }] of ends.entries()) {
    expect(stderr).toMatch(cases[index]?.[2] ?? /^$/)
    expect(code).toBe(1)
  }
}

test.each(ROLES.slice(0, 3).flatMap((role) => NEEDS[role].map((part) => [role, part] as const)))(
  'a %s without the secrets of %s reports it and exits with 2',
  async (role, part) => {
    const given = NEEDS[role].filter((one) => one !== part)
    const configFile = writeConfig(role, `${role}-without-${part}`, { given })
    const { code, stderr } = await deployment.command(['run', '--roles', role], { configFile })
    expect(code).toBe(2)
    expect(stderr).toMatch(
      new RegExp(`- ${part === 'gateway' ? 'sources' : part}\\.[^\\n]* /does/not/exist cannot be read`),
    )
  },
)

async function arrived(expected: readonly { readonly paymentKey: string; readonly status: string }[]): Promise<void> {
  for (const { paymentKey, status } of expected) {
    await eventually(async () => {
      const { stdout, stderr } = await deployment.command(['show', '--json', paymentKey], {
        configFile: configs.operator,
      })
      expect(stdout, stderr).not.toBe('')
      expect(JSON.parse(stdout)).toMatchObject({ from: 'view', payments: [{ paymentKey, status }] })
    })
  }
}

function tokensOfNormalizer(): number {
  return servers.tokens.get('paystatus-normalizer') ?? 0
}

function start(role: Role, configFile: string): Promise<RoleProcess> {
  return deployment.start([role], {}, { configFile })
}

async function succeeds(command: ReturnType<Deployment['command']>): Promise<void> {
  const { code, stderr } = await command
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.any(String) })
}

/** How each user authenticates: SCRAM with both digests, and OAUTHBEARER with endpoint tokens for the normalizer. */
function saslOf(role: Role, password = secretFile(PREFIX + role)): object {
  const username = PREFIX + role
  const token = { url: servers.tokenUrl, clientId: username, clientSecret: password, tls: { caFile: servers.ca } }
  return role === 'normalizer'
    ? { mechanism: 'OAUTHBEARER', tokenEndpoint: token }
    : { mechanism: role === 'operator' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512', username, password }
}

function writeConfig(
  role: Role,
  name: string,
  {
    kafkaPassword,
    redisPassword,
    given = NEEDS[role],
  }: { kafkaPassword?: { file: string }; redisPassword?: { file: string }; given?: readonly ConfigPart[] },
): string {
  const config = parse(readFileSync(deployment.configFile, 'utf8'))
  Object.assign(config.kafka, { tls: { caFile: servers.ca }, sasl: saslOf(role, kafkaPassword) })
  Object.assign(config.redis, { username: PREFIX + role, password: redisPassword ?? secretFile('redis') })
  Object.assign(
    config.registry,
    { tls: { caFile: servers.ca } },
    role === 'operator'
      ? { token: writeFileSecret('registry-token', servers.bearerToken) }
      : { username: 'registry', password: secretFile('registry') },
  )
  for (const section of (['kafka', 'redis', 'registry'] as const).filter((one) => !given.includes(one))) {
    config[section].tls = { caFile: NOT_GIVEN.file }
  }
  if (!given.includes('gateway')) {
    for (const { authentication } of config.sources) {
      Object.assign(authentication, authentication.secret && { secret: NOT_GIVEN })
    }
  }
  return writeYaml(name, config)
}

function writeYaml(name: string, config: object): string {
  const file = join(servers.directory, `${name}.yaml`)
  writeFileSync(file, stringify(config))
  return file
}

function tlsWithCertificate(): object {
  const { certificate, key } = servers.client
  return { caFile: servers.ca, certificateFile: certificate, keyFile: key }
}

function secretFile(user: string): { file: string } {
  return writeFileSecret(user, servers.passwordOf(user))
}

function writeFileSecret(name: string, value: string): { file: string } {
  const file = join(servers.directory, `${name}.secret`)
  writeFileSync(file, `${value}\n`, { mode: 0o600 })
  return { file }
}

const RESOURCE = { topic: 2, group: 3, 'transactional-id': 5 } as const
const OPERATION = { Read: 3, Write: 4, Create: 5, Delete: 6, Describe: 8, DescribeConfigs: 10 } as const
const PATTERN = { literal: 3, prefixed: 4 } as const
const ALLOW = 3

/**
 * Runs the output of `topics acls` in a shell. Redis commands go to the server. Each Kafka command would start a JVM, so
 * only its arguments are parsed, into the ACLs that this function returns.
 */
async function runPrintedCommands(): Promise<AclEntry[]> {
  const { stdout, code } = await deployment.command(['topics', 'acls'], { configFile: configs.operator })
  expect(code).toBe(0)
  const bin = join(servers.directory, 'bin')
  mkdirSync(bin)
  const tls = `--tls --cacert ${servers.ca} --cert ${servers.client.certificate} --key ${servers.client.key}`
  const commands = {
    'kafka-acls.sh': `{ printf '%s\\n' "$@"; echo; } >> "$KAFKA_ARGUMENTS"`,
    'redis-cli': `exec "$REDIS_CLI" ${tls} -p ${servers.redis.ports[0]} -e --no-auth-warning "$@"`,
  }
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const passwords = (['processor', 'operator'] as const).map(
    (role) => `redis-cli ACL SETUSER ${PREFIX}${role} '>${servers.passwordOf('redis')}'`,
  )
  const run = promisify(execFile)
  const kafkaArguments = join(servers.directory, 'kafka-arguments')
  const { stdout: redisCli } = await run('sh', ['-c', 'command -v redis-cli'])
  await run('sh', ['-euc', [stdout, ...passwords].join('\n')], {
    env: {
      ...process.env,
      PATH: `${bin}:${process.env['PATH']}`,
      KAFKA_ARGUMENTS: kafkaArguments,
      REDIS_CLI: redisCli.trim(),
      REDISCLI_AUTH: servers.passwordOf('redis'),
    },
  })
  const lines = readFileSync(kafkaArguments, 'utf8').trimEnd().split('\n\n')
  return lines.flatMap((text) => toAclEntries(text.split('\n')))
}

function toAclEntries(args: readonly string[]): AclEntry[] {
  const valuesOf = (option: string) => args.flatMap((arg, index) => (args[index - 1] === option ? [arg] : []))
  const resource = (['topic', 'group', 'transactional-id'] as const).find((kind) => args.includes(`--${kind}`))
  const [pattern = 'literal'] = valuesOf('--resource-pattern-type') as (keyof typeof PATTERN)[]
  if (resource === undefined || !args.includes('--add')) throw new Error(`not understood: ${args.join(' ')}`)
  return valuesOf('--operation').map((operation) => ({
    resourceType: RESOURCE[resource],
    resourceName: valuesOf(`--${resource}`)[0] ?? '',
    resourcePatternType: PATTERN[pattern],
    principal: valuesOf('--allow-principal')[0] ?? '',
    host: '*',
    operation: OPERATION[operation as keyof typeof OPERATION],
    permissionType: ALLOW,
  }))
}
