import { mayAct } from '../../config/console-role.ts'
import { placeText, toPlace } from '../../tools/dlq/letter-place.ts'
import type { Decider } from '../../tools/dlq/redrive-letters.ts'
import { type Selection, selectLetters } from '../../tools/dlq/select-letters.ts'
import type { DriftReport } from '../../tools/drift.ts'
import type { ReprocessScope } from '../../tools/reprocess/reprocess-scope.ts'
import type { Scorecard } from '../../tools/scorecard/scorecard.ts'
import { type ConsoleAccess, SESSION_COOKIE } from '../access/console-access.ts'
import { letterFilterOf, loadAsked, pageOf, standingAt, timeOf } from '../api/api-routes.ts'
import { type Html, html } from '../html.ts'
import { type Job, JobBusyError } from '../jobs.ts'
import type { Ask, Reply, Route } from '../route.ts'
import { searchPayments } from '../search-payments.ts'
import type { BodyPlace, ConsoleWorld } from '../world.ts'
import { findPage } from './find-page.ts'
import { letterGroupPage, letterPage, lettersPage, type RedriveResult, redriveResult } from './letters-pages.ts'
import {
  auditPage,
  bodyPage,
  driftPage,
  driftResult,
  overduePage,
  runPage,
  scorecardPage,
  scorecardResult,
  signInPage,
  tailLine,
  tailPage,
} from './list-pages.ts'
import { overviewPage } from './overview-page.ts'
import { actorOf, paymentPath, reasonIn } from './parts.ts'
import { paymentPage, whyPart } from './payment-page.ts'
import { problemPage } from './problem-page.ts'
import { type ReprocessResult, reprocessPage, reprocessResult } from './reprocess-pages.ts'
import { runbookPage } from './runbook-page.ts'

/** Results that a page lists, and that a job keeps in memory. */
const LISTED_MAX = 500

/** The first results, and how many more there were. */
class Listing<T> {
  readonly listed: T[] = []
  more = 0

  add(one: T): void {
    if (this.listed.length < LISTED_MAX) {
      this.listed.push(one)
    } else {
      this.more += 1
    }
  }
}

const ACTS_LISTED_MAX = 500

/** Every page of the console. What acts is a POST and needs the role operator; the server checks the form's token before. */
export function pageRoutes(world: ConsoleWorld, access: ConsoleAccess): readonly Route[] {
  const viewer = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, needs: 'viewer', handle })
  const act = (path: string, handle: Route['handle']): Route => ({ method: 'POST', path, needs: 'operator', handle })
  return [
    viewer('/', () => ({ kind: 'page', title: 'Overview', body: overviewPage(world), live: true })),
    viewer('/runbooks/:alert', ({ params: { alert = '' } }) => {
      const text = world.runbook(alert)
      return text === null
        ? problem(404, 'Not found', 'There is no runbook with this name.')
        : { kind: 'page', title: alert, body: runbookPage(text) }
    }),
    viewer('/find', (ask) => find(world, ask)),
    viewer('/payments/:key', (ask) => payment(world, ask)),
    viewer('/payments/:key/why', (ask) => why(world, ask)),
    viewer('/overdue', (ask) => overdue(world, ask)),
    viewer('/dead-letters', (ask) => letters(world, ask)),
    viewer('/dead-letters/group', (ask) => letterGroup(world, ask)),
    viewer('/dead-letters/at/:place', (ask) => letter(world, ask)),
    act('/dead-letters/dry-run', (ask) => redrive(world, ask, null)),
    act('/dead-letters/redrive', (ask) => withReason(ask, (decider) => redrive(world, ask, decider))),
    act('/dead-letters/close', (ask) => withReason(ask, (decider) => closeLetters(world, ask, decider))),
    viewer('/reprocess', (ask) => {
      const body = reprocessPage(world.sources, world.jobs.latest('reprocess'), world.now(), tokenOf(ask))
      return { kind: 'page', title: 'Reprocess', body }
    }),
    act('/reprocess/dry-run', (ask) => reprocess(world, ask, null)),
    act('/reprocess/apply', (ask) => withReason(ask, (decider) => reprocess(world, ask, decider))),
    viewer('/runs/:id', (ask) => run(world, ask)),
    viewer('/drift', (ask) => {
      const latest = world.jobs.latest('drift') as Job<DriftReport> | null
      return { kind: 'page', title: 'Drift', body: driftPage(latest, world.now(), tokenOf(ask)) }
    }),
    act('/drift', (ask) =>
      started(() => world.jobs.start('drift', 'Drift', nameOf(ask), (signal) => world.drift(signal))),
    ),
    viewer('/scorecard', (ask) => {
      const latest = world.jobs.latest('scorecard') as Job<Scorecard> | null
      return { kind: 'page', title: 'Scorecard', body: scorecardPage(latest, world.now(), tokenOf(ask)) }
    }),
    act('/scorecard', (ask) => scorecard(world, ask)),
    viewer('/audit', async ({ signal }) => {
      const report = await world.audit(signal)
      const acts = report.acts.toReversed().slice(0, ACTS_LISTED_MAX)
      const more = report.leftOut + report.acts.length - acts.length
      return { kind: 'page', title: 'Audit', body: auditPage({ ...report, acts }, more) }
    }),
    viewer('/tail', () => ({ kind: 'page', title: 'Live tail', body: tailPage(world.feed.recent) })),
    viewer('/live/changes', ({ query }) => liveChanges(world, query.get('payment'))),
    act('/bodies', (ask) => withReason(ask, (decider) => openBody(world, ask, decider))),
    ...signInRoutes(access),
  ]
}

