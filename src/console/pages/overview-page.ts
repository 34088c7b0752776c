import { oldestMs, recordsLeft } from '../../tools/lag.ts'
import type { ActivityPoint } from '../activity.ts'
import { type Html, html } from '../html.ts'
import type { ConsoleWorld } from '../world.ts'
import { ago, counted, countText, moment, pageHead, spanText, statusMark, table } from './parts.ts'

type Overviewed = Pick<
  ConsoleWorld,
  'activity' | 'alerts' | 'board' | 'feed' | 'lag' | 'now' | 'openLetters' | 'processes' | 'sources'
>

/** A lag below this is normal, ms. */
const LAG_FINE_MS = 10_000

/** Is everything all right, since when not, and where to look. Uses what is in memory only. */
export function overviewPage(world: Overviewed): Html {
  const alerts = alertsOf(world)
  const problems = [...alerts, ...problemsOf(world)]
  return html`${pageHead('Overview')}
<section id="verdict" class="verdict ${problems.length === 0 ? 'fine' : 'trouble'}" data-part="verdict" aria-label="State">
<h2>${problems.length === 0 ? 'Everything is running' : `${counted(problems.length, 'thing needs', 'things need')} attention`}</h2>
${problems.length > 0 && html`<ul>${problems.map((problem) => html`<li>${problem}</li>`)}</ul>`}
${alertsNote(world)}
</section>
<div class="cards" id="cards" data-part="cards">
${flowCard('Callbacks in', world.activity.points, 'raw')}
${flowCard('Statuses out', world.activity.points, 'changes')}
${lagCard(world)}
</div>
<div class="columns">
<section class="card" id="statuses" data-part="statuses"><h2>Payments</h2>
<p class="figure">${countText(world.board.payments)}</p>
${loadingNote(world)}
${bars(world)}
<p><a href="/overdue">${counted(world.board.overdueCount, 'payment')} overdue</a>, ${countText(world.board.withAttention)} with an attention code</p></section>
<section class="card" id="letters" data-part="letters"><h2>Dead letters</h2>${letters(world)}</section>
</div>
<section id="sources" data-part="sources"><h2>Sources</h2>${sources(world)}</section>
<section id="processes" data-part="processes"><h2>Processes</h2>${processes(world)}</section>`
}

/** What Prometheus says, each with its runbook. */
function alertsOf({ alerts, now }: Overviewed): readonly Html[] {
  return (alerts()?.value ?? []).map(
    ({ name, severity, summary, since }) =>
      html`<span class="mark ${severity === 'critical' ? 'bad' : 'wait'}">${severity}</span> <strong>${summary}</strong> For ${spanText(now() - since)}, since ${moment(since)}. <a href="/runbooks/${name}">What to do: ${name}</a>`,
  )
}

function alertsNote({ alerts, now }: Overviewed): Html {
  const reading = alerts()
  if (reading === null) {
    return html`<p class="muted">Alerts are not shown: <code>console.prometheus</code> is not set.</p>`
  }
  const { at, trouble } = reading
  const age = at === null ? 'not read yet' : `as of ${ago(at, now())}`
  return trouble === null
    ? html`<p class="muted">Alerts of Prometheus: ${age}</p>`
    : html`<p class="note">The alerts of Prometheus cannot be read (${trouble}); ${age}.</p>`
}

function todo(alert: string): Html {
  return html` <a href="/runbooks/${alert}">What to do</a>`
}

