import { readdirSync, readFileSync } from 'node:fs'

/** What to do about each alert: the files of docs/runbooks, read once. */
export class Runbooks {
  readonly #texts: ReadonlyMap<string, string>

  /** @param texts Markdown by the name of the alert. */
  constructor(texts: Iterable<readonly [alert: string, markdown: string]>) {
    this.#texts = new Map(texts)
  }

  /** From docs/runbooks/, which is shipped beside `src/` (in a build, beside `dist/`). */
  static read(): Runbooks {
    const folder = new URL('../../docs/runbooks/', import.meta.url)
    const names = readdirSync(folder).filter((name) => name.startsWith('Paystatus') && name.endsWith('.md'))
    return new Runbooks(names.map((name) => [name.slice(0, -3), readFileSync(new URL(name, folder), 'utf8')]))
  }

  find(alert: string): string | null {
    return this.#texts.get(alert) ?? null
  }
}