/** The token for forms; null: this person may not act, so there are none. */
function tokenOf({ who, formToken }: Ask): string | null {
  return mayAct(who) ? formToken : null
}

function nameOf({ who }: Ask): string {
  return actorOf(who?.name ?? '')
}

function problem(status: number, title: string, detail: string): Reply {
  return { kind: 'page', status, title, body: problemPage(title, detail) }
}

async function withReason(ask: Ask, act: (decider: Decider) => Promise<Reply> | Reply): Promise<Reply> {
  const reason = reasonIn(ask.form)
  return reason === null
    ? problem(400, 'A reason is needed', 'Say why, in 1 to 500 characters: it goes into the audit trail.')
    : act({ by: nameOf(ask), reason })
}

/** Goes to the page of the run that was started, or of the one that is still running. */
function started(start: () => Job): Reply {
  try {
    return { kind: 'redirect', to: `/runs/${start().id}` }
  } catch (error) {
    if (!(error instanceof JobBusyError)) {
      throw error
    }
    return {
      kind: 'page',
      status: 409,
      title: 'Busy',
      body: html`${problemPage('Busy', error.message)}<p><a href="/runs/${error.job.id}">See how far it is</a></p>`,
    }
  }
}

async function find(world: ConsoleWorld, { query, signal }: Ask): Promise<Reply> {
  const text = (query.get('q') ?? '').trim()
  const offset = pageOf(query)?.offset ?? 0
  const result = text === '' ? null : await searchPayments(world, text, offset, 20, signal)
  const [only] = result?.payments ?? []
  if (only !== undefined && result?.payments.length === 1 && result.next === null && offset === 0) {
    return { kind: 'redirect', to: paymentPath(only.state.paymentKey) }
  }
  return { kind: 'page', title: 'Find', body: findPage(text, result, world.now()) }
}

async function payment(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const { query, signal } = ask
  const found = await loadAsked(world, ask)
  if (found === null) {
    return noPayment()
  }
  const { state, from } = found
  // What the form sends has no zone: it is UTC.
  const text = query.get('at') || null
  const at = timeOf(text) ?? timeOf(text === null ? null : `${text}Z`)
  if (text !== null && at === null) {
    return problem(400, 'Not a time', 'at must be a time such as 2026-03-01T08:00:00Z.')
  }
  const past = at === null ? null : { at, standing: await standingAt(world, state, at, signal) }
  const body = html`<div data-payment="${state.paymentKey}">${paymentPage({ state, from, past, now: world.now() })}</div>`
  return { kind: 'page', title: state.paymentKey, body }
}

