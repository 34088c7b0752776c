import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { IMAGES } from '../packages/testcontainers/src/images.ts'
import { ENVIRONMENT_OVERRIDES, loadConfig } from '../src/config.ts'
import { TOPOLOGY } from '../src/topology.ts'

/**
 * Checks Dockerfile and docker-compose.yml without a Docker daemon: the roles, variables, images and files that they name
 * exist. test/containers checks that they work.
 */

const ROOT = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
/** A variable of Compose with its default. */
const VARIABLE = /\$\{([A-Z0-9_]+):-([^}]*)\}/g

interface Service {
  readonly image: string
  readonly build?: { readonly args: Readonly<Record<string, string>> }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly profiles?: readonly string[]
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[] }
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly ports?: readonly string[]
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
}

const COMPOSE = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>
  readonly configs: Readonly<Record<string, { readonly file: string }>>
}
const { services } = COMPOSE
const withDefaults = (text: string) => text.replaceAll(VARIABLE, '$2')
const OURS = Object.entries(services).filter(([, { image }]) => image.includes('PAYSTATUS_IMAGE'))

describe('docker-compose.yml', () => {
  test('runs every role of topology.ts, by its own name, and with a health check that asks for readiness', () => {
    for (const { stage } of TOPOLOGY) {
      expect(services[stage]?.command).toEqual([stage])
      expect(services[stage]?.healthcheck?.test?.at(-1)).toBe('ready')
      expect(services[stage]?.profiles).toBeUndefined()
    }
  })

  test('takes the same images and variables as the Testcontainers package, in pinned versions', () => {
    // Prometheus and Grafana are not part of the product.
    const ofProduct = Object.values(services).filter(({ profiles }) => !profiles?.includes('monitoring'))
    const used = new Set(ofProduct.map(({ image }) => image))
    const known = Object.values(IMAGES).map(({ variable, image }) => `\${${variable}:-${image}}`)
    expect([...used].toSorted()).toEqual(known.toSorted())
    for (const { image } of Object.values(IMAGES)) {
      expect(image).toMatch(/:\d+\.\d+/)
    }
  })

  test('sets only variables that config.ts reads', () => {
    const known = new Set(['PAYSTATUS_CONFIG', ...ENVIRONMENT_OVERRIDES.map(([name]) => name)])
    const set = OURS.flatMap(([, { environment }]) => Object.keys(environment ?? {}))
    expect(set.length).toBeGreaterThan(0)
    expect(set.filter((name) => !known.has(name))).toEqual([])
  })

  test('starts nothing of ours before what it needs is there', () => {
    const conditions = (service: string) =>
      Object.fromEntries(
        Object.entries(services[service]?.depends_on ?? {}).map(([on, { condition }]) => [on, condition]),
      )
    expect(conditions('topics')).toMatchObject({ kafka: 'service_healthy', secrets: 'service_completed_successfully' })
    expect(conditions('schemas')).toMatchObject({ registry: 'service_healthy' })
    for (const role of ['normalizer', 'processor', 'tail']) {
      expect(conditions(role)).toMatchObject({
        topics: 'service_completed_successfully',
        schemas: 'service_completed_successfully',
      })
    }
    expect(conditions('gateway')).toMatchObject({ topics: 'service_completed_successfully' })
    expect(conditions('processor')).toMatchObject({ redis: 'service_healthy' })
    expect(conditions('verify')).toMatchObject({ simulator: 'service_completed_successfully' })
    const named = Object.values(services).flatMap((service) => Object.keys(service.depends_on ?? {}))
    expect(named.filter((name) => services[name] === undefined)).toEqual([])
  })

  test('gives our containers a file system that they cannot write and no capabilities', () => {
    for (const [name, { read_only, cap_drop }] of OURS) {
      expect([name, read_only, cap_drop]).toEqual([name, true, ['ALL']])
    }
  })

  test('the profile `monitoring` has all rules and dashboards, and scrapes every role', () => {
    const mounted = (name: string) =>
      services[name]?.configs?.map(({ source, target }) => [COMPOSE.configs[source]?.file, target]) ?? []
    const dashboards = readdirSync(join(ROOT, 'deploy/monitoring/dashboards'))
    expect(mounted('grafana')).toEqual(
      expect.arrayContaining(
        dashboards.map((file) => [`./deploy/monitoring/dashboards/${file}`, `/etc/paystatus-dashboards/${file}`]),
      ),
    )
    const prometheus = parse(read('deploy/monitoring/prometheus.yaml'))
    expect(mounted('prometheus')).toContainEqual(['./deploy/monitoring/rules.yaml', prometheus.rule_files[0]])
    expect(prometheus.scrape_configs[0].static_configs[0].targets).toEqual(TOPOLOGY.map(({ stage }) => `${stage}:9090`))
    for (const name of ['prometheus', 'grafana']) {
      expect(services[name]?.profiles).toEqual(['monitoring'])
      expect(services[name]?.image).toMatch(/:-[a-z/]+:v?\d+\.\d+\.\d+\}$/)
    }
    const found = [...Object.values(COMPOSE.configs)].filter(({ file }) => file.startsWith('./deploy/'))
    expect(found.filter(({ file }) => !existsSync(join(ROOT, file)))).toEqual([])
  })

  test('publishes ports on this machine only', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? [])
    expect(ports.length).toBeGreaterThan(3)
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  test.each(['docker/paystatus.yaml', 'docker/paystatus-cluster.yaml'])(
    '%s is a valid configuration, with the secrets that the service `secrets` makes',
    (file) => {
      const { entrypoint = [] } = services['secrets'] as { entrypoint?: readonly string[] }
      const [folder, ...names] = entrypoint.slice(2)
      expect(folder).toBe('/run/paystatus')
      const directory = mkdtempSync(join(tmpdir(), 'paystatus-secrets-'))
      try {
        execFileSync(process.execPath, [join(ROOT, 'docker/make-secrets.mjs'), directory, ...names])
        const { sources, console: console_ } = loadConfigText(read(file).replaceAll('/run/paystatus', directory))
        expect(sources.map(({ provider }) => provider)).toEqual([
          'jpm-global-payments-v1',
          'jpm-global-payments-v2',
          'instamed',
        ])
        // In a container it listens on every address.
        expect(console_.signIn).not.toBeNull()
      } finally {
        rmSync(directory, { recursive: true })
      }
    },
  )

  test('docker/cluster.env sets variables that the file has, and its configuration differs in nothing but replication', () => {
    const variables = new Set([...read('docker-compose.yml').matchAll(VARIABLE)].map(([, name]) => name))
    const set = read('docker/cluster.env')
      .split('\n')
      .flatMap((line) => /^([A-Z0-9_]+)=/.exec(line)?.[1] ?? [])
    expect(set.filter((name) => name !== 'COMPOSE_PROFILES' && !variables.has(name))).toEqual([])
    const { kafka, ...rest } = parse(read('docker/paystatus-cluster.yaml'))
    expect(kafka).toEqual({ replicationFactor: 3, minInsyncReplicas: 2 })
    expect(rest).toEqual(parse(read('docker/paystatus.yaml')))
    const brokers = [services['kafka'], services['kafka-2'], services['kafka-3']]
    expect(brokers.map((broker) => broker?.environment?.['KAFKA_NODE_ID'])).toEqual([1, 2, 3])
    expect(brokers.map((broker) => broker?.profiles)).toEqual([undefined, ['cluster'], ['cluster']])
  })

  test('mounts files that are there', () => {
    for (const { file } of Object.values(COMPOSE.configs)) {
      expect(read(withDefaults(file))).not.toBe('')
    }
  })
})

