import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createGroupOffsets } from '../../src/kafka/group-offsets.ts'
import { openKafkaTransactions } from '../../src/kafka/kafka-transactions.ts'
import { createPartitionReader } from '../../src/kafka/partition-reader.ts'
import { createTopicLogs } from '../../src/kafka/topic-logs.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { ByteBudget } from '../../src/processor/byte-budget.ts'
import { StatusTask } from '../../src/processor/status-task.ts'
import { KeysInPlace } from '../../src/stream/keys-in-place.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { SeenTopics } from '../../src/stream/seen-topics.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { sampleEvent } from '../avro/samples.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { createKafkaJs } from '../lab/harness/kafkajs-client.ts'
import { Observer } from '../lab/harness/observer.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'

const DAY_MS = 86_400_000

describe('a payment that stays open', () => {
  let deployment: Deployment
  let observer: Observer
  let paystatus: RoleProcess

  beforeAll(async () => {
    deployment = await Deployment.create(inject('stack'), {
      config: { payments: { nextStatusWithin: { default: '300ms' } } },
    })
    observer = await Observer.create(deployment)
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await paystatus.ready()
  })

  afterAll(async () => {
    await observer?.close()
    await deployment?.close()
  })

  test('I4 is reported overdue once, with the next version, until its status changes', async () => {
    const firmRootId = randomUUID()
    const paymentKey = `jpm-global-payments-v1:${firmRootId}`
    const story = async () =>
      (await observer.changes())
        .filter((change) => change.paymentKey === paymentKey)
        .map(({ verdict, rule, statusVersion, statusBefore, statusAfter, overdueSince, event }) => ({
          verdict,
          rule,
          statusVersion,
          statusBefore,
          statusAfter,
          overdue: overdueSince !== null,
          isEvent: event !== null,
        }))
    const first = {
      verdict: 'APPLIED',
      rule: 'first-event',
      statusVersion: 1,
      statusBefore: null,
      statusAfter: 'PROCESSING',
    }
    const overdue = {
      verdict: 'OVERDUE',
      rule: 'overdue',
      statusVersion: 2,
      statusBefore: 'PROCESSING',
      statusAfter: 'PROCESSING',
    }
    const completed = {
      verdict: 'APPLIED',
      rule: 'status-changed',
      statusVersion: 3,
      statusBefore: 'PROCESSING',
      statusAfter: 'COMPLETED',
    }

    await tell(firmRootId, 'PENDING', '2026-01-05T08:00:00.000Z')
    await eventually(async () => {
      expect(await story()).toEqual([
        { ...first, overdue: false, isEvent: true },
        { ...overdue, overdue: true, isEvent: false },
      ])
    })
    expect((await observer.current()).get(paymentKey)).toMatchObject({ statusVersion: 2, status: 'PROCESSING' })
    const shown = await deployment.command(['show', paymentKey])
    expect(shown.stdout).toMatch(/overdue since +\d{4}-/)
    expect((await deployment.command(['overdue'])).stdout).toContain(paymentKey)
    const listed = JSON.parse((await deployment.command(['overdue', '--json'])).stdout)
    expect(listed.payments).toMatchObject([{ paymentKey, status: 'PROCESSING', overdueSince: expect.any(String) }])

    await tell(firmRootId, 'COMPLETED', '2026-01-05T08:05:00.000Z')
    await observer.caughtUp()
    await eventually(async () => expect((await story()).length).toBe(3))
    expect((await story())[2]).toEqual({ ...completed, overdue: false, isEvent: true })
    expect((await observer.current()).get(paymentKey)?.overdueSince).toBe(null)
    expect((await deployment.command(['overdue'])).stdout).toBe('no payment is overdue\n')

    // Another open payment has become overdue meanwhile, so the timers have run for the first one, too.
    const other = randomUUID()
    await tell(other, 'PENDING', '2026-01-05T08:00:00.000Z')
    await eventually(async () => {
      expect((await observer.totals()).overdue).toBe(2)
    })
    expect((await story()).length).toBe(3)
  })

  test('I8 an overdue record has a version but is not an event', async () => {
    await observer.caughtUp()
    const contents = await readContents(observer)
    expect(violationsOf(contents, deployment.config)).toEqual([])
    const totals = await observer.totals()
    expect(totalsViolations(totals, contents)).toEqual([])
    expect([totals.events, totals.overdue]).toEqual([3, 2])
    await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
    expect(await paystatus.metric('paystatus_processor_verdicts_total{verdict="overdue"}')).toBe(2)
  })

  async function tell(firmRootId: string, paymentStatus: string, createDateTime: string): Promise<void> {
    const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
    const { status } = await fetch(source?.url ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...source?.headers },
      body: JSON.stringify({
        callbacks: [{ firmRootId, endToEndId: `e2e-${firmRootId}`, paymentStatus, createDateTime }],
      }),
    })
    expect(status).toBe(200)
  }
})

