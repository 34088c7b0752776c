import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Plan, planCallbacks } from '../../../src/tools/simulate/plan.ts'
import type { PostResult } from '../../../src/tools/simulate/post-callbacks.ts'
import { runSimulation, type SimulatedSource, summarize } from '../../../src/tools/simulate/simulate.ts'

const accepted = (position: number, changes: Partial<PostResult> = {}): PostResult => ({
  position,
  sourceId: 'v1',
  outcome: 'accepted',
  attempts: 1,
  refusals: 0,
  unknowns: 0,
  unreachable: 0,
  lastAnswer: { kind: 'status', statusCode: 200 },
  answerMs: position,
  ...changes,
})

describe('summarize', () => {
  const plan: Plan = planCallbacks({
    seed: 3,
    payments: 100,
    sources: [{ id: 'v1', provider: 'jpm-global-payments-v1', namespace: 'one' }],
    malformedShare: 0.2,
  })
  const all = plan.callbacks.map(({ position }) => accepted(position))

  it('expects what the ledger says when every callback was accepted at once', () => {
    const { ledger } = plan
    const { counts, expected, payments, failures } = summarize(plan, all)
    expect(expected).toMatchObject({
      payments: 100,
      events: ledger.events,
      duplicates: { min: ledger.duplicates, max: ledger.duplicates },
      deadLetters: { min: ledger.deadLetters, max: ledger.deadLetters },
      deadLettersByReason: ledger.deadLettersByReason,
      undeliveredPayments: 0,
    })
    expect(Object.values(expected.paymentsByStatus).reduce((a, b) => a + b, 0)).toBe(100)
    expect(counts).toMatchObject({
      callbacks: ledger.callbacks,
      accepted: ledger.callbacks,
      attempts: ledger.callbacks,
    })
    expect(payments.every((payment) => payment.delivered)).toBe(true)
    expect(failures).toEqual([])
  })

  it('allows more duplicates and dead letters for attempts that may have been accepted', () => {
    const good = plan.callbacks.find(({ expects }) => expects === 'events')
    const bad = plan.callbacks.find(({ expects }) => expects === 'dead-letter')
    const retried = all.map((result) => {
      const position = result.position
      return position === good?.position || position === bad?.position
        ? accepted(position, { attempts: 4, unknowns: 1, refusals: 1, unreachable: 1 })
        : result
    })
    const { expected } = summarize(plan, retried)
    const { min, max } = expected.duplicates
    expect(max - min).toBe(2 * (good?.stepIds.length ?? 0))
    expect(expected.deadLetters.max - expected.deadLetters.min).toBe(2)
    expect(expected.events).toBe(plan.ledger.events)
  })

  it('expects nothing of a payment with a fact that was never accepted', () => {
    const key = [...plan.ledger.payments.values()].find((payment) => payment.steps.length > 1)?.paymentKey ?? ''
    const lost = plan.callbacks.filter(({ stepIds }) => stepIds.includes(`${key}#0`))
    const results = all.map((result) =>
      lost.some(({ position }) => position === result.position)
        ? accepted(result.position, { outcome: 'given-up', attempts: 5, refusals: 5 })
        : result,
    )
    const { expected, payments, failures, counts } = summarize(plan, results)
    expect(payments.find((payment) => payment.paymentKey === key)?.delivered).toBe(false)
    expect(expected.undeliveredPayments).toBeGreaterThanOrEqual(1)
    expect(expected.events).toBeLessThan(plan.ledger.events)
    expect(counts.givenUp).toBe(lost.length)
    expect(failures.map(({ position }) => position)).toEqual(lost.map(({ position }) => position))
  })
})

