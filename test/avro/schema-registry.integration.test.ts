import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { createCodec } from '../../src/avro/codec.ts'
import { UnknownSchemaIdError } from '../../src/avro/errors.ts'
import { loadPaymentCodecs } from '../../src/avro/payment-codecs.ts'
import { readSchemaFile, readTopicSchemas } from '../../src/avro/schema-files.ts'
import {
  createSchemaRegistry,
  RegistryRefusedError,
  RegistryUnreachableError,
  SchemaIncompatibleError,
  SchemaNotRegisteredError,
  withRetry,
} from '../../src/avro/schema-registry.ts'
import { applySchemas, checkSchemas } from '../../src/tools/schemas.ts'
import { topicNames } from '../../src/topics.ts'
import { sampleEvent } from './samples.ts'

/** Every test has its own subjects: the registry is shared, and registered schemas remain. */
function ownNames() {
  return topicNames(`t${randomUUID().slice(0, 8)}.`)
}

const silent = () => {}

describe('schemas apply and check', () => {
  const { registryUrl } = inject('stack')

  test('find the subjects missing, register them, and report no problem however often they run again', async () => {
    const names = ownNames()
    expect(await checkSchemas({ url: registryUrl }, names)).toMatchObject([
      { subject: `${names.events}-value`, problem: 'missing' },
      { subject: `${names.changes}-value`, problem: 'missing' },
      { subject: `${names.current}-value`, problem: 'missing' },
    ])

    const lines: string[] = []
    const first = await applySchemas({ url: registryUrl }, names, (line) => lines.push(line))
    expect(first.map(({ outcome }) => outcome)).toEqual(['registered', 'registered', 'registered'])
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(/payments\.events-value: id \d+, registered, FULL_TRANSITIVE$/)

    const second = await applySchemas({ url: registryUrl }, names, silent)
    expect(second).toEqual(first.map((applied) => ({ ...applied, outcome: 'unchanged' })))
    expect(await checkSchemas({ url: registryUrl }, names)).toEqual([])
  })

  test('find a changed compatibility, and restore it', async () => {
    const names = ownNames()
    await applySchemas({ url: registryUrl }, names, silent)
    await put(`${registryUrl}/config/${names.current}-value`, { compatibility: 'NONE' })
    expect(await checkSchemas({ url: registryUrl }, names)).toMatchObject([
      {
        problem: 'compatibility',
        message: `${names.current}-value: its compatibility is NONE, not FULL_TRANSITIVE: run paystatus schemas apply`,
      },
    ])
    await applySchemas({ url: registryUrl }, names, silent)
    expect(await checkSchemas({ url: registryUrl }, names)).toEqual([])
  })

  test('find schemas of an older or newer release', async () => {
    const names = ownNames()
    const registry = createSchemaRegistry({ url: registryUrl })
    await registry.register(`${names.events}-value`, widened('payment-event.avsc'))
    await applySchemas({ url: registryUrl }, { ...ownNames(), changes: names.changes, current: names.current }, silent)
    expect(await checkSchemas({ url: registryUrl }, names)).toMatchObject([
      { problem: 'not-registered' },
      { problem: 'compatibility' },
    ])

    await applySchemas({ url: registryUrl }, names, silent)
    await registry.register(`${names.changes}-value`, widened('payment-status-change.avsc'))
    expect(await checkSchemas({ url: registryUrl }, names)).toMatchObject([
      { subject: `${names.changes}-value`, problem: 'not-latest' },
    ])
  })

  test('reject a schema that would break older readers or writers', async () => {
    const names = ownNames()
    const subject = `${names.events}-value`
    const registry = createSchemaRegistry({ url: registryUrl })
    const older = readSchemaFile('payment-event.avsc').replace(
      '{"name":"eventId","type":"string"',
      '{"name":"eventId","type":"int"',
    )
    const olderId = await registry.register(subject, older)
    const applying = applySchemas({ url: registryUrl }, names, silent)
    await expect(applying).rejects.toThrow(SchemaIncompatibleError)
    await expect(applying).rejects.toThrow(subject)
    expect(await registry.latestId(subject)).toBe(olderId)
  })
})

