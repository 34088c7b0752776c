import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadConfig, type SourceConfig } from '../../src/config.ts'
import { openApiOf } from '../../src/gateway/openapi.ts'
import { Metrics } from '../../src/observability/metrics.ts'
import { providerById } from '../../src/providers/registry.ts'
import { VERSION } from '../../src/version.ts'

function source(id: string, provider: string, more: Partial<SourceConfig>): SourceConfig {
  return {
    id,
    provider,
    path: `/callbacks/${id}`,
    namespace: id,
    successCode: 200,
    currency: null,
    requestsPerSecondMax: 1,
    jsonDepthMax: 64,
    authentication: [{ type: 'none' }],
    ...more,
  }
}

const api = openApiOf({
  ...loadConfig(undefined, {}).gateway,
  version: VERSION,
  providers: providerById,
  sources: [
    source('v1', 'jpm-global-payments-v1', {
      authentication: [
        { type: 'header', header: 'X-Key', secrets: [{ value: 'hunter2', file: null }] },
        { type: 'mtls', ca: 'ca.pem', crls: [], pins: null },
      ],
    }),
    source('v2', 'jpm-global-payments-v2', {
      successCode: 204,
      authentication: [{ type: 'basic', username: 'hunter3', passwords: [{ value: 'hunter4', file: null }] }],
    }),
    source('im', 'instamed', { authentication: [{ type: 'path-token', tokens: [{ value: 'hunter5', file: null }] }] }),
  ],
})

describe('the OpenAPI document', () => {
  test('has one operation for every path under which a source may be called', () => {
    expect(Object.keys(api.paths)).toEqual([
      '/callbacks/v1',
      '/callbacks/v1/status',
      '/callbacks/v2',
      '/callbacks/im/{token}',
    ])
    const ids = Object.values(api.paths).map(({ post }) => post.operationId)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('says how each source authenticates, without secrets (I9)', () => {
    expect(api.components.securitySchemes).toEqual({
      'v1-header': { type: 'apiKey', in: 'header', name: 'X-Key' },
      'v1-mtls': { type: 'mutualTLS' },
      'v2-basic': { type: 'http', scheme: 'basic' },
    })
    expect(api.paths['/callbacks/v1/status']?.post.security).toEqual([{ 'v1-header': [], 'v1-mtls': [] }])
    expect(api.paths['/callbacks/im/{token}']?.post).toMatchObject({ security: [], parameters: [{ name: 'token' }] })
    expect(api.paths['/callbacks/im/{token}']?.post.responses).not.toHaveProperty('401')
    expect(JSON.stringify(api)).not.toContain('hunter')
  })

  test('lists every code the metrics count, and each success code at its source', async () => {
    const text = await new Metrics({ sources: [], processMetrics: false }).registry.metrics()
    const counted = [...text.matchAll(/requests_total\{source="none",code="(\d+)"\}/g)].map(([, code]) => code)
    const refusals = counted.filter((code) => Number(code) >= 400)
    // 417 is node's own and not counted.
    expect(Object.keys(api.components.responses).toSorted()).toEqual([...refusals, '417'].toSorted())
    const successes = Object.values(api.paths).map(({ post }) => Object.keys(post.responses).filter((c) => c < '300'))
    expect(successes).toEqual([['200'], ['200'], ['204'], ['200']])
    for (const { post } of Object.values(api.paths)) {
      for (const code of refusals.filter((code) => code !== '401')) {
        expect(post.responses).toHaveProperty(String(code))
      }
    }
  })

  test('has no dangling references', () => {
    for (const [, code] of JSON.stringify(api).matchAll(/"#\/components\/responses\/(\d+)"/g)) {
      expect(api.components.responses).toHaveProperty(String(code))
    }
  })

  test('has the version of package.json', () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))
    expect(api.info.version).toBe(version)
  })
})
