import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchChromium, problemsOf, tracesOfScripts } from '../lab/harness/chromium-browser.ts'
import { HOSTILE, hostileEvents } from './attacks.ts'
import { fakeWorld, KEY, NOW, paymentOf, type RunningConsole, startFakeConsole, storyEvents } from './fake-world.ts'

/** Every page in a real headless Chromium, on a world in memory. */

const PAYMENT = `/payments/${encodeURIComponent(KEY)}`
const LETTER = `/dead-letters/at/${encodeURIComponent('payments.callbacks.dlq[2]@41')}`
const PAST = `${PAYMENT}?at=${new Date(NOW - 46 * 60_000).toISOString()}`
const PAGES: readonly (readonly [name: string, path: string, heading: string])[] = [
  ['overview', '/', 'Overview'],
  ['find', '/find?q=SHARED', 'Find'],
  ['nothing found', '/find?q=nothing', 'Find'],
  ['payment', PAYMENT, KEY],
  ['payment in the past', PAST, KEY],
  ['why', `${PAYMENT}/why`, 'Why'],
  ['overdue', '/overdue', 'Overdue'],
  ['dead letters', '/dead-letters', 'Dead letters'],
  ['group of dead letters', '/dead-letters/group?topic=callbacks&reason=missing-status', 'missing-status'],
  ['dead letter', LETTER, 'Dead letter'],
  ['reprocess', '/reprocess', 'Reprocess'],
  ['drift', '/drift', 'Drift'],
  ['scorecard', '/scorecard', 'Scorecard'],
  ['audit', '/audit', 'Audit'],
  ['live tail', '/tail', 'Live tail'],
  ['runbook', '/runbooks/PaystatusStatusesLate', 'PaystatusStatusesLate'],
  ['unknown page', '/nothing', 'Not found'],
]

const world = fakeWorld()
let browser: Browser
let console_: RunningConsole
/** One page for all tests: a new one costs more than most of them. */
let page: Page
let problems: readonly string[]

beforeAll(async () => {
  world.add(storyEvents())
  for (let index = 0; index < 30; index += 1) {
    world.add([{ paymentKey: `jpm:shared-${index}`, endToEndId: 'SHARED', references: [], eventId: `${index}` }])
  }
  const { changes } = paymentOf([{ paymentKey: 'jpm:late', eventId: 'late' }])
  world.board.addChange({ ...(changes[0] as NonNullable<(typeof changes)[0]>), statusVersion: 2, overdueSince: NOW })
  console_ = await startFakeConsole(world)
  browser = await launchChromium()
  page = await browser.newPage()
  page.setDefaultTimeout(10_000)
  problems = problemsOf(page)
})

afterAll(async () => {
  await browser?.close()
  await console_?.stop()
})