function problemsOf(world: Overviewed): readonly Html[] {
  const { value: lags, trouble } = world.lag()
  const stages = ['normalizer', 'processor'] as const
  const late = stages.filter((stage) => lags !== null && oldestMs(lags, stage) > LAG_FINE_MS)
  const stopped = (world.processes().value ?? []).filter(({ ready }) => ready !== true)
  const open = (world.openLetters().value ?? []).reduce((sum, [, , count]) => sum + count, 0)
  return [
    ...stopped.flatMap(({ url, ready, reasons }) =>
      reasons.length === 0
        ? [html`<strong>${processName(url)}</strong> is not ready`]
        : reasons.map(
            (reason) =>
              html`<strong>${processName(url)}</strong>: ${reason}.${ready === null && todo('PaystatusProcessDown')}`,
          ),
    ),
    ...(trouble === null ? [] : [html`Kafka cannot be read: ${trouble}.${todo('PaystatusCallbacksFailing')}`]),
    ...late.map(
      (stage) =>
        html`The ${stage} is ${spanText(oldestMs(lags ?? [], stage))} behind, with ${counted(recordsLeft(lags ?? [], stage), 'record')} left.${todo('PaystatusStatusesLate')}`,
    ),
    ...(open === 0
      ? []
      : [
          html`<a href="/dead-letters">${counted(open, 'dead letter waits', 'dead letters wait')}</a> for a decision.${todo('PaystatusDeadLetters')}`,
        ]),
    ...(world.board.overdueCount === 0
      ? []
      : [
          html`<a href="/overdue">${counted(world.board.overdueCount, 'payment is', 'payments are')} overdue</a>.${todo('PaystatusPaymentsOverdue')}`,
        ]),
  ]
}

function flowCard(title: string, points: readonly ActivityPoint[], of: 'raw' | 'changes'): Html {
  const last = points.at(-1)
  const sum = points.reduce((total, point) => total + point[of], 0)
  return html`<section class="card"><h2>${title}</h2>
<p class="figure">${countText(sum)}<span class="unit"> in the last hour</span></p>
${plot(points, of, title)}
<p class="muted">${last === undefined ? 'not read yet' : `${countText(last[of])} in the last ${spanText(last.to - last.from)}`}</p></section>`
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
  const worst = Math.max(oldestMs(value, 'normalizer'), oldestMs(value, 'processor'))
  return html`<section class="card"><h2>Behind</h2>
<p class="figure">${worst === 0 ? 'Nothing' : spanText(worst)}</p>
<ul class="plain-list">${(['normalizer', 'processor'] as const).map((stage) => {
    const left = recordsLeft(value, stage)
    return html`<li>${stage}: ${left === 0n ? 'nothing left' : `${counted(left, 'record')}, the oldest for ${spanText(oldestMs(value, stage))}`}</li>`
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

function letters({ openLetters }: Overviewed): Html {
  const { value, trouble } = openLetters()
  if (value === null) {
    return html`<p class="muted">${trouble ?? 'not counted yet'}</p>`
  }
  const open = value.reduce((sum, [, , count]) => sum + count, 0)
  return html`<p class="figure">${countText(open)}</p>
${
  open === 0
    ? html`<p class="muted">none waits</p>`
    : html`<ul class="plain-list">${value.map(
        ([topic, reason, count]) =>
          html`<li><a href="/dead-letters">${reason}</a> ${countText(count)} <span class="muted">${topic}</span></li>`,
      )}</ul>`
}${trouble !== null && html`<p class="note">${trouble}</p>`}`
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
      last === undefined ? 'none recorded' : ago(last.lastReceivedAt, world.now()),
    ]
  })
  return table(
    'Sources and their last callback',
    [{ name: 'Source' }, { name: 'Provider' }, { name: 'Last callback that was recorded' }],
    rows,
  )
}

function processes({ processes: read, now }: Overviewed): Html {
  const { value, at } = read()
  const rows = (value ?? []).map(({ url, ready, reasons }) => [
    processName(url),
    html`<span class="mark ${ready === true ? 'good' : 'bad'}">${ready === null ? 'no answer' : ready ? 'ready' : 'not ready'}</span>`,
    reasons.join('; '),
  ])
  return html`${table('Processes', [{ name: 'Process' }, { name: 'State' }, { name: 'What is missing', kind: 'wide' }], rows)}
<p class="muted">${at === null ? 'not asked yet' : `asked ${ago(at, now())}`}; <code>console.watch</code> names the other processes</p>`
}

/** The address of its admin port without the scheme. */
function processName(url: string): string {
  return url.replace(/^http:\/\//, '').replace(/\/$/, '')
}