describe('a payment without new records', () => {
  const OVERDUE_AFTER_MS = 3 * DAY_MS
  const FORGET_AFTER_MS = 400 * DAY_MS
  let deployment: Deployment
  let observer: Observer
  let task: StatusTask
  let now = Date.UTC(2026, 0, 5)
  let inputOffset = 0n
  const forgotten: string[] = []
  const signal = new AbortController().signal

  beforeAll(async () => {
    deployment = await Deployment.create(inject('stack'), { partitions: 1 })
    observer = await Observer.create(deployment)
    task = await openTask()
  })

  afterAll(async () => {
    await task?.close()
    await observer?.close()
    await deployment?.close()
  })

  test('is forgotten after the retention: a tombstone in current, nothing in the view', async () => {
    const old = eventOf('old', 'COMPLETED', 'a')
    await process(old)
    now += 200 * DAY_MS
    const young = eventOf('young', 'COMPLETED', 'b')
    await process(young)
    await task.idle(signal)
    expect([...(await observer.current()).keys()].sort()).toEqual([old.paymentKey, young.paymentKey])

    now += 201 * DAY_MS
    await task.idle(signal)
    await eventually(async () => expect([...(await observer.current()).keys()]).toEqual([young.paymentKey]))
    expect((await observer.records('current')).at(-1)).toMatchObject({ key: Buffer.from(old.paymentKey), value: null })
    expect([...((await observer.viewBytes())[0] as ReadonlyMap<string, Buffer>).keys()]).toEqual([young.paymentKey])
    expect(await observer.store.findByEndToEndId(0, old.endToEndId as string)).toEqual([])
    expect(await observer.store.findByEndToEndId(0, young.endToEndId as string)).toEqual([young.paymentKey])
    forgotten.push(old.paymentKey)
    expect((await observer.totals()).forgotten).toBe(1)
    // Only once: afterwards nothing is due.
    const records = (await observer.records('current')).length
    await task.idle(signal)
    expect((await observer.records('current')).length).toBe(records)
  })

  test('I6 stays forgotten when the view is rebuilt or replayed', async () => {
    await task.close()
    await observer.deleteView()
    task = await openTask()
    expect(await viewViolations(observer)).toEqual([])
    expect((await observer.viewBytes())[0]?.has(forgotten[0] as string)).toBe(false)
  })

  test('restarts at version 1 with a later incarnation when it returns, even with a known event', async () => {
    const before = (await observer.changes()).filter((change) => change.paymentKey === forgotten[0])
    await process({ ...eventOf('old', 'COMPLETED', 'a'), receivedAt: now })
    await process({ ...eventOf('old', 'RETURNED', 'c'), receivedAt: now })
    await eventually(async () => {
      const after = (await observer.changes())
        .filter((change) => change.paymentKey === forgotten[0])
        .slice(before.length)
      expect(after.map(({ statusVersion, statusAfter }) => [statusVersion, statusAfter])).toEqual([
        [1, 'COMPLETED'],
        [2, 'RETURNED'],
      ])
      expect(after.every(({ incarnation }) => incarnation > (before[0]?.incarnation ?? Number.POSITIVE_INFINITY))).toBe(
        true,
      )
    })
    const state = (await observer.current()).get(forgotten[0] as string)
    expect(state).toMatchObject({ statusVersion: 2, status: 'RETURNED' })
    expect(await viewViolations(observer)).toEqual([])
  })

  async function openTask(): Promise<StatusTask> {
    const { config, topics, logger } = deployment
    const offsets = createGroupOffsets(observer.kafka)
    const opened = new StatusTask({
      partition: 0,
      group: config.processor.group,
      topics,
      clusterId: await offsets.clusterId(),
      codecs: observer.codecs,
      store: observer.store,
      reader: createPartitionReader(observer.kafka),
      offsets,
      logs: createTopicLogs(observer.kafka),
      seenTopics: new SeenTopics(),
      // The test puts every payment into one partition.
      keys: new KeysInPlace(topics.current, createPartitionReader(observer.kafka), () => true),
      environment: config.environment,
      transactionalId: `${config.environment}.timers`,
      formerTransactionalIds: [],
      openTransactions: () =>
        openKafkaTransactions(observer.kafka, {
          transactionalId: `${config.environment}.timers`,
          transactionTimeoutMs: 10_000,
          group: config.processor.group,
          inputTopic: topics.events,
          inputPartition: 0,
          requestBytesMax: 1_900_000,
        }),
      duePolicy: { retentionMs: FORGET_AFTER_MS, nextStatusWithin: { default: OVERDUE_AFTER_MS, providers: {} } },
      portionBytesMax: 1_000_000,
      budget: new ByteBudget(1_000_000),
      restoreBudget: new ByteBudget(1_000_000),
      now: () => now,
      newToken: randomUUID,
      report: { waiting: () => {}, going: () => {} },
      onCommitted: () => {},
      onRestored: () => {},
      logger,
    })
    await appendEvents(topics.events)
    await opened.open(signal)
    return opened
  }

  /** The group's offset must lie within the topic, so the topic gets as many records as the task processes. */
  async function appendEvents(topic: string): Promise<void> {
    const producer = createKafkaJs(deployment.config.kafka).producer({ createPartitioner: () => () => 0 })
    await producer.connect()
    await producer.send({ topic, messages: Array.from({ length: 10 }, () => ({ key: 'filler', value: 'filler' })) })
    await producer.disconnect()
  }

  async function process(event: PaymentEvent): Promise<void> {
    const record: InRecord = {
      offset: inputOffset,
      key: Buffer.from(event.paymentKey),
      value: observer.codecs.event.encode(event),
      headers: {},
      timestamp: now,
    }
    inputOffset += 1n
    await task.process([record], inputOffset, signal)
  }

  function eventOf(name: string, status: PaymentEvent['status'], id: string): PaymentEvent {
    return sampleEvent({
      eventId: id.repeat(32),
      paymentKey: `timers:${name}`,
      endToEndId: `e2e-${name}`,
      providerEventId: null,
      naturalKey: `${status}|${id}`,
      status,
      sourceStatus: status,
      receivedAt: now,
      requestedExecutionDate: null,
    })
  }
})
