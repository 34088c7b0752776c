import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { SimulatedProvider } from '../../../src/tools/simulate/lifecycles.ts'
import type { PlannedCallback } from '../../../src/tools/simulate/plan.ts'
import {
  DELIVERY_MANNERS,
  type PostOptions,
  type PostProgress,
  postCallbacks,
} from '../../../src/tools/simulate/post-callbacks.ts'

interface Received {
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
  /** 1 for the first arrival of this body. */
  readonly time: number
  readonly at: number
}

type Behaviour = (received: Received, response: http.ServerResponse) => void

const opened: http.Server[] = []

/** A gateway that behaves as told. */
async function gateway(behave: Behaviour) {
  const received: Received[] = []
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const time = received.filter((earlier) => earlier.body === body).length + 1
      const { method = '', url: path = '', headers } = request
      const one = { method, path, headers, body, time, at: performance.now() }
      received.push(one)
      behave(one, response)
    })
  })
  opened.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in/one` }
}

afterEach(() => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const status =
  (statusCode: number): Behaviour =>
  (_, response) =>
    void response.writeHead(statusCode).end()

function callback(position: number, changes: Partial<PlannedCallback> = {}): PlannedCallback {
  return {
    position,
    sourceId: 'one',
    provider: 'jpm-global-payments-v2',
    pathSuffix: '',
    contentType: 'application/json',
    body: Buffer.from(`{"callback":${position}}`),
    expects: 'events',
    stepIds: [],
    deadLetters: [],
    repeats: 'nothing',
    ...changes,
  }
}

const callbacks = (count: number, changes: Partial<PlannedCallback> = {}) =>
  Array.from({ length: count }, (_, position) => callback(position, changes))

const to = (url: string, changes: Partial<PostOptions> = {}, successCode = 204): PostOptions => ({
  targets: [{ id: 'one', url, successCode, headers: { 'x-secret': 'simulated' } }],
  ...changes,
})

/** Short timeouts and gaps, so that the tests are quick; everything else as documented. */
const quick = (timeoutMs: number, attemptsMax = Number.POSITIVE_INFINITY, gapMs = 5) => {
  const manner = { timeoutMs, attemptsMax, retryGapMs: () => gapMs }
  return {
    manners: { 'jpm-global-payments-v1': manner, 'jpm-global-payments-v2': manner, instamed: manner },
    timeScale: 1,
  }
}

describe('postCallbacks', () => {
  it('posts every body unchanged, once, with the content type and credentials of its source', async () => {
    const { received, url } = await gateway(status(204))
    const results = await postCallbacks(callbacks(200), to(url))
    expect(received.map(({ body }) => body).toSorted()).toEqual(
      callbacks(200)
        .map(({ body }) => body.toString())
        .toSorted(),
    )
    expect(results.map(({ position }) => position)).toEqual(callbacks(200).map(({ position }) => position))
    expect(results.every(({ outcome, attempts }) => outcome === 'accepted' && attempts === 1)).toBe(true)
    expect(received[0]).toMatchObject({
      method: 'POST',
      path: '/in/one',
      headers: { 'content-type': 'application/json', 'x-secret': 'simulated', connection: 'keep-alive' },
    })
  })

  it('sends non-text bytes unchanged', async () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0x7d])
    const { received, url } = await gateway(status(204))
    await postCallbacks([callback(0, { body: bytes })], to(url))
    expect(received[0]?.headers['content-length']).toBe('4')
    expect(received[0]?.body).toBe(bytes.toString())
  })

  it('appends the path suffix to the URL, whether that ends with a slash or not', async () => {
    const { received, url } = await gateway(status(200))
    const suffixed = [callback(0, { pathSuffix: '/status' }), callback(1)]
    await postCallbacks(suffixed, to(url, { concurrency: 1 }, 200))
    await postCallbacks(suffixed, to(`${url}/`, { concurrency: 1 }, 200))
    expect(received.map(({ path }) => path)).toEqual(['/in/one/status', '/in/one', '/in/one/status', '/in/one/'])
  })

  it('keeps its connections and never has more requests in flight than allowed', async () => {
    let inFlight = 0
    let inFlightMax = 0
    const full = Promise.withResolvers<void>()
    const { server, url } = await gateway((_, response) => {
      inFlightMax = Math.max(inFlightMax, ++inFlight)
      if (inFlight === 8) {
        full.resolve()
      }
      // No answer before all have arrived; on a slow machine the first would be gone before the last arrives.
      void full.promise.then(() =>
        setTimeout(() => {
          inFlight--
          response.writeHead(204).end()
        }, 2),
      )
    })
    let connections = 0
    server.on('connection', () => connections++)
    await postCallbacks(callbacks(100), to(url, { concurrency: 8 }))
    expect(inFlightMax).toBe(8)
    expect(connections).toBe(8)
  })

  it.each([200, 202, 301, 400, 401, 410, 429, 500, 503])('takes %i for a failure when 204 is success', async (code) => {
    const { url } = await gateway(({ time }, response) => void response.writeHead(time < 3 ? code : 204).end())
    const [result] = await postCallbacks(callbacks(1), to(url))
    expect(result).toMatchObject({ outcome: 'accepted', attempts: 3, refusals: 2, unknowns: 0 })
  })

  it('retries after a dropped connection, as an unknown outcome', async () => {
    const { received, url } = await gateway(({ time }, response) => {
      if (time === 1) {
        response.socket?.destroy()
      } else {
        response.writeHead(204).end()
      }
    })
    const results = await postCallbacks(callbacks(20), to(url))
    expect(results.every((r) => r.outcome === 'accepted' && r.attempts === 2 && r.unknowns === 1)).toBe(true)
    expect(received).toHaveLength(40)
  })

  it('does not treat an incomplete answer as an answer', async () => {
    const { url } = await gateway(({ time }, response) => {
      if (time === 1) {
        response.writeHead(200, { 'content-length': '100' })
        response.write('half of it')
        setTimeout(() => response.socket?.destroy(), 10)
      } else {
        response.writeHead(200).end('{}')
      }
    })
    const [result] = await postCallbacks(callbacks(1), to(url, {}, 200))
    expect(result).toMatchObject({ outcome: 'accepted', attempts: 2, unknowns: 1 })
  })

  it('stops waiting for a slow answer and tries again', async () => {
    const { url } = await gateway(({ time }, response) => {
      setTimeout(() => response.writeHead(204).end(), time === 1 ? 2000 : 0)
    })
    const [result] = await postCallbacks(callbacks(1), to(url, quick(150)))
    expect(result).toMatchObject({
      outcome: 'accepted',
      attempts: 2,
      unknowns: 1,
      lastAnswer: { kind: 'status', statusCode: 204 },
    })
  })

  it('reports unreachable if nothing listens', async () => {
    const { server, url } = await gateway(status(204))
    server.close()
    const [result] = await postCallbacks(callbacks(1), to(url, quick(100, 3)))
    expect(result).toMatchObject({ outcome: 'given-up', attempts: 3, unreachable: 3, unknowns: 0 })
    expect(result?.lastAnswer).toEqual({ kind: 'unreachable', code: 'ECONNREFUSED' })
  })

  it('gives up after five attempts like InstaMed, and continues like J.P. Morgan', async () => {
    const { url } = await gateway(({ time }, response) => void response.writeHead(time < 7 ? 503 : 200).end())
    const from = (provider: SimulatedProvider) =>
      postCallbacks([callback(0, { provider, body: Buffer.from(provider) })], to(url, { timeScale: 1e-6 }, 200))
    expect((await from('instamed'))[0]).toMatchObject({ outcome: 'given-up', attempts: 5, refusals: 5 })
    expect((await from('jpm-global-payments-v1'))[0]).toMatchObject({ outcome: 'accepted', attempts: 7 })
  })

  it('waits as long between attempts as the provider, scaled down', async () => {
    const { received, url } = await gateway(({ time }, response) => void response.writeHead(time < 4 ? 500 : 204).end())
    await postCallbacks(callbacks(1), to(url, { timeScale: 0.002 }))
    const gaps = received.slice(1).map(({ at }, index) => at - (received[index]?.at ?? 0))
    for (const [index, expectedMs] of [20, 60, 180].entries()) {
      expect(gaps[index]).toBeGreaterThanOrEqual(expectedMs - 2)
    }
  })

  it('gives up a callback when its time is over, even like J.P. Morgan', async () => {
    const { url } = await gateway(status(503))
    const [result] = await postCallbacks(callbacks(1), to(url, { giveUpAfterMs: 300 }))
    // 10 + 30 + 90 ms fit; another 270 ms would not.
    expect(result).toMatchObject({ outcome: 'given-up', attempts: 4 })
  })

  it('does not delay the callbacks behind one that waits for its retry', async () => {
    const { received, url } = await gateway(({ body, time }, response) => {
      response.writeHead(body === '{"callback":0}' && time === 1 ? 503 : 204).end()
    })
    await postCallbacks(callbacks(10), to(url, { ...quick(1000, 5, 600), concurrency: 1 }))
    expect(received.at(-1)).toMatchObject({ body: '{"callback":0}', time: 2 })
    expect(received).toHaveLength(11)
  })

  it('keeps to its rate', async () => {
    const { received, url } = await gateway(status(204))
    const startedAt = performance.now()
    await postCallbacks(callbacks(60), to(url, { ratePerSecond: 200 }))
    const seconds = (performance.now() - startedAt) / 1000
    expect(seconds).toBeGreaterThan(0.28)
    expect(seconds).toBeLessThan(3)
    const inFirstHalf = received.filter(({ at }) => at - startedAt < 150).length
    expect(inFirstHalf).toBeLessThanOrEqual(31)
  })

  it('keeps its rate when answers are slow, as far as concurrency allows', async () => {
    const { url } = await gateway((_, response) => void setTimeout(() => response.writeHead(204).end(), 100))
    const startedAt = performance.now()
    await postCallbacks(callbacks(40), to(url, { ratePerSecond: 200, concurrency: 64 }))
    // One after the other they would take 4 s.
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  it('stops at once when aborted, and reports the result of every callback', async () => {
    const controller = new AbortController()
    const { received, url } = await gateway(({ body }, response) => {
      if (body !== '{"callback":2}') {
        response.writeHead(204).end()
      } else {
        setTimeout(() => controller.abort(), 20)
      }
    })
    const results = await postCallbacks(callbacks(5), to(url, { concurrency: 1, signal: controller.signal }))
    expect(results.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'aborted', 'aborted', 'aborted'])
    expect(results.map(({ attempts, unknowns }) => [attempts, unknowns])).toEqual([
      [1, 0],
      [1, 0],
      [1, 1],
      [0, 0],
      [0, 0],
    ])
    expect(received).toHaveLength(3)
  })

  it('stops while a callback waits for its retry', async () => {
    const controller = new AbortController()
    const { url } = await gateway((_, response) => {
      setTimeout(() => controller.abort(), 20)
      response.writeHead(503).end()
    })
    const [result] = await postCallbacks(
      callbacks(1),
      to(url, { ...quick(1000, 5, 60_000), giveUpAfterMs: 1e9, signal: controller.signal }),
    )
    expect(result).toMatchObject({ outcome: 'aborted', attempts: 1, refusals: 1, unknowns: 0 })
  })

  it('sends nothing when it was aborted before', async () => {
    const { received, url } = await gateway(status(204))
    const results = await postCallbacks(callbacks(3), to(url, { signal: AbortSignal.abort() }))
    expect(results.map(({ outcome, attempts }) => [outcome, attempts])).toEqual(Array(3).fill(['aborted', 0]))
    expect(received).toEqual([])
  })

  it('reports its progress, and the end', async () => {
    const seen: PostProgress[] = []
    const { url } = await gateway((_, response) => void setTimeout(() => response.writeHead(204).end(), 5))
    await postCallbacks(
      callbacks(50),
      to(url, { concurrency: 5, progressEveryMs: 10, onProgress: (p) => seen.push(p) }),
    )
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.at(-1)).toMatchObject({
      callbacks: 50,
      started: 50,
      attempts: 50,
      accepted: 50,
      givenUp: 0,
      inFlight: 0,
    })
  })

  it('is done at once with nothing to send', async () => {
    expect(await postCallbacks([], to('http://127.0.0.1:9/'))).toEqual([])
  })

  it('refuses invalid options and unknown sources before anything is sent', async () => {
    const { received, url } = await gateway(status(204))
    const wrong = to('ftp://example.invalid/secret-path', { concurrency: 0, ratePerSecond: -1, timeScale: -1 }, 42)
    await expect(postCallbacks(callbacks(1), wrong)).rejects.toThrow(
      'concurrency must be a whole number of at least 1; ratePerSecond must be above 0; timeScale must be 0 or above; ' +
        'source one: the URL must be absolute and begin with http or https; source one: successCode must be an HTTP status code',
    )
    await expect(postCallbacks([callback(0), callback(1, { sourceId: 'two' })], to(url))).rejects.toThrow('source two')
    expect(received).toEqual([])
  })
})

describe('the manners of the providers', () => {
  it('are the documented ones', () => {
    const jpm = DELIVERY_MANNERS['jpm-global-payments-v1']
    expect([0, 1, 2, 3, 4].map(jpm.retryGapMs)).toEqual([10_000, 30_000, 90_000, 270_000, 810_000])
    expect(jpm).toMatchObject({ timeoutMs: 3_000, attemptsMax: Number.POSITIVE_INFINITY })
    expect(DELIVERY_MANNERS.instamed).toMatchObject({ timeoutMs: 20_000, attemptsMax: 5 })
    expect(DELIVERY_MANNERS.instamed.retryGapMs(3)).toBe(30 * 60_000)
  })
})
