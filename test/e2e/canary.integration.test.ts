import { execFile } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { createKafkaAppendLog } from '../../src/kafka/kafka-append-log.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { TOPICS, type TopicId } from '../../src/topics.ts'
import { type CommandEnd, Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer, type ReadRecord } from '../lab/harness/observer.ts'
import { OtlpReceiver } from '../lab/harness/otlp-receiver.ts'

/**
 * I9, with marked values: the system is flooded with them in every place that can hold personal data or secrets, and then
 * everything it wrote is searched. Only the values of raw and of dead letters may contain them.
 */

// Several times the usual duration, so that a busy machine is not a failure.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 })

/** Has too many digits for a word and too many letters for a number. */
const MARK = `canary${randomInt(1e6, 1e7)}x${randomBytes(3).toString('hex')}`
const CARD = `4111${randomInt(1e11, 1e12)}`
const NAME = `${MARK} Doe`
const FIXTURES = join(import.meta.dirname, '..', 'providers')

const directory = mkdtempSync(join(tmpdir(), 'paystatus-canary-'))
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
let receiver: OtlpReceiver
/** What must not appear anywhere: the marks, and every secret of the installation. */
let needles: readonly string[]
const topics = new Map<TopicId, readonly ReadRecord[]>()
const written = new Map<string, string>()

interface Call {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

/** Sends any body; returns the status code, or null if the gateway closed the connection. */
function post({ path, headers }: Call, body: string | Buffer): Promise<number | null> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(paystatus.gatewayUrl)
    const sent = request({ hostname, port, path, method: 'POST', headers, agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? null))
    })
    sent.on('error', () => resolve(null)).end(body)
  })
}

function callOf(source: string): Call {
  const found = simulatedSources(deployment.config, '').find(({ id }) => id === source)
  return { path: found?.url ?? '', headers: { 'content-type': 'application/json', ...found?.headers } }
}

/** Sends bytes that need not be HTTP. */
function sendRaw(bytes: string): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(paystatus.gatewayUrl)
    const socket = connect(Number(port), hostname, () => socket.end(bytes))
    socket.on('error', () => {}).on('close', () => resolve())
    socket.resume()
  })
}

/** The golden callbacks of a provider, with a mark in every text that is not on its allow-list. */
function markedFixtures(provider: string): readonly Buffer[] {
  const folder = join(FIXTURES, provider, 'fixtures')
  return readdirSync(folder)
    .filter((file) => /\.(json|xml|form)$/.test(file) && !file.endsWith('.expected.json'))
    .map((file) => Buffer.from(readFileSync(join(folder, file), 'utf8').replaceAll('stays in the raw topic', NAME)))
}

const PERSON = {
  name: NAME,
  accountNumber: CARD,
  cardNumber: CARD,
  email: `${MARK}@example.org`,
  [CARD]: NAME,
  [MARK]: 1,
}

function v1Element(id: string, changes: object = {}): object {
  const exception = [{ errorCode: '10000', errorDescription: NAME, externalCode: 'AC04', message: NAME }]
  return {
    firmRootId: id,
    endToEndId: `e2e-${id}`,
    status: 'REJECTED',
    ...PERSON,
    debtor: PERSON,
    exception,
    ...changes,
  }
}

function v2Body(id: string, changes: object = {}): object {
  return {
    eventId: `event-${id}`,
    type: 'Payment.StatusUpdate',
    payments: [
      {
        payment: {
          paymentId: id,
          endToEndId: `e2e-${id}`,
          status: 'REJECTED',
          debtor: PERSON,
          creditor: { account: CARD, ...PERSON },
          remittanceInformation: [NAME],
          exceptions: [
            { code: '10000', message: NAME, additionalContext: [{ type: 'ISO20022', code: 'AC04', message: NAME }] },
          ],
          ...changes,
        },
      },
    ],
    ...PERSON,
  }
}

