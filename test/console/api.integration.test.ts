import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { z } from 'zod'
import {
  DEAD_LETTERS_DOCUMENT,
  LAG_DOCUMENT,
  PAYMENT_DOCUMENT,
  PROBLEM_DOCUMENT,
  SEARCH_DOCUMENT,
  STANDING_DOCUMENT,
} from '../../src/console/api/api-documents.ts'
import { runCommand } from '../lab/stack/run-command.ts'
import { ensureSchemathesis } from '../lab/stack/schemathesis.ts'
import { fakeWorld, KEY, NOW, paymentOf, type RunningConsole, startFakeConsole, storyEvents } from './fake-world.ts'

/** The read API over HTTP, on a world in memory: its answers, and that they are what its OpenAPI description says. */

const world = fakeWorld()
let console_: RunningConsole

beforeAll(async () => {
  world.add(storyEvents())
  for (let index = 0; index < 45; index += 1) {
    world.add([
      {
        paymentKey: `jpm:shared-${index}`,
        endToEndId: 'SHARED',
        references: [],
        eventId: `${index}`.padStart(32, '0'),
      },
    ])
  }
  console_ = await startFakeConsole(world)
})

afterAll(() => console_?.stop())

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(console_.url + path, { headers })
  const document = response.status === 304 ? {} : ((await response.json()) as Record<string, unknown>)
  return { response, document }
}

async function valid<T extends z.ZodType>(schema: T, path: string): Promise<z.infer<T>> {
  const { response, document } = await get(path)
  expect([path, response.status, document]).toEqual([path, 200, document])
  return schema.parse(document)
}

async function problem(path: string): Promise<number> {
  const { response, document } = await get(path)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  return PROBLEM_DOCUMENT.parse(document).status
}

describe('a payment', () => {
  const path = `/api/payments/${encodeURIComponent(KEY)}`

  test('is what current has of it', async () => {
    const document = await valid(PAYMENT_DOCUMENT, path)
    const { state } = paymentOf(storyEvents())
    expect(document).toMatchObject({ paymentKey: KEY, status: 'REJECTED', statusVersion: state.statusVersion })
    expect(document.events).toHaveLength(5)
    expect(document.children).toMatchObject([{ paymentKey: 'jpm:refund-1', kind: 'REFUND' }])
  })

  test('has an ETag from incarnation and statusVersion, and is not sent again while they stay', async () => {
    const first = await get(path)
    const etag = first.response.headers.get('etag') ?? ''
    expect(etag).toBe(`"${first.document['incarnation']}-${first.document['statusVersion']}"`)
    expect((await get(path, { 'if-none-match': etag })).response.status).toBe(304)
    expect((await get(path, { 'if-none-match': '"1-1"' })).response.status).toBe(200)
  })

  test('that does not exist is a 404', async () => {
    expect(await problem('/api/payments/jpm%3Anothing')).toBe(404)
  })

  test.each([
    [61, null],
    [58, 'ACCEPTED'],
    [46, 'COMPLETED'],
    [0, 'REJECTED'],
  ])('%d minutes ago it stood at %s', async (minutes, status) => {
    const at = new Date(NOW - minutes * 60_000).toISOString()
    const { standing } = await valid(STANDING_DOCUMENT, `${path}/history?at=${at}`)
    expect(standing?.status ?? null).toBe(status)
  })

  test.each(['', '?at=', '?at=yesterday', '?at=2026-03-01', '?at=2026-03-01T08:00:00'])(
    'its past is refused for the time %j',
    async (query) => {
      expect(await problem(`${path}/history${query}`)).toBe(400)
    },
  )
})