describe('the Dockerfile', () => {
  const dockerfile = read('Dockerfile')

  test('builds from the same images as docker-compose.yml says, and for the Node.js of package.json', () => {
    const argument = (name: string) => new RegExp(`^ARG ${name}=(.*)$`, 'm').exec(dockerfile)?.[1]
    const args = services['secrets']?.build?.args ?? {}
    for (const name of ['BUILD_IMAGE', 'BASE_IMAGE']) {
      expect(withDefaults(args[name] ?? '')).toBe(argument(name))
    }
    expect(args['VERSION']).toBe(JSON.parse(read('package.json')).version)
    expect(IMAGES.paystatus.image).toBe(`paystatus:${args['VERSION']}`)
    expect(argument('BUILD_IMAGE')).toMatch(/^node:24\.\d+\.\d+-/)
  })

  test('copies only what .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1).replace(/\/\*.*$/, ''))
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      ([, files]) => files?.split(' ') ?? [],
    )
    expect(copied.length).toBeGreaterThan(5)
    expect(copied.filter((file) => !allowed.includes(file))).toEqual([])
  })

  test('ends in an image that is not root’s, needs no shell, and whose commands are files that are built', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('FROM '))
    expect(last).toMatch(/^USER 65532:65532$/m)
    expect(last).not.toMatch(/^RUN /m)
    const commands = [...last.matchAll(/^\s*(?:ENTRYPOINT|CMD) (.*)$/gm)].map(([, command]) => command as string)
    for (const command of commands) {
      expect(JSON.parse(command)).toBeInstanceOf(Array)
    }
    for (const [, script] of last.matchAll(/"\/app\/dist\/([a-z-]+)\.js"/g)) {
      expect(read(`src/${script}.ts`)).not.toBe('')
    }
  })
})

function loadConfigText(text: string) {
  const file = join(mkdtempSync(join(tmpdir(), 'paystatus-compose-')), 'paystatus.yaml')
  writeFileSync(file, text)
  try {
    return loadConfig(file, {})
  } finally {
    rmSync(dirname(file), { recursive: true })
  }
}