describe('the compatibility rule of the subjects', () => {
  const { registryUrl } = inject('stack')
  const registry = createSchemaRegistry({ url: registryUrl })

  test('allows what docs/consumers.md allows, and rejects what it forbids', async () => {
    const names = ownNames()
    const subject = `${names.current}-value`
    const ours = readSchemaFile('payment-status.avsc')
    await applySchemas({ url: registryUrl }, names, silent)
    const withSymbol = ours.replace('"RETURNED"],"default":"UNKNOWN"', '"RETURNED","DISPUTED"],"default":"UNKNOWN"')
    expect(withSymbol).not.toBe(ours)
    const without = (name: string) =>
      JSON.stringify(JSON.parse(ours), (key, part) =>
        key === 'fields' ? part.filter((field: { name: string }) => field.name !== name) : part,
      )

    await registry.register(subject, widened('payment-status.avsc'))
    await registry.register(subject, withSymbol)
    await registry.register(subject, without('gpiStatus'))
    await expect(registry.register(subject, without('touchedAt'))).rejects.toThrow(SchemaIncompatibleError)
    const mandatory = widened('payment-status.avsc').replace(',"default":null,"doc":"Later."', '')
    await expect(registry.register(subject, mandatory)).rejects.toThrow(SchemaIncompatibleError)
    await expect(
      registry.register(subject, ours.replace('"name":"element","type":"int"', '"name":"element","type":"long"')),
    ).rejects.toThrow(SchemaIncompatibleError)
  })
})

describe('a service', () => {
  const { registryUrl } = inject('stack')

  test('does not register what is missing', async () => {
    const names = ownNames()
    const registry = createSchemaRegistry({ url: registryUrl })
    const starting = loadPaymentCodecs(registry, names, Date.now)
    await expect(starting).rejects.toThrow(SchemaNotRegisteredError)
    await expect(starting).rejects.toThrow('run paystatus schemas apply')
    expect(await registry.latestId(`${names.events}-value`)).toBeUndefined()
  })

  test('uses the id of its own schema even if a newer one exists', async () => {
    const names = ownNames()
    const registry = createSchemaRegistry({ url: registryUrl })
    const [events] = await applySchemas({ url: registryUrl }, names, silent)
    const newerId = await registry.register(`${names.events}-value`, widened('payment-event.avsc'))
    const codecs = await loadPaymentCodecs(registry, names, Date.now)
    expect(codecs.event.schemaId).toBe(events?.schemaId)
    expect(codecs.event.schemaId).not.toBe(newerId)
  })

  test('reads what a newer release wrote, after one registry lookup', async () => {
    const names = ownNames()
    const registry = createSchemaRegistry({ url: registryUrl })
    await applySchemas({ url: registryUrl }, names, silent)
    const { event: codec } = await loadPaymentCodecs(registry, names, Date.now)
    const newer = widened('payment-event.avsc')
    const schemaId = await registry.register(`${names.events}-value`, newer)
    const bytes = createCodec<object, object>({
      name: 'newer',
      schema: newer,
      schemaId,
      subject: `${names.events}-value`,
      fetchSchema: async () => ({ found: 'none' }),
      now: Date.now,
      toAvro: (value) => value,
      fromAvro: (value) => value,
    }).encode({ ...sampleEvent(), later: 'x' })

    expect(() => codec.decode(bytes)).toThrow(UnknownSchemaIdError)
    await codec.prepare(schemaId)
    expect(codec.decode(bytes)).toStrictEqual(sampleEvent())
  })

  test('rejects a value whose schema is not Avro', async () => {
    const subject = `${ownNames().raw}-value`
    const schema = JSON.stringify({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      title: randomUUID(),
    })
    const { id } = await post(`${registryUrl}/subjects/${subject}/versions`, { schemaType: 'JSON', schema })
    expect(await createSchemaRegistry({ url: registryUrl }).schemaById(id)).toEqual({ found: 'other' })
  })

  test('gets every schema back in a form that it can read with', async () => {
    const names = ownNames()
    const registry = createSchemaRegistry({ url: registryUrl })
    const applied = await applySchemas({ url: registryUrl }, names, silent)
    for (const [index, { schema, subject }] of readTopicSchemas(names).entries()) {
      const found = await registry.schemaById(applied[index]?.schemaId ?? -1)
      expect(found.found).toBe('avro')
      const codec = createCodec<object, object>({
        name: 'again',
        schema,
        schemaId: 1_000_000,
        subject,
        fetchSchema: async () => found,
        now: Date.now,
        toAvro: (value) => value,
        fromAvro: (value) => value,
      })
      await codec.prepare(7)
      // An empty body: readable as ours, but truncated.
      expect(() => codec.decode(Buffer.of(0, 0, 0, 0, 7))).toThrow('ends before its last field')
    }
  })
})

