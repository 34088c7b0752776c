import { describe, expect, test } from 'vitest'
import { overviewPage } from '../../../src/console/pages/overview-page.ts'
import type { ConsoleWorld } from '../../../src/console/world.ts'
import { fakeWorld, NOW } from '../fake-world.ts'

const verdictOf = (world: ConsoleWorld) =>
  /<section id="verdict".*?<\/section>/s.exec(overviewPage(world).text)?.[0].replaceAll(/<(?!\/?a\b)[^>]*>/g, '') ?? ''

const firing =
  (name: string, severity: string, summary: string, instance: string | null = null, stage: string | null = null) =>
  () => ({
    at: NOW,
    trouble: null,
    value: [{ name, severity, summary, instance, stage, since: NOW - 95_000 }],
  })
const NOTHING = { value: [], at: NOW, trouble: null }
const NOT_READ = { value: null, at: null, trouble: null }
const HERE = { url: 'this process', ready: true, reasons: [] }
/** Everything is well and read. */
const wellWorld = (): ConsoleWorld => ({
  ...fakeWorld(),
  alerts: () => NOTHING,
  processes: () => ({ ...NOTHING, value: [HERE, { ...HERE, url: 'http://gateway:9090' }] }),
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
  expect(verdictOf(world)).not.toContain('The processor is behind')
  expect(verdictOf({ ...world, alerts: () => NOTHING })).toContain(
    'The processor is behind: 42 records waiting, the oldest 1 min 35 s old.',
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

const headingOf = (world: ConsoleWorld) => /<h2>(.*?)<\/h2>/.exec(overviewPage(world).text)?.[1]
const classOf = (world: ConsoleWorld) => /class="verdict (\w+)"/.exec(overviewPage(world).text)?.[1]

describe('while something is not known, the page does not say that everything is running', () => {
  const feedOf = (progress: Partial<ConsoleWorld['feed']['progress']>) => ({
    ...fakeWorld().feed,
    progress: { phase: 'following' as const, read: 1, trouble: null, ...progress },
  })
  const OLD = NOW - 61_000
  test.each<[string, Partial<ConsoleWorld>, string]>([
    ['lag', { lag: () => NOT_READ }, 'how far the stages are behind'],
    ['members', { members: () => NOT_READ }, 'whether the stages are running'],
    [
      'members that cannot be read',
      { members: () => ({ ...NOT_READ, trouble: 'no leader' }) },
      'whether the stages are running',
    ],
    ['processes', { processes: () => NOT_READ }, 'the state of the processes'],
    ['dead letters', { openLetters: () => NOT_READ }, 'how many dead letters are open'],
    [
      'dead letters that cannot be counted',
      { openLetters: () => ({ ...NOTHING, trouble: 'no leader' }) },
      'how many dead letters are open',
    ],
    ['payments', { feed: feedOf({ phase: 'loading', read: 0.5 }) }, 'which payments are overdue'],
    ['payments that cannot be read', { feed: feedOf({ trouble: 'no leader' }) }, 'which payments are overdue'],
    ['alerts', { alerts: () => NOT_READ }, 'which alerts fire'],
    ['alerts that cannot be read', { alerts: () => ({ ...NOTHING, trouble: 'refused' }) }, 'which alerts fire'],
    ['a lag that was read long ago', { lag: () => ({ ...NOTHING, at: OLD }) }, 'how far the stages are behind'],
  ])('%s', (_, changes, what) => {
    const world = { ...wellWorld(), ...changes }
    expect([headingOf(world), classOf(world)]).toEqual(['Not everything is known', 'warned'])
    expect(verdictOf(world)).toContain(`Not known: ${what}.`)
  })

  test('what is known to be wrong is said all the same', () => {
    const world = { ...fakeWorld(), lag: () => NOT_READ, alerts: () => NOTHING }
    expect(headingOf(world)).toBe('2 things need attention')
    expect(verdictOf(world)).toContain('Not known: how far the stages are behind.')
  })
})

test('a stage without a process is named, although nothing is behind', () => {
  const members = () => ({ value: { normalizer: 1, processor: 0 }, at: NOW, trouble: null })
  const world = { ...wellWorld(), members }
  expect(classOf(world)).toBe('trouble')
  expect(verdictOf(world)).toContain(
    'No processor is running: it was not started, or it stopped with an error. <a href="/runbooks/PaystatusStageDown">',
  )
  const ofStage = (stage: string) => firing('PaystatusStageDown', 'critical', 'No stage is working.', null, stage)
  expect(verdictOf({ ...world, alerts: ofStage('processor') })).not.toContain('it was not started')
  expect(verdictOf({ ...world, alerts: ofStage('gateway') })).toContain('it was not started')
})

test('the page says that it sees this process only', () => {
  const processes = () => ({ ...NOTHING, value: [HERE] })
  expect(headingOf({ ...wellWorld(), processes })).toBe('Everything that is watched is running')
  const other = { ...HERE, url: 'http://gateway:9090' }
  expect(headingOf({ ...wellWorld(), processes: () => ({ ...NOTHING, value: [HERE, other] }) })).toBe(
    'Everything is running',
  )
})

test('records whose age is not known are not called up to date', () => {
  const place = { stage: 'processor', topic: 'payments.events', partition: 0, committed: 3n, end: 5n } as const
  const hidden = { ...place, records: 2n, ageMs: null }
  const lag = () => ({ ...NOTHING, value: [hidden] })
  const world = { ...wellWorld(), lag }
  expect(verdictOf(world)).toContain('The processor is behind: 2 records waiting, not visible yet.')
  const page = overviewPage(world).text
  expect(page).toContain('<p class="figure">Unknown</p>')
  expect(page).toContain('processor: 2 records waiting, not visible yet')
  const late = () => ({ ...NOTHING, value: [hidden, { ...place, partition: 1, records: 1n, ageMs: 95_000 }] })
  expect(verdictOf({ ...world, lag: late })).toContain(
    'The processor is behind: 3 records waiting, the oldest 1 min 35 s old, some not visible yet.',
  )
})
