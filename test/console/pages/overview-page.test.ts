import { expect, test } from 'vitest'
import { overviewPage } from '../../../src/console/pages/overview-page.ts'
import type { ConsoleWorld } from '../../../src/console/world.ts'
import { fakeWorld, NOW } from '../fake-world.ts'

const verdictOf = (world: ConsoleWorld) =>
  /<section id="verdict".*?<\/section>/s.exec(overviewPage(world).text)?.[0].replaceAll(/<(?!\/?a\b)[^>]*>/g, '') ?? ''

test('a firing alert is shown first, with its sentence, since when, and its runbook', () => {
  const verdict = verdictOf(fakeWorld())
  expect(verdict).toContain('Statuses are late: the processor has not processed a record that is 1m 35s old.')
  expect(verdict).toContain('For 1 min 35 s, since 2026-03-01 11:58:25 UTC.')
  expect(verdict).toContain('<a href="/runbooks/PaystatusStatusesLate">What to do: PaystatusStatusesLate</a>')
  expect(verdict.indexOf('critical')).toBeLessThan(verdict.indexOf('redis'))
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
  expect(verdict).toContain('Kafka cannot be read: no leader. <a href="/runbooks/PaystatusCallbacksFailing">')
  expect(verdict).toContain('<a href="/runbooks/PaystatusDeadLetters">What to do</a>')
})

test('says when the alerts are not read, cannot be read, or are none', () => {
  expect(verdictOf({ ...fakeWorld(), alerts: () => null })).toContain('console.prometheus is not set')
  const failed = { value: null, at: NOW - 60_000, trouble: 'connect ECONNREFUSED' }
  expect(verdictOf({ ...fakeWorld(), alerts: () => failed })).toContain(
    'The alerts of Prometheus cannot be read (connect ECONNREFUSED); as of 1 min ago.',
  )
  const none = { value: [], at: NOW - 2_000, trouble: null }
  expect(verdictOf({ ...fakeWorld(), alerts: () => none })).toContain('Alerts of Prometheus: as of 2 s ago')
})

test('how far behind the stages are is not shown from before Kafka stopped answering', () => {
  const world = fakeWorld()
  const shown = (trouble: string | null) => overviewPage({ ...world, lag: () => ({ ...world.lag(), trouble }) }).text
  expect(shown(null)).toContain('the oldest for 1 min 35 s')
  expect(shown('no leader')).not.toContain('the oldest for')
  expect(shown('no leader')).toContain('<p class="figure">Unknown</p>')
})
