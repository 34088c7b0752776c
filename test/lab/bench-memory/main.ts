import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import { STATE_BYTES_MAX } from '../../../src/payment/keep-within-bound.ts'
import { EVENT_BYTES_MAX, type PaymentEvent } from '../../../src/payment/payment-event.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { TopicNames } from '../../../src/topics.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { Deployment, type RoleProcess } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import { useStack } from '../stack/stack.ts'
import { Loader } from './loader.ts'

/**
 * Memory of the processor for the largest histories the limits allow, on real servers:
 *
 * - `states`: PAYMENTS payments with a full history of such events in each partition, then one event for each of them;
 * - `events`: PAYMENTS payments over all partitions with EVENTS events each, round-robin.
 *
 * Every event is just below the size limit.
 *
 * The process gets HEAP_MIB of heap, V8's default when LIMIT_MIB is all the memory there is. It is killed as soon as its
 * resident memory exceeds LIMIT_MIB, as a container would be, and started again, at most STARTS times. The last line is
 * one JSON object: peak and progress of every start. Exits with 1 if a start was killed.
 */
const SCENARIO = process.env['SCENARIO'] ?? 'states'
const LIMIT_MIB = envNumber('LIMIT_MIB', 1_024)
const HEAP_MIB = envNumber('HEAP_MIB', Math.round(LIMIT_MIB / 2))
const STARTS = envNumber('STARTS', 3)
const PARTITIONS = envNumber('PARTITIONS', 3)
const PAYMENTS = envNumber('PAYMENTS', SCENARIO === 'states' ? 600 : 300)
const EVENTS = envNumber('EVENTS', 100)
/** The longest time of one start, s. One that is still busy then is stopped, and counts as not killed. */
const START_SECONDS = envNumber('START_SECONDS', 240)
const LOOK_EVERY_MS = 20
const EVENTS_OF_FULL_HISTORY = Math.ceil(STATE_BYTES_MAX / EVENT_BYTES_MAX)

interface Start {
  readonly killed: boolean
  readonly peakMiB: number
  readonly processed: number
  readonly left: number
  readonly seconds: number
}

const stack = await useStack({ report: say })
let code = 0
try {
  const deployment = await Deployment.create(stack, { partitions: PARTITIONS })
  try {
    const observer = await Observer.create(deployment)
    const total =
      SCENARIO === 'states'
        ? await preloadStates(observer, deployment.topics)
        : await preloadEvents(observer, deployment.topics)
    const starts: Start[] = []
    for (let left = await lagOf(observer); starts.length < STARTS && left > 0; left = starts.at(-1)?.left ?? 0) {
      const start = await measureStart(deployment, observer, left)
      say(JSON.stringify(start))
      starts.push(start)
    }
    await observer.close()
    code = starts.some(({ killed }) => killed) ? 1 : 0
    const result = { scenario: SCENARIO, limitMiB: LIMIT_MIB, heapMiB: HEAP_MIB, partitions: PARTITIONS, total, starts }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } finally {
    await deployment.close()
  }
} catch (error) {
  process.stderr.write(`bench-memory: ${(error as Error).stack}\n`)
  code = 2
} finally {
  await stack.stop()
}
process.exit(code)

