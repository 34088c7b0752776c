import { READING_STAGES } from '../../observability/metric-table.ts'
import type { ReadingStage } from '../../observability/metrics.ts'
import { ageText, hasHidden, oldestMs, type PartitionLag, recordsLeft } from '../../tools/lag.ts'
import type { ActivityPoint } from '../activity.ts'
import { type Html, html } from '../html.ts'
import type { ConsoleWorld, Reading } from '../world.ts'
import { ago, counted, countText, moment, pageHead, spanText, statusMark, table } from './parts.ts'
import { runbookSummary } from './runbook-page.ts'

type Overviewed = Pick<
  ConsoleWorld,
  | 'activity'
  | 'alerts'
  | 'board'
  | 'feed'
  | 'lag'
  | 'members'
  | 'now'
  | 'openLetters'
  | 'processes'
  | 'runbook'
  | 'sources'
>

/** A lag below this is normal, ms. */
const LAG_FINE_MS = 10_000
/** A reading older than this says nothing about now, ms. */
const READING_MS_MAX = 60_000

/** As severities of alerts are: info is read when convenient. */
type Level = 'critical' | 'warning' | 'info'
interface Problem {
  readonly level: Level
  readonly text: Html
}

/** Is everything all right, since when not, and where to look. Uses what is in memory only. */
export function overviewPage(world: Overviewed): Html {
  const problems = [...causes(world), ...alertsOf(world), ...consequences(world)]
  const unknowns = unknownsOf(world)
  return html`${pageHead('Overview')}
<section id="verdict" class="verdict ${verdictClass(problems, unknowns)}" data-part="verdict" aria-label="State">
<h2>${verdictText(problems, unknowns, seesOthers(world))}</h2>
${problems.length > 0 && html`<ul>${problems.map(({ text }) => html`<li>${text}</li>`)}</ul>`}
${unknowns.length > 0 && html`<p class="note">Not known: ${unknowns.join(', ')}.</p>`}
${alertsNote(world)}
</section>
<div class="cards" id="cards" data-part="cards">
${flowCard('Callbacks accepted', world.activity, 'raw')}
${flowCard('Statuses published', world.activity, 'changes')}
${lagCard(world)}
</div>
<div class="columns">
<section class="card" id="statuses" data-part="statuses"><h2>Payments</h2>
<p class="figure">${countText(world.board.payments)}</p>
${loadingNote(world)}
${bars(world)}
<p><a href="/overdue">${counted(world.board.overdueCount, 'payment')} overdue</a>, ${countText(world.board.withAttention)} with an attention code (something that a person should look at; the page of the payment says what)</p></section>
<section class="card" id="letters" data-part="letters"><h2>Dead letters</h2>${letters(world)}</section>
</div>
<section id="sources" data-part="sources"><h2>Sources</h2>${sources(world)}</section>
<section id="processes" data-part="processes"><h2>Processes</h2>${processes(world)}</section>`
}

function verdictClass(problems: readonly Problem[], unknowns: readonly string[]): string {
  const has = (wanted: Level) => problems.some(({ level }) => level === wanted)
  return has('critical') ? 'trouble' : has('warning') || unknowns.length > 0 ? 'warned' : 'fine'
}

function verdictText(problems: readonly Problem[], unknowns: readonly string[], seesOthers: boolean): string {
  if (problems.some(({ level }) => level !== 'info')) {
    return counted(problems.length, 'thing needs attention', 'things need attention')
  }
  if (unknowns.length > 0) {
    return 'Not everything is known'
  }
  const running = seesOthers ? 'Everything is running' : 'Everything that is watched is running'
  return problems.length === 0 ? running : `${running}; ${counted(problems.length, 'thing')} to look at when convenient`
}

/** Whether another process than this one is asked for its state. */
function seesOthers({ processes }: Overviewed): boolean {
  return (processes().value ?? []).length > 1
}

