import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { GatewayOptions } from '../../src/gateway/gateway.ts'
import { toContentTypeHeader } from '../../src/raw/media-type.ts'
import { AppendError } from '../../src/stream/append-error.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { type Answer, GatewayFixture, hang, NOW, post } from './gateway-fixture.ts'

const started: GatewayFixture[] = []
async function start(options: Partial<GatewayOptions> = {}): Promise<GatewayFixture> {
  const fixture = await GatewayFixture.start(options)
  started.push(fixture)
  return fixture
}
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ gateway }) => gateway.stop()))
})

function expectEmpty(answer: Answer, code: number): void {
  expect(answer.code).toBe(code)
  expect(answer.body).toBe('')
}

describe('an accepted callback', () => {
  test('is in the log, byte for byte, before its caller gets the success code (I1)', async () => {
    const fixture = await start()
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '{"id":"pay-1"}'))
    while (fixture.appendLog.appended.length === 0) {
      await delay(1)
    }
    await delay(30)
    expect(connection.received).toBe('')
    broker.resolve()
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([200])
    expect(fixture.appendLog.appended[0]?.record.value?.toString()).toBe('{"id":"pay-1"}')
    expect(fixture.log).toEqual([])
    connection.socket.destroy()
  })

  test('becomes a record with the payment’s key, its partition and CloudEvents headers', async () => {
    const fixture = await start()
    await fixture.call({ path: '/callbacks/v1', body: '{"id":"pay-1"}' })
    const [{ partition, record } = { partition: -1, record: null }] = fixture.appendLog.appended
    expect(record?.key.toString()).toBe('ns-v1:pay-1')
    expect(partition).toBe(partitionOf(Buffer.from('ns-v1:pay-1'), 6))
    expect(record?.headers).toEqual({
      ce_specversion: '1.0',
      ce_id: 'receipt-1',
      ce_source: 'v1',
      ce_type: 'paystatus.callback.received',
      ce_time: new Date(NOW).toISOString(),
      paystatus_authentication: 'none',
      paystatus_provider: 'suffixed',
      paystatus_namespace: 'ns-v1',
      paystatus_json_depth_max: '64',
      'content-type': 'application/json',
    })
  })

  test.each([
    ['open', 200, '{}'],
    ['made', 201, '{}'],
    ['v2', 204, ''],
  ])('of source %s is answered %i with body %j', async (source, code, body) => {
    const fixture = await start()
    const answer = await fixture.call({ path: `/callbacks/${source}`, body: '[]' })
    expect(answer).toMatchObject({ code, body })
    expect(answer.headers['content-type']).toEqual(
      code === 204 ? undefined : expect.stringContaining('application/json'),
    )
    expect(await fixture.metrics.registry.metrics()).toContain(
      `paystatus_gateway_requests_total{source="${source}",code="${code}"} 1`,
    )
  })

  test('may use the provider’s path suffix, and no other provider’s', async () => {
    const fixture = await start()
    expect((await fixture.call({ path: '/callbacks/v1/status', body: '{}' })).code).toBe(200)
    expect((await fixture.call({ path: '/callbacks/open/status', body: '{}' })).code).toBe(404)
    expect(fixture.appendLog.appended.map(({ record }) => record.headers?.['ce_source'])).toEqual(['v1'])
  })

  test('may have a query string, which is ignored', async () => {
    const fixture = await start()
    expect((await fixture.call({ path: '/callbacks/open?a=%zz&b[]=1', body: '{}' })).code).toBe(200)
  })

  test.each([
    ['JSON that is broken', '{"id":', 'application/json'],
    ['not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80, 0xc3]), 'application/json'],
    ['a byte order mark and line ends', '\ufeff{\r\n}\n', 'application/json'],
    ['nothing', '', 'application/json'],
    ['a poisoned prototype', '{"__proto__":{"x":1}}', 'application/json'],
    ['a form', 'a=1&b=%20', 'application/x-www-form-urlencoded'],
    ['XML', '<a/>', 'text/xml; charset="utf-8"'],
    ['text', 'hello', 'text/plain'],
    ['bytes', Buffer.from([0, 1, 2]), 'application/octet-stream'],
  ])('may hold %s: that is for the normalizer to find out (I1)', async (_what, body, contentType) => {
    const fixture = await start()
    const answer = await fixture.call({ path: '/callbacks/open', body, headers: { 'content-type': contentType } })
    expect(answer.code).toBe(200)
    expect(fixture.appendLog.appended[0]?.record.value).toEqual(Buffer.from(body))
    expect(fixture.appendLog.appended[0]?.record.headers?.['content-type']).toBe(toContentTypeHeader(contentType))
  })

  test.each([
    ['without a media type', ['Content-Length: 2', '', '{}'], '{}'],
    ['with an empty media type', ['Content-Type:', 'Content-Length: 2', '', '{}'], '{}'],
    ['without a media type and a body', ['', ''], ''],
    ['in chunks', ['Transfer-Encoding: chunked', '', '1', '{', '1', '}', '0', '', ''], '{}'],
  ])('may come %s', async (_what, lines, body) => {
    const fixture = await start()
    const connection = await fixture.connect()
    connection.write(['POST /callbacks/open HTTP/1.1', 'Host: x', ...lines].join('\r\n'))
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([200])
    expect(fixture.appendLog.appended[0]?.record.value?.toString()).toBe(body)
    expect(fixture.appendLog.appended[0]?.record.headers).not.toHaveProperty('content-type')
    connection.socket.destroy()
  })

  test('may be exactly as large as the limit', async () => {
    const fixture = await start()
    expect((await fixture.call({ path: '/callbacks/open', body: Buffer.alloc(1_024, 0x20) })).code).toBe(200)
    expect(fixture.appendLog.appended[0]?.record.value).toHaveLength(1_024)
  })

  test('may be pipelined after another one, and is answered in order', async () => {
    const fixture = await start()
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => (fixture.appendLog.appended.length === 1 ? broker.promise : Promise.resolve())
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '"first"') + post('/callbacks/v2', '"second"'))
    while (fixture.appendLog.appended.length < 2) {
      await delay(1)
    }
    await delay(20)
    expect(connection.codes).toEqual([])
    broker.resolve()
    await connection.until(({ codes }) => codes.length === 2)
    expect(connection.codes).toEqual([200, 204])
    connection.socket.destroy()
  })
})

