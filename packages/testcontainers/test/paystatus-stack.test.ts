import { afterEach, expect, test, vi } from 'vitest'
import { instamedPayment, jpmPayment, jpmV1Payment } from '../src/callbacks.ts'
import { ChangeLog } from '../src/change-log.ts'
import { StartedPaystatusStack } from '../src/paystatus-stack.ts'

/** The methods of a running stack, without the containers, which need Docker: see paystatus-stack.container.test.ts. */

afterEach(() => {
  vi.restoreAllMocks()
})

function stackWith({ output = '', exitCode = 0, status = 204 } = {}) {
  const commands: (readonly string[])[] = []
  const requests: { readonly url: string; readonly headers: Record<string, string>; readonly body: string }[] = []
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
    requests.push({
      url: String(url),
      headers: init?.headers as Record<string, string>,
      body: String(init?.body),
    })
    return new Response(status === 204 ? null : 'no', { status })
  })
  const changes = new ChangeLog()
  const stack = new StartedPaystatusStack(
    { gatewayUrl: 'http://gateway', bootstrapServers: 'kafka:9092', registryUrl: 'http://registry' },
    { log: () => 'what was logged', stop: async () => {} },
    changes,
    { jpmV1: 'a', jpmV2: 'b' },
    {
      redis: {
        exec: async (command) => {
          commands.push(command as readonly string[])
          return { exitCode, output: 'NOAUTH', stdout: '', stderr: '' }
        },
      },
      run: async (command) => {
        commands.push(command)
        return output
      },
    },
  )
  return { stack, changes, commands, requests }
}

test('sends callbacks to their source, with its credentials and content type', async () => {
  const { stack, requests } = stackWith()
  await stack.postCallback(jpmV1Payment().callback('COMPLETED'))
  await stack.postCallback(jpmPayment().callback('COMPLETED'))
  await stack.postCallback(instamedPayment({ format: 'xml' }).callback())
  expect(requests.map(({ url, headers }) => ({ url, headers }))).toEqual([
    {
      url: 'http://gateway/callbacks/jpm-v1',
      headers: { 'content-type': 'application/json', 'x-callback-secret': 'a' },
    },
    {
      url: 'http://gateway/callbacks/jpm-v2',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa('jpm:b')}` },
    },
    { url: 'http://gateway/callbacks/instamed', headers: { 'content-type': 'text/xml' } },
  ])
})

test('rejects if the gateway does not accept a callback, and does not repeat that one', async () => {
  const { stack } = stackWith({ status: 401 })
  await expect(stack.postCallback(jpmPayment().callback('COMPLETED'))).rejects.toThrow(
    'the gateway answered 401 to a callback of jpm-v2: no',
  )
  expect(await stack.repeatEverything()).toBe(0)
})

test('repeats everything, byte for byte, and sends out of order on request', async () => {
  const { stack, requests } = stackWith()
  const payment = jpmPayment()
  await stack.outOfOrder([payment.callback('RECEIVED'), payment.callback('COMPLETED')])
  expect(await stack.repeatEverything()).toBe(2)
  const bodies = requests.map(({ body }) => body)
  expect(bodies.map((body) => JSON.parse(body).data.payments[0].paymentStatus)).toEqual([
    'COMPLETED',
    'RECEIVED',
    'COMPLETED',
    'RECEIVED',
  ])
  expect(bodies.slice(2)).toEqual(bodies.slice(0, 2))
})

test('empties Redis, or says why not', async () => {
  const { stack, commands } = stackWith()
  await stack.redisLost()
  expect(commands).toEqual([['redis-cli', 'FLUSHALL']])
  await expect(stackWith({ exitCode: 1 }).stack.redisLost()).rejects.toThrow('Redis could not be emptied: NOAUTH')
})

test('plays a scenario into topics of its own', async () => {
  const rows = [{ paymentKey: 'a:1', incarnation: 1, statusVersion: 2, status: 'COMPLETED' }]
  const { stack, commands } = stackWith({ output: `a warning\n${JSON.stringify(rows)}\n` })
  const first = await stack.playScenario('gap', { payments: 7 })
  const second = await stack.playScenario('gap')
  expect(first).toEqual({
    topics: { changes: 'scenario-1.payments.status.changes', current: 'scenario-1.payments.status.current' },
    rows,
  })
  expect(second.topics.changes).toBe('scenario-2.payments.status.changes')
  expect(commands[0]?.join(' ')).toBe(
    'conformance --topic-prefix scenario-1. --play --scenario gap --payments 7 --json',
  )
  await expect(stackWith({ output: 'no such scenario' }).stack.playScenario('x')).rejects.toThrow(
    'the scenario x was not played: no such scenario',
  )
})

test('waits for changes; the error has the end of the log', async () => {
  const { stack, changes } = stackWith()
  changes.write(`${JSON.stringify({ paymentKey: 'a:1', statusAfter: 'COMPLETED', verdict: 'APPLIED' })}\n`)
  expect(await stack.awaitStatus('a:1', 'COMPLETED')).toMatchObject({ verdict: 'APPLIED' })
  expect(await stack.awaitChange('a:1', ({ verdict }) => verdict === 'APPLIED')).toMatchObject({ paymentKey: 'a:1' })
  await expect(stack.awaitStatus('a:1', 'REJECTED', { timeoutMs: 5 })).rejects.toThrow(
    'a:1 was not REJECTED within 5 ms: its statuses were COMPLETED; the end of the log:\nwhat was logged',
  )
})
