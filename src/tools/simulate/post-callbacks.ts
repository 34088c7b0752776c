import http from 'node:http'
import https from 'node:https'
import type { SimulatedProvider } from './lifecycles.ts'
import type { PlannedCallback } from './plan.ts'

/** Where and how the callbacks of a source are posted. */
export interface PostTarget {
  /** The source's id in the plan. */
  readonly id: string
  /** Absolute http or https URL of the source; a callback's path suffix is appended to its path. */
  readonly url: string
  /** The same source at other gateways; attempts rotate through all of them. */
  readonly otherUrls?: readonly string[]
  /** The only answer the provider treats as success; any other is a failure, even 202 and 3xx. */
  readonly successCode: number
  /** For example a header with the shared secret, or `authorization` for Basic. Never logged or reported. */
  readonly headers: Readonly<Record<string, string>>
}

/** How a provider behaves when a callback is not accepted. */
export interface DeliveryManner {
  /** How long it waits for the complete answer. Not scaled, because the gateway's deadlines are real. */
  readonly timeoutMs: number
  readonly attemptsMax: number
  /** Pause before a retry; `retry` counts from 0. Scaled by `timeScale`. */
  retryGapMs(retry: number): number
}

const JPM_MANNER: DeliveryManner = {
  timeoutMs: 3_000,
  attemptsMax: Number.POSITIVE_INFINITY,
  retryGapMs: (retry) => 10_000 * 3 ** retry,
}

/** As documented: J.P. Morgan for its sibling ACH API, InstaMed for its ordinary webhook. */
export const DELIVERY_MANNERS: { readonly [P in SimulatedProvider]: DeliveryManner } = {
  'jpm-global-payments-v1': JPM_MANNER,
  'jpm-global-payments-v2': JPM_MANNER,
  instamed: { timeoutMs: 20_000, attemptsMax: 5, retryGapMs: () => 1_800_000 },
}

export interface PostOptions {
  readonly targets: readonly PostTarget[]
  /** New callbacks per second, at fixed times independent of answers; retries are extra. Null: as fast as possible. */
  readonly ratePerSecond?: number | null
  /** The maximum number of requests in flight. */
  readonly concurrency?: number
  /** Factor on the providers' retry gaps: 0.001 turns J.P. Morgan's first 10 s into 10 ms, InstaMed's 30 min into 1.8 s. */
  readonly timeScale?: number
  /** A callback not accepted this long after its first attempt is given up, even for J.P. Morgan. */
  readonly giveUpAfterMs?: number
  readonly manners?: { readonly [P in SimulatedProvider]: DeliveryManner }
  /** Ends the run: requests in flight are cut off, and everything not accepted ends as `aborted`. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: PostProgress) => void
  readonly progressEveryMs?: number
  /** Called after every attempt. */
  readonly onAttempt?: (callback: PlannedCallback, answer: Answer) => void
}

export const POST_DEFAULTS = {
  ratePerSecond: null,
  concurrency: 64,
  timeScale: 0.001,
  giveUpAfterMs: 120_000,
  manners: DELIVERY_MANNERS,
  progressEveryMs: 500,
} as const satisfies Partial<PostOptions>

export interface PostProgress {
  readonly callbacks: number
  /** Callbacks attempted at least once. */
  readonly started: number
  readonly attempts: number
  readonly accepted: number
  readonly givenUp: number
  readonly inFlight: number
  /** Callbacks between two attempts. */
  readonly waiting: number
  readonly elapsedMs: number
}

/** The result of one callback after its last attempt. */
export interface PostResult {
  readonly position: number
  readonly sourceId: string
  readonly outcome: 'accepted' | 'given-up' | 'aborted'
  readonly attempts: number
  /** Attempts answered with a code other than success. */
  readonly refusals: number
  /** Attempts without an answer (timeout, lost connection): the gateway may or may not have accepted the callback. */
  readonly unknowns: number
  /** Attempts that never reached the gateway. */
  readonly unreachable: number
  readonly lastAnswer: Answer | null
  /** Duration of the last attempt, from sending to the end of the answer, ms. */
  readonly answerMs: number
}