describe('a refused request', () => {
  test('for an unknown path is answered 404, whatever its method and body', async () => {
    const fixture = await start()
    expectEmpty(await fixture.call({ path: '/callbacks/nobody', body: Buffer.alloc(5_000) }), 404)
    expectEmpty(await fixture.call({ path: '/callbacks/open/', body: '{}' }), 404)
    expectEmpty(await fixture.call({ path: '/', method: 'GET' }), 404)
    expectEmpty(await fixture.call({ path: '/x', headers: { 'content-type': 'image/png' }, body: 'x' }), 404)
    expect(await fixture.metrics.registry.metrics()).toContain(
      'paystatus_gateway_requests_total{source="none",code="404"} 4',
    )
  })

  test('for a path that cannot be decoded is answered 400', async () => {
    expectEmpty(await (await start()).call({ path: '/%zz', body: '{}' }), 400)
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'])('with %s is answered 405', async (method) => {
    const fixture = await start()
    const answer = await fixture.call({ path: '/callbacks/v1/status?x=1', method })
    expectEmpty(answer, 405)
    expect(answer.headers.allow).toBe('POST')
  })

  test('without the source’s secret is answered 401', async () => {
    const fixture = await start()
    for (const key of [undefined, '', 'hunter1', 'hunter22']) {
      const headers: Record<string, string> = key === undefined ? {} : { 'x-callback-key': key }
      const answer = await fixture.call({ path: '/callbacks/keyed', headers, body: '{}' })
      expectEmpty(answer, 401)
      expect(answer.headers['www-authenticate']).toBeUndefined()
    }
    expect(fixture.appendLog.appended).toEqual([])
    const headers = { 'x-callback-key': 'hunter2' }
    expect((await fixture.call({ path: '/callbacks/keyed', headers, body: '{}' })).code).toBe(200)
  })

  test('without the source’s Basic credentials is answered 401 with a challenge', async () => {
    const fixture = await start()
    const answer = await fixture.call({ path: '/callbacks/basic', body: '{}' })
    expectEmpty(answer, 401)
    expect(answer.headers['www-authenticate']).toMatch(/^Basic realm="/)
    const headers = { authorization: `Basic ${Buffer.from('jpm:hunter2').toString('base64')}` }
    expect((await fixture.call({ path: '/callbacks/basic', headers, body: '{}' })).code).toBe(200)
  })

  test('is answered 401 before its body arrives', async () => {
    const fixture = await start()
    const connection = await fixture.connect()
    connection.write('POST /callbacks/keyed HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([401])
    connection.socket.destroy()
  })

  test('learns nothing but 401 when it is not authenticated', async () => {
    const fixture = await start()
    const headers = { 'content-encoding': 'gzip', 'content-type': 'image/png' }
    expectEmpty(await fixture.call({ path: '/callbacks/keyed', headers, body: Buffer.alloc(2_000) }), 401)
  })

  test('that announces a body above the limit is answered 413 before the body arrives (I10)', async () => {
    const fixture = await start()
    const connection = await fixture.connect()
    connection.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 1025\r\n\r\n')
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([413])
    connection.socket.destroy()
  })

  test('with a body above the limit is answered 413, announced or in chunks, and nothing is kept (I10)', async () => {
    const fixture = await start()
    expectEmpty(await fixture.call({ path: '/callbacks/open', body: Buffer.alloc(1_025) }), 413)
    const connection = await fixture.connect()
    connection.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    connection.write(`400\r\n${'x'.repeat(1_024)}\r\n`)
    await delay(20)
    expect(connection.codes).toEqual([])
    connection.write('1\r\nx\r\n')
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([413])
    // The rest is discarded, and the connection serves the next request.
    connection.write(`1\r\nx\r\n0\r\n\r\n${post('/callbacks/open', '"next"')}`)
    await connection.until(({ codes }) => codes.length === 2)
    expect(connection.codes).toEqual([413, 200])
    expect(fixture.appendLog.appended.map(({ record }) => record.value?.toString())).toEqual(['"next"'])
    connection.socket.destroy()
  })

  test.each([
    ['content-encoding', 'gzip'],
    ['content-encoding', 'br'],
    ['content-type', 'multipart/form-data; boundary=x'],
    ['content-type', 'image/png'],
    ['content-type', 'application/zip'],
  ])('with %s: %s is answered 415', async (name, value) => {
    const fixture = await start()
    expectEmpty(await fixture.call({ path: '/callbacks/open', headers: { [name]: value }, body: 'x' }), 415)
    expect(fixture.appendLog.appended).toEqual([])
  })

  test.each([
    ['content-encoding', 'UTF-8'],
    ['content-encoding', 'none'],
    ['content-type', 'nonsense'],
    ['content-type', 'application/json, application/json'],
    ['content-type', 'aplication\\json;;'],
    ['content-type', ''],
  ])('with %s: %s is accepted: a callback that is refused for a sloppy header is lost', async (name, value) => {
    const fixture = await start()
    expect((await fixture.call({ path: '/callbacks/open', headers: { [name]: value }, body: 'x' })).code).toBe(200)
    expect(fixture.appendLog.appended.map(({ record }) => record.value?.toString())).toEqual(['x'])
  })

  test('that is not HTTP is answered 400, and one with too many headers 431', async () => {
    const fixture = await start()
    for (const [bytes, code] of [
      ['GARBAGE\r\n\r\n', 400],
      [`POST /callbacks/open HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      const connection = await fixture.connect()
      connection.write(bytes)
      await connection.until(({ ended }) => ended)
      expect(connection.codes).toEqual([code])
    }
  })

  test('that is not HTTP does not cost the previous request its answer', async () => {
    const fixture = await start()
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '{}'))
    connection.write('GARBAGE\r\n\r\n')
    while (fixture.appendLog.appended.length === 0) {
      await delay(1)
    }
    await delay(20)
    broker.resolve()
    await connection.until(({ ended }) => ended)
    expect(connection.codes).toEqual([200])
  })
})

describe('when the broker does not accept it', () => {
  function expectRetryLater(answer: Answer): void {
    expectEmpty(answer, 503)
    expect(answer.headers['retry-after']).toBe('5')
  }

  test('a caller is answered 503 within the deadline, and the append is aborted', async () => {
    const fixture = await start({ answerDeadlineMs: 80 })
    fixture.appendLog.behaviour = hang
    const before = performance.now()
    expectRetryLater(await fixture.call({ path: '/callbacks/open', body: '{}' }))
    const elapsed = performance.now() - before
    expect(elapsed).toBeGreaterThan(70)
    expect(elapsed).toBeLessThan(400)
    expect(fixture.appendLog.appended[0]?.signal.aborted).toBe(true)
    expect(fixture.appendLog.waitingRecords).toBe(0)
  })

  test('an acknowledgement after the deadline changes nothing', async () => {
    const fixture = await start({ answerDeadlineMs: 30 })
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    expectRetryLater(await fixture.call({ path: '/callbacks/open', body: '{}' }))
    broker.resolve()
    await delay(10)
    expect(fixture.health.ready()).toBe(false)
  })

  test.each(['APPEND_FAILED', 'APPEND_QUEUE_FULL', 'APPEND_CLOSED'] as const)(
    'with %s a caller is answered 503 at once',
    async (code) => {
      const fixture = await start()
      fixture.appendLog.behaviour = () => Promise.reject(new AppendError(code, 'no'))
      expectRetryLater(await fixture.call({ path: '/callbacks/v2', body: '{}' }))
    },
  )

  test('readiness gives the reason even if the wall clock was set back', async () => {
    let wallMs = NOW
    const fixture = await start({ now: () => wallMs })
    await fixture.call({ path: '/callbacks/open', body: '{}' })
    wallMs -= 3_600_000
    const laterMs = performance.now() + 2_001
    vi.spyOn(performance, 'now').mockReturnValue(laterMs)
    fixture.appendLog.behaviour = () => Promise.reject(new AppendError('APPEND_FAILED', 'no'))
    await fixture.call({ path: '/callbacks/open', body: '{}' })
    vi.restoreAllMocks()
    expect(fixture.health.readiness().components['append']).toEqual({ ok: false, reason: 'APPEND_FAILED' })
  })

  test('readiness gives the reason, until a callback is acknowledged again', async () => {
    const fixture = await start()
    expect(fixture.health.ready()).toBe(true)
    fixture.appendLog.behaviour = () => Promise.reject(new AppendError('APPEND_FAILED', 'no'))
    await fixture.call({ path: '/callbacks/open', body: '{}' })
    expect(fixture.health.readiness().components['append']).toEqual({ ok: false, reason: 'APPEND_FAILED' })
    fixture.appendLog.behaviour = () => Promise.resolve()
    await fixture.call({ path: '/callbacks/open', body: '{}' })
    expect(fixture.health.ready()).toBe(true)
  })

  test('what cannot even be attempted is answered 503: too many open requests (I10)', async () => {
    const fixture = await start({ waitingRecordsMax: 2, answerDeadlineMs: 200 })
    fixture.appendLog.behaviour = hang
    const calls = [1, 2].map(() => fixture.call({ path: '/callbacks/open', body: '{}' }))
    while (fixture.appendLog.appended.length < 2) {
      await delay(1)
    }
    const before = performance.now()
    expectRetryLater(await fixture.call({ path: '/callbacks/open', body: '{}' }))
    expect(performance.now() - before).toBeLessThan(100)
    expect((await Promise.all(calls)).map(({ code }) => code)).toEqual([503, 503])
    fixture.appendLog.behaviour = () => Promise.resolve()
    expect((await fixture.call({ path: '/callbacks/open', body: '{}' })).code).toBe(200)
  })

  test('and too many bytes of bodies being read (I10)', async () => {
    const fixture = await start({ waitingBytesMax: 1_500 })
    const slow = await fixture.connect()
    slow.write(`POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1_000)}`)
    await delay(30)
    expectRetryLater(await fixture.call({ path: '/callbacks/open', body: Buffer.alloc(600) }))
    slow.write('x')
    await slow.until(({ codes }) => codes.length === 1)
    expect(slow.codes).toEqual([200])
    expect((await fixture.call({ path: '/callbacks/open', body: Buffer.alloc(600) })).code).toBe(200)
    slow.socket.destroy()
  })

  test('a body that waits for the broker no longer counts as being read', async () => {
    const fixture = await start({ waitingBytesMax: 1_500 })
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const body = Buffer.alloc(1_000)
    const first = fixture.call({ path: '/callbacks/open', body })
    while (fixture.appendLog.appended.length < 1) {
      await delay(1)
    }
    const second = fixture.call({ path: '/callbacks/open', body })
    while (fixture.appendLog.appended.length < 2) {
      await delay(1)
    }
    broker.resolve()
    expect((await Promise.all([first, second])).map(({ code }) => code)).toEqual([200, 200])
  })

  test('a defect is answered 500 and logged without the callback (I9)', async () => {
    const fixture = await start({
      newReceiptId: () => {
        throw new Error('no entropy')
      },
    })
    expectEmpty(await fixture.call({ path: '/callbacks/open', body: '{"card":"4111"}' }), 500)
    expect(fixture.log).toHaveLength(1)
    expect(fixture.log.join()).not.toContain('4111')
  })
})

describe('a slow or broken caller', () => {
  test('that does not finish its body is answered 503 at the deadline, and nothing is published', async () => {
    const fixture = await start({ answerDeadlineMs: 60 })
    const connection = await fixture.connect()
    connection.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([503])
    // Late input is discarded, and the connection serves the next request.
    connection.write(`67890${post('/callbacks/open', '"next"')}`)
    await connection.until(({ codes }) => codes.length === 2)
    expect(connection.codes).toEqual([503, 200])
    expect(fixture.appendLog.appended.map(({ record }) => record.value?.toString())).toEqual(['"next"'])
    // The caller was slow, not the broker.
    expect(fixture.health.ready()).toBe(true)
    connection.socket.destroy()
  })

  test('that sends its body byte by byte within the deadline is served', async () => {
    const fixture = await start()
    const connection = await fixture.connect()
    for (const byte of post('/callbacks/open', '{"slow":1}')) {
      connection.write(byte)
      await delay(1)
    }
    await connection.until(({ codes }) => codes.length === 1)
    expect(connection.codes).toEqual([200])
    expect(fixture.appendLog.appended[0]?.record.value?.toString()).toBe('{"slow":1}')
    connection.socket.destroy()
  })

  test('frees the space of its body when it is given up (I10)', async () => {
    const fixture = await start({ answerDeadlineMs: 30, waitingBytesMax: 1_024 })
    const connections = []
    for (let n = 0; n < 3; n += 1) {
      const connection = await fixture.connect()
      connection.write(`POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n${'x'.repeat(1_000)}`)
      await connection.until(({ codes }) => codes.length === 1)
      connections.push(connection)
    }
    expect((await fixture.call({ path: '/callbacks/open', body: Buffer.alloc(1_000) })).code).toBe(200)
    expect(fixture.log).toEqual([])
    for (const { socket } of connections) {
      socket.destroy()
    }
  })

  test.each([
    ['ends', 'end', '400'],
    ['resets', 'resetAndDestroy', 'disconnected'],
  ] as const)(
    'that %s its connection in the middle of its body leaves nothing behind (I10)',
    async (_what, how, code) => {
      const fixture = await start({ waitingRecordsMax: 1 })
      for (let n = 0; n < 5; n += 1) {
        const connection = await fixture.connect()
        connection.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
        await delay(10)
        connection.socket[how]()
        await connection.until(({ ended }) => ended)
        await delay(5)
      }
      expect(fixture.appendLog.appended).toEqual([])
      expect((await fixture.call({ path: '/callbacks/open', body: '{}' })).code).toBe(200)
      expect(await fixture.metrics.registry.metrics()).toContain(
        `paystatus_gateway_requests_total{source="open",code="${code}"} 5`,
      )
      expect(fixture.log).toEqual([])
    },
  )

  test('whose chunks are not chunks is answered 400, once', async () => {
    const fixture = await start()
    const connection = await fixture.connect()
    connection.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n')
    await connection.until(({ ended }) => ended)
    expect(connection.codes).toEqual([400])
    const refused = await fixture.connect()
    refused.write('POST /callbacks/keyed HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
    await refused.until(({ codes }) => codes.length === 1)
    refused.write('not a length\r\n')
    await refused.until(({ ended }) => ended)
    expect(refused.codes).toEqual([401])
    expect(fixture.appendLog.appended).toEqual([])
  })

  test('that leaves before its answer does not withdraw its callback', async () => {
    const fixture = await start()
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '{}'))
    while (fixture.appendLog.appended.length === 0) {
      await delay(1)
    }
    connection.socket.destroy()
    await delay(20)
    expect(fixture.appendLog.appended[0]?.signal.aborted).toBe(false)
    broker.resolve()
    await delay(10)
    const text = await fixture.metrics.registry.metrics()
    expect(text).toContain('paystatus_gateway_requests_total{source="open",code="disconnected"} 1')
    expect(text).toContain('paystatus_gateway_requests_total{source="open",code="200"} 0')
    expect(fixture.log).toEqual([])
  })
})

describe('logs', () => {
  test('never hold a body, a header, a secret or a path (I9)', async () => {
    const fixture = await start({ answerDeadlineMs: 30 })
    const body = '{"accountNumber":"4111111111111111"}'
    const headers = { 'x-callback-key': 'hunter2', 'x-other': 'hunter3' }
    fixture.appendLog.behaviour = hang
    await fixture.call({ path: '/callbacks/keyed?token=hunter4', headers, body })
    fixture.appendLog.behaviour = () => Promise.reject(new AppendError('APPEND_FAILED', 'no'))
    await fixture.call({ path: '/callbacks/keyed', headers, body })
    await fixture.call({ path: '/hunter5', headers, body })
    fixture.appendLog.behaviour = () => Promise.resolve()
    await fixture.call({ path: '/callbacks/keyed', headers, body })
    expect(fixture.log.length).toBeGreaterThan(0)
    expect(fixture.log.join('\n') + (await fixture.metrics.registry.metrics())).not.toMatch(/4111|hunter|callbacks\//)
  })
})

describe('stop', () => {
  test('answers requests in flight, then drains the log, and refuses new connections (I1)', async () => {
    const fixture = await start()
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const calls = [1, 2, 3].map((n) => fixture.call({ path: '/callbacks/open', body: `${n}` }))
    while (fixture.appendLog.appended.length < 3) {
      await delay(1)
    }
    let stopped = false
    const stop = fixture.gateway.stop().then(() => {
      stopped = true
    })
    expect(fixture.health.ready()).toBe(false)
    await delay(100)
    expect(stopped).toBe(false)
    await expect(fixture.connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    broker.resolve()
    const answers = await Promise.all(calls)
    expect(answers.map(({ code }) => code)).toEqual([200, 200, 200])
    expect(answers.map(({ headers }) => headers.connection)).toEqual(['close', 'close', 'close'])
    await stop
    expect(fixture.appendLog.drains).toBe(1)
  })

  test('does not fulfil before the log is drained, so that nothing accepted is lost', async () => {
    const fixture = await start({ answerDeadlineMs: 30 })
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    expect((await fixture.call({ path: '/callbacks/open', body: '{}' })).code).toBe(503)
    let stopped = false
    const stop = fixture.gateway.stop().then(() => {
      stopped = true
    })
    await delay(80)
    expect(stopped).toBe(false)
    broker.resolve()
    await stop
  })

  test('closes idle, unused and half-used connections and does not wait for their callers', async () => {
    const fixture = await start({ answerDeadlineMs: 50 })
    const unused = await fixture.connect()
    const idle = await fixture.connect()
    idle.write(post('/callbacks/open', '{}'))
    await idle.until(({ codes }) => codes.length === 1)
    const halfway = await fixture.connect()
    halfway.write('POST /callbacks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345')
    await delay(10)
    const before = performance.now()
    await fixture.gateway.stop()
    expect(performance.now() - before).toBeLessThan(1_000)
    await Promise.all([unused, idle, halfway].map((connection) => connection.until(({ ended }) => ended)))
    expect(halfway.codes).toEqual([503])
  })

  test('serves a request that arrives on a kept-alive connection while it stops, and closes the connection', async () => {
    const fixture = await start({ shutdown: { waitMs: 200 } })
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '1'))
    await connection.until(({ codes }) => codes.length === 1)
    const stop = fixture.gateway.stop()
    connection.write(post('/callbacks/open', '2'))
    await connection.until(({ ended }) => ended)
    expect(connection.codes).toEqual([200, 200])
    expect(connection.received.match(/connection: close/gi)).toHaveLength(1)
    await stop
  })

  test('answers every one of several pipelined requests', async () => {
    const fixture = await start({ shutdown: { waitMs: 50 } })
    const broker = Promise.withResolvers<void>()
    fixture.appendLog.behaviour = () => broker.promise
    const connection = await fixture.connect()
    connection.write(post('/callbacks/open', '1'))
    while (fixture.appendLog.appended.length < 1) {
      await delay(1)
    }
    const stop = fixture.gateway.stop()
    await delay(100)
    // The server is closed by now; these two arrive on the connection that still waits for an answer.
    connection.write(post('/callbacks/v2', '2') + post('/callbacks/made', '3'))
    while (fixture.appendLog.appended.length < 3) {
      await delay(1)
    }
    broker.resolve()
    await connection.until(({ ended }) => ended)
    expect(connection.codes).toEqual([200, 204, 201])
    await stop
  })

  test('can be called twice, also before the start', async () => {
    const fixture = await start()
    await Promise.all([fixture.gateway.stop(), fixture.gateway.stop()])
    await fixture.gateway.stop()
    expect(fixture.appendLog.drains).toBe(1)
    await new GatewayFixture().gateway.stop()
  })

  test('under load every request gets a success that is in the log, or can go to another server (I1)', async () => {
    const fixture = await start({ waitingRecordsMax: 10_000, shutdown: { waitMs: 50 } })
    fixture.appendLog.behaviour = () => delay(2) as Promise<void>
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    const bodies = new Set<string>()
    let stopping = false
    let accepted = 0
    const callers = Array.from({ length: 16 }, async (_, caller) => {
      for (let n = 0; !stopping || n < 5; n += 1) {
        const body = `${caller}-${n}`
        try {
          const answer = await fixture.call({ path: '/callbacks/open', body, agent })
          expect(answer.code).toBe(200)
          accepted += 1
          bodies.add(body)
        } catch (error) {
          // Only a connection that was never accepted, or was idle when it closed.
          expect(['ECONNREFUSED', 'ECONNRESET', 'EPIPE']).toContain((error as NodeJS.ErrnoException).code)
          break
        }
      }
    })
    await eventually(() => expect(accepted).toBeGreaterThan(50))
    await fixture.gateway.stop()
    stopping = true
    await Promise.all(callers)
    agent.destroy()
    const logged = new Set(fixture.appendLog.appended.map(({ record }) => record.value?.toString()))
    expect([...bodies].filter((body) => !logged.has(body))).toEqual([])
    expect(fixture.appendLog.waitingRecords).toBe(0)
  })
})

test('a gateway cannot start on a port that is taken', async () => {
  const fixture = await start()
  const second = new GatewayFixture({ port: fixture.port })
  await expect(second.gateway.start()).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await second.gateway.stop()
})
