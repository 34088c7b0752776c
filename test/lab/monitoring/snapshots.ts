import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchChromium } from '../harness/chromium-browser.ts'
import type { DrillWorld } from './drill-world.ts'

/** How long a console has been open when something breaks, and until what it shows is about the fault, ms: it reads every 5 s. */
const SETTLE_MS = 7_000

/** What a person sees while an alert is firing, as files: the console's pages, the alerts, and `paystatus status`. */
export class Snapshots {
  readonly #directory: string
  readonly #browser: Browser

  private constructor(directory: string, browser: Browser) {
    this.#directory = directory
    this.#browser = browser
  }

  static async create(directory: string): Promise<Snapshots> {
    await mkdir(directory, { recursive: true })
    return new Snapshots(directory, await launchChromium())
  }

  /** The console is open before anything breaks. */
  async before(world: DrillWorld): Promise<void> {
    const page = await this.#browser.newPage()
    await page.goto(await world.consoleUrl())
    await page.waitForTimeout(SETTLE_MS)
    await page.close()
  }

  /** Saves `<alert>.png`, `<alert>-<page>.png` for further pages, `<alert>.alerts.json` and `<alert>.status.txt`. */
  async take(world: DrillWorld, alert: string, pages: readonly string[]): Promise<void> {
    const url = await world.consoleUrl()
    const page = await this.#browser.newPage({ viewport: { width: 1280, height: 800 } })
    try {
      await page.goto(url)
      await page.waitForTimeout(SETTLE_MS)
      await page.goto(url)
      await page.screenshot({ path: this.#file(`${alert}.png`), fullPage: true })
      await writeFile(this.#file(`${alert}.alerts.json`), JSON.stringify(await world.prometheus.alerts(), null, 2))
      for (const path of pages) {
        await page.goto(url + path)
        await page.screenshot({ path: this.#file(`${alert}${path.replaceAll('/', '-')}.png`), fullPage: true })
      }
    } finally {
      await page.close()
    }
    const { stdout, stderr } = await world.deployment.command([
      'status',
      ...world.adminUrls.flatMap((one) => ['--process', one]),
    ])
    await writeFile(this.#file(`${alert}.status.txt`), stdout + stderr)
  }

  close(): Promise<void> {
    return this.#browser.close()
  }

  #file(name: string): string {
    return join(this.#directory, name)
  }
}
