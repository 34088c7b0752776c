import { type Html, html } from '../html.ts'

/** `code`, a [link](to), or **strong** text. */
const INLINE = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)|\*\*([^*]+)\*\*/g
/** Commands whose results are also pages. */
const PAGES: Readonly<Record<string, string>> = {
  audit: '/audit',
  dlq: '/dead-letters',
  drift: '/drift',
  lag: '/',
  overdue: '/overdue',
  reprocess: '/reprocess',
  scorecard: '/scorecard',
  show: '/find',
  status: '/',
  tail: '/tail',
  why: '/find',
}
const COMMAND = /^paystatus (\w+)/
const RUNBOOK = /^(Paystatus\w+)\.md$/

const where = html`<p class="muted">Run commands on any host that has paystatus and its configuration (<code>PAYSTATUS_CONFIG</code>), with the credentials of the role operator; commands that change something need those of the role maintainer. A command that is a link has the same result on a page of this console. Metrics are asked of Prometheus.</p>`

/** A runbook of docs/runbooks as a page: headings, lists, paragraphs, code, strong text and links; they use no other Markdown. Pure. */
export function runbookPage(markdown: string): Html {
  const blocks: Html[] = []
  let items: Html[] = []
  let isNumbered = false
  const endList = () => {
    if (items.length > 0) {
      const list = items.map((item) => html`<li>${item}</li>`)
      blocks.push(isNumbered ? html`<ol>${list}</ol>` : html`<ul>${list}</ul>`)
      items = []
    }
  }
  for (const line of markdown.split('\n')) {
    const [, mark, text] = /^(#{1,2}|-|\d+\.) (.*)$/.exec(line) ?? [null, '', line]
    const isItem = mark === '-' || /^\d/.test(mark ?? '')
    if (!isItem || isNumbered !== (mark !== '-')) {
      endList()
    }
    if (isItem) {
      isNumbered = mark !== '-'
      items.push(inline(text ?? ''))
    } else if (mark === '#') {
      blocks.push(html`<div class="head"><h1>${inline(text ?? '')}</h1></div>`)
    } else if (mark === '##') {
      blocks.push(html`<h2>${inline(text ?? '')}</h2>`)
    } else if (text?.trim()) {
      blocks.push(html`<p>${inline(text)}</p>`)
    }
  }
  endList()
  return html`<article class="runbook">${blocks}${where}</article>`
}

/** What a runbook begins with: the effect and the urgency. Null if it has none. Pure. */
export function runbookSummary(markdown: string): Html | null {
  const lines = markdown.split('\n').filter((line) => /^\*\*(?:Effect|Urgency):\*\*/.test(line))
  return lines.length === 0 ? null : html`${lines.map((line) => html`<span class="aside">${inline(line)}</span>`)}`
}

/** Another runbook is a link, and so is a command that has a page. Other documents are not served: their name is shown. */
function inline(text: string): Html {
  const parts: (Html | string)[] = []
  let end = 0
  for (const { index, 0: all, 1: code, 2: name, 3: to = '', 4: strong } of text.matchAll(INLINE)) {
    parts.push(text.slice(end, index))
    end = index + all.length
    const [, alert] = RUNBOOK.exec(to) ?? []
    if (code !== undefined) {
      const page = PAGES[COMMAND.exec(code)?.[1] ?? '']
      const shown = html`<code>${code}</code>`
      parts.push(page === undefined ? shown : html`<a href="${page}">${shown}</a>`)
    } else if (strong !== undefined) {
      parts.push(html`<strong>${strong}</strong>`)
    } else if (alert !== undefined) {
      parts.push(html`<a href="/runbooks/${alert}">${name}</a>`)
    } else {
      parts.push(html`${name} (<code>${to.replace(/^(?:\.\.\/)+/, '').replace(/#.*/, '')}</code>)`)
    }
  }
  return html`${[...parts, text.slice(end)]}`
}
