import { once } from 'node:events'
import { createServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, describe, expect, test } from 'vitest'
import { Connections, serverOptions } from '../../src/gateway/connections.ts'
import type { GatewayOptions } from '../../src/gateway/gateway.ts'
import { type ConnectionCut, Metrics } from '../../src/observability/metrics.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { GatewayFixture, hang, post } from './gateway-fixture.ts'

const started: GatewayFixture[] = []
const sockets: Socket[] = []
async function start(options: Partial<GatewayOptions> = {}): Promise<GatewayFixture> {
  const fixture = await GatewayFixture.start(options)
  started.push(fixture)
  return fixture
}
afterAll(async () => {
  for (const socket of sockets.splice(0)) {
    socket.destroy()
  }
  await Promise.all(started.splice(0).map(({ gateway }) => gateway.stop()))
})

/** A caller that never closes by itself, like an attacker. */
async function open(port: number, localAddress = '127.0.0.1'): Promise<Caller> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
  sockets.push(socket)
  const caller = new Caller(socket)
  await once(socket, 'connect')
  return caller
}

class Caller {
  readonly socket: Socket
  received = ''
  /** The other side closed or destroyed the connection. */
  ended = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.received += chunk
    })
    for (const event of ['error', 'end', 'close']) {
      socket.on(event, () => {
        this.ended = true
      })
    }
  }

  get code(): number {
    return Number(/HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0)
  }
}

async function cuts(fixture: GatewayFixture): Promise<Partial<Record<ConnectionCut, number>>> {
  const text = await fixture.metrics.registry.metrics()
  return Object.fromEntries(
    [...text.matchAll(/connections_cut_total\{reason="(\w+)"\} ([1-9]\d*)/g)].map(([, reason, n]) => [
      reason,
      Number(n),
    ]),
  )
}

/** Nothing of the connection is left on our side, although its caller never closed it. */
async function expectNothingLeft(fixture: GatewayFixture): Promise<void> {
  await eventually(async () =>
    expect(await fixture.metrics.registry.metrics()).toContain('paystatus_gateway_connections 0'),
  )
}

describe('connections (I10)', () => {
  test('of one address above its share are closed at once; another address is served, and the share becomes free again', async () => {
    const fixture = await start({ connectionsPerAddressMax: 2 })
    const first = await open(fixture.port, '127.0.0.2')
    await open(fixture.port, '127.0.0.2')
    const third = await open(fixture.port, '127.0.0.2')
    await eventually(() => expect(third.ended).toBe(true))
    expect((await fixture.call({ path: '/callbacks/open', body: '{}' })).code).toBe(200)
    first.socket.destroy()
    await eventually(async () => {
      const next = await open(fixture.port, '127.0.0.2')
      next.socket.write(post('/callbacks/open', '{}'))
      await eventually(() => expect(next.ended || next.code > 0).toBe(true))
      expect(next.code).toBe(200)
    })
    expect((await cuts(fixture)).address).toBeGreaterThan(0)
  })

  test('above the total are closed at once, and existing ones continue', async () => {
    const fixture = await start({ connectionsMax: 2 })
    const first = await open(fixture.port)
    await open(fixture.port)
    await eventually(async () => {
      expect(await fixture.metrics.registry.metrics()).toContain('paystatus_gateway_connections 2')
    })
    const third = await open(fixture.port)
    await eventually(() => expect(third.ended).toBe(true))
    first.socket.write(post('/callbacks/open', '{}'))
    await eventually(() => expect(first.code).toBe(200))
    expect(await cuts(fixture)).toEqual({ total: 1 })
  })
})