export type Answer =
  | { readonly kind: 'status'; readonly statusCode: number }
  | { readonly kind: 'unknown'; readonly cause: 'timeout' | 'connection-lost' }
  | { readonly kind: 'unreachable'; readonly code: string }

/**
 * Posts the callbacks in order, as the providers would: each is retried in the provider's manner until the answer is exactly
 * the source's success code. Results are in the order of `callbacks`.
 *
 * A callback that waits for its retry does not delay the next ones, so callbacks overtake each other, as in production.
 * Bounded: `concurrency` requests in flight, one timer per waiting callback.
 *
 * Failures of the gateway are results, not errors. Rejects only for invalid options (see {@link postProblems}) or a callback
 * of an unknown source, before anything is sent.
 */
export async function postCallbacks(
  callbacks: readonly PlannedCallback[],
  options: PostOptions,
): Promise<readonly PostResult[]> {
  const problems = postProblems(options)
  if (problems.length > 0) {
    throw new RangeError(problems.join('; '))
  }
  const settings = { ...POST_DEFAULTS, ...options }
  const agents = {
    'http:': new http.Agent({ keepAlive: true, maxSockets: settings.concurrency, scheduling: 'lifo' }),
    'https:': new https.Agent({ keepAlive: true, maxSockets: settings.concurrency, scheduling: 'lifo' }),
  }
  try {
    const targets = new Map(settings.targets.map((target) => [target.id, target]))
    const routes = new Map<string, readonly Route[]>()
    const deliveries = callbacks.map((callback): Delivery => {
      const routeId = `${callback.sourceId} ${callback.contentType} ${callback.pathSuffix}`
      let ways = routes.get(routeId)
      if (ways === undefined) {
        ways = routesTo(targets.get(callback.sourceId), callback, agents)
        routes.set(routeId, ways)
      }
      return newDelivery(callback, ways, settings.manners[callback.provider])
    })
    await deliverAll(deliveries, settings)
    return deliveries.map(({ result }) => result)
  } finally {
    agents['http:'].destroy()
    agents['https:'].destroy()
  }
}

/** What is wrong with the options, one sentence each; empty if they are valid. */
export function postProblems(options: PostOptions): string[] {
  const { concurrency, ratePerSecond, timeScale, giveUpAfterMs } = { ...POST_DEFAULTS, ...options }
  const problems: string[] = []
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    problems.push('concurrency must be a whole number of at least 1')
  }
  if (ratePerSecond !== null && !(ratePerSecond > 0 && Number.isFinite(ratePerSecond))) {
    problems.push('ratePerSecond must be above 0')
  }
  if (!(timeScale >= 0 && Number.isFinite(timeScale))) {
    problems.push('timeScale must be 0 or above')
  }
  if (!(giveUpAfterMs >= 0)) {
    problems.push('giveUpAfterMs must be 0 or above')
  }
  for (const target of options.targets) {
    // The URL itself may be the secret of a source without authentication, so it is not repeated here.
    if (![target.url, ...(target.otherUrls ?? [])].every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? ''))) {
      problems.push(`source ${target.id}: the URL must be absolute and begin with http or https`)
    }
    if (!Number.isSafeInteger(target.successCode) || target.successCode < 200 || target.successCode > 599) {
      problems.push(`source ${target.id}: successCode must be an HTTP status code`)
    }
  }
  return problems
}

type Settings = PostOptions & Required<Pick<PostOptions, keyof typeof POST_DEFAULTS>>

/** A callback in delivery; the only mutable state here. */
interface Delivery {
  readonly callback: PlannedCallback
  readonly routes: readonly Route[]
  readonly manner: DeliveryManner
  firstAttemptAt: number
  readonly result: { -readonly [K in keyof PostResult]: PostResult[K] }
}

