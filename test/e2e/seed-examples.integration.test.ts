import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toPublishedState } from '../../src/avro/payment-codecs.ts'
import type { StatusChangeRecord } from '../../src/payment/status-change.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { decodeWithFastavro } from '../lab/harness/fastavro.ts'
import { Kcat, type KcatRecord } from '../lab/harness/kcat.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, violationsOf } from '../lab/harness/violations.ts'

/** The providers' example callbacks, byte for byte through real processes, read by independent clients. */

const EXAMPLES = [
  {
    name: 'v1 REJECTED',
    source: 'jpm-v1',
    fixture: 'jpm-global-payments-v1/fixtures/seed-rejected.json',
    seed: '003_069194a4b6968b59.txt',
    answer: 200,
    paymentKey: 'jpm-global-payments-v1:53038faa-43f6-42fc-9545-648fd2dab411',
    endToEndId: 'MY20230727_0219',
    status: 'REJECTED',
  },
  {
    name: 'v2 REJECTED',
    source: 'jpm-v2',
    fixture: 'jpm-global-payments-v2/fixtures/seed-rejected.json',
    seed: '004_1b117b8fb03b3394.txt',
    answer: 204,
    paymentKey: 'jpm-global-payments-v2:019b135e-ad7e-7000-a7ec-b42b96d56be3',
    endToEndId: 'SHKsZNQTJGxOvoB',
    status: 'REJECTED',
  },
  {
    name: 'v2 COMPLETED',
    source: 'jpm-v2',
    fixture: 'jpm-global-payments-v2/fixtures/seed-completed.json',
    seed: '004_1b117b8fb03b3394.txt',
    answer: 204,
    paymentKey: 'jpm-global-payments-v2:69d93dec-9887-4701-865f-0750e3b1b93c',
    endToEndId: 'MXRTPTEST2',
    status: 'COMPLETED',
  },
  {
    name: 'InstaMed authorization',
    source: 'instamed',
    fixture: 'instamed/fixtures/member-payments-authorization.json',
    seed: null,
    answer: 200,
    paymentKey: 'instamed:00000000000000000000000000000101',
    endToEndId: null,
    status: 'AUTHORIZED',
  },
] as const

const fixtureUrl = (fixture: string) => new URL(`../providers/${fixture}`, import.meta.url)
const seedsFolder = fileURLToPath(new URL('../../../shared/seeds/', import.meta.url))
const seedExamples = EXAMPLES.filter(({ seed }) => seed !== null)

let deployment: Deployment
let observer: Observer
let kcat: Kcat
let paystatus: RoleProcess
const answers: number[] = []

beforeAll(async () => {
  const stack = inject('stack')
  kcat = await Kcat.create(stack.kafkaBrokers)
  deployment = await Deployment.create(stack)
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  const sources = simulatedSources(deployment.config, paystatus.gatewayUrl)
  for (const { source: id, fixture } of EXAMPLES) {
    const source = sources.find((candidate) => candidate.id === id)
    const { status } = await fetch(source?.url ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...source?.headers },
      body: readFileSync(fixtureUrl(fixture)),
    })
    answers.push(status)
  }
  await paystatus.ready()
  await observer.caughtUp()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

test.skipIf(!existsSync(seedsFolder)).each(seedExamples)(
  'the fixture of $name is in the seed, byte for byte',
  (example) => {
    const seed = readFileSync(join(seedsFolder, example.seed as string))
    expect(seed.includes(readFileSync(fixtureUrl(example.fixture)))).toBe(true)
  },
)

test('the gateway answers with the success code of each provider', () => {
  expect(answers).toEqual(EXAMPLES.map(({ answer }) => answer))
})