function noPayment(): Reply {
  return problem(404, 'No such payment', 'There is no payment with this key, or it was forgotten.')
}

async function why(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const found = await loadAsked(world, ask)
  if (found === null) {
    return noPayment()
  }
  const { paymentKey } = found.state
  const part = whyPart(await world.explain(found.state, ask.signal), tokenOf(ask))
  const body = html`<div class="head"><h1>Why</h1><p class="lead"><a class="id" href="${paymentPath(paymentKey)}">${paymentKey}</a></p></div><div id="why-part">${part}</div>`
  return { kind: 'page', title: `Why ${paymentKey}`, body }
}

function overdue(world: ConsoleWorld, { query }: Ask): Reply {
  const { offset, limit } = pageOf(query) ?? { offset: 0, limit: 20 }
  const total = world.board.overdueCount
  const next = offset + limit < total ? String(offset + limit) : null
  return {
    kind: 'page',
    title: 'Overdue',
    body: overduePage(world.board.overdue(offset, limit), total, next, world.now()),
  }
}

async function letters(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const grouped = await world.listLetters(letterFilterOf(ask.query) ?? {}, ask.signal)
  return { kind: 'page', title: 'Dead letters', body: lettersPage(grouped, world.topics, world.now(), tokenOf(ask)) }
}

async function letterGroup(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const filter = letterFilterOf(ask.query)
  if (filter === null || Object.keys(filter).length === 0) {
    return problem(400, 'No group', 'Say which group: topic, provider, source, reason.')
  }
  const { count } = await world.listLetters(filter, ask.signal)
  return { kind: 'page', title: 'Dead letters', body: letterGroupPage(filter, count, world.topics, tokenOf(ask)) }
}

async function letter(world: ConsoleWorld, ask: Ask): Promise<Reply> {
  const place = toPlace(ask.params['place'] ?? '', world.topics)
  const shown = place === null ? null : await world.showLetter(place, ask.signal)
  return shown === null
    ? problem(404, 'No such dead letter', 'There is no dead letter at this place, or retention deleted it.')
    : { kind: 'page', title: 'Dead letter', body: letterPage(shown, world.topics, world.now(), tokenOf(ask)) }
}

/** The dead letters that a form selects. In forms the reason of the act has the name `reason`, that of the letters `cause`. */
function selectionOf(world: ConsoleWorld, form: URLSearchParams): Selection | string {
  const given = new URLSearchParams(form)
  given.delete('reason')
  const cause = form.get('cause')
  if (cause !== null) {
    given.set('reason', cause)
  }
  const filter = letterFilterOf(given)
  const place = form.get('place')
  return filter === null
    ? 'topic must be callbacks or events'
    : selectLetters(world.topics, place === null ? [] : [place], place === null ? filter : {}, false)
}

function redrive(world: ConsoleWorld, ask: Ask, decider: Decider | null): Reply {
  const selection = selectionOf(world, ask.form)
  if (typeof selection === 'string') {
    return problem(400, 'Nothing selected', `${selection}.`)
  }
  const title = decider === null ? 'Redrive: dry run' : 'Redrive'
  return started(() =>
    world.jobs.start<RedriveResult>('redrive', title, nameOf(ask), async (signal, tell) => {
      const letters = new Listing<RedriveResult['letters'][number]>()
      const absent: RedriveResult['absent'][number][] = []
      const report = await world.redrive(selection, {
        decider,
        again: false,
        signal,
        onLetter: (one) => {
          letters.add(one)
          tell(`${letters.listed.length + letters.more} dead letters`, null)
          return undefined
        },
        onAbsent: (one) => void absent.push(one),
      })
      return { letters: letters.listed, more: letters.more, absent, report, selection }
    }),
  )
}