beforeEach(async () => {
  await page.setViewportSize({ width: 1280, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
})

afterEach(() => {
  expect(problems).toEqual([])
})

const open = (path: string) => page.goto(console_.url + path)

interface AxeInPage {
  run(options: object): Promise<{
    readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[]
  }>
}

/** @param rules Null: all of them. */
async function violations(rules: readonly string[] | null = null): Promise<readonly string[]> {
  // Through the debugger, because the pages' policy allows no foreign script.
  await page.evaluate(`globalThis.axe ?? (() => {${axe.source}})(), undefined`)
  return page.evaluate(
    async (options) => {
      const { violations: found } = await (globalThis as unknown as { axe: AxeInPage }).axe.run(options)
      return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`)
    },
    { resultTypes: ['violations'], ...(rules !== null && { runOnly: rules }) },
  )
}

/** The rules whose result depends on colours and widths. */
const LOOK = ['color-contrast', 'link-in-text-block', 'scrollable-region-focusable', 'target-size']

describe('every page', () => {
  test.each(PAGES)(
    '%s: axe-core finds nothing, light and dark, wide and at 360 px, where nothing is cut off',
    async (_name, path, heading) => {
      await open(path)
      expect(await page.locator('h1').textContent()).toBe(heading)
      if (path === PAYMENT) {
        await page.locator('#why-part').waitFor()
      }
      expect(await violations()).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      await page.setViewportSize({ width: 360, height: 740 })
      expect(await violations(LOOK)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360)
    },
  )

  test.each(PAGES)('%s: has its content before any script runs, and none within it', async (_name, path, heading) => {
    const text = await (await fetch(console_.url + path)).text()
    expect(text).toContain(`>${heading}</h1>`)
    expect(text.match(/<script\b[^>]*>/g)).toEqual([expect.stringMatching(/^<script type="module" src="\/assets\//)])
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=/)
  })
})

describe('by keyboard', () => {
  test('the content can be reached directly, and / leads to the search, which leads to the payment', async () => {
    await open('/')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement?.id')).toBe('main')
    await page.keyboard.press('/')
    await page.keyboard.type('E2E-4711 ')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('batch-7')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/payments\//)
    expect(await page.locator('h1').textContent()).toBe(KEY)
  })

  test('everything that can be clicked can be reached by Tab', async () => {
    await open(LETTER)
    const clickable = await page.locator('main :is(a, button, input:not([type=hidden]), summary)').count()
    const reached = new Set<string>()
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab')
      const at = await page.evaluate<number>(
        `[...document.querySelectorAll('main :is(a, button, input:not([type=hidden]), summary)')].indexOf(document.activeElement)`,
      )
      if (at >= 0) {
        reached.add(String(at))
      }
    }
    expect(reached.size).toBe(clickable)
  })
})

describe('a payment', () => {
  test('shows status, attention, every callback with verdict, rule and place in raw, and what would be without it', async () => {
    await open(PAYMENT)
    expect(await page.locator('#standing').textContent()).toContain('Rejected')
    expect(await page.locator('#standing .attention').textContent()).toContain('positive-after-final')
    expect(await page.locator('#timeline circle.recorded').count()).toBe(5)
    expect(await page.locator('#children').textContent()).toContain('jpm:refund-1')
    const deciding = page.locator('#why-part .step.decides')
    await deciding.waitFor()
    const text = await deciding.textContent()
    for (const part of ['brings-positive-after-final', 'payments.callbacks.raw[1]@103', 'the status would be']) {
      expect(text).toContain(part)
    }
    expect(await page.locator('#why-part').textContent()).toContain('Duplicate')
  })

  test('in the past shows what was known then', async () => {
    await open(PAST)
    expect(await page.locator('.standing').textContent()).toContain('Completed')
    expect(await page.locator('#events .step').count()).toBe(3)
  })

  test('changes while it is open', async () => {
    const events = storyEvents()
    const key = 'jpm:live'
    const own = events.map((event) => ({ ...event, paymentKey: key }))
    world.add(own.slice(0, 2))
    await open(`/payments/${encodeURIComponent(key)}`)
    expect(await page.locator('#standing').textContent()).toContain('Processing')
    const { changes } = paymentOf(own.slice(0, 3))
    world.add(own.slice(0, 3))
    // The page may not have subscribed yet when the first step comes.
    const told = setInterval(() => world.tell(changes[2] as NonNullable<(typeof changes)[0]>), 100)
    try {
      await page.locator('#standing', { hasText: 'Completed' }).waitFor()
    } finally {
      clearInterval(told)
    }
  })
})

test('the live tail gets steps as they come', async () => {
  await open('/tail')
  const { changes } = paymentOf([{ paymentKey: 'jpm:just-now', eventId: 'just-now' }])
  const told = setInterval(() => world.tell(changes[0] as NonNullable<(typeof changes)[0]>), 100)
  try {
    await page.locator('#tail li.new', { hasText: 'jpm:just-now' }).first().waitFor()
  } finally {
    clearInterval(told)
  }
})

describe('acts', () => {
  test('a redrive is first shown, then done with a reason', async () => {
    await open('/dead-letters')
    await page.getByRole('link', { name: 'missing-status' }).click()
    await page.getByRole('button', { name: 'Dry run' }).click()
    await page.waitForURL(/\/runs\//)
    await page.locator('table', { hasText: 'redriven' }).waitFor()
    expect(world.acts).toEqual([])
    await page.getByLabel('Reason').fill('source configured')
    await page.getByRole('button', { name: 'Redrive' }).click()
    await page.waitForURL((url) => url.pathname.startsWith('/runs/') && !url.pathname.endsWith('job-1'))
    expect(world.acts.at(-1)).toMatchObject({ act: 'redrive', by: 'somebody', reason: 'source configured' })
  })

  test('a dead letter is closed with a reason', async () => {
    await open(LETTER)
    await page.locator('#close-reason').fill('test message')
    await page.getByRole('button', { name: 'Close' }).click()
    await page.waitForURL(/\/runs\//)
    expect(world.acts.at(-1)).toMatchObject({ act: 'close', reason: 'test message' })
  })

  test('a reprocess is first shown as a table, then applied with a reason', async () => {
    await open('/reprocess')
    await page.getByRole('button', { name: 'Dry run' }).click()
    await page.getByRole('region', { name: 'Payments that change' }).waitFor()
    expect(await violations()).toEqual([])
    await page.getByLabel('Reason').fill('mapping corrected')
    await page.getByRole('button', { name: 'Publish the corrections' }).click()
    await page.getByText('1 events published').waitFor()
    expect(world.acts.at(-1)).toMatchObject({ act: 'reprocess', reason: 'mapping corrected' })
  })

  test('a body is shown only after a click with a reason, as text', async () => {
    await open(PAYMENT)
    expect(await page.content()).not.toContain('A. Person')
    await page.locator('#why-part summary').first().click()
    await page.locator('#body-0').fill('customer asks, CHG-1')
    await page.locator('#why-part button').first().click()
    await page.locator('pre.body').waitFor()
    expect(await page.locator('pre.body').textContent()).toBe('{"creditor":"<b>A. Person</b>"}')
    expect(world.acts.at(-1)).toMatchObject({ act: 'open-body', what: 'raw@100', reason: 'customer asks, CHG-1' })
  })

  test('a scorecard is made on request', async () => {
    await open('/scorecard')
    await page.getByLabel('Callbacks of').selectOption('the last week')
    await page.getByRole('button', { name: 'Read the topics' }).click()
    const cells = page.getByRole('region', { name: 'Sources' }).locator('td')
    await cells.first().waitFor()
    expect(await cells.allTextContents()).toEqual(
      expect.arrayContaining(['duplicates', '21 (5.3 %)', '200: 400, 401: 2']),
    )
    expect(world.scoredSince).toBe(NOW - 7 * 86_400_000)
  })

  test('drift is read on request', async () => {
    await open('/drift')
    await page.getByRole('button', { name: 'Read raw now' }).click()
    await page.getByText('Transaction.NewField').waitFor()
  })
})

test('hostile text in every published field stays text', async () => {
  const paymentKey = `jpm:${HOSTILE}`
  world.add(hostileEvents(paymentKey))
  const path = `/payments/${encodeURIComponent(paymentKey)}`
  const hostile = encodeURIComponent(HOSTILE)
  for (const to of [
    path,
    `${path}/why`,
    `/find?q=${hostile}`,
    '/',
    '/overdue',
    '/tail',
    `/dead-letters/at/${hostile}`,
  ]) {
    await open(to)
    if (to === path) {
      await page.locator('#why-part').waitFor()
    }
    expect([to, await tracesOfScripts(page)]).toEqual([to, []])
  }
})