describe('read by kcat', () => {
  let raw: readonly KcatRecord[]
  beforeAll(async () => {
    raw = await kcat.consume(deployment.topics.raw)
  })

  test.each(EXAMPLES)(
    'I1 raw holds the exact bytes of $name, with CloudEvents headers and its payment as key',
    (example) => {
      const found = raw.filter(({ key }) => key.toString() === example.paymentKey)
      expect(found.length).toBe(1)
      const [record] = found
      expect(record?.value.equals(readFileSync(fixtureUrl(example.fixture)))).toBe(true)
      expect(record?.headers).toEqual({
        ce_specversion: '1.0',
        ce_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        ce_source: example.source,
        ce_type: 'paystatus.callback.received',
        ce_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        paystatus_authentication: { 'jpm-v1': 'header', 'jpm-v2': 'basic', instamed: 'none' }[example.source],
        'content-type': 'application/json',
        // What the record's translation needs (I2): the default namespace is the provider.
        paystatus_provider: example.paymentKey.split(':')[0],
        paystatus_namespace: example.paymentKey.split(':')[0],
        paystatus_json_depth_max: '64',
        ...(example.source === 'instamed' && { paystatus_currency: 'USD' }),
      })
    },
  )

  test('raw contains nothing else', () => {
    expect(raw.length).toBe(EXAMPLES.length)
  })

  test('a payment has the same partition in all topics, the one the Java client would choose', async () => {
    const topic = `${deployment.config.kafka.topicPrefix}murmur2`
    await observer.admin.createTopics({
      topics: [{ topic, numPartitions: deployment.config.kafka.partitions, replicationFactor: 1 }],
    })
    for (const { paymentKey } of EXAMPLES) {
      await kcat.produce(topic, paymentKey, 'x')
    }
    const placesIn = async (name: string) =>
      new Map((await kcat.consume(name)).map(({ key, partition }) => [key.toString(), partition]))
    const chosen = await placesIn(topic)
    expect(chosen.size).toBe(EXAMPLES.length)
    for (const id of ['raw', 'events', 'changes', 'current'] as const) {
      expect([id, await placesIn(deployment.topics[id])]).toEqual([id, chosen])
    }
  })
})

describe('decoded by fastavro with the schema from the registry', () => {
  test('I3 I4 changes has one record for every example, as our own codec reads it', async () => {
    const records = await kcat.consume(deployment.topics.changes)
    const decoded = await decodeWithFastavro(
      deployment.config.registry.url,
      records.map(({ value }) => value),
    )
    expect(decoded).toEqual(records.map(({ value }) => observer.codecs.change.decode(value)))
    const told = (decoded as StatusChangeRecord[]).map(
      ({ paymentKey, statusBefore, statusAfter, statusVersion, verdict }) => ({
        paymentKey,
        statusBefore,
        statusAfter,
        statusVersion,
        verdict,
      }),
    )
    const expected = EXAMPLES.map(({ paymentKey, status }) => ({
      paymentKey,
      statusBefore: null,
      statusAfter: status,
      statusVersion: 1,
      verdict: 'APPLIED',
    }))
    expect(told.sort(byPaymentKey)).toEqual(expected.sort(byPaymentKey))
    expect(
      records.every(({ key }, index) => key.toString() === (decoded[index] as StatusChangeRecord).paymentKey),
    ).toBe(true)
  })

  test('current has the status of every example, as our own codec reads it', async () => {
    const records = await kcat.consume(deployment.topics.current)
    const decoded = await decodeWithFastavro(
      deployment.config.registry.url,
      records.map(({ value }) => value),
    )
    expect(decoded).toEqual(records.map(({ value }) => toPublishedState(observer.codecs.state.decode(value))))
    const statuses = (decoded as { paymentKey: string; status: string }[]).map(({ paymentKey, status }) => ({
      paymentKey,
      status,
    }))
    const expected = EXAMPLES.map(({ paymentKey, status }) => ({ paymentKey, status: status as string }))
    expect(statuses.sort(byPaymentKey)).toEqual(expected.sort(byPaymentKey))
  })

  test('events can be read by fastavro', async () => {
    const records = await kcat.consume(deployment.topics.events)
    const decoded = await decodeWithFastavro(
      deployment.config.registry.url,
      records.map(({ value }) => value),
    )
    expect(decoded).toEqual(records.map(({ value }) => observer.codecs.event.decode(value)))
    expect(decoded.length).toBe(EXAMPLES.length)
  })
})

test('I2 I3 I4 I5 hold for the examples', async () => {
  expect(violationsOf(await readContents(observer), deployment.config)).toEqual([])
})

