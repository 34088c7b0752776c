import { randomUUID } from 'node:crypto'
import { cpus } from 'node:os'
import { benchCallback, benchCallbacks } from '../bench/callbacks.ts'
import { Deployment, type RoleProcess } from '../harness/deployment.ts'
import { envNumber } from '../harness/env-number.ts'
import { eventually } from '../harness/eventually.ts'
import { Observer } from '../harness/observer.ts'
import { preloadRaw } from '../harness/preload-raw.ts'
import { peakRssMiB } from '../harness/process-usage.ts'
import { useStack } from '../stack/stack.ts'

/**
 * The console with many payments, on real servers: PAYMENTS payments of three callbacks each go through normalizer and
 * processor, then a console is started, and its pages are read one after another:
 *
 * - while it reads `current`: how long until the index is complete, and the overview meanwhile;
 * - after that: each page ROUNDS times; the first time counts by itself.
 *
 * The last line is one JSON object. Exits with 1 if any page took longer than LIMIT_MS the first time, or the overview ever.
 */
const PAYMENTS = envNumber('PAYMENTS', 300_000)
const ROUNDS = envNumber('ROUNDS', 50)
const LIMIT_MS = envNumber('LIMIT_MS', 200)
const PARTITIONS = envNumber('PARTITIONS', 6)
const CALLBACKS_PER_PAYMENT = 3

const stack = await useStack({ report: say })
let code = 0
try {
  const kafka = { topicPrefix: `bench-${randomUUID().slice(0, 8)}.` }
  const config = { kafka, console: { port: 0, requestsPerSecondMax: 10_000 } }
  const deployment = await Deployment.create(stack, { partitions: PARTITIONS, config })
  try {
    const known = randomUUID()
    await makePayments(deployment, known)
    const startedAt = performance.now()
    const running = await deployment.start(['console'])
    const { loading, loadSeconds } = await measureLoading(running, startedAt)
    const pages = await measurePages(running, known)
    const slow = [
      ...Object.entries(pages).flatMap(([name, { first }]) =>
        first > LIMIT_MS ? [`${name}, first: ${first} ms`] : [],
      ),
      ...Object.entries({ 'overview while loading': loading, overview: pages['overview'] ?? loading }).flatMap(
        ([name, { max }]) => (max > LIMIT_MS ? [`${name}: ${max} ms`] : []),
      ),
    ]
    code = slow.length === 0 ? 0 : 1
    const rssMiB = peakRssMiB(running.pid)
    await running.stop()
    const machine = { cpus: cpus().length, node: process.version, partitions: PARTITIONS }
    const result = { ...machine, payments: PAYMENTS, loadSeconds, rssMiB, loading, pages, limitMs: LIMIT_MS, slow }
    process.stdout.write(`${JSON.stringify(result)}\n`)
  } finally {
    await deployment.close()
  }
} catch (error) {
  process.stderr.write(`bench-console: ${(error as Error).stack}\n`)
  code = 2
} finally {
  await stack.stop()
}
process.exit(code)

/** Callbacks into raw, and from there through both stages. One payment has a known id. */
async function makePayments(deployment: Deployment, known: string): Promise<void> {
  const count = (PAYMENTS - 1) * CALLBACKS_PER_PAYMENT
  say(`preloading ${count + CALLBACKS_PER_PAYMENT} callbacks of ${PAYMENTS} payments`)
  await preloadRaw(deployment, callbacks(known, count))
  const stages = await deployment.start(['normalizer', 'processor'])
  const observer = await Observer.create(deployment)
  await observer.caughtUp(900_000)
  const { events } = await observer.totals()
  await observer.close()
  await stages.stop()
  if (events !== count + CALLBACKS_PER_PAYMENT) {
    throw new Error(`${events} events instead of ${count + CALLBACKS_PER_PAYMENT}`)
  }
}

function* callbacks(known: string, count: number) {
  const provider = 'jpm-global-payments-v2'
  for (let step = 0; step < CALLBACKS_PER_PAYMENT; step += 1) {
    yield { provider, body: benchCallback(known, step) }
  }
  for (const body of benchCallbacks(count)) {
    yield { provider, body }
  }
}

interface Times {
  /** All in ms. */
  readonly first: number
  readonly p50: number
  readonly max: number
  readonly count: number
}

/** Until every payment can be found by every id, which the overview says. */
async function measureLoading({ consoleUrl }: RoleProcess, startedAt: number) {
  const times: number[] = []
  await eventually(
    async () => {
      const { ms, text } = await read(`${consoleUrl}/`)
      times.push(ms)
      const shown = /id="statuses".*?class="figure">([\d,]+)</s.exec(text)?.[1]?.replaceAll(',', '')
      if (text.includes('still reading') || Number(shown) < PAYMENTS) {
        throw new Error(`the overview shows ${shown} payments`)
      }
    },
    { timeoutMs: 300_000, everyMs: 20 },
  )
  const loadSeconds = round((performance.now() - startedAt) / 1_000)
  const loading = timesOf(times)
  say(`index complete after ${loadSeconds} s; overview meanwhile: first ${loading.first} ms, max ${loading.max} ms`)
  return { loading, loadSeconds }
}

async function measurePages({ consoleUrl }: RoleProcess, known: string): Promise<Readonly<Record<string, Times>>> {
  const payment = encodeURIComponent(`jpm-global-payments-v2:${known}`)
  const paths = {
    overview: '/',
    'find by endToEndId': `/find?q=E2E${known.slice(0, 13)}`,
    'nothing found': '/find?q=nothing-has-this-id',
    payment: `/payments/${payment}`,
    'payment, API': `/api/payments/${payment}`,
    overdue: '/overdue',
    'live tail': '/tail',
  }
  const pages: Record<string, Times> = {}
  for (const [name, path] of Object.entries(paths)) {
    const times: number[] = []
    for (let round_ = 0; round_ < ROUNDS; round_ += 1) {
      times.push((await read(consoleUrl + path)).ms)
    }
    const measured = timesOf(times)
    say(`${name}: first ${measured.first} ms, median ${measured.p50} ms, max ${measured.max} ms`)
    pages[name] = measured
  }
  return pages
}

/** A page, and the time until all of it is there. A redirect, as from an id to its payment, is followed. */
async function read(url: string): Promise<{ readonly ms: number; readonly text: string }> {
  const startedAt = performance.now()
  const answer = await fetch(url)
  const text = await answer.text()
  if (!answer.ok) {
    throw new Error(`${url} gave ${answer.status}`)
  }
  return { ms: performance.now() - startedAt, text }
}

function timesOf(times: readonly number[]): Times {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (index: number) => round(sorted[index] ?? 0)
  return {
    first: round(times[0] ?? 0),
    p50: at(Math.floor(sorted.length / 2)),
    max: at(sorted.length - 1),
    count: times.length,
  }
}

function round(value: number): number {
  return Number(value.toFixed(1))
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
