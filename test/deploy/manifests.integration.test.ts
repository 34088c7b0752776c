import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { type ConfigError, loadConfig } from '../../src/config.ts'
import { TOPICS } from '../../src/topics.ts'
import { runCommand } from '../lab/stack/run-command.ts'
import { manifestValidator } from './validator.ts'

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLE = 'overlays/example'
let program: string | undefined
let directory: string

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'paystatus-deploy-'))
  program = await manifestValidator((line) => console.warn(line))
}, 600_000)

afterAll(() => rmSync(directory, { recursive: true }))

describe('the manifests of deploy/', () => {
  test('render, and every object is decoded strictly', async ({ skip }) => {
    skip(program === undefined, 'Go is missing')
    const { ok, output } = await runCommand([program ?? '', join(ROOT, 'deploy', EXAMPLE)])
    expect(output).toMatch(/ 2\d objects\n$/)
    expect(ok).toBe(true)
  })

  const MISTAKES: readonly (readonly [file: string, right: string, wrong: string, says: RegExp])[] = [
    [
      'base/gateway.yaml',
      'periodSeconds: 10',
      'periodSecond: 10',
      /Deployment paystatus-gateway: .*unknown field.*periodSecond/,
    ],
    ['base/processor.yaml', 'containerPort: 9090', 'containerPort: admin', /Deployment paystatus-processor: /],
    [
      'base/normalizer.yaml',
      'enableServiceLinks: false',
      'enableServiceLinks: true',
      /Deployment paystatus-normalizer: gets variables for services/,
    ],
    [
      'base/prepare.yaml',
      '      enableServiceLinks: false\n',
      '',
      /Job paystatus-prepare: gets variables for services/,
    ],
    [
      'base/network-policy.yaml',
      'policyTypes: [Ingress, Egress]',
      'policyType: [Ingress]',
      /NetworkPolicy paystatus: .*policyType/,
    ],
    [
      'base/gateway.yaml',
      'seconds: 10',
      'seconds: 20',
      /Deployment paystatus-gateway: is killed before it can have stopped/,
    ],
    [
      'base/normalizer.yaml',
      'runAsNonRoot: true',
      'runAsNonRoot: false',
      /Deployment paystatus-normalizer: may run as root/,
    ],
    [
      'components/keda/scaled-objects.yaml',
      'minReplicaCount',
      'minReplicas',
      /ScaledObject paystatus-normalizer: .*minReplicas/,
    ],
    [
      'components/service-monitor/service-monitor.yaml',
      'interval: 15s',
      'intervall: 15s',
      /ServiceMonitor paystatus: .*intervall/,
    ],
    [
      `${EXAMPLE}/kustomization.yaml`,
      '- name: paystatus-config',
      '- name: paystatus-konfig',
      /ConfigMap paystatus-config, which is not there/,
    ],
  ]

  test.each(MISTAKES)('a mistake in %s is noticed: %s as %s', async (file, right, wrong, says) => {
    if (program === undefined) return
    cpSync(join(ROOT, 'deploy'), directory, { recursive: true })
    const text = readFileSync(join(directory, file), 'utf8')
    expect(text).toContain(right)
    writeFileSync(join(directory, file), text.replace(right, wrong))
    const { ok, output } = await runCommand([program, join(directory, EXAMPLE)])
    expect(output).toMatch(says)
    expect(ok).toBe(false)
  })

  test('allow for the time a process takes to stop', () => {
    const rules = readFileSync(join(ROOT, 'deploy/validate/rules.go'), 'utf8')
    const { limitMs } = loadConfig(undefined, {}).shutdown
    expect(Number(/stopMaxSeconds = (\d+)/.exec(rules)?.[1]) * 1_000).toBe(limitMs)
  })

  test('scale by the topics the stages read', () => {
    const text = readFileSync(join(ROOT, 'deploy/components/keda/scaled-objects.yaml'), 'utf8')
    const topics = text.split('---').map((part) => parse(part).spec.triggers[0].metadata.topic)
    expect(topics).toEqual([TOPICS.raw.name, TOPICS.events.name])
  })

  test('have a valid configuration, except for the secrets, which are elsewhere', () => {
    const problems = problemsOf(join(ROOT, 'deploy', EXAMPLE, 'paystatus.yaml'))
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.filter((problem) => !/\/run\/secrets\/|secret file/.test(problem))).toEqual([])
  })
})

function problemsOf(file: string): readonly string[] {
  try {
    loadConfig(file, { PAYSTATUS_KAFKA_USERNAME: 'paystatus-gateway' })
    return []
  } catch (error) {
    return (error as ConfigError).problems
  }
}