async function flood(): Promise<void> {
  const [v1, v2, instamed] = [callOf('jpm-v1'), callOf('jpm-v2'), callOf('instamed')]
  const wrongTypes = [NAME, [NAME], { x: NAME }, 1e300, null, true, NAME.repeat(20)]
  const bodies: (string | Buffer)[] = [
    `{"accountNumber":"${NAME}`,
    `{"callbacks":[{"name": ${NAME}}]}`,
    NAME,
    `<Payment><Name>${NAME}</Account></Payment>`,
    `<!DOCTYPE x [<!ENTITY e "${NAME}">]><Payment>&e;</Payment>`,
    `<Payment Name="${NAME}"><${MARK}>${CARD}</${MARK}></Payment>`,
    `PatientName=${MARK}&CardNumber=${CARD}&%ZZ${MARK}`,
    Buffer.concat([Buffer.from(`{"name":"${NAME}`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    `${'['.repeat(5_000)}"${NAME}"${']'.repeat(5_000)}`,
    JSON.stringify([NAME, { x: NAME }, [NAME]]),
    JSON.stringify({ callbacks: [NAME, [NAME], { [NAME]: NAME }] }),
    JSON.stringify({ payments: [NAME, { payment: NAME }, { payment: { [NAME]: NAME } }] }),
    '',
    ...['jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'].flatMap(markedFixtures),
    JSON.stringify({ callbacks: [v1Element('5eed-v1-1'), v1Element('5eed-v1-2', { status: 'COMPLETED' })] }),
    JSON.stringify(v2Body('5eed-v2-1')),
    JSON.stringify(v2Body('5eed-v2-2', { status: 'COMPLETED' })),
    // Allow-listed fields with impossible values.
    ...wrongTypes.flatMap((wrong, index) => [
      JSON.stringify({
        callbacks: ['status', 'createDateTime', 'amount', 'exception', 'identifiers'].map((field) =>
          v1Element(`5eed-w1-${index}`, { [field]: wrong }),
        ),
      }),
      JSON.stringify(
        v2Body(`5eed-w2-${index}`, { amount: wrong, exceptions: wrong, valueDate: [wrong], identifiers: wrong }),
      ),
      JSON.stringify({ PaymentTransactionID: `SIM${index}`, TransactionAction: [wrong], Amount: { wrong } }),
    ]),
  ]
  const types = ['application/json', 'application/xml', 'application/x-www-form-urlencoded', 'text/plain']
  for (const [index, body] of bodies.entries()) {
    for (const call of [v1, v2, instamed]) {
      const headers = { ...call.headers, 'content-type': types[index % types.length] as string }
      expect(await post({ ...call, headers: call === instamed ? headers : call.headers }, body)).not.toBe(500)
    }
  }
  const oversize = Buffer.alloc(400_000, NAME)
  const refused: readonly (readonly [Call, string | Buffer])[] = [
    [v1, oversize],
    [{ ...v1, headers: { 'x-callback-secret': MARK } }, NAME],
    [{ ...v2, headers: { authorization: `Basic ${Buffer.from(`${MARK}:${MARK}`).toString('base64')}` } }, NAME],
    [{ ...v2, headers: { authorization: `Bearer ${MARK}` } }, NAME],
    [{ ...v1, path: `/callbacks/${MARK}` }, NAME],
    [{ ...v1, path: `/callbacks/%ZZ${MARK}` }, NAME],
    [{ ...v1, headers: { ...v1.headers, 'content-type': `image/${MARK}` } }, NAME],
    [{ ...v1, headers: { ...v1.headers, 'content-encoding': `gzip, ${MARK}` } }, NAME],
    [{ ...v1, headers: { ...v1.headers, 'content-length': '99999999' } }, ''],
    [{ ...v1, headers: { ...v1.headers, expect: MARK } }, NAME],
  ]
  for (const [call, body] of refused) {
    expect([200, 201, 204]).not.toContain(await post(call, body))
  }
  for (const sloppy of [{ 'content-type': `text/${MARK}` }, { 'content-encoding': MARK }]) {
    expect(await post({ ...v1, headers: { ...v1.headers, ...sloppy } }, NAME)).toBe(200)
  }
  const odd = {
    'x-forwarded-for': MARK,
    cookie: `session=${MARK}`,
    'user-agent': NAME,
    traceparent: MARK,
    [MARK]: MARK,
    'content-type': `application/vnd.${MARK}+json; name=${MARK}; charset=${MARK}`,
  }
  const accepted = { path: `${v1.path}?token=${MARK}&card=${CARD}`, headers: { ...v1.headers, ...odd } }
  expect(await post(accepted, JSON.stringify({ callbacks: [v1Element('5eed-v1-3')] }))).toBe(200)
  await sendRaw(`${MARK} ${MARK} HTTP/9.9\r\n\r\n`)
  await sendRaw(`POST ${v1.path} HTTP/1.1\r\nHost: x\r\nX-Big: ${MARK.repeat(2_000)}\r\n\r\n`)
  await sendRaw(`POST ${v1.path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${MARK}\r\n\r\n${NAME}`)
  await sendRaw(`POST ${v1.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${MARK}\r\n`)
  await sendRaw(`POST ${v1.path} HTTP/1.1\r\nHost: x\r\n${MARK}\r\n\r\n`)
}

/** A record that no stage would write; it becomes a dead letter of the processor. */
async function poisonEvents(): Promise<void> {
  const log = createKafkaAppendLog(observer.kafka, {
    topic: deployment.topics.events,
    partitions: deployment.config.kafka.partitions,
    waitingRecordsMax: 10,
    waitingBytesMax: 1_000_000,
    retryForMs: 10_000,
  })
  const registered = (await observer.records('events'))[0]?.value?.subarray(0, 5) ?? Buffer.alloc(5)
  await log.log.append(0, [
    { key: 'poison:1', value: Buffer.from(NAME) },
    { key: 'poison:2', value: Buffer.concat([registered, Buffer.from(NAME)]) },
    { key: 'poison:3', value: Buffer.alloc(8_000, NAME) },
  ])
  await log.close()
}

/** A process with all roles that throws an unexpected error while it works. */
async function crash(name: string, statement: string): Promise<void> {
  const code = `process.on('SIGUSR2', () => setImmediate(() => { ${statement} }))`
  const file = join(directory, `${name}.mjs`)
  writeFileSync(file, code)
  const victim = await deployment.start(['gateway', 'normalizer', 'processor'], { NODE_OPTIONS: `--import=${file}` })
  victim.signal('SIGUSR2')
  expect(await victim.exited).toBe(1)
  expect(victim.output).toContain('ended by an unexpected error')
  written.set(`crash: ${name}`, victim.output)
}

async function tool(args: readonly string[]): Promise<void> {
  const end: CommandEnd = await deployment.command(args)
  expect([args, typeof end.code]).toEqual([args, 'number'])
  written.set(
    `paystatus ${args[0]} ${args.includes('--json') ? '--json' : ''} ${written.size}`,
    end.stdout + end.stderr,
  )
}

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { config: { log: { level: 'debug' } } })
  observer = await Observer.create(deployment)
  receiver = await OtlpReceiver.start()
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_TRACES_SAMPLER_ARG: '1',
  })
  await paystatus.ready()
  const secrets = deployment.config.sources.flatMap(({ path, authentication }) =>
    authentication.flatMap((one) => {
      switch (one.type) {
        case 'basic':
          return one.passwords.flatMap(({ value }) => [
            value,
            Buffer.from(`${one.username}:${value}`).toString('base64'),
          ])
        case 'header':
          return one.secrets.map(({ value }) => value)
        default:
          return [path.slice('/callbacks/instamed-'.length)]
      }
    }),
  )
  needles = [MARK, CARD, ...secrets, Buffer.from(`${MARK}:${MARK}`).toString('base64')]
  await flood()
  await observer.caughtUp()
  await poisonEvents()
  await observer.caughtUp()
  written.set('metrics', await paystatus.metricsText())
  written.set('health', JSON.stringify(await paystatus.health()))
  for (const id of Object.keys(TOPICS) as TopicId[]) {
    topics.set(id, await observer.records(id))
  }
  const payment = 'jpm-global-payments-v1:5eed-v1-1'
  const [deadLetter] = await observer.records('rawDeadLetters')
  const place = `${deployment.topics.rawDeadLetters}[${deadLetter?.partition}]@${deadLetter?.offset}`
  for (const json of [[], ['--json']]) {
    await tool(['show', payment, ...json])
    await tool(['why', payment, ...json])
    await tool(['verify', ...json])
    await tool(['drift', ...json])
    await tool(['overdue', ...json])
    await tool(['dlq', 'list', ...json])
    await tool(['dlq', 'show', place, ...json])
    await tool(['dlq', 'redrive', '--all', ...json])
    await tool(['tail', '--from-beginning', '--max', '20', ...json])
  }
  const files = [`{"callbacks":[${JSON.stringify(v1Element('5eed-v1-1'))}]}`, `{"name":"${NAME}`, NAME].map(
    (body, index) => {
      const file = join(directory, `${index}.json`)
      writeFileSync(file, body)
      return file
    },
  )
  await tool(['translate', '--provider', 'jpm-global-payments-v1', ...files])
  await tool(['fold', '--provider', 'jpm-global-payments-v1', '--permute', ...files])
  expect(await paystatus.stop()).toBe(0)
  written.set('roles', paystatus.output)
  expect(receiver.requests.length).toBeGreaterThan(0)
  written.set('spans', Buffer.concat(receiver.requests).toString('latin1'))
  await crash('syntax-error', `JSON.parse('{"accountNumber":"${NAME}')`)
  await crash('error', `throw Object.assign(new Error('${NAME}'), { record: { value: '${CARD}' } })`)
  await crash('rejection', `Promise.reject(new TypeError('${NAME}', { cause: '${CARD}' }))`)
}, 600_000)

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await receiver?.close()
  rmSync(directory, { recursive: true, force: true })
})