async function closeLetters(world: ConsoleWorld, ask: Ask, decider: Decider): Promise<Reply> {
  const selection = selectionOf(world, ask.form)
  if (typeof selection === 'string') {
    return problem(400, 'Nothing selected', `${selection}.`)
  }
  return started(() =>
    world.jobs.start('close', 'Close dead letters', nameOf(ask), (signal) =>
      world.closeLetters(selection, { decider, signal, onAbsent: () => {} }),
    ),
  )
}

function scopeIn(form: URLSearchParams): ReprocessScope | string {
  switch (form.get('scope')) {
    case 'all':
      return { kind: 'all' }
    case 'since': {
      const since = timeOf(`${form.get('since') ?? ''}Z`)
      return since === null ? 'Say since when.' : { kind: 'time', since, until: null }
    }
    case 'source': {
      const source = form.get('source') ?? ''
      return source === '' ? 'Say which source.' : { kind: 'source', source }
    }
    case 'payment': {
      const wanted = (form.get('payment') ?? '').trim()
      return wanted === '' ? 'Say which payment.' : { kind: 'payment', payment: wanted }
    }
    default:
      return 'Say which payments.'
  }
}

function reprocess(world: ConsoleWorld, ask: Ask, decider: Decider | null): Reply {
  const scope = scopeIn(ask.form)
  if (typeof scope === 'string') {
    return problem(400, 'Nothing selected', scope)
  }
  const names = ['scope', 'since', 'source', 'payment']
  const fields = Object.fromEntries(names.map((name) => [name, ask.form.get(name) ?? '']))
  const title = decider === null ? 'Reprocess: dry run' : 'Reprocess'
  return started(() =>
    world.jobs.start<ReprocessResult>('reprocess', title, nameOf(ask), async (signal, tell) => {
      const payments = new Listing<ReprocessResult['payments'][number]>()
      const report = await world.reprocess(scope, {
        decider,
        signal,
        onPayment: (one) => payments.add(one),
        onProgress: (line) => tell(line, null),
      })
      return { payments: payments.listed, more: payments.more, report, fields }
    }),
  )
}

function scorecard(world: ConsoleWorld, ask: Ask): Reply {
  const hours = Number(ask.form.get('hours'))
  return Number.isInteger(hours) && hours >= 1 && hours <= 24 * 400
    ? started(() =>
        world.jobs.start('scorecard', 'Scorecard', nameOf(ask), (signal) =>
          world.scorecard(world.now() - hours * 3_600_000, signal),
        ),
      )
    : problem(400, 'Not a period', 'Say how many hours to look back.')
}

function run(world: ConsoleWorld, ask: Ask): Reply {
  const job = world.jobs.find(ask.params['id'] ?? '')
  return job === null
    ? problem(404, 'No such run', 'The console keeps the latest runs in memory; a restart forgets them.')
    : { kind: 'page', title: job.title, body: runPage(job, resultOf(world, job, tokenOf(ask)), world.now()) }
}

function resultOf(world: ConsoleWorld, { kind, result }: Job, token: string | null): Html | null {
  if (result === null) {
    return null
  }
  switch (kind) {
    case 'redrive':
      return redriveResult(result as RedriveResult, world.topics, token)
    case 'close':
      return html`<p>${(result as { closed: number }).closed} dead letters closed. <a href="/dead-letters">All dead letters</a></p>`
    case 'reprocess':
      return reprocessResult(result as ReprocessResult, token)
    case 'drift':
      return driftResult(result as DriftReport)
    case 'scorecard':
      return scorecardResult(result as Scorecard)
    default:
      return kind satisfies never
  }
}

/** Steps as they are read, as lines of HTML that were escaped here. */
function liveChanges(world: ConsoleWorld, paymentKey: string | null): Reply {
  return {
    kind: 'events',
    start: (send) =>
      world.feed.subscribe(({ change }) => {
        if (paymentKey === null || paymentKey === change.paymentKey) {
          send('change', { html: tailLine(change).text })
        }
      }),
  }
}