// In parallel, because they wait for Node's limits of a second.
describe.concurrent('time (I10)', () => {
  test.each([
    ['never sends a byte', ''],
    ['does not finish its head', 'POST /callbacks/open HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['sends empty lines only', '\r\n\r\n'],
  ])('who %s is answered 408 and cut, even if it does not close', async (_what, bytes) => {
    const fixture = await start({ headersTimeoutMs: 50 })
    const caller = await open(fixture.port)
    caller.socket.write(bytes)
    await eventually(() => expect([caller.code, caller.ended]).toEqual([408, true]))
    await expectNothingLeft(fixture)
    expect(await fixture.metrics.registry.metrics()).toContain(
      'paystatus_gateway_requests_total{source="none",code="408"} 1',
    )
  })

  test('a caller that does not finish its body is answered at the deadline and cut off at the request timeout', async () => {
    const fixture = await start({ answerDeadlineMs: 50, headersTimeoutMs: 100, requestTimeoutMs: 100 })
    const caller = await open(fixture.port)
    caller.socket.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1')
    await eventually(() => expect(caller.code).toBe(503))
    await eventually(() => expect(caller.ended).toBe(true))
    await expectNothingLeft(fixture)
    expect(fixture.appendLog.appended).toEqual([])
  })

  test('a refused caller is cut off soon, a served one may stay', async () => {
    const fixture = await start({ headersTimeoutMs: 50 })
    const [refused, served] = [await open(fixture.port), await open(fixture.port)]
    refused.socket.write('GET /callbacks/open HTTP/1.1\r\nHost: x\r\n\r\n')
    served.socket.write(post('/callbacks/open', '{}'))
    await eventually(() => expect([refused.code, served.code]).toEqual([405, 200]))
    await eventually(() => expect(refused.ended).toBe(true))
    expect(served.ended).toBe(false)
    expect(await cuts(fixture)).toEqual({ idle: 1 })
  })

  test('idle connections are closed once an address uses half of its share', async () => {
    const fixture = await start({ headersTimeoutMs: 50, connectionsPerAddressMax: 4 })
    const [alone, ...crowd] = await Promise.all(
      ['127.0.0.1', '127.0.0.2', '127.0.0.2', '127.0.0.2'].map((address) => open(fixture.port, address)),
    )
    for (const caller of [alone, ...crowd]) {
      caller?.socket.write(post('/callbacks/open', '{}'))
    }
    await eventually(() => expect(crowd.some(({ ended }) => ended)).toBe(true))
    expect([alone?.code, alone?.ended]).toEqual([200, false])
    expect((await cuts(fixture)).idle).toBeGreaterThan(0)
  })

  test('an idle connection ends, even if it is kept alive with empty lines', async () => {
    const fixture = await start({ keepAliveTimeoutMs: 200, headersTimeoutMs: 200 })
    const [idle, awake] = [await open(fixture.port), await open(fixture.port)]
    idle.socket.write(post('/callbacks/open', '{}'))
    awake.socket.write(post('/callbacks/open', '{}'))
    const lines = setInterval(() => awake.socket.write('\r\n'), 50)
    try {
      await eventually(() => expect([idle.ended, awake.ended]).toEqual([true, true]))
    } finally {
      clearInterval(lines)
    }
    await expectNothingLeft(fixture)
  })

  test('a TLS handshake that never ends is cut off', async () => {
    const limits = {
      headersTimeoutMs: 50,
      requestTimeoutMs: 100,
      keepAliveTimeoutMs: 100,
      connectionsMax: 10,
      connectionsPerAddressMax: 10,
      headerBytesMax: 16_384,
      headersMax: 100,
    }
    const server = createServer(serverOptions(limits))
    const connections = new Connections(server, limits, new Metrics({ sources: [], processMetrics: false }).gateway)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const caller = await open((server.address() as AddressInfo).port)
    caller.socket.write(Buffer.from([22, 3, 1, 2, 0, 1]))
    await eventually(() => expect(connections.count).toBe(1))
    await eventually(() => expect(connections.count).toBe(0))
    connections.close()
    server.close()
  })
})

describe('heads (I10)', () => {
  const headers = (count: number) => Array.from({ length: count }, (_, n) => `X-${n}: 1`)

  test('of more headers than allowed are answered 431, for every path', async () => {
    const fixture = await start({ headersMax: 20 })
    for (const [path, count, code] of [
      ['/callbacks/open', 17, 200],
      ['/callbacks/open', 18, 431],
      ['/callbacks/open', 500, 431],
      ['/nobody', 18, 431],
    ] as const) {
      const caller = await open(fixture.port)
      caller.socket.write(post(path, '{}', headers(count)))
      await eventually(() => expect(caller.code).toBe(code))
    }
    expect(fixture.appendLog.appended).toHaveLength(1)
  })

  test('of more bytes than allowed are answered 431, also while more arrive', async () => {
    const fixture = await start({ headerBytesMax: 2_048 })
    for (const [bytes, code] of [
      [1_500, 200],
      [2_500, 431],
      [1_000_000, 431],
    ] as const) {
      const caller = await open(fixture.port)
      caller.socket.write(post('/callbacks/open', '{}', [`X: ${'x'.repeat(bytes)}`]))
      await eventually(() => expect(caller.code).toBe(code))
    }
  })
})

describe('requests per second of a source (I10)', () => {
  test('above the rate are answered 429 with Retry-After, and other sources are not affected', async () => {
    const fixture = await start()
    const codes = async (path: string, headers = {}) => (await fixture.call({ path, headers, body: '{}' })).code
    expect(await codes('/callbacks/slow')).toBe(200)
    const refused = await fixture.call({ path: '/callbacks/slow', body: '{}' })
    expect([refused.code, refused.body]).toEqual([429, ''])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(500)
    expect(await codes('/callbacks/open')).toBe(200)
    expect(fixture.appendLog.appended).toHaveLength(2)
    expect(fixture.health.ready()).toBe(true)
  })

  test('count only authenticated requests of the source', async () => {
    const fixture = await start()
    const call = (key: string) =>
      fixture.call({ path: '/callbacks/slow-keyed', headers: { 'x-callback-key': key }, body: '{}' })
    for (let n = 0; n < 5; n += 1) {
      expect((await call('wrong')).code).toBe(401)
    }
    expect([(await call('hunter2')).code, (await call('hunter2')).code, (await call('hunter2')).code]).toEqual([
      200, 200, 429,
    ])
  })
})

describe('a stop', () => {
  test('serves all callers while it waits, new ones included, and announces to each that the connection ends', async () => {
    const fixture = await start({ shutdown: { waitMs: 300 } })
    const stop = fixture.gateway.stop()
    expect(fixture.health.ready()).toBe(false)
    const answer = await fixture.call({ path: '/callbacks/open', body: '{}' })
    expect([answer.code, answer.headers.connection]).toEqual([200, 'close'])
    await stop
  })

  test('ends within its limits whatever callers do', async () => {
    const fixture = await start({ answerDeadlineMs: 50 })
    fixture.appendLog.behaviour = hang
    const [silent, halfway, head] = [await open(fixture.port), await open(fixture.port), await open(fixture.port)]
    halfway.socket.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1')
    head.socket.write('POST /callbacks/open HTTP/1.1\r\n')
    await fixture.gateway.stop()
    await eventually(() => expect([silent.ended, halfway.ended, head.ended]).toEqual([true, true, true]))
    expect(halfway.code).toBe(503)
  })
})