function leaksIn(text: string | Buffer | null | undefined): readonly string[] {
  const searched = Buffer.isBuffer(text) ? text.toString('latin1') : (text ?? '')
  return needles.filter((needle) => searched.toLowerCase().includes(needle.toLowerCase()))
}

function headersText({ headers }: InRecord): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${String(value)}`)
    .join('\n')
}

test('the flood arrived: raw and the dead letters of both stages contain what was sent (I1)', () => {
  const holding = (id: TopicId) => topics.get(id)?.filter(({ value }) => value?.includes(MARK)).length ?? 0
  expect(holding('raw')).toBeGreaterThan(100)
  expect(holding('rawDeadLetters')).toBeGreaterThan(30)
  expect(holding('eventDeadLetters')).toBe(3)
  expect(topics.get('changes')?.length).toBeGreaterThan(20)
})

test('no key and no header of any topic contains a mark or a secret (I9)', () => {
  const leaks = [...topics].flatMap(([id, records]) =>
    records.flatMap((record) =>
      [...leaksIn(record.key), ...leaksIn(headersText(record))].map(
        (needle) => `${id}: ${needle} in ${headersText(record)}`,
      ),
    ),
  )
  expect(leaks).toEqual([])
})

test('no value of a canonical topic or of the data keys does (I9)', () => {
  const leaks = (['events', 'changes', 'current', 'keys', 'forgottenKeys'] as const).flatMap((id) =>
    (topics.get(id) ?? [])
      // The record planted by this test is there unchanged.
      .filter(({ key }) => !String(key).startsWith('poison:'))
      .filter(({ value }) => leaksIn(value).length > 0)
      .map(({ key, value }) => `${id} ${key}: ${value?.toString('latin1')}`),
  )
  expect(leaks).toEqual([])
})

test('nothing in Redis does (I9)', async () => {
  const leaks: string[] = []
  let bytes = 0
  for (const key of await observer.viewKeys()) {
    const dump = await observer.redis.run(async (redis) => {
      const type = await redis.type(key)
      return type === 'hash'
        ? Buffer.concat(
            Object.entries(await redis.hgetallBuffer(key)).flatMap(([name, value]) => [Buffer.from(name), value]),
          )
        : Buffer.from((await redis.zrange(key, '0', '-1')).join())
    })
    bytes += dump.length
    leaks.push(...leaksIn(key), ...leaksIn(dump))
  }
  expect(bytes).toBeGreaterThan(1_000)
  expect(leaks).toEqual([])
})

test('no output of a role, a tool, a scrape or a crash does, at level debug (I9)', () => {
  expect(written.get('roles')?.length ?? 0).toBeLessThan(200_000)
  expect(written.get('roles')).toContain('"level":"debug"')
  const leaks = [...written].flatMap(([where, text]) =>
    leaksIn(text).map((needle) => {
      const at = text.toLowerCase().indexOf(needle.toLowerCase())
      return `${where}: ${text.slice(Math.max(0, at - 200), at + 60)}`
    }),
  )
  expect(leaks).toEqual([])
})

test('an invalid configuration is refused without a secret in the message (I9)', async () => {
  const { configFile } = deployment
  const [v1, , instamed] = deployment.config.sources
  const text = readFileSync(configFile, 'utf8')
  const broken = join(directory, 'broken.yaml')
  const clash = text.replace(`path: ${v1?.path}`, `path: ${instamed?.path}`)
  for (const wrong of [
    `${clash}\n${MARK}: 1`.replace(`${MARK}: 1`, ''),
    `${text}\n  - "${MARK}`,
    text.replace('type: none', `type: ${MARK}`),
  ]) {
    writeFileSync(broken, wrong)
    const end = await deployment.command(['topics', 'check'], { configFile: broken })
    expect(end.code).toBe(2)
    expect(leaksIn(end.stdout + end.stderr)).toEqual([])
  }
})

test('a process without the handler prints the mark, and the search finds it', async () => {
  const file = join(directory, 'syntax-error.mjs')
  const code = `${readFileSync(file, 'utf8')}; process.kill(process.pid, 'SIGUSR2'); setInterval(() => {}, 1000)`
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, ['--input-type=module', '-e', code], (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    )
  })
  await eventually(() => expect(leaksIn(output)).toContain(MARK))
})