/** What the page would need to know to say that everything is running. */
function unknownsOf({ feed, lag, members, processes, openLetters, alerts, now }: Overviewed): readonly string[] {
  const isKnown = ({ value, at, trouble }: Reading<unknown>) =>
    value !== null && trouble === null && at !== null && now() - at <= READING_MS_MAX
  const { phase, trouble } = feed.progress
  const known: readonly (readonly [what: string, isKnown: boolean])[] = [
    ['whether the stages are running', isKnown(members())],
    ['how far the stages are behind', isKnown(lag())],
    ['the state of the processes', isKnown(processes())],
    ['how many dead letters are open', isKnown(openLetters())],
    ['which payments are overdue', phase === 'following' && trouble === null],
    ['which alerts fire', isKnown(alerts() ?? { value: [], at: now(), trouble: null })],
  ]
  return known.filter(([, is]) => !is).map(([what]) => what)
}

/** Components of `/health/ready` that are other servers. What they cause is reported, too. */
const SERVERS = { kafka: 'Kafka', redis: 'Redis', schemas: 'Schema registry' } as const

/** Servers that paystatus needs and that do not answer as they should: everything else can follow from them. */
function causes(world: Overviewed): readonly Problem[] {
  const { trouble } = world.lag()
  const processes = world.processes().value ?? []
  return Object.entries(SERVERS).flatMap(([component, server]) => {
    const prefix = `${component}: `
    const reporting = processes.filter(({ reasons }) => reasons.some((reason) => reason.startsWith(prefix)))
    const seen = component === 'kafka' && trouble !== null ? `Kafka cannot be read: ${trouble}` : null
    const reason = reporting[0]?.reasons.find((one) => one.startsWith(prefix))?.slice(prefix.length) ?? seen
    if (reason === null) {
      return []
    }
    const by = [...reporting.map(({ url }) => processName(url)), ...(seen === null ? [] : ['this console'])]
    const alert = component === 'kafka' ? 'PaystatusCallbacksFailing' : 'PaystatusStatusesLate'
    const text = html`<strong>${reason.startsWith(server) ? '' : `${server}: `}${reason}.</strong> Reported by ${by.join(', ')}.${runbookLink(alert)}`
    return [{ level: 'critical', text }]
  })
}

function isServer(reason: string): boolean {
  return Object.keys(SERVERS).some((component) => reason.startsWith(`${component}: `))
}

/** What Prometheus says, each with its runbook, and the effect and urgency that it names. */
function alertsOf({ alerts, now, runbook }: Overviewed): readonly Problem[] {
  return (alerts()?.value ?? []).map(({ name, severity, summary, since }) => {
    const level = severity === 'critical' || severity === 'info' ? severity : 'warning'
    const tone = { critical: 'bad', warning: 'wait', info: 'plain' }[level]
    const text = html`<span class="mark ${tone}">${severity}</span> <strong>${summary}</strong> Alert since ${moment(since)} (${ago(since, now())}).${runbookLink(name)}${runbookSummary(runbook(name) ?? '')}`
    return { level, text }
  })
}

function alertsNote({ alerts, now }: Overviewed): Html {
  const reading = alerts()
  if (reading === null) {
    return html`<p class="muted">Alerts are not shown: <code>console.prometheus</code> is not set.</p>`
  }
  const { at, trouble } = reading
  const age = at === null ? 'not read yet' : `read ${ago(at, now())}`
  return trouble === null
    ? html`<p class="muted">Alerts from Prometheus, ${age}</p>`
    : html`<p class="note">The alerts cannot be read from Prometheus (${trouble}). Last ${age}.</p>`
}

function runbookLink(alert: string): Html {
  return html` <a href="/runbooks/${alert}">Runbook: ${alert}</a>`
}

