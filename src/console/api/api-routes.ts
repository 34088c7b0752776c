import type { PaymentState } from '../../payment/apply-event.ts'
import { strictIsoTime } from '../../strict-time.ts'
import { listDocument } from '../../tools/dlq/dlq-lines.ts'
import type { LetterFilter } from '../../tools/dlq/letter-filter.ts'
import { lagDocument } from '../../tools/lag.ts'
import type { LoadedPayment } from '../../tools/load-states.ts'
import { paymentJson } from '../../tools/payment-story.ts'
import { asOfChanges, asOfHistory, type Standing } from '../as-of.ts'
import type { Ask, Reply, Route } from '../route.ts'
import { ID_CHARS_MAX, searchPayments } from '../search-payments.ts'
import type { ConsoleWorld } from '../world.ts'
import { consoleApi } from './console-openapi.ts'

const PAGE_MAX = 100
const PAGE_DEFAULT = 20

/** The read API, for services that ask instead of subscribing. `version`: that of paystatus. */
export function apiRoutes(world: ConsoleWorld, version: string): readonly Route[] {
  const document = consoleApi(version)
  return [
    { method: 'GET', path: '/api/openapi.json', needs: 'viewer', handle: () => ({ kind: 'json', document }) },
    { method: 'GET', path: '/api/payments/:key', needs: 'viewer', handle: (ask) => payment(world, ask) },
    { method: 'GET', path: '/api/payments/:key/history', needs: 'viewer', handle: (ask) => history(world, ask) },
    { method: 'GET', path: '/api/search', needs: 'viewer', handle: (ask) => search(world, ask) },
    { method: 'GET', path: '/api/dead-letters', needs: 'viewer', handle: (ask) => deadLetters(world, ask) },
    { method: 'GET', path: '/api/lag', needs: 'viewer', handle: () => lag(world) },
  ]
}

async function payment(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const found = await loadAsked(world, ask)
  return found === null
    ? unknownPayment()
    : { kind: 'json', document: paymentJson(found.state), etag: etagOf(found.state) }
}

/** The payment of the path; null if it does not exist. */
export async function loadAsked(world: ConsoleWorld, { params, signal }: Ask): Promise<LoadedPayment | null> {
  const paymentKey = params['key'] ?? ''
  return (await world.load([paymentKey], signal)).get(paymentKey) ?? null
}

async function history(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const { query, signal } = ask
  const at = timeOf(query.get('at'))
  if (at === null) {
    return bad('at must be a time in ISO 8601 with a zone, such as 2026-03-01T08:00:00Z.')
  }
  const found = await loadAsked(world, ask)
  if (found === null) {
    return unknownPayment()
  }
  const standing = await standingAt(world, found.state, at, signal)
  return { kind: 'json', document: { paymentKey: found.state.paymentKey, at, standing } }
}

/** What had been published about the payment by then. */
export async function standingAt(
  world: Pick<ConsoleWorld, 'changesOf'>,
  state: PaymentState,
  at: number,
  signal: AbortSignal,
): Promise<Standing | null> {
  const known = asOfHistory(state, at)
  return known === 'not-in-history' ? asOfChanges(await world.changesOf(state, signal), at) : known
}

async function search(world: ConsoleWorld, { query, signal }: Ask): Promise<Reply> {
  const id = (query.get('id') ?? '').trim()
  const page = pageOf(query)
  if (id === '' || id.length > ID_CHARS_MAX) {
    return bad(`id must have 1 to ${ID_CHARS_MAX} characters.`)
  }
  if (page === null) {
    return bad(PAGE_HINT)
  }
  const { payments, next, complete } = await searchPayments(world, id, page.offset, page.limit, signal)
  const rows = payments.map(({ state, matched }) => ({
    paymentKey: state.paymentKey,
    incarnation: state.incarnation,
    statusVersion: state.statusVersion,
    status: state.status,
    attention: state.attention,
    endToEndId: state.details.endToEndId,
    statusChangedAt: state.statusChangedAt,
    matched,
  }))
  return { kind: 'json', document: { payments: rows, next: next === null ? null : String(next), complete } }
}

async function deadLetters(world: ConsoleWorld, { query, signal }: Ask): Promise<Reply> {
  const page = pageOf(query)
  const filter = letterFilterOf(query)
  if (page === null || filter === null) {
    return bad(page === null ? PAGE_HINT : 'topic must be callbacks or events.')
  }
  const { groups, deadLetters: count, ungrouped } = listDocument(await world.listLetters(filter, signal), world.topics)
  const end = page.offset + page.limit
  const next = end < groups.length ? String(end) : null
  return {
    kind: 'json',
    document: { deadLetters: count, groups: groups.slice(page.offset, end), next, ungrouped },
  }
}

function lag(world: ConsoleWorld): Reply {
  const { value, at } = world.lag()
  const { partitions } = lagDocument(value ?? [])
  return { kind: 'json', document: { at, partitions } }
}

/** Changes with every record of the payment in `changes`, and never returns to an old value. */
function etagOf({ incarnation, statusVersion }: Pick<PaymentState, 'incarnation' | 'statusVersion'>): string {
  return `"${incarnation}-${statusVersion}"`
}

/**
 * What selects dead letters. A name that is absent matches any. An empty provider or source matches those of which it is not
 * known; an empty topic or reason matches any. Null if the topic is not one of the two.
 */
export function letterFilterOf(query: URLSearchParams): LetterFilter | null {
  const [topic, provider, source, reason] = ['topic', 'provider', 'source', 'reason'].map((name) => query.get(name))
  if (topic && !['callbacks', 'events'].includes(topic)) {
    return null
  }
  return {
    ...(topic && { topic: topic === 'callbacks' ? 'rawDeadLetters' : 'eventDeadLetters' }),
    ...(provider != null && { provider }),
    ...(source != null && { source }),
    ...(reason && { reason }),
  }
}

/** What `letterFilterOf` makes the filter of. */
export function letterQueryOf({ topic, provider, source, reason }: LetterFilter): Record<string, string> {
  return {
    ...(topic !== undefined && { topic: topic === 'rawDeadLetters' ? 'callbacks' : 'events' }),
    ...(provider !== undefined && { provider }),
    ...(source !== undefined && { source }),
    ...(reason !== undefined && { reason }),
  }
}

/** ms since the epoch; null if it is not an existing time of day with a zone. */
export function timeOf(text: string | null): number | null {
  return text?.includes('T') ? strictIsoTime(text) : null
}

const PAGE_HINT = `limit must be 1 to ${PAGE_MAX}, and cursor a value of \`next\`.`

export function pageOf(query: URLSearchParams): { readonly offset: number; readonly limit: number } | null {
  const limit = query.get('limit') ?? String(PAGE_DEFAULT)
  const cursor = query.get('cursor') ?? '0'
  const isPage = /^\d{1,3}$/.test(limit) && /^\d{1,9}$/.test(cursor) && Number(limit) >= 1 && Number(limit) <= PAGE_MAX
  return isPage ? { offset: Number(cursor), limit: Number(limit) } : null
}

function unknownPayment(): Reply {
  return { kind: 'problem', status: 404, detail: 'There is no payment with this key.' }
}

function bad(detail: string): Reply {
  return { kind: 'problem', status: 400, detail }
}
