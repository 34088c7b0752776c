import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { RAW_HEADERS } from '../../../src/raw/raw-headers.ts'
import { headerText } from '../../../src/stream/header-text.ts'
import { simulatedSources } from '../../../src/tools/simulated-sources.ts'
import type { Explained } from '../../../src/tools/why/why.ts'
import { Deployment, type RoleProcess } from '../../lab/harness/deployment.ts'
import { Observer } from '../../lab/harness/observer.ts'

/** Explains a payment with callbacks that are late, repeated, or in the partition of another payment. */

const SECRET = 'Private-4711'
const ID = randomUUID()
const OTHER = randomUUID()
const E2E = `e2e-${ID}`
const KEY = `jpm-global-payments-v1:${ID}`

let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess

const element = (firmRootId: string, paymentStatus: string, createDateTime: string) => ({
  firmRootId,
  endToEndId: `e2e-${firmRootId}`,
  paymentStatus,
  createDateTime,
  accountNumber: SECRET,
})
const bodyOf = (...callbacks: object[]) => JSON.stringify({ callbacks })

const completed = bodyOf(element(ID, 'COMPLETED', '2026-01-05T08:05:00.000Z'))
const late = bodyOf(element(ID, 'PENDING', '2026-01-05T08:00:00.000Z'))
/** In the raw partition of another payment, unless both keys happen to share one. */
const behind = bodyOf(
  element(OTHER, 'PENDING', '2026-01-05T08:00:00.000Z'),
  element(ID, 'COMPLETED', '2026-01-05T08:07:00.000Z'),
)
const BODIES = [completed, late, completed, behind]

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { partitions: 5 })
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
  await paystatus.ready()
  for (const body of BODIES) {
    await tell(body)
    // Makes the order of arrival unique, regardless of the raw partitions.
    await observer.caughtUp()
  }
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

async function tell(body: string): Promise<void> {
  const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const { status } = await fetch(source?.url ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...source?.headers },
    body,
  })
  expect(status).toBe(200)
}

async function why(...options: string[]): Promise<Explained & { code: number | string }> {
  const { code, stdout, stderr } = await deployment.command(['why', '--json', ...options])
  expect(stdout, stderr).toMatch(/^\{/)
  return { code, ...(JSON.parse(stdout) as Explained) }
}

const sha256 = (body: string) => createHash('sha256').update(body).digest('hex')

describe('why --json', () => {
  test('gives every callback with its position in raw, its verdict and rule, and what would change without it', async () => {
    const { code, payments, from } = await why(KEY)
    expect([code, from, payments.length]).toEqual([0, 'view', 1])
    const [payment] = payments
    expect(payment).toMatchObject({ paymentKey: KEY, status: 'COMPLETED', statusVersion: 3, rawReachesBackTo: null })
    const story = (payment?.callbacks ?? []).map(({ verdict, rule, element, decides, changed, raw, withoutIt }) => ({
      ...{ verdict, rule, element, decides, sha256: raw?.bodySha256 },
      step: changed === null ? null : [changed.statusVersion, changed.statusBefore, changed.statusAfter],
      without: withoutIt?.status?.without ?? withoutIt?.decidedBy?.without ?? null,
    }))
    const [first] = payment?.callbacks ?? []
    expect(story).toEqual([
      {
        ...{ verdict: 'APPLIED', rule: 'first-event', element: 0, decides: false, sha256: sha256(completed) },
        step: [1, null, 'COMPLETED'],
        without: null,
      },
      {
        ...{ verdict: 'LATE', rule: 'status-unchanged', element: 0, decides: false, sha256: sha256(late) },
        step: [2, 'COMPLETED', 'COMPLETED'],
        without: null,
      },
      {
        ...{ verdict: 'DUPLICATE', rule: 'known-event', element: 0, decides: false, sha256: sha256(completed) },
        step: null,
        without: null,
      },
      {
        ...{ verdict: 'REVISION', rule: 'same-natural-key', element: 1, decides: true, sha256: sha256(behind) },
        step: [3, 'COMPLETED', 'COMPLETED'],
        without: first?.eventId,
      },
    ])
    for (const { raw, callbackId } of payment?.callbacks ?? []) {
      const record = (await observer.records('raw')).find(
        ({ partition, offset }) => partition === raw?.partition && Number(offset) === raw.offset,
      )
      expect(raw?.topic).toBe(deployment.topics.raw)
      expect(record && headerText(record, RAW_HEADERS.id)).toBe(callbackId)
    }
  })

  test('finds a payment by its endToEndId, from the topic, too', async () => {
    const [byKey, byReference, fromTopic] = await Promise.all([why(KEY), why(E2E), why('--from-topic', E2E)])
    expect(byReference).toEqual(byKey)
    expect(fromTopic).toEqual({ ...byKey, from: 'topic' })
  })
})

describe('why', () => {
  test('explains to people and prints no body', async () => {
    const { code, stdout, stderr } = await deployment.command(['why', KEY])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^payment {9}${KEY}\nstatus {10}COMPLETED \\(soft\\), version 3\n`))
    expect(stdout).toMatch(/LATE +v2 {2}stays COMPLETED/)
    expect(stdout).toMatch(/DUPLICATE +changed nothing/)
    expect(stdout).toContain(`sha-256 ${sha256(late)}`)
    expect(stdout).toMatch(/without all reports of it: nothing would change/)
    expect(stdout).not.toContain(SECRET)
  })

  test('reports an unknown payment and exits with 1, like show', async () => {
    const [{ code, stderr }, shown, document] = await Promise.all([
      deployment.command(['why', 'nobody:1']),
      deployment.command(['show', 'nobody:1']),
      why('nobody:1'),
    ])
    expect([code, stderr]).toEqual([1, 'no payment with this key, provider id or endToEndId\n'])
    expect([shown.code, shown.stderr]).toEqual([code, stderr])
    expect(document).toMatchObject({ code: 1, payments: [] })
  })

  test('exits with 2 without a payment', async () => {
    expect((await deployment.command(['why'])).code).toBe(2)
  })

  test('lists a callback whose raw record was deleted by retention', async () => {
    const ends = await observer.admin.fetchTopicOffsets(deployment.topics.raw)
    await observer.admin.deleteTopicRecords({
      topic: deployment.topics.raw,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    })
    const { payments } = await why(KEY)
    expect(payments[0]?.callbacks.map(({ verdict, raw, rawGone }) => [verdict, raw, rawGone])).toEqual([
      ['APPLIED', null, 'retention'],
      ['LATE', null, 'retention'],
      ['DUPLICATE', null, 'retention'],
      ['REVISION', null, 'retention'],
    ])
    const { stdout } = await deployment.command(['why', KEY])
    expect(stdout.match(/its raw record was deleted by retention: raw reaches back to \d{4}-/g)).toHaveLength(4)
  })
})
