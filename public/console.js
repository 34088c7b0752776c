/** What pages do by themselves. Every page works without it. */
import { loadPart, refreshParts } from './parts.js'
import { follow } from './live.js'

const OVERVIEW_MS = 5_000

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, select, textarea') !== null
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.getElementById('quick')
    if (field !== null) {
      event.preventDefault()
      field.focus()
    }
  }
})

/** Reads the page again while it is visible. */
function refreshEvery(ms, isOver) {
  const timer = setInterval(async () => {
    if (document.visibilityState === 'visible') {
      await refreshParts()
      if (isOver()) {
        clearInterval(timer)
      }
    }
  }, ms)
}

if (document.body.dataset.live === 'yes') {
  refreshEvery(OVERVIEW_MS, () => false)
}
const refreshing = () => document.querySelector('[data-refresh]')
if (refreshing() !== null) {
  refreshEvery(Number(refreshing().dataset.refresh) * 1_000, () => refreshing() === null)
}

for (const part of document.querySelectorAll('[data-load]')) {
  loadPart(part)
}

const tail = document.querySelector('[data-stream]')
if (tail !== null) {
  follow(tail.dataset.stream, (line) => {
    line.classList.add('new')
    tail.prepend(line)
    while (tail.children.length > 500) {
      tail.lastElementChild.remove()
    }
  })
}

const payment = document.querySelector('[data-payment]')
if (payment !== null && !new URLSearchParams(location.search).has('at')) {
  follow(`/live/changes?payment=${encodeURIComponent(payment.dataset.payment)}`, () => refreshParts())
}
