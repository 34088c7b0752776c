import { type Browser, chromium, type Page } from 'playwright-core'
import { ensureChromium } from '../stack/chromium.ts'

/** Debian's Chromium without a window. It ends with this process. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = await ensureChromium((line) => console.error(line))
  // Root may not use the sandbox; the pages are ours.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** What a page says went wrong: errors of scripts, and everything that its policy refused. An answer such as 404 is none. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' && !/^Failed to load resource: .* status of 4/.test(message.text())) {
      problems.push(message.text())
    }
  })
  page.on('pageerror', (error) => problems.push(error.message))
  return problems
}

/** Signs that hostile text became markup or ran; empty: it stayed text. The pages have no image and no script of their own in `main`. */
export async function tracesOfScripts(page: Page): Promise<readonly string[]> {
  const title = await page.title()
  const markup = await page
    .locator('main :is(img, script, iframe, object, embed, base), body > :is(img, script)')
    .count()
  return [...(title === 'XSS' ? ['a script ran'] : []), ...(markup > 0 ? [`${markup} foreign elements`] : [])]
}