describe('runSimulation', () => {
  let server: http.Server
  let folder: string
  let base: string
  let answer: (path: string) => number

  beforeEach(async () => {
    answer = (path) => (path.startsWith('/two') ? 204 : 200)
    server = http.createServer((request, response) => {
      request.resume()
      request.on('end', () => response.writeHead(answer(request.url ?? '')).end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    folder = await mkdtemp(join(tmpdir(), 'paystatus-simulate-'))
  })

  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true })
  })

  const sources = (): SimulatedSource[] => {
    const headers = { 'x-secret': 'not-for-the-report' }
    return [
      { id: 'v1', provider: 'jpm-global-payments-v1', namespace: 'one', url: `${base}/one`, successCode: 200, headers },
      { id: 'v2', provider: 'jpm-global-payments-v2', namespace: 'two', url: `${base}/two`, successCode: 204, headers },
      { id: 'im', provider: 'instamed', namespace: 'im', url: `${base}/private-path`, successCode: 200, headers: {} },
    ]
  }

  it('reports and writes what it sent and what it expects, without credentials, URLs or bodies', async () => {
    const outFile = join(folder, 'report.json')
    const report = await runSimulation({ seed: 7, payments: 200, sources: sources(), outFile })
    const written = await readFile(outFile, 'utf8')
    expect(JSON.parse(written)).toEqual(report)
    expect(report).toMatchObject({ seed: 7, aborted: false, startTime: '2026-01-05T08:00:00.000Z', failures: [] })
    expect(report.counts.accepted).toBe(report.counts.callbacks)
    expect(report.expected).toMatchObject({ payments: 200, undeliveredPayments: 0 })
    expect(report.payments).toHaveLength(200)
    expect(report.answerMs?.p99).toBeGreaterThan(0)
    for (const secret of ['not-for-the-report', 'private-path', '127.0.0.1', 'SENSITIVE']) {
      expect(written).not.toContain(secret)
    }
  })

  it('reports which payments cannot be judged if a source never accepts anything', async () => {
    answer = (path) => (path.startsWith('/private') ? 401 : path.startsWith('/two') ? 204 : 200)
    const report = await runSimulation({ seed: 7, payments: 100, sources: sources(), timeScale: 1e-6 })
    const lost = report.payments.filter((payment) => !payment.delivered)
    expect(new Set(lost.map((payment) => payment.sourceId))).toEqual(new Set(['im']))
    expect(report.expected.undeliveredPayments).toBe(lost.length)
    expect(report.counts.refused).toBe(report.counts.givenUp * 5)
    expect(report.failures[0]).toMatchObject({
      sourceId: 'im',
      attempts: 5,
      lastAnswer: { kind: 'status', statusCode: 401 },
    })
    expect(report.failures.length).toBeLessThanOrEqual(20)
  })

  it('returns what it has when it is aborted', async () => {
    const controller = new AbortController()
    const report = await runSimulation({
      seed: 7,
      payments: 2000,
      sources: sources(),
      ratePerSecond: 500,
      signal: controller.signal,
      progressEveryMs: 20,
      onProgress: ({ accepted: done }) => done > 20 && controller.abort(),
    })
    expect(report.aborted).toBe(true)
    expect(report.counts.accepted).toBeGreaterThan(20)
    expect(report.counts.accepted + report.counts.aborted).toBe(report.counts.callbacks)
    expect(report.expected.undeliveredPayments).toBeGreaterThan(0)
  })

  it('lists all problems of its options at once, before it writes or sends anything', async () => {
    const outFile = join(folder, 'never.json')
    const run = runSimulation({ seed: 7, payments: 0, sources: sources(), concurrency: 0, outFile })
    await expect(run).rejects.toMatchObject({
      code: 'simulation-options',
      problems: ['payments must be a whole number of at least 1', 'concurrency must be a whole number of at least 1'],
    })
    await expect(readFile(outFile)).rejects.toThrow('ENOENT')
  })

  it('fails before it sends anything when the report cannot be written', async () => {
    let requests = 0
    server.on('request', () => requests++)
    const outFile = join(folder, 'no-such-folder', 'report.json')
    await expect(runSimulation({ seed: 7, payments: 5, sources: sources(), outFile })).rejects.toThrow('ENOENT')
    expect(requests).toBe(0)
  })
})
