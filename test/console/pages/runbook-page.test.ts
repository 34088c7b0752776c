import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { runbookPage } from '../../../src/console/pages/runbook-page.ts'
import { Runbooks } from '../../../src/console/runbooks.ts'

const RULES = parse(readFileSync(join(import.meta.dirname, '../../../deploy/monitoring/rules.yaml'), 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly { readonly alert: string }[] }[]
}
const ALERTS = RULES.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
const runbooks = Runbooks.read()

test.each(ALERTS)('%s has a runbook that is shown as a page, without Markdown left', (alert) => {
  const page = runbookPage(runbooks.find(alert) ?? '').text
  expect(page).toContain(`<h1>${alert}</h1>`)
  expect(page.match(/<h2>[^<]+/g)).toEqual([
    '<h2>What it means',
    '<h2>What to look at',
    '<h2>What to do',
    '<h2>How to know that it is over',
  ])
  const text = page.replaceAll(/<code>.*?<\/code>/g, '').replaceAll(/<[^>]*>/g, '')
  expect(text).not.toMatch(/`|\]\(|\*\*|^\s*[-#|]|^\d+\./m)
})

test('lists, links to runbooks and to the pages of commands; other documents are named, and text stays text', () => {
  const page = runbookPage(
    '**Effect:** none\n\n- [Late](PaystatusStatusesLate.md) <b>\n- [more](../console.md#pages)\n\n1. `paystatus dlq list`\n2. `<i>`',
  )
  expect(page.text.replace(/<p class="muted">.*<\/p>/, '')).toBe(
    '<article class="runbook"><p><strong>Effect:</strong> none</p><ul><li><a href="/runbooks/PaystatusStatusesLate">Late</a> &lt;b&gt;</li>' +
      '<li>more (<code>console.md</code>)</li></ul>' +
      '<ol><li><a href="/dead-letters"><code>paystatus dlq list</code></a></li>' +
      '<li><code>&lt;i&gt;</code></li></ol></article>',
  )
})

test.each(['', 'README', '__proto__', '../runbooks/PaystatusStatusesLate'])('%j is no runbook', (name) => {
  expect(runbooks.find(name)).toBeNull()
})
