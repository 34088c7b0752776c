import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { headerText } from '../../src/stream/header-text.ts'
import { traceIdOf } from '../../src/stream/traceparent.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'
import { OtlpReceiver, type Span } from '../lab/harness/otlp-receiver.ts'

/** Traces on real servers: one trace per callback, from the gateway to the status topics. */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 })

const CALLERS = { traceId: 'ca11e4'.padEnd(32, '0'), parent: 'ca11e4'.padEnd(16, '0') }
const KEY = 'jpm-global-payments-v1:traced'

let receiver: OtlpReceiver
let deployment: Deployment
let observer: Observer
let paystatus: RoleProcess
let spans: readonly Span[]

async function post(status: string): Promise<void> {
  const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const answer = await fetch(`${paystatus.gatewayUrl}/callbacks/jpm-v1`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...source?.headers,
      traceparent: `00-${CALLERS.traceId}-${CALLERS.parent}-01`,
    },
    body: JSON.stringify({ callbacks: [{ firmRootId: 'traced', paymentStatus: status }] }),
  })
  expect(answer.status).toBe(200)
}

const named = (name: string) => spans.filter((span) => span.name === name)

beforeAll(async () => {
  receiver = await OtlpReceiver.start()
  deployment = await Deployment.create(inject('stack'))
  observer = await Observer.create(deployment)
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_TRACES_SAMPLER_ARG: '1',
  })
  await paystatus.ready()
  await post('PENDING')
  await post('COMPLETED')
  await observer.caughtUp()
  // A stop sends what is left.
  expect(await paystatus.stop()).toBe(0)
  spans = await receiver.spans()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
  await receiver?.close()
})

test('each callback is a trace of its own: the caller is linked, but not trusted', () => {
  const callbacks = named('callback')
  expect(callbacks).toHaveLength(2)
  for (const span of callbacks) {
    expect(span).toMatchObject({ parentSpanId: '', linkedTraces: [CALLERS.traceId] })
    expect(span.traceId).not.toBe(CALLERS.traceId)
    expect(span.attributes).toEqual({
      'paystatus.source': 'jpm-v1',
      'paystatus.provider': 'jpm-global-payments-v1',
      'http.response.status_code': '200',
    })
  }
})

test('the batches of the stages have links to the callbacks in them', () => {
  const traces = new Set(named('callback').map(({ traceId }) => traceId))
  for (const stage of ['normalizer', 'processor']) {
    expect(new Set(named(`${stage} batch`).flatMap(({ linkedTraces }) => linkedTraces))).toEqual(traces)
  }
})

test.each(['raw', 'events', 'changes'] as const)('the records of %s carry the trace context', async (topic) => {
  const contexts = (await observer.records(topic)).map((record) => headerText(record, 'traceparent'))
  const sent = named('callback').map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`)
  expect(new Set(contexts)).toEqual(new Set(sent))
})

test('current has the trace of the latest step, and `why` shows that of each callback', async () => {
  const [latest] = (await observer.records('current')).slice(-1)
  const { stdout } = await deployment.command(['why', KEY, '--json'])
  const { callbacks } = JSON.parse(stdout).payments[0]
  const traces = callbacks.map(({ raw }: { raw: { traceId: string } }) => raw.traceId)
  expect(new Set(traces)).toEqual(new Set(named('callback').map(({ traceId }) => traceId)))
  expect(latest && traceIdOf(latest)).toBe(traces.at(-1))
  expect((await deployment.command(['why', KEY])).stdout).toContain(`trace ${traces[0]}`)
})

test('a receiver that is down costs nothing but the spans (I1)', async () => {
  await receiver.close()
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor'], {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_TRACES_SAMPLER_ARG: '1',
  })
  await paystatus.ready()
  await post('RETURNED')
  await observer.caughtUp()
  await eventually(async () => {
    const { stdout } = await deployment.command(['show', KEY, '--json'])
    expect(JSON.parse(stdout).payments[0].status).toBe('RETURNED')
  })
  expect(await paystatus.stop()).toBe(0)
  receiver = await OtlpReceiver.start()
})
