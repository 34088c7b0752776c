import { type Html, html } from '../html.ts'

/** What is shown instead of a page. */
export function problemPage(title: string, detail: string): Html {
  return html`<div class="head"><h1>${title}</h1></div>
<p class="lead">${detail}</p>
<p><a href="/">Back to the overview</a></p>`
}