function newDelivery(callback: PlannedCallback, routes: readonly Route[], manner: DeliveryManner): Delivery {
  const { position, sourceId } = callback
  const counts = { attempts: 0, refusals: 0, unknowns: 0, unreachable: 0 }
  const result: PostResult = { position, sourceId, outcome: 'aborted', ...counts, lastAnswer: null, answerMs: 0 }
  return { callback, routes, manner, firstAttemptAt: 0, result }
}

/** Resolves when every delivery has its outcome, or the signal fired. */
function deliverAll(deliveries: readonly Delivery[], settings: Settings): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const startedAt = performance.now()
  const readyAgain: Delivery[] = []
  const waiting = new Map<Delivery, NodeJS.Timeout>()
  const inFlight = new Map<Exchange, Delivery>()
  let next = 0
  let accepted = 0
  let givenUp = 0
  let attempts = 0
  let pacer: NodeJS.Timeout | undefined
  let stopped = false

  const reportProgress = () =>
    settings.onProgress?.({
      callbacks: deliveries.length,
      started: next,
      attempts,
      accepted,
      givenUp,
      inFlight: inFlight.size,
      waiting: waiting.size + readyAgain.length,
      elapsedMs: performance.now() - startedAt,
    })
  const progressTimer = settings.onProgress && setInterval(reportProgress, settings.progressEveryMs)

  function stop(): void {
    if (stopped) {
      return
    }
    stopped = true
    clearTimeout(pacer)
    clearInterval(progressTimer)
    settings.signal?.removeEventListener('abort', stop)
    for (const timer of waiting.values()) {
      clearTimeout(timer)
    }
    for (const [exchange, { result }] of inFlight) {
      exchange.cut()
      result.unknowns++
      result.lastAnswer = { kind: 'unknown', cause: 'connection-lost' }
    }
    inFlight.clear()
    reportProgress()
    end()
  }

  /** How many callbacks are due by now. */
  function dueCount(): number {
    if (settings.ratePerSecond === null) {
      return deliveries.length
    }
    const due = Math.floor(((performance.now() - startedAt) / 1000) * settings.ratePerSecond) + 1
    return Math.min(due, deliveries.length)
  }

  function pump(): void {
    if (stopped) {
      return
    }
    if (accepted + givenUp === deliveries.length) {
      stop()
      return
    }
    const due = dueCount()
    while (inFlight.size < settings.concurrency) {
      const delivery = readyAgain.shift() ?? (next < due ? deliveries[next++] : undefined)
      if (delivery === undefined) {
        break
      }
      attempt(delivery)
    }
    // If it is behind schedule, the next answer makes room and pumps again.
    if (next >= due && next < deliveries.length && settings.ratePerSecond !== null && pacer === undefined) {
      const nextDueMs = (next / settings.ratePerSecond) * 1000 - (performance.now() - startedAt)
      pacer = setTimeout(
        () => {
          pacer = undefined
          pump()
        },
        Math.max(1, nextDueMs),
      )
    }
  }

  function attempt(delivery: Delivery): void {
    const sentAt = performance.now()
    const { callback, result, routes } = delivery
    if (result.attempts === 0) {
      delivery.firstAttemptAt = sentAt
    }
    const route = routes[(callback.position + result.attempts) % routes.length] as Route
    result.attempts++
    attempts++
    const exchange = startExchange(route, callback.body, delivery.manner.timeoutMs, (answer) => {
      inFlight.delete(exchange)
      result.answerMs = performance.now() - sentAt
      result.lastAnswer = answer
      settings.onAttempt?.(callback, answer)
      settle(delivery, route, answer)
      pump()
    })
    inFlight.set(exchange, delivery)
  }

  function settle(delivery: Delivery, route: Route, answer: Answer): void {
    const { manner, result } = delivery
    switch (answer.kind) {
      case 'status':
        if (answer.statusCode === route.successCode) {
          result.outcome = 'accepted'
          accepted++
          return
        }
        result.refusals++
        break
      case 'unknown':
        result.unknowns++
        break
      case 'unreachable':
        result.unreachable++
        break
      default:
        answer satisfies never
    }
    const gapMs = Math.min(manner.retryGapMs(result.attempts - 1) * settings.timeScale, TIMER_MAX_MS)
    const triedForMs = performance.now() + gapMs - delivery.firstAttemptAt
    if (result.attempts >= manner.attemptsMax || triedForMs > settings.giveUpAfterMs) {
      result.outcome = 'given-up'
      givenUp++
      return
    }
    const timer = setTimeout(() => {
      waiting.delete(delivery)
      readyAgain.push(delivery)
      pump()
    }, gapMs)
    waiting.set(delivery, timer)
  }

  if (settings.signal?.aborted) {
    stop()
  } else {
    settings.signal?.addEventListener('abort', stop)
    pump()
  }
  return ended
}

