import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import {
  type Change,
  type Observation,
  type OpenOptions,
  open,
  type PaystatusClient,
} from '../../../packages/client/src/client.ts'
import { sqliteStore } from '../../../packages/client/src/sqlite-store.ts'
import { eventually } from '../harness/eventually.ts'
import { StatusPublisher } from './status-publisher.ts'

/** @paystatus/client on a real Kafka and registry: what it hands over, and what it knows. */

const stack = inject('stack')
let publisher: StatusPublisher
beforeAll(async () => {
  publisher = await StatusPublisher.create(stack)
})
afterAll(() => publisher.close())

const running: PaystatusClient[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((client) => client.stop()))
})

async function opened(groupId: string, options: Partial<OpenOptions> = {}): Promise<PaystatusClient> {
  const client = await open({
    brokers: stack.kafkaBrokers,
    registry: stack.registryUrl,
    groupId: publisher.prefix + groupId,
    topicPrefix: publisher.prefix,
    // So that the other members notice at once that somebody joined.
    heartbeatInterval: 200,
    ...options,
  })
  running.push(client)
  return client
}

/** A client and what it was told about one payment. */
async function told(groupId: string, paymentKey: string, options: Partial<OpenOptions> = {}) {
  const changes: Change[] = []
  const client = await opened(groupId, options)
  await client.onChange((change) => {
    if (change.paymentKey === paymentKey) {
      changes.push(change)
    }
  })
  return { client, changes }
}

function newKey(partition?: number): string {
  for (;;) {
    const paymentKey = `acme:${randomBytes(6).toString('hex')}`
    if (partition === undefined || publisher.partitionOf(paymentKey) === partition) {
      return paymentKey
    }
  }
}

/** `kind version` of each change, with what was missed. */
function storyOf(changes: readonly Change[]): readonly string[] {
  return changes.map((change) => {
    const missed = change.kind === 'step' && change.missed > 0 ? ` after ${change.missed} missed` : ''
    return `${change.kind} ${change.version.statusVersion}${missed}`
  })
}

test('a group that begins is told what is true, then every step, over gaps, rolled-back transactions, lives and restarts', async () => {
  const key = newKey()
  await publisher.publish([{ paymentKey: key, status: 'ACCEPTED' }])
  await publisher.publish([{ paymentKey: key, status: 'PROCESSING' }])
  const first = await told('begins', key)
  expect(storyOf(first.changes)).toEqual(['state 2'])
  expect(first.client.get(key)).toMatchObject({ status: 'PROCESSING', statusVersion: 2 })
  expect([...first.client.payments()].map(({ paymentKey }) => paymentKey)).toContain(key)

  // A transaction that is rolled back never happened: the next one publishes another version 3.
  const before = publisher.state(key)
  await publisher.publishOutput(publisher.outputOf([{ paymentKey: key, status: 'REJECTED' }]), 'abort')
  publisher.restore(key, before)
  await publisher.publish([{ paymentKey: key, status: 'COMPLETED' }])
  await eventually(() => expect(storyOf(first.changes)).toEqual(['state 2', 'step 3']))
  expect(first.changes.at(-1)).toMatchObject({
    step: { statusAfter: 'COMPLETED' },
    payment: { status: 'COMPLETED', statusVersion: 3 },
    isReplay: false,
  })
  await first.client.stop()

  // Meanwhile: a step, one that is lost from `changes`, and another one.
  await publisher.publish([{ paymentKey: key, status: 'SETTLED' }])
  const { current } = publisher.outputOf([{ paymentKey: key, status: 'CREDITED' }])
  await publisher.publishOutput({ current, changes: [] })
  await publisher.publish([{ paymentKey: key, status: 'RETURNED' }])
  const second = await told('begins', key)
  await eventually(() => expect(storyOf(second.changes)).toEqual(['step 4', 'step 6 after 1 missed']))
  expect(second.changes.map((change) => change.kind === 'step' && change.isReplay)).toEqual([true, true])
  expect(second.changes.at(-1)).toMatchObject({ payment: { status: 'RETURNED', statusVersion: 6 } })

  await publisher.forget(key)
  await eventually(() => expect(storyOf(second.changes).slice(2)).toEqual(['forgotten 6']))
  expect(second.client.get(key)).toBeUndefined()
  await publisher.publish([{ paymentKey: key, status: 'ACCEPTED' }])
  await eventually(() => expect(storyOf(second.changes).slice(2)).toEqual(['forgotten 6', 'step 1']))
  expect(second.client.get(key)?.incarnation).toBe(publisher.state(key)?.incarnation)
})