/** What the console sees itself, without what a firing alert says already. */
function consequences(world: Overviewed): readonly Problem[] {
  const firing = world.alerts()?.value ?? []
  const { value: lags, trouble } = world.lag()
  const known = trouble === null ? (lags ?? []) : []
  const late = READING_STAGES.filter((stage) => hasHidden(known, stage) || (oldestMs(known, stage) ?? 0) > LAG_FINE_MS)
  const members = world.members()
  const absent = READING_STAGES.filter((stage) => members.trouble === null && members.value?.[stage] === 0)
  const stopped = (world.processes().value ?? []).filter(
    ({ url, ready }) => ready !== true && !(ready === null && isReportedDown(url, world)),
  )
  const open = openCount(world) ?? 0
  const { overdueCount } = world.board
  const unlessFiring = (
    alert: string,
    text: Html,
    { level = 'warning', stage }: { readonly level?: Level; readonly stage?: ReadingStage } = {},
  ): readonly Problem[] =>
    firing.some((one) => one.name === alert && (stage === undefined || one.stage === null || one.stage === stage))
      ? []
      : [{ level, text: html`${text}${runbookLink(alert)}` }]
  return [
    ...absent.flatMap((stage) =>
      unlessFiring(
        'PaystatusStageDown',
        html`No ${stage} is running: it was not started, or it stopped with an error.`,
        { level: 'critical', stage },
      ),
    ),
    ...stopped.flatMap(({ url, ready, reasons }): readonly Problem[] => {
      const own = reasons.filter((reason) => !isServer(reason))
      const what = own.length > 0 ? own.join('; ') : reasons.length === 0 ? 'not ready' : null
      return what === null
        ? []
        : [
            {
              level: 'critical',
              text: html`<strong>${processName(url)}</strong>: ${what}.${ready === null && runbookLink('PaystatusProcessDown')}`,
            },
          ]
    }),
    ...late.flatMap((stage) => unlessFiring('PaystatusStatusesLate', html`${behindText(known, stage)}`, { stage })),
    ...(open > 0
      ? unlessFiring(
          'PaystatusDeadLetters',
          html`<a href="/dead-letters">${counted(open, 'dead letter')}</a> ${open === 1 ? 'needs' : 'need'} a decision.`,
        )
      : []),
    ...(overdueCount > 0
      ? unlessFiring(
          'PaystatusPaymentsOverdue',
          html`<a href="/overdue">${counted(overdueCount, 'payment is', 'payments are')} overdue</a>.`,
        )
      : []),
  ]
}

function behindText(lags: readonly PartitionLag[], stage: ReadingStage): string {
  return `The ${stage} is behind: ${counted(recordsLeft(lags, stage), 'record')} waiting, ${ageText(lags, stage, spanText)}.`
}

/** Whether a firing alert names this process, by the address that Prometheus scrapes. */
function isReportedDown(url: string, { alerts }: Overviewed): boolean {
  const [host = ''] = processName(url).split('/')
  return (alerts()?.value ?? []).some(({ name, instance }) => name === 'PaystatusProcessDown' && instance === host)
}

/** Null while it is not known. */
function openCount({ openLetters }: Pick<Overviewed, 'openLetters'>): number | null {
  const { value, trouble } = openLetters()
  return value === null || trouble !== null ? null : value.reduce((sum, [, , count]) => sum + count, 0)
}

function flowCard(title: string, { points, trouble }: Overviewed['activity'], of: 'raw' | 'changes'): Html {
  const last = points.at(-1)
  const sum = points.reduce((total, point) => total + point[of], 0)
  return html`<section class="card"><h2>${title}</h2>
<p class="figure">${countText(sum)}<span class="unit"> in the last hour</span></p>
${plot(points, of, title)}
<p class="muted">${last === undefined ? 'not read yet' : `${countText(last[of])} in the last bar, of ${spanText(last.to - last.from)}`}</p>${trouble !== null && html`<p class="note">not up to date: ${trouble}</p>`}</section>`
}

const PLOT = { width: 320, height: 64, gap: 2 }

/** Bars over time, without a script or a style of its own. */
function plot(points: readonly ActivityPoint[], of: 'raw' | 'changes', title: string): Html | null {
  const [first] = points
  const end = points.at(-1)?.to ?? 0
  if (first === undefined || end <= first.from) {
    return null
  }
  const rates = points.map((point) => point[of] / Math.max(1, point.to - point.from))
  const most = Math.max(...rates)
  const x = (at: number) => ((at - first.from) / (end - first.from)) * PLOT.width
  return html`<svg class="plot" viewBox="0 0 ${PLOT.width} ${PLOT.height}" role="img" preserveAspectRatio="none" aria-label="${title}, per two minutes of the last hour">
${points.map(({ from, to }, index) => {
  const height = most === 0 ? 1 : Math.max(1, ((rates[index] ?? 0) / most) * PLOT.height)
  const width = Math.max(1, x(to) - x(from) - PLOT.gap)
  return html`<rect x="${x(from).toFixed(1)}" y="${(PLOT.height - height).toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" rx="1.5"/>`
})}</svg>`
}