async function openBody(world: ConsoleWorld, ask: Ask, decider: Decider): Promise<Reply> {
  const place = bodyPlaceIn(ask.form)
  if (place === null) {
    return problem(400, 'No such place', 'Say which body: topic, partition and offset.')
  }
  const body = await world.openBody(place, decider, ask.signal)
  const { topic, partition, offset } = place
  const text =
    topic === 'raw'
      ? `${world.topics.raw}[${partition}]@${offset}`
      : placeText({ topic, partition, offset }, world.topics)
  return { kind: 'page', title: 'Body', body: bodyPage(text, body) }
}

function bodyPlaceIn(form: URLSearchParams): BodyPlace | null {
  const topic = (['raw', 'rawDeadLetters', 'eventDeadLetters'] as const).find((one) => one === form.get('topic'))
  const partition = form.get('partition') ?? ''
  const offset = form.get('offset') ?? ''
  return topic !== undefined && /^\d{1,6}$/.test(partition) && /^\d{1,18}$/.test(offset)
    ? { topic, partition: Number(partition), offset: BigInt(offset) }
    : null
}

function signInRoutes(access: ConsoleAccess): readonly Route[] {
  const ways = { tokens: access.hasTokens, oidc: access.oidc !== null }
  const page = (ask: Ask, failed: string | null): Reply => ({
    kind: 'page',
    status: failed === null ? 200 : 403,
    title: 'Sign in',
    body: signInPage(ways, nextIn(ask.form.get('next') ?? ask.query.get('next')), ask.formToken, failed),
  })
  return [
    {
      method: 'GET',
      path: '/sign-in',
      needs: 'nobody',
      handle: (ask) => (ask.who === null ? page(ask, null) : { kind: 'redirect', to: nextIn(ask.query.get('next')) }),
    },
    {
      method: 'POST',
      path: '/sign-in',
      needs: 'nobody',
      handle: (ask) => {
        const session = access.signInWithToken((ask.form.get('secret') ?? '').trim())
        return session === null
          ? page(ask, 'The token is not valid.')
          : { kind: 'redirect', to: nextIn(ask.form.get('next')), cookies: [{ name: SESSION_COOKIE, value: session }] }
      },
    },
    {
      method: 'POST',
      path: '/sign-in/oidc',
      needs: 'nobody',
      handle: async (ask) => {
        const { oidc } = access
        return oidc === null
          ? page(ask, 'OpenID Connect is not configured.')
          : { kind: 'redirect', to: await oidc.begin(ask.browser, nextIn(ask.form.get('next'))) }
      },
    },
    {
      method: 'GET',
      path: '/sign-in/callback',
      needs: 'nobody',
      handle: async (ask) => {
        const { oidc } = access
        const answer = ask.path.slice(ask.path.indexOf('?'))
        const found = oidc === null ? 'refused' : await oidc.finish(answer, ask.browser)
        if (typeof found === 'string') {
          return page(
            ask,
            found === 'no-role'
              ? 'You are signed in, but have neither the role viewer nor operator.'
              : 'The sign-in was refused, took too long, or was begun in another browser. Try again.',
          )
        }
        const cookies = [{ name: SESSION_COOKIE, value: access.sessions.open(found.who) }]
        return { kind: 'redirect', to: found.next, cookies }
      },
    },
    {
      method: 'POST',
      path: '/sign-out',
      needs: 'nobody',
      handle: ({ session }) => {
        access.sessions.close(session ?? '')
        return { kind: 'redirect', to: '/sign-in', cookies: [{ name: SESSION_COOKIE, value: '' }] }
      },
    },
  ]
}

/** A path of this console, never another site: `//host`, and what browsers read as that, is none. */
function nextIn(text: string | null): string {
  return text !== null && /^\/(?!\/)[\x21-\x7e]*$/.test(text) && !text.includes('\\') ? text : '/'
}
