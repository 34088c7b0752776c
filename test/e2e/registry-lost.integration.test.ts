import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createSchemaRegistry } from '../../src/avro/schema-registry.ts'
import { applySchemas } from '../../src/tools/schemas.ts'
import { Deployment } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { TcpProxy } from '../lab/harness/tcp-proxy.ts'
import { readContents, violationsOf } from '../lab/harness/violations.ts'
import { type Stack, startStack } from '../lab/stack/stack.ts'

/** The schema registry loses its schemas, or is replaced. This file has its own registries, behind a proxy. */

let registries: readonly Stack[]

beforeAll(async () => {
  registries = await Promise.all([startStack({ only: ['registry'] }), startStack({ only: ['registry'] })])
  // So that the second one assigns other ids.
  const [, second] = registries
  const elsewhere = JSON.stringify({ type: 'record', name: 'Elsewhere', fields: [] })
  await createSchemaRegistry({ url: second?.registryUrl ?? '' }).register('elsewhere-value', elsewhere)
})

afterAll(async () => {
  await Promise.all((registries ?? []).map((registry) => registry.stop()))
})

/** Apicurio's two API versions; they differ in what a deleted subject leaves behind. */
describe.each(['v6', 'v7'])('I2 over the API %s', (version) => {
  let proxy: TcpProxy
  let deployment: Deployment
  let observer: Observer

  const urlOf = (which: number) => new URL((registries[which]?.registryUrl ?? '').replace('/v7', `/${version}`))

  beforeAll(async () => {
    proxy = await TcpProxy.start(urlOf(0))
    const proxied = urlOf(0)
    proxied.port = String(proxy.port)
    deployment = await Deployment.create(
      { ...inject('stack'), registryUrl: proxied.href },
      { config: { registry: { url: proxied.href, checkIntervalMs: 1_000 } } },
    )
    observer = await Observer.create(deployment)
  })

  afterAll(async () => {
    await observer?.close()
    await deployment?.close()
    proxy?.close()
  })

  test('a registry with other ids stops writers and readers, and costs nothing once the right one is back', async () => {
    const writer = await deployment.start(['gateway', 'normalizer'])
    await writer.ready()
    const report = await simulate(deployment, writer.gatewayUrl, { seed: 81, payments: 20, malformedShare: 0 })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    await eventually(async () => {
      expect(await writer.metric('paystatus_normalizer_callbacks_total')).toBe(report.counts.callbacks)
    })

    const anew = urlOf(1)
    await applySchemas({ url: anew.href }, deployment.topics, () => {})
    proxy.retarget(anew)
    await eventually(async () => {
      const { ready, components } = await writer.health()
      expect(ready).toBe(false)
      expect(components['schemas']?.reason).toMatch(/^schema id \d+ is .* the schema registry/)
    })
    expect(await writer.exited).toBe(1)
    expect(writer.output).toMatch(/paystatus: schema id .* Nothing more is written, and nothing was skipped\. Restore/)

    // Every schema of this release is there, but not under the ids in the records.
    const checked = await deployment.command(['schemas', 'check'])
    expect(checked.code).toBe(1)
    expect(checked.stdout).toMatch(/payments\.events\[\d\] at offset \d+: schema id \d+ is/)
    expect((await deployment.command(['schemas', 'check', '--no-records'])).code).toBe(0)

    const reader = await deployment.start(['processor'])
    expect(await reader.exited).toBe(1)
    expect(reader.output).toMatch(
      /paystatus: \S*payments\.events\[\d\] at offset \d+: schema id \d+ is .*payments\.events-value.*Nothing was skipped/,
    )
    expect(await observer.records('eventDeadLetters')).toEqual([])

    proxy.retarget(urlOf(0))
    const again = await deployment.start(['gateway', 'normalizer', 'processor'])
    await again.ready()
    await observer.caughtUp()
    expect(violationsOf(await readContents(observer), deployment.config)).toEqual([])
    expect(await observer.records('eventDeadLetters')).toEqual([])
    expect((await deployment.command(['schemas', 'check'])).code).toBe(0)
    expect((await deployment.command(['verify', '--all'])).code).toBe(0)
    await again.stop()
  })

  test('deleted subjects are noticed by running processes, which stop writing', async () => {
    const running = await deployment.start(['gateway', 'normalizer', 'processor'])
    await running.ready()
    for (const topic of ['events', 'changes', 'current'] as const) {
      const path = `${urlOf(0).href}/subjects/${deployment.topics[topic]}-value`
      expect((await fetch(path, { method: 'DELETE' })).status).toBe(200)
    }
    await eventually(async () => {
      const { ready, components } = await running.health()
      expect([ready, components['schemas']?.ok]).toEqual([false, false])
    })
    const report = await simulate(deployment, running.gatewayUrl, { seed: 82, payments: 5, malformedShare: 0 })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    expect(await running.exited).toBe(1)
    expect(await observer.records('eventDeadLetters')).toEqual([])
    // Nothing starts without the schemas, and the message warns about applying them.
    const next = await deployment.start(['normalizer'])
    expect(await next.exited).toBe(1)
    expect(next.output).toMatch(/is not registered under .* restore the registry first/)
  })
})