describe('paystatus show', () => {
  const [v1, , completed, instamed] = EXAMPLES

  test("finds a payment by its key, by the provider's id in any case, and by its endToEndId", async () => {
    const wanted = [
      completed.paymentKey,
      '69d93dec-9887-4701-865f-0750e3b1b93c',
      '69D93DEC-9887-4701-865F-0750E3B1B93C',
      completed.endToEndId,
    ]
    const shown = await Promise.all(wanted.map((payment) => deployment.command(['show', payment, '--json'])))
    for (const { code, stdout } of shown) {
      expect(code).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({
        from: 'view',
        payments: [{ paymentKey: completed.paymentKey, status: 'COMPLETED', finality: 'soft', statusVersion: 1 }],
      })
      expect(JSON.parse(stdout).payments.length).toBe(1)
    }
  })

  test('says the same from the topic as from the view', async () => {
    const [view, topic] = await Promise.all([
      deployment.command(['show', v1.endToEndId, '--json']),
      deployment.command(['show', v1.endToEndId, '--json', '--from-topic']),
    ])
    expect(JSON.parse(topic.stdout)).toEqual({ ...JSON.parse(view.stdout), from: 'topic' })
    expect(JSON.parse(topic.stdout).payments[0].paymentKey).toBe(v1.paymentKey)
  })

  test('prints the history, with the rule of every verdict', async () => {
    const { code, stdout } = await deployment.command(['show', instamed.paymentKey])
    expect(code).toBe(0)
    expect(stdout).toMatch(/payment +instamed:00000000000000000000000000000101/)
    expect(stdout).toMatch(/status +AUTHORIZED \(soft\), version 1/)
    expect(stdout).toMatch(/v1 .*APPLIED .*first-event: the first event of the payment/s)
    expect(stdout).not.toContain('free text that stays in the raw topic')
  })

  test('exits with 1 and says so when there is no such payment', async () => {
    const { code, stdout, stderr } = await deployment.command(['show', 'no-such-payment'])
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('no payment with this key, provider id or endToEndId')
  })
})

describe('paystatus tail', () => {
  test('prints what is there as JSON lines and stops after --max, leaving no group behind', async () => {
    const tailGroups = async () => {
      const { groups } = await observer.admin.listGroups()
      return groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith('paystatus-tail-'))
    }
    const before = new Set(await tailGroups())
    const all = ['tail', '--json', '--from-beginning', '--max', String(EXAMPLES.length)]
    const { code, stdout } = await deployment.command(all)
    expect(code).toBe(0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusChangeRecord)
    expect(lines.sort(byPaymentKey)).toEqual([...(await observer.changes())].sort(byPaymentKey))
    // The tests of another file may run `tail` on the same broker at this moment.
    await eventually(async () => expect((await tailGroups()).filter((group) => !before.has(group))).toEqual([]))
  })

  test('prints a line for a person', async () => {
    const { code, stdout } = await deployment.command([
      'tail',
      '--from-beginning',
      '--max',
      '1',
      '--payment',
      EXAMPLES[0].paymentKey,
    ])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} {2}APPLIED {4}jpm-global-payments-v1:\S+ {2}v1 {2}\(new\) -> REJECTED {2}said REJECTED\n$/,
    )
  })
})

describe('the command line', () => {
  test('exits with 2 for an unknown command, a missing or wrong option, and an unknown role', async () => {
    const wrong = [['show'], ['no-such-command'], ['tail', '--max', 'many'], ['run', '--roles', 'gateway,dreamer']]
    const ends = await Promise.all(wrong.map((args) => deployment.command(args)))
    expect(ends.map(({ code }) => code)).toEqual([2, 2, 2, 2])
    expect(ends.filter(({ stderr }) => !stderr.includes('paystatus: '))).toEqual([])
  })

  test('lists every problem of a wrong configuration and exits with 2', async () => {
    const configFile = join(dirname(deployment.configFile), 'wrong.yaml')
    writeFileSync(
      configFile,
      `kafka: { brokers: [nowhere], partitions: 0 }
redis: { url: "http://127.0.0.1" }
gateway: { prot: 8080 }
sources:
  - { id: a, provider: unheard-of, path: /a, authentication: { type: none } }
  - { id: b, provider: instamed, path: /b, authentication: { type: header, header: x, secret: { file: /no/such/file } } }
`,
    )
    const { code, stdout, stderr } = await deployment.command(['run'], { configFile })
    expect([code, stdout]).toEqual([2, ''])
    for (const problem of [
      'kafka.brokers.0',
      'kafka.partitions',
      'redis.url',
      'gateway',
      'prot',
      'sources.0.provider',
      'sources.1.authentication',
    ]) {
      expect(stderr).toContain(problem)
    }
  })

  test('topics check and schemas check report nothing for a correct installation', async () => {
    const [topics, schemas] = await Promise.all([
      deployment.command(['topics', 'check', '--json']),
      deployment.command(['schemas', 'check', '--json']),
    ])
    expect([topics.code, JSON.parse(topics.stdout)]).toEqual([0, { findings: [] }])
    expect([schemas.code, JSON.parse(schemas.stdout)]).toEqual([0, { findings: [], namesOnly: false }])
  })
})

function byPaymentKey(a: { readonly paymentKey: string }, b: { readonly paymentKey: string }): number {
  return a.paymentKey < b.paymentKey ? -1 : 1
}