function lagCard({ lag, now }: Overviewed): Html {
  const { value, at, trouble } = lag()
  if (value === null) {
    return html`<section class="card"><h2>Behind</h2><p class="muted">${trouble ?? 'not read yet'}</p></section>`
  }
  if (trouble !== null) {
    return html`<section class="card"><h2>Behind</h2><p class="figure">Unknown</p>
<p class="note">${trouble}</p><p class="muted">last read ${at === null ? '' : ago(at, now())}</p></section>`
  }
  const worst = Math.max(...READING_STAGES.map((stage) => oldestMs(value, stage) ?? Number.POSITIVE_INFINITY))
  return html`<section class="card"><h2>Behind</h2>
<p class="figure">${worst === Number.POSITIVE_INFINITY ? 'Unknown' : worst === 0 ? 'Up to date' : spanText(worst)}</p>
<ul class="plain-list">${READING_STAGES.map((stage) => {
    const records = recordsLeft(value, stage)
    return html`<li>${stage}: ${records === 0n ? 'up to date' : `${counted(records, 'record')} waiting, ${ageText(value, stage, spanText)}`}</li>`
  })}</ul>
<p class="muted">read ${at === null ? '' : ago(at, now())}</p></section>`
}

function loadingNote({ feed: { progress } }: Overviewed): Html | null {
  const { phase, read, trouble } = progress
  if (phase === 'following' && trouble === null) {
    return null
  }
  const text =
    phase === 'loading' ? `still reading payments.status.current: ${Math.round(read * 100)} %` : 'not up to date'
  return html`<p class="note">${text}${trouble !== null && `: ${trouble}`}</p>`
}

function bars({ board }: Overviewed): Html {
  const most = Math.max(1, ...board.statuses.map(([, count]) => count))
  return html`<ul class="bars">${board.statuses.map(
    ([status, count]) =>
      html`<li>${statusMark(status)}<meter min="0" max="${most}" value="${count}" aria-label="${status}">${count}</meter><span class="number">${countText(count)}</span></li>`,
  )}</ul>`
}

function letters(world: Overviewed): Html {
  const { value, at, trouble } = world.openLetters()
  const open = openCount(world)
  if (value === null) {
    return html`<p class="muted">${trouble ?? 'not counted yet'}</p>`
  }
  if (open === null) {
    return html`<p class="figure">Unknown</p>
<p class="note">${trouble}</p><p class="muted">last counted ${at === null ? '' : ago(at, world.now())}</p>`
  }
  return html`<p class="figure">${countText(open)}</p>
${
  open === 0
    ? html`<p class="muted">none is open</p>`
    : html`<ul class="plain-list">${value.map(
        ([topic, reason, count]) =>
          html`<li><a href="/dead-letters">${reason}</a> ${countText(count)} <span class="muted">${topic}</span></li>`,
      )}</ul>`
}`
}

function sources(world: Overviewed): Html {
  const known = new Map(world.board.sources.map((source) => [source.source, source]))
  const names = [...new Set([...world.sources, ...known.keys()])]
  const rows = names.map((name) => {
    const last = known.get(name)
    const configured = world.sources.includes(name)
    return [
      html`${name}${!configured && html` <span class="muted">not configured here</span>`}`,
      last?.provider ?? '',
      last === undefined ? 'none published' : ago(last.lastReceivedAt, world.now()),
    ]
  })
  return html`${table(
    'Sources and their last callback',
    [{ name: 'Source' }, { name: 'Provider' }, { name: 'Last callback with a published status' }],
    rows,
  )}
<p class="muted">When the gateway received it. A callback counts once its status is published, so these ages also grow while a stage, Redis or Kafka stands still.</p>`
}

function processes({ processes: read, now }: Overviewed): Html {
  const { value, at } = read()
  const rows = (value ?? []).map(({ url, ready, reasons }) => [
    processName(url),
    html`<span class="mark ${ready === true ? 'good' : 'bad'}">${ready === null ? 'no answer' : ready ? 'ready' : 'not ready'}</span>`,
    reasons.join('; '),
  ])
  return html`${table('Processes', [{ name: 'Process' }, { name: 'State' }, { name: 'What is missing', kind: 'wide' }], rows)}
<p class="muted">${at === null ? 'not asked yet' : `asked ${ago(at, now())}`}${rows.length === 1 && html`; <code>console.watch</code> names none but this one`}</p>`
}

/** The address of its admin port without the scheme. */
function processName(url: string): string {
  return url.replace(/^http:\/\//, '').replace(/\/$/, '')
}