async function measureStart(deployment: Deployment, observer: Observer, before: number): Promise<Start> {
  const startedAt = performance.now()
  const running = await deployment.start(['processor'], { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` })
  let ended = false
  let tooMuch = false
  let peakMiB = 0
  void running.exited.then(() => {
    ended = true
  })
  let left = before
  let lookedAt = performance.now()
  while (!ended && left > 0 && performance.now() - startedAt < START_SECONDS * 1_000) {
    peakMiB = Math.max(peakMiB, rssMiB(running))
    if (peakMiB > LIMIT_MIB) {
      tooMuch = true
      running.signal('SIGKILL')
      break
    }
    if (performance.now() - lookedAt > 1_000) {
      left = await lagOf(observer)
      lookedAt = performance.now()
    }
    await delay(LOOK_EVERY_MS)
  }
  const killed = ended || tooMuch
  if (!killed) {
    await running.stop()
  }
  await running.exited
  left = await lagOf(observer)
  if (left > 0) {
    say(running.output.slice(-2_000))
  }
  return {
    killed,
    peakMiB: Math.round(peakMiB),
    processed: before - left,
    left,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  }
}

/** Events not processed yet; the normalizer has nothing to do here. */
function lagOf(observer: Observer): Promise<number> {
  return eventually(async () => Number(await observer.lag()))
}

async function preloadStates(observer: Observer, topics: TopicNames): Promise<number> {
  say(`preloading ${PAYMENTS} payments with a full history into each of ${PARTITIONS} partitions`)
  const current = new Loader(observer.kafka, topics.current, PARTITIONS)
  const events = new Loader(observer.kafka, topics.events, PARTITIONS)
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    for (const paymentKey of keysOf(partition, PAYMENTS)) {
      await current.add({ key: paymentKey, value: largeState(observer, paymentKey) })
      await events.add({ key: paymentKey, value: observer.codecs.event.encode(largeEvent(paymentKey, 1_000)) })
    }
  }
  await current.close()
  await events.close()
  return PAYMENTS * PARTITIONS
}

async function preloadEvents(observer: Observer, topics: TopicNames): Promise<number> {
  say(`preloading ${PAYMENTS} payments with ${EVENTS} events each into ${PARTITIONS} partitions`)
  const events = new Loader(observer.kafka, topics.events, PARTITIONS)
  const keys = Array.from({ length: PAYMENTS }, () => `jpm-global-payments-v2:${randomUUID()}`)
  for (let round = 0; round < EVENTS; round += 1) {
    for (const paymentKey of keys) {
      await events.add({ key: paymentKey, value: observer.codecs.event.encode(largeEvent(paymentKey, round)) })
    }
  }
  await events.close()
  return PAYMENTS * EVENTS
}

function keysOf(partition: number, count: number): readonly string[] {
  const keys: string[] = []
  while (keys.length < count) {
    const key = `jpm-global-payments-v2:${randomUUID()}`
    if (partitionOf(Buffer.from(key), PARTITIONS) === partition) {
      keys.push(key)
    }
  }
  return keys
}

/** The state after more large events than a payment keeps whole. */
function largeState(observer: Observer, paymentKey: string): Buffer {
  let state: PaymentState | undefined
  for (let index = 0; index < EVENTS_OF_FULL_HISTORY; index += 1) {
    const applied = applyEvent(state, largeEvent(paymentKey, index), Date.now())
    if (applied.outcome === 'recorded') {
      state = applied.change.state
    }
  }
  return observer.codecs.state.encode(state as PaymentState)
}

/** A few bytes below the largest event the processor accepts. */
function largeEvent(paymentKey: string, index: number): PaymentEvent {
  const eventId = randomUUID().replaceAll('-', '')
  const text = (length: number, of: string) => of.repeat(length)
  const occurredAt = Date.parse('2026-01-05T08:00:00Z') + index * 1_000
  return sampleEvent({
    eventId,
    paymentKey,
    receivedAt: Date.now(),
    providerEventId: eventId,
    naturalKey: eventId,
    status: 'PROCESSING',
    occurredAt,
    occurredAtText: new Date(occurredAt).toISOString(),
    endToEndId: text(128, 'e'),
    references: Array.from({ length: 16 }, (_, n) => ({ type: text(32, 't') + n, value: text(112, 'v') })),
    reasons: Array.from({ length: 16 }, (_, n) => ({
      scheme: 'EXTERNAL',
      code: text(62, 'c') + n,
      rule: text(64, 'r'),
      location: text(56, 'l'),
      field: text(56, 'f'),
    })),
  })
}

function rssMiB({ pid }: RoleProcess): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