/** A longer timer would fire at once. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** The parts of a request that are the same for many callbacks. */
interface Route {
  readonly request: typeof http.request
  readonly agent: http.Agent
  readonly hostname: string
  readonly port: string
  readonly path: string
  /** Name, value, name, value: node:http sends these as they are, without building a header table for every request. */
  readonly headers: readonly string[]
  readonly successCode: number
}

function routesTo(
  target: PostTarget | undefined,
  callback: PlannedCallback,
  agents: Readonly<Record<'http:' | 'https:', http.Agent>>,
): readonly Route[] {
  if (target === undefined) {
    throw new Error(`the plan has callbacks of source ${callback.sourceId}, which has no target`)
  }
  return [target.url, ...(target.otherUrls ?? [])].map((url) => routeTo(new URL(url), target, callback, agents))
}

function routeTo(
  url: URL,
  target: PostTarget,
  callback: PlannedCallback,
  agents: Readonly<Record<'http:' | 'https:', http.Agent>>,
): Route {
  const protocol = url.protocol === 'https:' ? 'https:' : 'http:'
  const headers = { host: url.host, 'content-type': callback.contentType, ...target.headers }
  return {
    request: protocol === 'http:' ? http.request : https.request,
    agent: agents[protocol],
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    path: url.pathname.replace(/\/$/, callback.pathSuffix === '' ? '/' : '') + callback.pathSuffix + url.search,
    headers: Object.entries(headers).flat(),
    successCode: target.successCode,
  }
}

interface Exchange {
  /** Ends the connection; no answer is reported afterwards. */
  cut(): void
}

/** Codes of errors that happen before a byte is sent. */
const UNREACHABLE_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** One request. `onAnswer` is called exactly once unless it is cut, never before this returns. */
function startExchange(route: Route, body: Buffer, timeoutMs: number, onAnswer: (answer: Answer) => void): Exchange {
  let answered = false
  const request = route.request({
    agent: route.agent,
    hostname: route.hostname,
    port: route.port,
    path: route.path,
    method: 'POST',
    headers: [...route.headers, 'content-length', String(body.length)],
  })
  const timer = setTimeout(() => {
    answer({ kind: 'unknown', cause: 'timeout' })
    request.destroy()
  }, timeoutMs)

  function answer(value: Answer): void {
    if (!answered) {
      answered = true
      clearTimeout(timer)
      onAnswer(value)
    }
  }
  request.on('error', (error: NodeJS.ErrnoException) => {
    const code = error.code ?? ''
    answer(UNREACHABLE_CODES.has(code) ? { kind: 'unreachable', code } : { kind: 'unknown', cause: 'connection-lost' })
  })
  request.on('response', (response) => {
    response.on('end', () => answer({ kind: 'status', statusCode: response.statusCode ?? 0 }))
    // An incomplete answer counts as none: the status line alone does not show that the gateway was done.
    response.on('error', () => answer({ kind: 'unknown', cause: 'connection-lost' }))
    response.resume()
  })
  request.end(body)
  return {
    cut() {
      answered = true
      clearTimeout(timer)
      request.destroy()
    },
  }
}
