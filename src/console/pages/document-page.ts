import type { Who } from '../../config/console-role.ts'
import { type Html, html } from '../html.ts'
import { hiddenFields } from './parts.ts'

export interface DocumentPage {
  readonly title: string
  readonly body: Html
  /** Whether the page keeps itself up to date. */
  readonly live?: boolean
  readonly who: Who | null
  /** The form token, if there is a session that can be ended. */
  readonly signOut: string | null
  readonly environment: string
  readonly path: string
  /** Of the assets. */
  readonly version: string
}

const SECTIONS: readonly (readonly [path: string, name: string])[] = [
  ['/', 'Overview'],
  ['/find', 'Find'],
  ['/tail', 'Live tail'],
  ['/overdue', 'Overdue'],
  ['/dead-letters', 'Dead letters'],
  ['/reprocess', 'Reprocess'],
  ['/drift', 'Drift'],
  ['/scorecard', 'Scorecard'],
  ['/audit', 'Audit'],
]

/** The frame of every page. */
export function documentPage({ title, body, live, who, signOut, environment, path, version }: DocumentPage): Html {
  const section = path === '/' ? '/' : `/${path.split('/')[1]}`
  const here = section === '/payments' ? '/find' : section
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · paystatus ${environment}</title>
<link rel="icon" href="/assets/icon.svg?v=${version}" type="image/svg+xml">
<link rel="stylesheet" href="/assets/console.css?v=${version}">
<script type="module" src="/assets/console.js?v=${version}"></script>
</head>
<body${live === true && html` data-live="yes"`}>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<a class="brand" href="/">paystatus</a><span class="environment" title="environment">${environment}</span>
${
  who !== null &&
  html`<form class="quick" role="search" aria-label="From every page" action="/find"><label class="unseen" for="quick">Find a payment</label><input id="quick" name="q" type="search" placeholder="Find any id  ( / )" autocomplete="off" maxlength="256"></form>
<span class="who">${who.how === 'loopback' ? 'local' : who.name} <span class="muted">${who.role}</span></span>${
    signOut !== null &&
    html`<form class="sign-out" method="post" action="/sign-out">${hiddenFields(signOut, {})}<button class="quiet">Sign out</button></form>`
  }
<nav aria-label="Sections"><ul>${SECTIONS.map(
    ([to, name]) => html`<li><a href="${to}"${to === here && html` aria-current="page"`}>${name}</a></li>`,
  )}</ul></nav>`
}
</header>
<main id="main" tabindex="-1">
${body}
</main>
</body>
</html>
`
}