describe('answers of the registry', () => {
  let server: Server | undefined
  afterEach(() => {
    server?.closeAllConnections()
    server?.close()
    server = undefined
  })

  /** A server in its place; no response for undefined. */
  async function listening(
    answer: (request: IncomingMessage) => { status: number; body: string } | undefined,
    port = 0,
  ) {
    const started = createServer((request, response) => {
      const reply = answer(request)
      if (reply !== undefined) {
        response.writeHead(reply.status, { 'content-type': 'application/json' }).end(reply.body)
      }
    })
    server = started
    await new Promise<void>((resolve) => started.listen(port, '127.0.0.1', resolve))
    return (started.address() as AddressInfo).port
  }

  async function freePort() {
    const port = await listening(() => undefined)
    await new Promise((resolve) => server?.close(resolve))
    return port
  }

  /** The results of every request that can be made, all of them refusals. */
  async function refusals(url: string, requestTimeoutMs: number): Promise<unknown[]> {
    const registry = createSchemaRegistry({ url, requestTimeoutMs })
    const answers = await Promise.allSettled<unknown>([
      registry.latestId('s-value'),
      registry.idOf('s-value', '"string"'),
      registry.schemaById(1),
      registry.register('s-value', readSchemaFile('payment-event.avsc')),
      registry.compatibility('s-value'),
      registry.setCompatibility('s-value', 'FULL_TRANSITIVE'),
    ])
    return answers.map((answer) => (answer.status === 'rejected' ? answer.reason : 'an answer'))
  }

  test('an unreachable registry is reported with its address, without its password', async () => {
    const port = await freePort()
    for (const error of await refusals(`http://operator:hunter2@127.0.0.1:${port}/apis/ccompat/v7/`, 1_000)) {
      expect(error).toBeInstanceOf(RegistryUnreachableError)
      expect(error).toMatchObject({ retriable: true, message: expect.stringContaining('ECONNREFUSED') })
      expect(String(error)).toContain(`http://127.0.0.1:${port}/apis/ccompat/v7 cannot be reached`)
      expect(String(error)).not.toContain('hunter2')
    }
  })

  test('a registry that hangs is abandoned in time', async () => {
    const port = await listening(() => undefined)
    for (const error of await refusals(`http://127.0.0.1:${port}`, 200)) {
      expect(error).toBeInstanceOf(RegistryUnreachableError)
    }
  })

  test.each([500, 503, 429])('status %s is retriable', async (status) => {
    const port = await listening(() => ({ status, body: '{"message":"not now"}' }))
    for (const error of await refusals(`http://127.0.0.1:${port}`, 1_000)) {
      expect(error).toBeInstanceOf(RegistryUnreachableError)
    }
  })

  test.each([
    [401, '{"message":"no"}'],
    [403, ''],
    [400, '{"message":"what?"}'],
    [418, '<html>'],
  ])('status %s needs a person', async (status, body) => {
    const port = await listening(() => ({ status, body }))
    for (const error of await refusals(`http://127.0.0.1:${port}`, 1_000)) {
      expect(error).toBeInstanceOf(RegistryRefusedError)
      expect(error).toMatchObject({ retriable: false, message: expect.stringContaining(String(status)) })
    }
  })

  test.each<[string, Record<string, [number, string]>, readonly string[] | null]>([
    ['lists versions', { versions: [200, '[{"subject":"a-value","version":2}]'] }, ['a-value']],
    ['reports that there are none', { versions: [404, '{"error_code":40403}'] }, []],
    ['has contexts', { versions: [200, '[{"subject":":.ours:a-value","version":2}]'] }, ['a-value']],
    ['lists only subjects', { versions: [404, '{"error_code":404}'], subjects: [200, '["a-value"]'] }, ['a-value']],
    ['lists neither', { versions: [404, '<html>'], subjects: [404, '{"error_code":0}'] }, null],
  ])('the subjects of an id are understood from a registry that %s', async (_, answers, subjects) => {
    const port = await listening(({ url }) => {
      const [status, body] = answers[url?.split('/')[4] ?? ''] ?? [200, '{"schema":"\\"string\\""}']
      return { status, body }
    })
    const registry = createSchemaRegistry({ url: `http://127.0.0.1:${port}` })
    expect(await registry.schemaById(7)).toEqual({ found: 'avro', schema: '"string"', subjects })
  })

  test.each([
    ['{"error_code":40403,"message":"Schema not found"}', { found: 'none' }],
    ['{"error_code":404,"message":"HTTP 404 Not Found"}', 'is this a schema registry?'],
    ['<html>', 'is this a schema registry?'],
  ])('an unknown path is distinguished from an unknown id: %s', async (body, expected) => {
    const port = await listening(() => ({ status: 404, body }))
    const asked = createSchemaRegistry({ url: `http://127.0.0.1:${port}` }).schemaById(7)
    await (typeof expected === 'string'
      ? expect(asked).rejects.toThrow(expected)
      : expect(asked).resolves.toEqual(expected))
  })

  test('the same id is requested again each time: ids may be reassigned', async () => {
    let schema = '"string"'
    const port = await listening(({ url }) => ({
      status: 200,
      body: url?.endsWith('/versions') ? '[]' : JSON.stringify({ schema }),
    }))
    const registry = createSchemaRegistry({ url: `http://127.0.0.1:${port}` })
    await registry.schemaById(7)
    schema = '"long"'
    expect(await registry.schemaById(7)).toMatchObject({ schema: '"long"' })
  })

  test('a registry that requires a password gets the one from the address', async () => {
    const seen: unknown[] = []
    const port = await listening((request) => {
      seen.push(request.headers.authorization)
      return { status: 404, body: '{"error_code":40401}' }
    })
    const registry = createSchemaRegistry({ url: `http://operator:hunter%402@127.0.0.1:${port}` })
    expect(await registry.latestId('s-value')).toBeUndefined()
    expect(await registry.compatibility('s-value')).toBeUndefined()
    const expected = `Basic ${Buffer.from('operator:hunter@2').toString('base64')}`
    expect(seen).toEqual([expected, expected])
  })

  test('a registry that starts later is waited for', async () => {
    const port = await freePort()
    const registry = createSchemaRegistry({ url: `http://127.0.0.1:${port}` })
    const messages: string[] = []
    const answer = await withRetry(() => registry.latestId('s-value'), {
      signal: new AbortController().signal,
      delayMs: 20,
      onRetry: (error, failures) => {
        messages.push(error.message)
        if (failures === 2) {
          void listening(() => ({ status: 200, body: '{"id":42,"schema":"{}"}' }), port)
        }
      },
    })
    expect(answer).toBe(42)
    expect(messages.length).toBeGreaterThanOrEqual(2)
    expect(messages[0]).toContain('cannot be reached')
  })
})

/** The schema with one more optional field at the end, as a next release might have it. */
function widened(file: string): string {
  const schema = JSON.parse(readSchemaFile(file))
  schema.fields.push({ name: 'later', type: ['null', 'string'], default: null, doc: 'Later.' })
  return JSON.stringify(schema)
}

async function put(url: string, body: object): Promise<void> {
  await send('PUT', url, body)
}

async function post(url: string, body: object): Promise<{ id: number }> {
  return (await (await send('POST', url, body)).json()) as { id: number }
}

async function send(method: string, url: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) })
  expect(response.status).toBe(200)
  return response
}
