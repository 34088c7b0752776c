import { expect, test } from 'vitest'
import { overviewPage } from '../../../src/console/pages/overview-page.ts'
import type { ConsoleWorld } from '../../../src/console/world.ts'
import { fakeWorld, NOW } from '../fake-world.ts'

const verdictOf = (world: ConsoleWorld) =>
  /<section id="verdict".*?<\/section>/s.exec(overviewPage(world).text)?.[0].replaceAll(/<(?!\/?a\b)[^>]*>/g, '') ?? ''

const firing =
  (name: string, severity: string, summary: string, instance: string | null = null) =>
  () => ({
    at: NOW,
    trouble: null,
    value: [{ name, severity, summary, instance, since: NOW - 95_000 }],
  })
const NOTHING = { value: [], at: NOW, trouble: null }
/** Everything is well and read. */
const wellWorld = (): ConsoleWorld => ({
  ...fakeWorld(),
  alerts: () => NOTHING,
  processes: () => NOTHING,
  openLetters: () => NOTHING,
  lag: () => NOTHING,
})

test('the server that is the cause is shown first, once, with who reports it; then alerts with their runbooks', () => {
  const away = 'redis: no answer within 1000 ms'
  const processes = ['http://p1:9090', 'http://p2:9090'].map((url) => ({
    url,
    ready: false,
    reasons: ['processor: 3 of 3 partitions are not processing', away],
  }))
  const verdict = verdictOf({ ...fakeWorld(), processes: () => ({ value: processes, at: NOW, trouble: null }) })
  expect(verdict).toContain('Redis: no answer within 1000 ms. Reported by p1:9090, p2:9090. <a href="/runbooks/')
  expect(verdict.split('no answer within 1000 ms')).toHaveLength(2)
  expect(verdict).toContain('Statuses are late: the oldest record')
  expect(verdict).toContain('Alert since 2026-03-01 11:58:25 UTC (1 min 35 s ago).')
  expect(verdict).toContain('<a href="/runbooks/PaystatusStatusesLate">Runbook: PaystatusStatusesLate</a>')
  expect(verdict).toContain('Effect: Callbacks are accepted. Statuses are published late.')
  expect(verdict).toContain('Urgency: Act now.')
  const order = ['Redis: no answer', 'Statuses are late', 'p1:9090: processor: 3 of 3', 'dead letters']
  const places = order.map((text) => verdict.indexOf(text))
  expect(places).toEqual(places.toSorted((x, y) => x - y))
  expect(places).not.toContain(-1)
})

test('a stage whose records are not visible yet is behind by an unknown time', () => {
  const world = fakeWorld()
  const value = (world.lag().value ?? []).map((lag) => ({ ...lag, ageMs: lag.records > 0n ? null : 0 }))
  const hidden = { ...world, alerts: () => NOTHING, lag: () => ({ ...world.lag(), value }) }
  expect(verdictOf(hidden)).toContain('The processor is behind by an unknown time: 42 records are waiting.')
  expect(overviewPage(hidden).text).toMatch(
    /Unknown<\/p>\n.*normalizer: up to date.*processor: 42 records waiting, not visible yet/,
  )
})

test('what the console sees itself has a runbook, too', () => {
  const world = fakeWorld()
  const down = { url: 'http://gateway:9090', ready: null, reasons: ['does not answer (ECONNREFUSED)'] }
  const verdict = verdictOf({
    ...world,
    processes: () => ({ value: [down], at: NOW, trouble: null }),
    lag: () => ({ ...world.lag(), trouble: 'no leader' }),
  })
  expect(verdict).toContain('gateway:9090: does not answer (ECONNREFUSED). <a href="/runbooks/PaystatusProcessDown">')
  expect(verdict).toContain('Kafka cannot be read: no leader. Reported by this console.')
  expect(verdict).toContain('<a href="/dead-letters">3 dead letters</a> need a decision.')
  expect(verdict).toContain('<a href="/runbooks/PaystatusDeadLetters">Runbook: PaystatusDeadLetters</a>')
})

test('what a firing alert says is not said again', () => {
  const world = { ...fakeWorld(), processes: () => NOTHING }
  expect(verdictOf(world)).not.toContain('The processor is 1 min 35 s behind')
  expect(verdictOf({ ...world, alerts: () => NOTHING })).toContain(
    'The processor is 1 min 35 s behind: 42 records are waiting.',
  )
  const down = { url: 'http://gateway:9090/gateway', ready: null, reasons: ['does not answer (ECONNREFUSED)'] }
  const processes = () => ({ value: [down], at: NOW, trouble: null })
  const alerts = firing('PaystatusProcessDown', 'warning', 'gateway:9090 does not answer.', 'gateway:9090')
  expect(verdictOf({ ...wellWorld(), processes, alerts })).not.toContain('ECONNREFUSED')
  const other = firing('PaystatusProcessDown', 'warning', 'gateway:90 does not answer.', 'gateway:90')
  expect(verdictOf({ ...wellWorld(), processes, alerts: other })).toContain('ECONNREFUSED')
})

test.each([
  ['critical', 'verdict trouble', '1 thing needs attention', 'mark bad'],
  ['warning', 'verdict warned', '1 thing needs attention', 'mark wait'],
  ['info', 'verdict fine', 'Everything is running; 1 thing to look at when convenient', 'mark plain'],
])('an alert that is %s looks like it', (severity, verdict, heading, mark) => {
  const page = overviewPage({ ...wellWorld(), alerts: firing('PaystatusX', severity, 'So it is.') }).text
  expect(page).toContain(`class="${verdict}"`)
  expect(page).toContain(`<h2>${heading}</h2>`)
  expect(page).toContain(`<span class="${mark}">${severity}</span>`)
})

test('says when the alerts are not read, cannot be read, or are none', () => {
  expect(verdictOf({ ...fakeWorld(), alerts: () => null })).toContain('console.prometheus is not set')
  const failed = { value: null, at: NOW - 60_000, trouble: 'connect ECONNREFUSED' }
  expect(verdictOf({ ...fakeWorld(), alerts: () => failed })).toContain(
    'The alerts cannot be read from Prometheus (connect ECONNREFUSED). Last read 1 min ago.',
  )
  const none = { value: [], at: NOW - 2_000, trouble: null }
  expect(verdictOf({ ...fakeWorld(), alerts: () => none })).toContain('Alerts from Prometheus, read 2 s ago')
})

test('how far behind the stages are is not shown from before Kafka stopped answering', () => {
  const world = fakeWorld()
  const shown = (trouble: string | null) => overviewPage({ ...world, lag: () => ({ ...world.lag(), trouble }) }).text
  expect(shown(null)).toContain('the oldest 1 min 35 s old')
  expect(shown('no leader')).not.toContain('waiting, the oldest')
  expect(shown('no leader')).toContain('<p class="figure">Unknown</p>')
})

test('how many dead letters are open is unknown while they cannot be counted', () => {
  const world = wellWorld()
  const openLetters = () => ({ value: [], at: NOW - 60_000, trouble: 'no leader' })
  const card = /<section class="card" id="letters".*?<\/section>/s
  const [shown] = card.exec(overviewPage({ ...world, openLetters }).text) ?? []
  expect(shown).toContain('<p class="figure">Unknown</p>')
  expect(shown).toContain('last counted 1 min ago')
  expect(shown).not.toContain('none is open')
  expect(card.exec(overviewPage(world).text)?.[0]).toContain('none is open')
})