test('two instances share the partitions; every step takes effect once in their database while they come and go', async () => {
  const keys = [newKey(0), newKey(1)]
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE steps (payment_key TEXT, version INTEGER) STRICT')
  const store = sqliteStore(database)
  const joined = async (observe: (observation: Observation) => void = () => {}) => {
    const client = await opened('share', { observe })
    await client.onChange(({ paymentKey, version }, tx) => {
      tx.prepare('INSERT INTO steps VALUES (?, ?)').run(paymentKey, version.statusVersion)
    }, store)
    return client
  }
  const stepsOf = (key: string) =>
    database
      .prepare('SELECT version FROM steps WHERE payment_key = ? ORDER BY rowid')
      .all(key)
      .map(({ version }) => version)
  let published = 0
  const publishRounds = async (rounds: number) => {
    for (let round = 0; round < rounds; round += 1) {
      published += 1
      await Promise.all(keys.map((paymentKey) => publisher.publish([{ paymentKey, status: 'PROCESSING' }])))
    }
  }

  const first = await joined()
  await publishRounds(5)
  const [, second] = await Promise.all([publishRounds(10), joined()])
  // Each has one partition now, and refuses to answer for the other.
  await eventually(() => {
    const answers = [first, second].map((client) => keys.map((key) => answerOf(client, key)))
    expect(answers.flat().toSorted()).toEqual(['NOT_ASSIGNED', 'NOT_ASSIGNED', 'known', 'known'])
  })
  await Promise.all([publishRounds(10), first.stop()])
  await publishRounds(5)
  const versions = Array.from({ length: published }, (_, at) => at + 1)
  await eventually(() => expect(keys.map(stepsOf)).toEqual([versions, versions]))
  await eventually(() => expect(keys.map((key) => answerOf(second, key))).toEqual(['known', 'known']))
})

test('with `table: all` every instance knows every payment, without being told anything', async () => {
  const keys = [newKey(0), newKey(1)]
  await Promise.all(keys.map((paymentKey) => publisher.publish([{ paymentKey, status: 'COMPLETED' }])))
  const client = await opened('reads', { table: 'all' })
  expect(keys.map((key) => client.get(key)?.status)).toEqual(['COMPLETED', 'COMPLETED'])
  await publisher.publish([{ paymentKey: keys[0] as string, status: 'RETURNED' }])
  await eventually(() => expect(client.get(keys[0] as string)?.status).toBe('RETURNED'))
})

test('what cannot be right is said at once', async () => {
  await expect(opened('wrong', { topicPrefix: 'nowhere.' })).rejects.toMatchObject({ code: 'WRONG_TOPICS' })
  const client = await opened('wrong', { registry: `${stack.registryUrl}/nowhere` })
  expect(() => client.get('a:1')).toThrow(expect.objectContaining({ code: 'NOT_READY' }))
  await publisher.publish([{ paymentKey: newKey() }])
  await expect(client.onChange(() => {})).rejects.toMatchObject({ code: 'UNREADABLE' })
  await expect(client.closed).rejects.toMatchObject({ code: 'UNREADABLE' })
})

function answerOf(client: PaystatusClient, paymentKey: string): string {
  try {
    return client.get(paymentKey) === undefined ? 'unknown' : 'known'
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error)
  }
}