describe('search', () => {
  test.each([
    ['key', KEY],
    ['provider id', '2F0D7A52-6c1e-4b1f-9a55-0d3f1c9b7e10'],
    ['endToEndId', 'E2E-4711'],
    ['uetr', '97ed4827-7b6f-4491-a06f-b548d5a7512d'],
    ['achTraceNumber', '021000021234567'],
    ['paymentBatchId', 'batch-7'],
    ['clearingSystemReference', ' CLR-99 '],
    ['callback', '01936f1a-7c1b-7000-8000-000000000004'],
  ])('finds a payment by its %s', async (kind, id) => {
    const { payments } = await valid(SEARCH_DOCUMENT, `/api/search?id=${encodeURIComponent(id)}`)
    const found = payments.find(({ paymentKey }) => paymentKey === KEY)
    expect(found?.matched).toContain(kind)
  })

  test('gives all payments that share an id, page by page, each once', async () => {
    const seen: string[] = []
    let cursor: string | null = ''
    for (let pages = 0; cursor !== null && pages < 10; pages += 1) {
      const path: string = `/api/search?id=shared&limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`
      const document: z.infer<typeof SEARCH_DOCUMENT> = await valid(SEARCH_DOCUMENT, path)
      seen.push(...document.payments.map(({ paymentKey }) => paymentKey))
      cursor = document.next
    }
    expect(seen).toHaveLength(45)
    expect(new Set(seen).size).toBe(45)
  })

  test.each(['', '?id=', '?id=%20', `?id=${'x'.repeat(257)}`, '?id=a&limit=0', '?id=a&limit=101', '?id=a&cursor=-1'])(
    'refuses %j',
    async (query) => {
      expect(await problem(`/api/search${query}`)).toBe(400)
    },
  )
})

test('dead letters and lag are as described', async () => {
  const { groups, deadLetters } = await valid(DEAD_LETTERS_DOCUMENT, '/api/dead-letters?topic=callbacks')
  expect([groups[0]?.oldest, deadLetters]).toEqual(['payments.callbacks.dlq[2]@41', 3])
  expect((await valid(DEAD_LETTERS_DOCUMENT, '/api/dead-letters?reason=other')).groups).toEqual([])
  expect(await problem('/api/dead-letters?topic=all')).toBe(400)
  const { partitions } = await valid(LAG_DOCUMENT, '/api/lag')
  expect(partitions).toContainEqual(expect.objectContaining({ stage: 'processor', records: 42, ageMs: 95_000 }))
})

test('a server that does not answer is a 503 whose text names the code and no address', async () => {
  world.down = true
  try {
    const { response, document } = await get(`/api/payments/${encodeURIComponent(KEY)}`)
    expect(response.status).toBe(503)
    const { detail } = PROBLEM_DOCUMENT.parse(document)
    expect(detail).toContain('ECONNREFUSED')
    expect(detail).not.toContain('10.0.0.7')
  } finally {
    world.down = false
  }
})

test('more requests per second than configured are refused until Retry-After', async () => {
  const limited = await startFakeConsole(world, null, { requestsPerSecondMax: 2 })
  try {
    const codes: number[] = []
    for (let index = 0; index < 8; index += 1) {
      codes.push((await fetch(`${limited.url}/api/lag`)).status)
    }
    expect(codes.slice(0, 4)).toEqual([200, 200, 200, 200])
    const refused = await fetch(`${limited.url}/api/lag`)
    expect([refused.status, Number(refused.headers.get('retry-after')) >= 1]).toEqual([429, true])
  } finally {
    await limited.stop()
  }
})

test('generated requests are answered as the OpenAPI description says', async () => {
  const schemathesis = await ensureSchemathesis((line) => console.error(line))
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-console-'))
  const report = join(directory, 'report.json')
  try {
    const { output } = await runCommand([
      ...schemathesis,
      ...['run', `${console_.url}/api/openapi.json`, '--url', console_.url, '--phases', 'examples,coverage,fuzzing'],
      ...[
        '--max-examples',
        '10',
        '--seed',
        '1',
        '--no-shrink',
        '--continue-on-failure',
        '--suppress-health-check',
        'all',
      ],
      '--checks',
      'not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method,allow_header_conformance',
      ...['--report-json-path', report],
    ])
    const text = await readFile(report, 'utf8').catch(() => {
      throw new Error(`schemathesis did not run:\n${output.slice(-3_000)}`)
    })
    const { failures, errors, complete, test_cases } = JSON.parse(text)
    expect([failures, errors, complete]).toEqual([[], [], true])
    expect(test_cases.generated).toBeGreaterThan(50)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
